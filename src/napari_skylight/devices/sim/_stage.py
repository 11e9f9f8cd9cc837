"""The XY stage and the focus drive."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bluesky.protocols import Location, Reading
from event_model import DataKey
from ophyd_async.core import (
    Callback,
    SignalR,
    SoftSignalBackend,
    StandardReadable,
    WatchableAsyncStatus,
    WatcherUpdate,
)
from ophyd_async.core import StandardReadableFormat as Format

from napari_skylight.devices._value_checks import check_number
from napari_skylight.devices.sim._checked_signal import CheckedSignal

REPORT_PERIOD = 0.05
"""The period of position updates during a move, in seconds."""

FASTEST = 20_000.0
"""The highest velocity that can be set, in µm/s."""

TRAVEL = (-1000.0, 1000.0)
FOCUS_TRAVEL = (-50.0, 50.0)


@dataclass(frozen=True)
class Motion:
    """A move from `start` to `target` (µm) at constant `velocity` (µm/s), begun at `begun` (s)."""

    start: float
    target: float
    velocity: float
    begun: float

    def remaining(self, now: float) -> float:
        """Return the seconds left at `now`."""
        return max(0.0, self.begun + abs(self.target - self.start) / self.velocity - now)

    def position(self, now: float) -> float:
        """Return the position at `now`, in µm."""
        return self.target - math.copysign(
            self.remaining(now) * self.velocity, self.target - self.start
        )


class Axis(StandardReadable):
    """One axis of a stage, or a focus drive, in µm; reads as its own name.

    A new target replaces the former one at once; every pending ``set`` ends when the axis comes to
    rest, as with an EPICS motor. Messages begin with `label` and name the `owner` of the limits.
    """

    def __init__(
        self,
        *,
        label: str,
        owner: str,
        limits: tuple[float, float],
        velocity: float,
        name: str = "",
    ) -> None:
        self._label, self._owner, self._limits = label, owner, limits
        self._motion = Motion(0.0, 0.0, velocity, 0.0)
        self._stops = 0
        self.readback = SignalR(_Position(self, limits))
        self.add_readables([self.readback], Format.HINTED_UNCACHED_SIGNAL)
        with self.add_children_as_readables(Format.CONFIG_SIGNAL):
            self.velocity = CheckedSignal(
                float,
                velocity,
                label=f"{label} velocity",
                owner=owner,
                units="µm/s",
                limits=lambda: (1.0, FASTEST),
            )
        super().__init__(name=name)

    @property
    def position(self) -> float:
        """The current position, in µm."""
        return self._motion.position(time.monotonic())

    def set_name(self, name: str, *, child_name_separator: str | None = None) -> None:
        super().set_name(name, child_name_separator=child_name_separator)
        self.readback.set_name(name)

    async def check_value(self, value: float) -> None:
        check_number(value, self._label, self._owner, "µm", self._limits)

    @WatchableAsyncStatus.wrap
    async def set(self, value: float) -> AsyncIterator[WatcherUpdate[float]]:
        """Move to `value` µm; the status ends at rest.

        It fails with ValueError outside the limits (a running move continues), and with
        RuntimeError if the axis is stopped.
        """
        target = check_number(value, self._label, self._owner, "µm", self._limits)
        initial, stops = self.position, self._stops
        self._motion = Motion(initial, target, self.velocity.value, time.monotonic())
        while remaining := self._motion.remaining(time.monotonic()):
            yield WatcherUpdate(self.position, initial, target, name=self.name, unit="µm")
            await asyncio.sleep(min(REPORT_PERIOD, remaining))
        if stops != self._stops:
            raise RuntimeError(f"{self._label} was stopped at {self.position:.1f} µm.")
        yield WatcherUpdate(self.position, initial, target, name=self.name, unit="µm")

    async def stop(self, success: bool = False) -> None:
        """Stop the axis; pending moves succeed or fail according to `success`."""
        here = self.position
        self._motion = Motion(here, here, self.velocity.value, time.monotonic())
        self._stops += not success

    async def locate(self) -> Location[float]:
        return Location(setpoint=self._motion.target, readback=self.position)

    def subscribe_reading(self, function: Callback[dict[str, Reading[float]]]) -> None:
        """Call `function` with the current reading, and when it changes."""
        self.readback.subscribe_reading(function)

    subscribe = subscribe_reading

    def clear_sub(self, function: Callback[dict[str, Reading[float]]]) -> None:
        """Undo `subscribe_reading`."""
        self.readback.clear_sub(function)


class _Position(SoftSignalBackend[float]):
    def __init__(self, axis: Axis, limits: tuple[float, float]) -> None:
        self._limits = limits
        super().__init__(
            float, 0.0, "µm", 3, getter=lambda: axis.position, poll_period=REPORT_PERIOD
        )

    async def get_datakey(self, source: str) -> DataKey:
        key = await super().get_datakey(source)
        low, high = self._limits
        key["limits"] = {"control": {"low": low, "high": high}}
        return key


class XYStage(StandardReadable):
    """Moves the specimen: at (X, Y) µm, the first pixel shows that point of the specimen."""

    def __init__(self, name: str = "") -> None:
        with self.add_children_as_readables():
            self.x = Axis(label="Stage x", owner="stage", limits=TRAVEL, velocity=1000.0)
            self.y = Axis(label="Stage y", owner="stage", limits=TRAVEL, velocity=1000.0)
        super().__init__(name=name)

    async def stop(self, success: bool = False) -> None:
        """Stop both axes; pending moves succeed or fail according to `success`."""
        await asyncio.gather(self.x.stop(success), self.y.stop(success))


class FocusDrive(Axis):
    """Moves the focal plane; most cells lie within 4 µm of 0."""

    def __init__(self, name: str = "") -> None:
        super().__init__(
            label="Focus", owner="focus drive", limits=FOCUS_TRAVEL, velocity=100.0, name=name
        )
