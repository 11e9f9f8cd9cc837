"""What napari's status bar says of a snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import napari

    from napari_skylight.frames import Frame
    from napari_skylight.viewer._stack_layer import StackLayer

__all__ = ["StatusLine"]

_DELAY = 0.3  # seconds: when the slider moves, napari writes there what the mouse points at
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
    """Describes the frame at the slider when the slider has moved or a frame was added."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._known: dict[StackLayer, tuple[int, int]] = {}
        self._changed: dict[StackLayer, Frame] = {}
        self._due = 0.0

    @property
    def waiting(self) -> bool:
        """Whether there is something to be written soon."""
        return bool(self._changed)

    def follow(self, stacks: Collection[StackLayer], now: float) -> None:
        """Look at the layers after they were updated."""
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
        """Describe the frame of the stack that is selected, or else of the first that changed."""
        active = self._viewer.layers.selection.active
        chosen = next((each for each in self._changed if each.layer is active), None)
        stack = next(iter(self._changed)) if chosen is None else chosen
        index, length = self._known[stack]
        words = ", ".join(_described(self._changed[stack]))
        about = f"{stack.name} {index + 1} of {length}"
        self._viewer.status = f"{about}: {words}" if words else about
        self._changed.clear()


def _described(frame: Frame) -> list[str]:
    """Return when a frame was taken, how, and where, in a few words each."""
    parts = []
    try:
        time = datetime.fromtimestamp(frame.timestamp)
        parts.append(f"{time:%H:%M:%S}.{time.microsecond // 1000:03}")
    except (ValueError, OverflowError, OSError):
        pass  # a camera that does not know what time it is
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
