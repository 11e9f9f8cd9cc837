"""The core's XY stage and focus drive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from bluesky.protocols import Hints, Location, Reading
from event_model import DataKey

from napari_skylight.devices._value_checks import check_number
from napari_skylight.devices.mmcore._core import Core
from napari_skylight.devices.mmcore._thread import Answer
from napari_skylight.devices.streaming._frames import readings
from napari_skylight.engine import Status

MOVE_SECONDS = 60.0


class Drive:
    """Moves a device of one or two axes, called `label` by the core; positions are in µm.

    Axes set together move together. A new target replaces that of its axis at once, and every
    pending move ends when the drive comes to rest, as with an EPICS motor. All methods but `move`
    and `stop` run on the core's thread.
    """

    def __init__(
        self,
        core: Core,
        label: str,
        position: Callable[[], Sequence[float]],
        go: Callable[..., None],
    ) -> None:
        self._core = core
        self._label = label
        self.position = position
        self._go = go
        self.setpoints: dict[int, float] = {}  # by axis, the last ones that were not refused
        self._wanted: dict[int, float] = {}  # by axis, of the next leg
        self._targets: dict[int, float] = {}  # of the running leg
        self._gathering = False
        self._moving = False
        self._braking = False  # to begin the next leg
        self._legs = 0  # number of legs begun
        self._stopped_legs = 0  # legs up to this number were stopped and failed
        core.before_close(partial(self._stop, False))

    def move(self, axis: int, target: float, name: str) -> Status:
        """Move the axis called `name` to `target`, in µm; the status ends at rest."""
        leg = 0
        what = f"Moving {name} to {target} µm"

        def ask() -> None:
            nonlocal leg
            self._wanted[axis] = self.setpoints[axis] = check_number(target, name)
            self._gathering = True
            leg = self._legs + 1

        return self._core.thread.run(
            ask,
            what=what,
            seconds=MOVE_SECONDS,
            arrived=lambda: self._arrived(leg, what),
            abandon=lambda: self._abandon(leg),
        )

    def stop(self, success: bool = True) -> Answer[None]:
        """Stop the whole drive; pending moves succeed or fail according to `success`."""
        return self._core.thread.ask(partial(self._stop, success))

    def _arrived(self, leg: int, what: str) -> bool:
        if leg <= self._stopped_legs:
            raise RuntimeError(f"{what} was stopped.")
        if self._gathering:  # wait for a target of the other axis
            self._gathering = False
            return False
        if self._moving and self._wanted and not self._braking:
            self._braking = True
            with suppress(RuntimeError):  # it cannot stop: the next leg begins when it has arrived
                self._core.mmc.stop(self._label)
        if self._moving:
            self._moving = self._core.mmc.deviceBusy(self._label)
        if not self._moving and self._wanted:
            self._begin(what)
        return not self._moving

    def _begin(self, what: str) -> None:
        going_on = self._targets if self._braking else {}
        self._targets, self._wanted, self._braking = going_on | self._wanted, {}, False
        self._legs += 1
        try:
            self._go(*(self._targets.get(axis, here) for axis, here in enumerate(self.position())))
        except RuntimeError as error:
            self._stopped_legs = self._legs  # moves of other axes in this leg fail too
            raise RuntimeError(f"{what} failed. Micro-Manager says: {error}") from error
        self._moving = True

    def _stop(self, success: bool) -> None:
        if self._wanted:
            self._wanted = {}
            self._legs += 1
        if not success:
            self._stopped_legs = self._legs
        if self._moving:
            self._core.mmc.stop(self._label)
            self._moving = self._braking = False

    def _abandon(self, leg: int) -> None:
        if leg >= self._legs + bool(self._wanted):  # a later leg has its own time
            with suppress(RuntimeError):  # it cannot stop
                self._stop(False)


class Axis:
    """One axis of a drive: Movable, Readable, Locatable and Stoppable, in µm."""

    def __init__(self, name: str, parent: Any, core: Core, drive: Drive, axis: int) -> None:
        self.name = name
        self.parent = parent
        self._core = core
        self._drive = drive
        self._axis = axis

    @property
    def hints(self) -> Hints:
        return Hints(fields=[self.name])

    def set(self, value: float) -> Status:
        return self._drive.move(self._axis, value, self.name)

    def stop(self, success: bool = True) -> Answer[None]:
        return self._drive.stop(success)

    async def read(self) -> dict[str, Reading[float]]:
        return {self.name: Reading(value=await self._here(), timestamp=time.time())}

    async def describe(self) -> dict[str, DataKey]:
        source = f"mmcore://{self.name}"
        return {self.name: {"source": source, "dtype": "number", "shape": [], "units": "µm"}}

    async def locate(self) -> Location[float]:
        here = await self._here()
        return Location(setpoint=self._drive.setpoints.get(self._axis, here), readback=here)

    async def _here(self) -> float:
        return float((await self._core.thread.ask(self._drive.position))[self._axis])


class Stage:
    """The XY stage; see `napari_skylight.protocols.Stage`."""

    parent = None

    def __init__(self, core: Core, name: str = "stage") -> None:
        self.name = name
        self._core = core
        label = core.mmc.getXYStageDevice()
        self._drive = Drive(
            core,
            label,
            position=lambda: core.mmc.getXYPosition(label),
            go=lambda x, y: core.mmc.setXYPosition(label, x, y),
        )
        self.x = Axis(f"{name}-x", self, core, self._drive, 0)
        self.y = Axis(f"{name}-y", self, core, self._drive, 1)

    @property
    def hints(self) -> Hints:
        return Hints(fields=[self.x.name, self.y.name])

    def children(self) -> Iterator[tuple[str, Axis]]:
        yield "x", self.x
        yield "y", self.y

    def stop(self, success: bool = True) -> Answer[None]:
        return self._drive.stop(success)

    async def read(self) -> dict[str, Reading[float]]:
        x, y = await self._core.thread.ask(self._drive.position)
        return readings({self.x.name: float(x), self.y.name: float(y)}, time.time())

    async def describe(self) -> dict[str, DataKey]:
        return {**await self.x.describe(), **await self.y.describe()}


class Focus(Axis):
    """The focus drive; see `napari_skylight.protocols.Focus`."""

    def __init__(self, core: Core, name: str = "focus") -> None:
        label = core.mmc.getFocusDevice()
        drive = Drive(
            core,
            label,
            position=lambda: (core.mmc.getPosition(label),),
            go=lambda z: core.mmc.setPosition(label, z),
        )
        super().__init__(name, None, core, drive, 0)
