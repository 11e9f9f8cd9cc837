"""The layer of a live cache: the newest frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_skylight.viewer._layer import CacheLayer, insert

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, Taken

__all__ = ["LiveLayer"]

_THUMBNAIL_PERIOD = 1.0  # seconds


class LiveLayer(CacheLayer):
    """Shows the newest frame, (Y, X), copied into a buffer that only the GUI thread touches.

    Copying into the array the layer has, and refreshing only what is drawn, takes about half of the
    time that ``layer.data = frame`` does.
    """

    _buffer: NDArray[Any] | None = None
    _thumbnail_due = 0.0

    def _is_too_soon(self, now: float) -> bool:
        return False

    def _take(self, *, on_screen: bool) -> Taken | None:
        # Never into an array that somebody has put into the layer.
        ours = self.layer is not None and self.layer.data is self._buffer
        return self._reader.take(self.key, self._buffer if ours else None, on_screen=on_screen)

    def _insert(self, layer: Image) -> None:
        self._buffer = layer.data
        insert(self._viewer, len(self._viewer.layers), layer)

    def _set_data(self, layer: Image, taken: Taken, now: float) -> None:
        if layer.data is not taken.data:
            layer.data = self._buffer = taken.data
            return
        thumbnail = now >= self._thumbnail_due
        if thumbnail:
            self._thumbnail_due = now + _THUMBNAIL_PERIOD
        layer.refresh(thumbnail=thumbnail, highlight=False, extent=False)

    def _empty(self, layer: Image, taken: Taken) -> None:
        # A layer of two axes cannot have zero frames: it turns black.
        if self._buffer is not None and layer.data is self._buffer:
            self._buffer[...] = 0
            layer.refresh(highlight=False, extent=False)

    def _seen(self, taken: Taken, newest: Frame) -> Frame:
        return newest

    def _geometry(self) -> dict[str, Any]:
        place = self.placement
        return {
            "scale": (place.scale, place.scale),
            "translate": place.translate,
            "units": (place.unit, place.unit),
        }

    def _forget(self) -> None:
        self._buffer = None
