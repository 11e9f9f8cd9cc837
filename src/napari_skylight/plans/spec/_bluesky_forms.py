"""Forms for bluesky's own plans, whose signatures take lists that no form can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Unit
from bluesky import plans as bp
from bluesky.protocols import Movable, Readable

from napari_skylight.plans.spec._annotations import Spread, Wording
from napari_skylight.plans.spec._create_spec import register_form

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
        Number of readings.
    delay : float
        Time between readings, in s.
    """


class Line(NamedTuple):
    """A motor and the ends of its range.

    Parameters
    ----------
    motor : Movable
        The device to move.
    start, stop : float
        The first and last position, in the motor's unit.
    """

    motor: Movable[Any]
    start: float
    stop: float


class Stops(NamedTuple):
    """A motor and its positions.

    Parameters
    ----------
    motor : Movable
        The device to move.
    points : list of float
        The positions, in the motor's unit; the same number for each motor.
    """

    motor: Movable[Any]
    points: list[float]


class Divided(NamedTuple):
    """A motor, the ends of its range and the number of positions.

    Parameters
    ----------
    motor : Movable
        The device to move.
    start, stop : float
        The first and last position, in the motor's unit.
    num : int
        Number of positions.
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
    """Read at evenly spaced positions; all motors move together.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    *axes : Line
        The motors and their ranges.
    num : int
        Number of positions.
    """


def _list_scan(detectors: Sequence[Readable[Any]], *axes: Annotated[Stops, Spread()]) -> None:
    """Read at listed positions; all motors move together.

    Parameters
    ----------
    detectors : Sequence[Readable]
        The devices to read at each position.
    *axes : Stops
        The motors and their positions.
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
        The motors, slowest first.
    snake_axes : bool
        Whether a motor goes back the way it came instead of returning to its start.
    """


register_form(bp.count, _count)
register_form(bp.scan, _scan)
register_form(bp.rel_scan, _scan)
register_form(bp.list_scan, _list_scan)
register_form(bp.rel_list_scan, _list_scan)
register_form(bp.grid_scan, _grid_scan)
register_form(bp.rel_grid_scan, _grid_scan)
