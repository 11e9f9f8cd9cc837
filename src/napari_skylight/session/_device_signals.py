"""Connects a device of any kind; its signals, with their kinds, limits and choices."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

import numpy as np
from bluesky.protocols import Movable, Readable, Subscribable
from bluesky.utils import maybe_await
from ophyd_async.core import StandardDetector

from napari_skylight.devices.adapters import FileCamera, preview_of
from napari_skylight.frames import is_colour
from napari_skylight.plans.spec import sentence_case
from napari_skylight.protocols import Camera, HasChildren, Light
from napari_skylight.session._coalescing_task import CoalescingTask

DESCRIBE_SECONDS = 5.0
"""How long a signal may take to describe itself."""

_SPELLED = {"roi": "ROI"}
"""Words with another spelling on screen."""


class SettingKind(StrEnum):
    """The kind of value of a signal."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOL = "bool"
    CHOICE = "choice"
    TEXT = "text"


_KINDS = {
    "boolean": SettingKind.BOOL,
    "integer": SettingKind.INTEGER,
    "number": SettingKind.NUMBER,
    "string": SettingKind.TEXT,
}
"""By the ``dtype`` of the data key."""


@dataclass(frozen=True)
class SettingInfo:
    """The description of a signal; limits may depend on other signals."""

    kind: SettingKind
    unit: str = ""
    low: float | None = None
    high: float | None = None
    """`low` and `high` are the limits, in its unit."""
    choices: tuple[str, ...] = ()
    """Where the kind is CHOICE."""
    whole: bool = False
    """Whether its values, or choices, are whole numbers."""
    digits: int | None = None
    """How many digits to show after the point, if known."""

    @classmethod
    def of(cls, data_key: Mapping[str, Any]) -> SettingInfo | None:
        """Return the description in `data_key`; None if its values are not scalars."""
        kind = _KINDS.get(data_key.get("dtype", ""))
        if kind is None or data_key.get("shape"):
            return None
        choices = tuple(map(str, data_key.get("choices") or data_key.get("enum_strs") or ()))
        low, high = _limits(data_key)
        return cls(
            kind=SettingKind.CHOICE if choices else kind,
            unit=data_key.get("units") or "",
            low=low,
            high=high,
            choices=choices,
            whole=kind is SettingKind.INTEGER,
            digits=data_key.get("precision"),
        )

    def said(self, value: Any) -> str:
        """Return `value` as text, with its unit; empty for None."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, float):
            text = f"{value:.6g}" if self.digits is None else f"{value:.{self.digits}f}"
        else:
            text = str(value)
        return f"{text} {self.unit}".strip()


def _limits(data_key: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the limits, in the form of event-model or of ophyd."""
    control = (data_key.get("limits") or {}).get("control")
    if control:
        low, high = control.get("low"), control.get("high")
    else:
        low, high = data_key.get("lower_ctrl_limit"), data_key.get("upper_ctrl_limit")
        if low == high:  # in EPICS: no limits
            low = high = None
    return _finite(low), _finite(high)


def _finite(limit: Any) -> float | None:
    return None if limit is None or not math.isfinite(limit) else limit


@dataclass(frozen=True)
class Setting:
    """A signal: a part of a device that has a value."""

    path: str
    """For `Session.set`: "camera.exposure", or "focus" for a device that is its own signal."""
    label: str
    """The name on screen, below that of the device: "Exposure"."""
    part: Any = field(repr=False)
    settable: bool

    @property
    def readable(self) -> bool:
        """Whether it can be read; some lights cannot."""
        return isinstance(self.part, Readable)

    async def describe(self) -> SettingInfo | None:
        """Return its description; None if its values are not scalars."""
        if not self.readable:
            return SettingInfo(SettingKind.BOOL)
        data_key = self._own(await maybe_await(self.part.describe()))
        return SettingInfo.of(data_key or {})

    async def read(self) -> Any:
        """Return its value, a bool, number or text; None if it has no such value."""
        if not self.readable:
            return None
        return self.value_in(await maybe_await(self.part.read()))

    def value_in(self, readings: Mapping[str, Any]) -> Any:
        """Return its value in `readings`, as `read` does."""
        value = (self._own(readings) or {}).get("value")
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, np.generic):
            value = value.item()
        return value if isinstance(value, bool | int | float | str) else None

    def subscribe(self, callback: Callable[..., None]) -> Callable[[], None] | None:
        """Call `callback` with readings as they change; return the undo, None if it cannot.

        Call it on the device's loop.
        """
        # a part with the same name, such as a readback, may have the changes
        for part in (self.part, *(child for _, child in _children(self.part))):
            if isinstance(part, Subscribable) and part.name == self.part.name:
                part.subscribe(callback)
                return lambda told=part: told.clear_sub(callback)  # type: ignore[misc]
        return None

    def _own(self, keyed: Mapping[str, Any]) -> Any:
        """Return the entry under the name of the part, or the only one."""
        if self.part.name in keyed:
            return keyed[self.part.name]
        return next(iter(keyed.values())) if len(keyed) == 1 else None


