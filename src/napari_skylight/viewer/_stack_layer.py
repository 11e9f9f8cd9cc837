"""The layer of a stack: every frame, with a slider."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.viewer._layer import CacheLayer, insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, Taken

__all__ = ["StackLayer"]

_PERIOD = 0.1  # seconds between updates: lengthening a stack costs more than drawing a live frame
_SLICING = r"napari\.layers\._scalar_field"  # the module that does


class StackLayer(CacheLayer):
    """Shows every frame, (N, Y, X), as a view of the cache's own memory; nothing is copied.

    The slider follows the newest frame while it stands at the last one. Place and metadata of the
    layer are those of the frame at the slider; ``metadata["frames"]`` has them all.
    """

    _frames: Sequence[Frame] = ()
    _index = 0
    _due = 0.0

    def update(self, now: float) -> bool:
        """Show what is new, and follow the slider."""
        news = super().update(now)
        if not self._reader.has_news(self.key) and not self._is_too_soon(now):
            self._reader.arm()  # the next frame is likely a snapshot: have it shown at once
        if self.layer is not None and self._frames:
            index = self._slider()
            if index != self._index and 0 <= index < len(self._frames):
                self._index = index
                self._match(self.layer, self._frames[index])
        return news

    def _is_too_soon(self, now: float) -> bool:
        return now < self._due and not self._reader.was_cleared(self.key)

    def _take(self, *, on_screen: bool) -> Taken | None:
        return self._reader.take(self.key, on_screen=on_screen and self._is_at_end())

    def _insert(self, layer: Image) -> None:
        # Below the others: on top it would cover the live picture with a still one.
        insert(self._viewer, 0, layer)

    def _set_data(self, layer: Image, taken: Taken, now: float) -> None:
        self._put(layer, taken.data)
        self._due = now + _PERIOD

    def _seen(self, taken: Taken, newest: Frame) -> Frame:
        follow = self._is_at_end()
        self._frames = taken.frames
        if follow:
            self._move_slider(len(taken.frames) - 1)
        self._index = min(max(0, self._slider()), len(taken.frames) - 1)
        return taken.frames[self._index]

    def _empty(self, layer: Image, taken: Taken) -> None:
        dims, data = self._viewer.dims, taken.data
        if dims.ndim - 3 in dims.displayed:
            # napari cannot draw an axis of length zero along which it shows more than a slice.
            data = np.zeros((1, *data.shape[1:]), data.dtype)
        # Whenever napari slices a layer without frames it divides zero by zero, to no effect; it
        # would tell the person about it.
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning, _SLICING)
        self._put(layer, data)
        self._frames = ()

    def _put(self, layer: Image, data: NDArray[Any]) -> None:
        layer.data = data
        if not layer.visible:
            # A hidden layer is not sliced until it is shown; until then the slice it had would
            # keep all the memory of a stack that was cleared.
            layer.set_view_slice()
            layer.events.set_data()

    def _describe(self, layer: Image, values: dict[str, Any]) -> None:
        super()._describe(layer, {**values, "frames": self._frames})

    def _geometry(self) -> dict[str, Any]:
        place = self.placement
        return {
            "scale": (1.0, place.scale, place.scale),
            "translate": (0.0, *place.translate),
            "units": ("pixel", place.unit, place.unit),
        }

    def _forget(self) -> None:
        self._frames = ()

    def _slider(self) -> int:
        """Return the number of the frame the slider is at."""
        point = self._viewer.dims.point
        return round(point[-3]) if len(point) >= 3 else 0

    def _is_at_end(self) -> bool:
        """Return whether the slider is at the last frame, or has had none to be at."""
        return not self._frames or self._slider() >= len(self._frames) - 1

    def _move_slider(self, index: int) -> None:
        dims = self._viewer.dims
        if dims.ndim >= 3:
            dims.set_point(dims.ndim - 3, index)
