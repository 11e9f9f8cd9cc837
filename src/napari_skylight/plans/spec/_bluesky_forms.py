"""What the forms of bluesky's own plans show: their signatures take lists that no form could."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Unit
from bluesky import plans as bp
from bluesky.protocols import Movable, Readable

from napari_skylight.plans.spec._annotations import Spread, Wording
from napari_skylight.plans.spec._create_spec import register_form

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


class Line(NamedTuple):
    """Where a motor goes in a straight line.

    Parameters
    ----------
    motor : Movable
        The device to move.
    start, stop : float
        The first and the last position, in the motor's unit.
    """

    motor: Movable[Any]
    start: float
    stop: float


class Stops(NamedTuple):
    """Where a motor stops.

    Parameters
    ----------
    motor : Movable
        The device to move.
    points : list of float
        The positions, in the motor's unit; as many for each motor.
    """

    motor: Movable[Any]
    points: list[float]


class Divided(NamedTuple):
    """Where a motor goes, and in how many steps.

    Parameters
    ----------
    motor : Movable
        The device to move.
    start, stop : float
        The first and the last position, in the motor's unit.
    num : int
        How many positions.
    """

    motor: Movable[Any]
    start: float
    stop: float
    num: Annotated[Number, Wording("Points")]


def _scan(
    detectors: Sequence[Readable[Any]],
    *axes: Annotated[Line, Spread()],
    num: Annotated[Number, Wording("Points")],
) -> None:
    """Read at evenly spaced positions, all motors moving together.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    *axes : Line
        The motors, and where they go.
    num : int
        How many positions.
    """


def _list_scan(detectors: Sequence[Readable[Any]], *axes: Annotated[Stops, Spread()]) -> None:
    """Read at each of a list of positions, all motors moving together.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    *axes : Stops
        The motors, and where they stop.
    """


def _grid_scan(
    detectors: Sequence[Readable[Any]],
    *axes: Annotated[Divided, Spread()],
    snake_axes: bool = True,
) -> None:
    """Read over a grid of positions.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    *axes : Divided
        The motors, the slowest first: each makes all its positions for each of the one before.
    snake_axes : bool
        Whether motors go back the way they came, rather than returning to their start.
    """


register_form(bp.count, _count)
register_form(bp.scan, _scan)
register_form(bp.rel_scan, _scan)
register_form(bp.list_scan, _list_scan)
register_form(bp.rel_list_scan, _list_scan)
register_form(bp.grid_scan, _grid_scan)
register_form(bp.rel_grid_scan, _grid_scan)