def settings_of(device: Any) -> tuple[Setting, ...]:
    """Return the signals of `device`, in its order.

    A signal can be set if it is Movable and Readable, or a light. This reads nothing from hardware.
    """
    return tuple(_settings(device, device.name, ""))


def _settings(
    part: Any, path: str, label: str, taken: frozenset[str] = frozenset()
) -> Iterator[Setting]:
    children = list(_children(part))
    movable = isinstance(part, Movable)
    settable = isinstance(part, Light) or (movable and isinstance(part, Readable))
    # reading a detector would disturb a plan that triggers it
    is_value = isinstance(part, Readable) and not hasattr(part, "trigger")
    # a part with the name of its parent has the same value
    if part.name not in taken and (settable or (is_value and not children)):
        words = sentence_case(label or part.name).split()
        name = " ".join(_SPELLED.get(word.lower(), word) for word in words)
        yield Setting(path, name, part, settable)
        taken = taken | {part.name}
    for name, child in children:
        yield from _settings(child, f"{path}.{name}", f"{label} {name}".strip(), taken)


def _children(part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, HasChildren):
        yield from ((name, child) for name, child in part.children() if not name.startswith("_"))


@dataclass(frozen=True)
class Connected:
    """A connected device."""

    device: Any
    is_camera: bool = False
    camera: FileCamera | None = None
    """What gives the frames of a detector that writes files."""
    preview: Readable[Any] | None = None
    """The part of it that is a signal of images."""
    is_light: bool = False
    """By its description: every ophyd motor has the methods of a light."""
    infos: Mapping[str, SettingInfo] = field(default_factory=dict)
    """The descriptions of `parts` when it was connected, as far as they have one."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    """The parts that can be set and read, by path: "stage.x"; the device may be one itself."""


async def connect(device: Any, seconds: float) -> Connected:
    """Connect `device` on the running loop; raise TimeoutError after `seconds`."""
    try:
        async with asyncio.timeout(seconds) as limit:
            await _connected(device, seconds)
            described: Mapping[str, Any] = {}
            is_detector = isinstance(device, StandardDetector)  # not described until it is prepared
            is_described = isinstance(device, Camera | Light) and isinstance(device, Readable)
            if is_described and not is_detector:
                described = await maybe_await(device.describe())
            settings: list[Setting] = []
            with suppress(Exception):  # the device can be used without its parts
                settings = [each for each in settings_of(device) if each.settable]
            infos = await _infos_of(settings)
    except TimeoutError as error:
        if limit.expired():
            raise TimeoutError(f"{device.name} did not connect within {seconds:g} s.") from error
        raise
    is_camera = is_detector or (isinstance(device, Camera) and _has_image(described))
    camera = FileCamera(device) if is_detector else None
    preview = preview_of(device) if is_detector else None
    dtype = described.get(device.name, {}).get("dtype", "boolean")
    is_light = isinstance(device, Light) and dtype == "boolean"
    parts = {each.path: each.part for each in settings}
    return Connected(device, is_camera, camera, preview, is_light, infos, parts)


async def _connected(device: Any, seconds: float) -> None:
    if hasattr(device, "connect"):
        await maybe_await(device.connect())
    elif callable(wait := getattr(device, "wait_for_connection", None)):
        # ophyd devices connect by themselves; waiting for that blocks a thread
        waiting: Callable[[], None] = lambda: wait(timeout=seconds)  # noqa: E731
        await asyncio.wrap_future(CoalescingTask("skylight-connect-device", waiting).ask())


async def _infos_of(settings: Sequence[Setting]) -> dict[str, SettingInfo]:
    """Return the descriptions of `settings`, by path."""
    asked = [asyncio.wait_for(setting.describe(), DESCRIBE_SECONDS) for setting in settings]
    # the device can be used without a description of each signal
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return {
        setting.path: info
        for setting, info in zip(settings, answers, strict=True)
        if isinstance(info, SettingInfo)
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
