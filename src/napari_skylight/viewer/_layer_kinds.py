"""The layers of live caches, which show the newest frame, and of stacks, with a slider."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames import value_named
from napari_skylight.viewer._contrast import Saturation
from napari_skylight.viewer._layer import CacheLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, Taken
    from napari_skylight.viewer._slider import Slider

_THUMBNAIL_PERIOD = 1.0  # seconds
_STACK_PERIOD = 0.1  # seconds between updates: they cost more than drawing a live frame
_SLICING = r"napari\.layers\._scalar_field"  # the module that slices layers


class LiveLayer(CacheLayer):
    """Shows the newest frame, (Y, X), copied into a buffer that only the GUI thread touches.

    This takes about a quarter of the time of ``layer.data = frame``, and paints once, not twice.
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
        """The warning of saturated pixels, or an empty text."""
        return self._saturation.warning if self.layer is not None and self.layer.visible else ""

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
        """Show what is new, or about once a second update the thumbnail instead."""
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

    def _take(self, *, on_screen: bool) -> Taken | None:
        # Never into an array that the user has put into the layer.
        ours = self.layer is not None and self.layer.data is self._buffer
        return self.reader.take(self.key, self._buffer if ours else None, on_screen=on_screen)

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
            if not layer.rgb and layer.data.dtype.itemsize <= 4:
                layer.events.set_data()  # napari draws this very array: no need to slice it again
            else:
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _empty(self, layer: Image, taken: Taken) -> None:
        # A layer of two axes cannot have zero frames: it turns black.
        if self._buffer is not None and layer.data is self._buffer:
            self._buffer[...] = 0
            layer.refresh(highlight=False, extent=False)
        self._saturation.warning = ""

    def _pixels(self, layer: Image) -> NDArray[Any]:
        return np.asarray(layer.data)

    def _forget(self) -> None:
        self._buffer = None
        self._thumbnail_stale = False
        self._saturation.warning = ""


class StackLayer(CacheLayer):
    """Shows every frame, (N, Y, X), as a view of the cache's own memory; nothing is copied.

    The layer has the place and metadata of the frame at the slider, which follows the newest frame
    while it is at the last one; ``metadata["frames"]`` has those of all.
    """

    rank = 1
    hidden_too = True
    _frames: Sequence[Frame] = ()
    _index = 0
    _due = 0.0
    _follow = True  # the slider, once what was taken is in the layer

    def __init__(self, slider: Slider, *args: Any) -> None:
        super().__init__(*args)
        self._slider = slider
        for each in self._others:
            if isinstance(each, LiveLayer) and (each.key, each.channel) == (self.key, self.channel):
                self.look_like(each)

    @property
    def filled(self) -> bool:
        """Whether the layer has frames."""
        return self.layer is not None and len(self._frames) > 0

    @property
    def at_slider(self) -> tuple[int, int, Frame] | None:
        """The index of the frame at the slider, the number of frames, and the frame."""
        if not self.filled:
            return None
        return self._index, len(self._frames), self._frames[self._index]

    def update(self, now: float) -> bool:
        """Show what is new, and follow the slider."""
        news = super().update(now)
        if not self.reader.has_news(self.key) and not self._is_too_soon(now):
            self.reader.arm()  # to show the next frame, likely a snapshot, at once
        if self.layer is not None and self._frames:
            index = self._slider.index
            if index != self._index and 0 <= index < len(self._frames):
                self._index = index
                self._match(self.layer, self._frames[index])
        return news

    def _is_too_soon(self, now: float) -> bool:
        return now < self._due and not self.reader.was_cleared(self.key)

    def _take(self, *, on_screen: bool) -> Taken | None:
        self._follow = self._slider.at_end
        return self.reader.take(self.key, on_screen=self._follow)

    def _insert(self, layer: Image) -> None:
        layer.axis_labels = self._slider.labels
        self._slider.stacks.add(layer)
        # With the first layer of three axes napari fits the view again, to all layers.
        camera, alone = self._viewer.scene.camera, not self._viewer.layers
        center, zoom = camera.center, camera.zoom
        super()._insert(layer)
        if not alone:
            camera.center, camera.zoom = center, zoom

    def _set_data(self, layer: Image, taken: Taken, now: float) -> None:
        self._put(layer, taken.data)
        self._due = now + _STACK_PERIOD

    def _pixels(self, layer: Image) -> NDArray[Any]:
        return np.asarray(layer.data[self._index])

    def _seen(self, taken: Taken, newest: Frame) -> Frame:
        self._frames = taken.frames
        if self._follow:
            self._slider.follow()
        self._index = min(max(0, self._slider.index), len(taken.frames) - 1)
        return taken.frames[self._index]

    def _empty(self, layer: Image, taken: Taken) -> None:
        # napari divides zero by zero when it slices a layer without frames, and warns the user.
        warnings.filterwarnings("ignore", "invalid value", RuntimeWarning, _SLICING)
        self._frames = ()
        # napari cannot draw an axis of length zero, and its slider would have two steps: the layer
        # is hidden, and measured with a black frame in it.
        layer.visible = False
        self._put(layer, np.zeros((1, *taken.data.shape[1:]), taken.data.dtype))
        layer.data = taken.data

    def _put(self, layer: Image, data: NDArray[Any]) -> None:
        another = not np.may_share_memory(layer.data, data)
        layer.data = data
        if layer.visible:
            return
        if another:
            # A hidden layer is not sliced: its old slice would keep the memory of a cleared stack.
            layer.set_view_slice()
            layer.events.set_data()
        layer.translate = layer.translate  # measures it: the slider gets the length of the stack

    def _describe(self, layer: Image, values: dict[str, Any]) -> None:
        super()._describe(layer, {**values, "frames": self._frames})

    def _forget(self) -> None:
        self._frames = ()

    def close(self) -> None:
        if self.layer is not None:
            self._slider.stacks.discard(self.layer)
        super().close()
