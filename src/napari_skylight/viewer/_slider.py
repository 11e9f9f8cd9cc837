"""The viewer's slider along the frames of stacks, and the status bar that describes its frame."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    import napari
    from napari.layers import Image

    from napari_skylight.frames import Frame
    from napari_skylight.viewer._layer_kinds import StackLayer

FRAME_LABELS = ("frame", "-2", "-1")  # of a layer that the slider moves, (N, Y, X)
_NO_LABELS = ("-3", "-2", "-1")
_DELAY = 0.3  # seconds: when the slider moves, napari writes the value under the mouse
_UNITS = {"exposure": "ms", "intensity": "%", "temperature": "°C"}
_PLACES = {"x", "y", "z", "focus"}  # in µm
_LEFT_OUT = {"pixel_size", "bit_depth", "roi_x", "roi_y", "dropped"}


class Slider:
    """Moves all `stacks` of a viewer; left to the user while other 3-D layers are there.

    `moved` is whether the user has moved it between the last `settle` and `look`.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self.stacks: set[Image] = set()
        self.moved = False
        self._viewer = viewer
        self._settled = 0
        self._was_ours = True

    @property
    def index(self) -> int:
        """The index of the frame it is at."""
        point = self._viewer.dims.point
        return round(point[-3]) if len(point) >= 3 else 0

    @property
    def at_end(self) -> bool:
        """Whether it is at the newest frame, or there is none."""
        return self._is_ours() and self.index >= self._last()

    @property
    def labels(self) -> tuple[str, str, str]:
        """The labels of the axes of a stack."""
        return FRAME_LABELS if self._is_ours() else _NO_LABELS

    def follow(self) -> None:
        """Go to the newest frame."""
        dims, last = self._viewer.dims, self._last()
        if self._is_ours() and dims.ndim >= 3 and self.index != last:
            dims.set_point(dims.ndim - 3, last)

    def look(self) -> None:
        """Find out whether the user has moved it."""
        ours = self._is_ours()
        self.moved = ours and self._was_ours and bool(self.stacks) and self.index != self._settled
        if ours != self._was_ours:
            self._was_ours = ours
            for layer in self.stacks:
                layer.axis_labels = self.labels

    def settle(self) -> None:
        """Note where it is: moves count from here."""
        self._settled = self.index

    def _last(self) -> int:
        return max((len(layer.data) for layer in self.stacks), default=0) - 1

    def _is_ours(self) -> bool:
        # A copy of a stack and the images of an earlier run have frames along this axis too.
        return all(
            layer.ndim < 3 or layer in self.stacks or layer.axis_labels[-3] == FRAME_LABELS[0]
            for layer in self._viewer.layers
        )


class StatusLine:
    """Describes the frame at the slider after the slider has moved or a frame was added."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._known: dict[StackLayer, tuple[int, int]] = {}
        self._changed: dict[StackLayer, Frame] = {}
        self._grown: set[StackLayer] = set()  # of these
        self._due = 0.0
        self._written: tuple[StackLayer, str] | None = None  # about a visible frame

    @property
    def waiting(self) -> bool:
        """Whether something is to be written soon."""
        return bool(self._changed)

    def follow(self, stacks: Collection[StackLayer], now: float) -> None:
        """Find what has changed, after the layers were updated."""
        self._remove_old()
        for each in stacks:
            at = each.at_slider
            if at is None:
                self._known.pop(each, None)
                self._changed.pop(each, None)
                continue
            index, length, frame = at
            known = self._known.get(each, (0, 0))
            if known != (index, length):
                self._known[each] = index, length
                if length > known[1]:
                    self._grown.add(each)
                if not self._changed:
                    self._due = now + _DELAY
                self._changed[each] = frame
        if self._changed and now >= self._due:
            self._write()

    def _write(self) -> None:
        """Describe the frame of the selected stack, or else of the first that changed.

        Of a hidden stack, only a new frame: it was kept.
        """
        told = [each for each in self._changed if each in self._grown or _is_visible(each)]
        active = self._viewer.layers.selection.active
        told.sort(key=lambda each: each.layer is not active)
        for stack in told[:1]:
            index, length = self._known[stack]
            words = ", ".join(_described(self._changed[stack]))
            about = f"{stack.name} {index + 1} of {length}"
            text = self._viewer.status = f"{about}: {words}" if words else about
            self._written = (stack, text) if _is_visible(stack) else None
        self._changed.clear()
        self._grown.clear()

    def _remove_old(self) -> None:
        """Remove what was written about a frame that is not on the canvas any more."""
        if self._written is not None and not _is_visible(self._written[0]):
            if self._viewer.status == self._written[1]:
                self._viewer.status = "Ready"  # as in napari
            self._written = None


def _is_visible(stack: StackLayer) -> bool:
    return stack.layer is not None and stack.layer.visible


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
    if setting in _PLACES:
        return f"{value:z.1f} µm"
    return f"{value:g} {_UNITS[setting]}" if setting in _UNITS else f"{value:g}"
