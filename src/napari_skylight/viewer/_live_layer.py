"""The layer of a live cache: the newest frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_skylight.viewer._layer import CacheLayer
from napari_skylight.viewer._layer_transform import value_named
from napari_skylight.viewer._pixel_checks import Saturation

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, Taken

_THUMBNAIL_PERIOD = 1.0  # seconds


class LiveLayer(CacheLayer):
    """Shows the newest frame, (Y, X), copied into a buffer that only the GUI thread touches.

    Copying into the layer's array and notifying only what draws it takes about a quarter of the
    time of ``layer.data = frame``, and the window is painted once, not twice.
    """

    rank = 0
    hidden_too = False
    _buffer: NDArray[Any] | None = None
    _thumbnail_due = 0.0
    _thumbnail_stale = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._saturation = Saturation()

    @property
    def warning(self) -> str:
        """The warning of saturated pixels; empty for none."""
        return self._saturation.warning if self.visible else ""

    @property
    def exposure(self) -> float | None:
        """The exposure of the frame, in ms, if known."""
        return None if self.frame is None else value_named("exposure", self.frame)

    def count(self, *, restart: bool) -> None:
        """Count the new frames; those up to the start of a run may be of the run before."""
        super().count(restart=restart)
        if restart:
            self.came = self.came_in_run = 0

    def update(self, now: float) -> bool:
        """Show what is new; about once a second update the thumbnail instead."""
        layer = self.layer
        if layer is None or not layer.visible or not self._thumbnail_stale:
            return super().update(now)
        if now >= self._thumbnail_due:
            self._thumbnail_due, self._thumbnail_stale = now + _THUMBNAIL_PERIOD, False
            layer.refresh(data_displayed=False, highlight=False, extent=False)
        else:
            super().update(now)
        return True

    def _show(self, taken: Taken, frame: Frame, now: float) -> None:
        super()._show(taken, frame, now)
        self._saturation.follow(taken.data, frame, now)

    def _is_too_soon(self, now: float) -> bool:
        return False

    def _take(self, *, on_screen: bool) -> Taken | None:
        # Never into an array that the user has put into the layer.
        ours = self.layer is not None and self.layer.data is self._buffer
        return self._reader.take(self.key, self._buffer if ours else None, on_screen=on_screen)

    def _insert(self, layer: Image) -> None:
        self._buffer = layer.data
        super()._insert(layer)

    def _set_data(self, layer: Image, taken: Taken, now: float) -> None:
        if layer.data is not taken.data:
            layer.data = self._buffer = taken.data
            return
        self._thumbnail_stale = True
        # The list of layers hears every event of a layer, and would repaint itself and the window.
        with layer.events.blocker():
            if not layer.rgb and _is_drawn_as_it_is(layer.data.dtype):
                layer.events.set_data()
            else:
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _empty(self, layer: Image, taken: Taken) -> None:
        # A layer of two axes cannot have zero frames: it turns black.
        if self._buffer is not None and layer.data is self._buffer:
            self._buffer[...] = 0
            layer.refresh(highlight=False, extent=False)
        self._saturation.warning = ""

    def _newest(self, taken: Taken) -> NDArray[Any]:
        return taken.data

    def _pixels(self, layer: Image) -> NDArray[Any]:
        data: NDArray[Any] = layer.data
        return data

    def _seen(self, taken: Taken, newest: Frame) -> Frame:
        return newest

    def _forget(self) -> None:
        self._buffer = None
        self._thumbnail_stale = False
        self._saturation.warning = ""


def _is_drawn_as_it_is(dtype: np.dtype[Any]) -> bool:
    """Return whether napari draws the array of a 2-D layer itself: it need not be sliced again.

    napari may convert numbers of more than 32 bits.
    """
    return dtype.itemsize <= 4
