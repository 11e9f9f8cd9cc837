"""Setting a part of a device by its path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from napari_skylight.protocols import HasChildren


async def set_value(devices: Mapping[str, Any], setting: str, value: Any) -> None:
    """Set a setting such as ``"camera.exposure"`` and wait until the device has it.

    To be called on the loop the devices belong to.

    Raises
    ------
    KeyError
        If there is no such device.
    Exception
        What the device refuses the value with.
    """
    name, *path = setting.split(".")
    if name not in devices:
        raise KeyError(f"There is no device called {name}.")
    target = devices[name]
    for part in path:
        target = _part(target, part)
    await _ended(target.set(value))


def _part(device: Any, name: str) -> Any:
    if isinstance(device, HasChildren):
        for child, part in device.children():
            if child == name:
                return part
    return getattr(device, name)


async def _ended(status: Any) -> None:
    """Wait for any kind of bluesky status; raise what it failed with."""
    if hasattr(status, "__await__"):
        await status
        return
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    status.add_callback(lambda _status: loop.call_soon_threadsafe(done.set_result, None))
    await done
    if (error := status.exception(0)) is not None:
        raise error
