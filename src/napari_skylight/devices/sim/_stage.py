"""The XY stage and the focus drive."""

from __future__ import annotations

import asyncio

from ophyd_async.core import StandardReadable

from napari_skylight.devices.sim._axis import Axis

TRAVEL = (-1000.0, 1000.0)
FOCUS_TRAVEL = (-50.0, 50.0)


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
    """Moves the plane in focus; most cells lie within 4 µm of 0."""

    def __init__(self, name: str = "") -> None:
        super().__init__(
            label="Focus", owner="focus drive", limits=FOCUS_TRAVEL, velocity=100.0, name=name
        )
