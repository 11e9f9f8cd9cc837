"""What the forms of bluesky's own plans show: their signatures take lists that no form could."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Unit
from bluesky import plans as bp
from bluesky.protocols import Movable, Readable

from napari_skylight.plans._annotations import Wording
from napari_skylight.plans._inspect import register_form

__all__: list[str] = []

Number = Annotated[int, Ge(1)]


def _count(
    detectors: Sequence[Readable[Any]],
    num: Annotated[Number, Wording("Readings")] = 1,
    delay: Annotated[float, Ge(0), Unit("s"), Wording(zero="none")] = 0.0,
) -> None:
    """Take one or more readings.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read.
    num : int
        How many readings.
    delay : float
        Time between readings, in s.
    """


def _scan(
    detectors: Sequence[Readable[Any]],
    motor: Movable[Any],
    start: float,
    stop: float,
    *,
    num: Annotated[Number, Wording("Points")],
) -> None:
    """Read at evenly spaced positions of one motor.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    motor : Movable
        The device to move.
    start, stop : float
        The first and the last position, in the motor's unit.
    num : int
        How many positions.
    """


def _list_scan(
    detectors: Sequence[Readable[Any]], motor: Movable[Any], points: list[float]
) -> None:
    """Read at each of a list of positions of one motor.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    motor : Movable
        The device to move.
    points : list of float
        The positions, in the motor's unit.
    """


def _grid_scan(
    detectors: Sequence[Readable[Any]],
    slow_motor: Movable[Any],
    slow_start: float,
    slow_stop: float,
    slow_num: Annotated[Number, Wording("Slow points")],
    fast_motor: Movable[Any],
    fast_start: float,
    fast_stop: float,
    fast_num: Annotated[Number, Wording("Fast points")],
    *,
    snake_axes: bool = True,
) -> None:
    """Read over a grid of two motors.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    slow_motor, fast_motor : Movable
        The devices to move; the fast one makes all its positions for each of the slow one.
    slow_start, slow_stop, fast_start, fast_stop : float
        The first and the last position, in the motor's unit.
    slow_num, fast_num : int
        How many positions.
    snake_axes : bool
        Whether the fast motor goes back the way it came, rather than returning to its start.
    """


register_form(bp.count, _count)
register_form(bp.scan, _scan)
register_form(bp.rel_scan, _scan)
register_form(bp.list_scan, _list_scan)
register_form(bp.rel_list_scan, _list_scan)
register_form(bp.grid_scan, _grid_scan)
register_form(bp.rel_grid_scan, _grid_scan)
