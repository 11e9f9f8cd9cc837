"""Connects a device and describes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bluesky.protocols import Readable
from bluesky.utils import maybe_await

from napari_skylight.frames import is_colour
from napari_skylight.protocols import Camera, Light
from napari_skylight.session._coalescing_task import CoalescingTask
from napari_skylight.session._device_signals import Setting, SettingInfo, settings_of

DESCRIBE_SECONDS = 5.0
"""How long a signal may take to describe its choices."""


@dataclass(frozen=True)
class Connected:
    """A connected device; described as a camera or light, as every ophyd motor has its methods."""

    device: Any
    is_camera: bool = False
    is_light: bool = False
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The choices of its signals, by path: "light.channel"."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    """The parts that can be set and read, by path: "stage.x"."""


async def connect(device: Any, seconds: float) -> Connected:
    """Connect `device` on the running loop; raise TimeoutError after `seconds`."""
    try:
        async with asyncio.timeout(seconds) as limit:
            await _connected(device, seconds)
            described = {}
            if isinstance(device, Camera | Light) and isinstance(device, Readable):
                described = await maybe_await(device.describe())
            settings = _settable(device)
            choices = await _choices_of(settings)
    except TimeoutError as error:
        if limit.expired():
            raise TimeoutError(f"{device.name} did not connect within {seconds:g} s.") from error
        raise
    is_camera = isinstance(device, Camera) and _has_image(described)
    is_light = isinstance(device, Light) and _is_switch(described.get(device.name))
    parts = {each.path: each.part for each in settings if each.path != device.name}
    return Connected(device, is_camera, is_light, choices, parts)


async def _connected(device: Any, seconds: float) -> None:
    if hasattr(device, "connect"):
        await maybe_await(device.connect())
    elif callable(wait := getattr(device, "wait_for_connection", None)):
        # ophyd devices connect by themselves; waiting for that blocks a thread
        waiting: Callable[[], None] = lambda: wait(timeout=seconds)  # noqa: E731
        await asyncio.wrap_future(CoalescingTask("skylight-connect-device", waiting).ask())


def _is_switch(data_key: Mapping[str, Any] | None) -> bool:
    """Return whether a device has only the values on and off, as far as it describes them."""
    return data_key is None or data_key.get("dtype") == "boolean"


def _settable(device: Any) -> list[Setting]:
    """Return the signals of `device` that can be set."""
    try:
        return [setting for setting in settings_of(device) if setting.settable]
    except Exception:  # noqa: BLE001 - the device can be used without its parts
        return []


async def _choices_of(settings: Sequence[Setting]) -> dict[str, tuple[str, ...]]:
    """Return the choices of `settings`, by path."""
    asked = [asyncio.wait_for(setting.describe(), DESCRIBE_SECONDS) for setting in settings]
    # the device can be used without a description of each signal
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return {
        setting.path: info.choices
        for setting, info in zip(settings, answers, strict=True)
        if isinstance(info, SettingInfo) and info.choices
    }


def _has_image(description: Mapping[str, Any]) -> bool:
    """Return whether one data key has two axes, apart from leading axes of length 1."""
    for data_key in description.values():
        shape = list(data_key.get("shape") or ())
        while len(shape) > 2 and shape[0] == 1:
            shape = shape[1:]
        if data_key.get("dtype") == "array" and len(shape) == (3 if is_colour(shape) else 2):
            return True
    return False
