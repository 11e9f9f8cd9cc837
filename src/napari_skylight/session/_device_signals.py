"""What can be set on a device, and what can be read off it, whatever kind of device it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

import numpy as np
from bluesky.protocols import Movable, Readable, Subscribable
from bluesky.utils import maybe_await

from napari_skylight.plans.spec import sentence_case
from napari_skylight.protocols import HasChildren, Light

_SPELLED = {"roi": "ROI"}
"""Words of parts' names that are written otherwise."""


class SettingKind(StrEnum):
    """What values a setting takes."""

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
    """What a device says of a setting; limits may depend on its other settings.

    Attributes
    ----------
    kind : SettingKind
    unit : str
    low, high : float or None
        The limits, in its unit; None where there is none.
    choices : tuple of str
        What there is to choose from, where the kind is CHOICE.
    whole : bool
        Whether its values are whole numbers, choices included.
    digits : int or None
        How many digits after the point are worth showing; None when it does not say.
    """

    kind: SettingKind
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    whole: bool = False
    digits: int | None = None

    @classmethod
    def of(cls, data_key: Mapping[str, Any]) -> SettingInfo | None:
        """Return what `data_key` says; None when its values are no scalars."""
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
        """Return `value` as a person reads it, with its unit; empty for None."""
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
    """Return the limits, in the form of event-model or in that of ophyd."""
    control = (data_key.get("limits") or {}).get("control")
    if control:
        low, high = control.get("low"), control.get("high")
    else:
        low, high = data_key.get("lower_ctrl_limit"), data_key.get("upper_ctrl_limit")
        if low == high:  # EPICS says so that there are none
            low = high = None
    return _finite(low), _finite(high)


def _finite(limit: Any) -> float | None:
    return None if limit is None or not math.isfinite(limit) else limit


@dataclass(frozen=True)
class Setting:
    """A part of a device that has a value.

    Attributes
    ----------
    path : str
        What `Session.set` calls it: "camera.exposure", or "focus" for a device that is one itself.
    label : str
        What a person calls it, the device being known: "Exposure".
    part : object
        What is read and set.
    settable : bool
        Whether it can be set; otherwise it can be read only.
    """

    path: str
    label: str
    part: Any = field(repr=False)
    settable: bool

    @property
    def readable(self) -> bool:
        """Whether it tells its value: a light need not."""
        return isinstance(self.part, Readable)

    async def describe(self) -> SettingInfo | None:
        """Return what the device says of it; None when its values are no scalars."""
        if not self.readable:
            return SettingInfo(SettingKind.BOOL)
        data_key = self._own(await maybe_await(self.part.describe()))
        return SettingInfo.of(data_key or {})

    async def read(self) -> Any:
        """Return its value now: a bool, number or text, None when it does not tell."""
        if not self.readable:
            return None
        return self.value_in(await maybe_await(self.part.read()))

    def value_in(self, readings: Mapping[str, Any]) -> Any:
        """Return its value in `readings` of it, as `read` does."""
        value = (self._own(readings) or {}).get("value")
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, np.generic):
            value = value.item()
        return value if isinstance(value, bool | int | float | str) else None

    def subscribe(self, callback: Callable[..., None]) -> Callable[[], None] | None:
        """Have `callback` called with readings as they change; return its undo.

        To be called on the loop the device belongs to. None when changes are not told.
        """
        # What is read under the device's own name may be told by a part of it, such as a readback.
        for part in (self.part, *(child for _, child in _children(self.part))):
            if isinstance(part, Subscribable) and part.name == self.part.name:
                part.subscribe(callback)
                return lambda told=part: told.clear_sub(callback)  # type: ignore[misc]
        return None

    def _own(self, keyed: Mapping[str, Any]) -> Any:
        """Return what is said of the part itself: under its own name, or the only thing said."""
        if self.part.name in keyed:
            return keyed[self.part.name]
        return next(iter(keyed.values())) if len(keyed) == 1 else None


def settings_of(device: Any) -> tuple[Setting, ...]:
    """Return what can be set on `device`, and what else has a value of its own, in its order.

    A setting is a part that is Movable and Readable, or the device itself if it is, or is a light.
    Asks the device for its parts, and for nothing that takes time.
    """
    return tuple(_settings(device, device.name, ""))


def _settings(
    part: Any, path: str, label: str, taken: frozenset[str] = frozenset()
) -> Iterator[Setting]:
    children = list(_children(part))
    movable = isinstance(part, Movable)
    settable = isinstance(part, Light) or (movable and isinstance(part, Readable))
    # A part that goes by the name of what it belongs to is that one's value once more.
    if part.name not in taken and (settable or (not children and _is_value(part))):
        yield Setting(path, _in_words(label or part.name), part, settable)
        taken = taken | {part.name}
    for name, child in children:
        yield from _settings(child, f"{path}.{name}", f"{label} {name}".strip(), taken)


def _children(part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, HasChildren):
        yield from ((name, child) for name, child in part.children() if not name.startswith("_"))


def _is_value(part: Any) -> bool:
    # What takes frames is no value: reading it would disturb the plan that does.
    return isinstance(part, Readable) and not hasattr(part, "trigger")


def _in_words(name: str) -> str:
    return " ".join(_SPELLED.get(word.lower(), word) for word in sentence_case(name).split())
