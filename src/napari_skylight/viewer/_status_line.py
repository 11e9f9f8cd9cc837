"""The description of a snapshot in napari's status bar."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import napari

    from napari_skylight.frames import Frame
    from napari_skylight.viewer._stack_layer import StackLayer

_DELAY = 0.3  # seconds: when the slider moves, napari writes the value under the mouse
_UNITS = {
    "exposure": "ms",
    "x": "µm",
    "y": "µm",
    "z": "µm",
    "focus": "µm",
    "intensity": "%",
    "temperature": "°C",
}
_PLACES = {"x", "y", "z", "focus"}
_LEFT_OUT = {"pixel_size", "bit_depth", "roi_x", "roi_y", "dropped"}


class StatusLine:
    """Describes the frame at the slider after the slider has moved or a frame was added."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._known: dict[StackLayer, tuple[int, int]] = {}
        self._changed: dict[StackLayer, Frame] = {}
        self._due = 0.0

    @property
    def waiting(self) -> bool:
        """Whether something is to be written soon."""
        return bool(self._changed)

    def follow(self, stacks: Collection[StackLayer], now: float) -> None:
        """Find what has changed, after the layers were updated."""
        for each in stacks:
            at = each.at_slider
            if at is None:
                self._known.pop(each, None)
                self._changed.pop(each, None)
                continue
            index, length, frame = at
            if self._known.get(each) != (index, length):
                self._known[each] = index, length
                if not self._changed:
                    self._due = now + _DELAY
                self._changed[each] = frame
        if self._changed and now >= self._due:
            self._write()

    def _write(self) -> None:
        """Describe the frame of the selected stack, or else of the first that changed."""
        active = self._viewer.layers.selection.active
        chosen = next((each for each in self._changed if each.layer is active), None)
        stack = next(iter(self._changed)) if chosen is None else chosen
        index, length = self._known[stack]
        words = ", ".join(_described(self._changed[stack]))
        about = f"{stack.name} {index + 1} of {length}"
        self._viewer.status = f"{about}: {words}" if words else about
        self._changed.clear()


def _described(frame: Frame) -> list[str]:
    """Return the time, settings and place of a frame, a few words each."""
    parts = []
    try:
        time = datetime.fromtimestamp(frame.timestamp)
        parts.append(f"{time:%H:%M:%S}.{time.microsecond // 1000:03}")
    except (ValueError, OverflowError, OSError):
        pass  # not seconds since the epoch
    for key, value in frame.metadata.items():
        name = key.removeprefix(f"{frame.key}-")
        setting = name.rpartition("-")[2]
        if setting not in _LEFT_OUT and isinstance(value, (str, int, float)):
            words = name.replace("-", " ").replace("_", " ")
            parts.append(f"{words} {_amount(setting, value)}")
    return parts


def _amount(setting: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    number = f"{value:z.1f}" if setting in _PLACES else f"{value:g}"
    return f"{number} {_UNITS[setting]}" if setting in _UNITS else number
