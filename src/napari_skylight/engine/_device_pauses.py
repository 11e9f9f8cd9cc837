"""Stopping, pausing and resuming the devices of a plan; a time-out names the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bluesky.protocols import Pausable, Stoppable
from bluesky.utils import maybe_await

from napari_skylight.engine import _errors
from napari_skylight.engine._errors import answer_within, device_name
from napari_skylight.engine._waits import Awaited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_skylight.engine._interrupts import Interruptible


class SeenDevices(set[Any]):
    """The devices that bluesky pauses one after the other, and the current one."""

    current: Any = None

    def __iter__(self) -> Iterator[Any]:
        for self.current in super().__iter__():
            yield self.current
        self.current = None


async def stop_devices(engine: Interruptible, devices: Iterable[Any], *, success: bool) -> None:
    """Stop each device; one that fails or hangs is logged, and the others are stopped."""
    for device in devices:
        if isinstance(device, Stoppable):
            engine.awaited = (Awaited(device, "stop"),)
            try:
                await _call(device, "stop", success=success)
            except BaseException:  # a cancellation or exit too: the run must end, light off
                engine.log.exception("Failed to stop %s.", device_name(device))
    engine.awaited = ()


async def resume_devices(engine: Interruptible) -> None:
    """Resume each device that the plan has used; if one fails, pause them again and raise."""
    resumed = []
    try:
        for device in engine._objs_seen:
            if isinstance(device, Pausable):
                resumed.append(device)  # before the call, which may fail halfway
                await _call(device, "resume")
    except BaseException:  # an exit too: a paused plan leaves no light on
        for device in resumed:
            try:
                await _call(device, "pause")
            except BaseException:  # whatever a driver raises: the others must be paused
                engine.log.exception("Failed to pause %s.", device_name(device))
        raise


async def _call(device: Any, name: str, **options: Any) -> None:
    answer = maybe_await(getattr(device, name)(**options))
    await answer_within(_errors.PAUSE_SECONDS, device, name, answer)
