"""An image layer that shows the frames of a cache under one image key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_skylight.frames import Placement, is_colour, placement_of
from napari_skylight.viewer._contrast import Autoscale, Clipping, Contrast

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import napari
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, FrameReader, Taken

_LOOK = ("colormap", "gamma", "interpolation2d", "blending")
_SETTINGS = (*_LOOK, "name", "opacity", "visible")


class CacheLayer(ABC):
    """Makes a layer with the first frame, and keeps it up to date.

    Layers are listed by `turn`, the number of their cache, among all layers of the link, `others`.
    Calls `wake` when the user shows the layer or changes its contrast limits.
    """

    rank: int  # the leading axes; layers of the same camera lie above those with fewer
    hidden_too: bool  # whether the layer is updated while it is hidden

    def __init__(
        self,
        viewer: napari.Viewer,
        reader: FrameReader,
        key: str,
        turn: int,
        settings: Mapping[str, Any],
        wake: Callable[[], None],
        others: Collection[CacheLayer],
    ) -> None:
        self.reader = reader
        self.key = key
        self.channel = reader.cache.channel
        self.turn = turn
        self.came = 0  # frames stashed between the last two counts
        self.came_in_run = 0
        self.layer: Image | None = None
        self.contrast = Contrast()
        self.clipping = Clipping()
        self.placement = Placement()
        self.frame: Frame | None = None
        self._checked: Frame | None = None
        self._viewer = viewer
        self._wake = wake
        self._others = others
        self._settings = {"visible": True, **settings}
        self._described: set[str] = set()
        self._counted = 0

    @property
    def visible_or_next(self) -> bool:
        """Whether the layer is visible; while there is none, whether the next one will be."""
        return bool(self._settings["visible"] if self.layer is None else self.layer.visible)

    def set_visible(self, visible: bool) -> None:
        """Show or hide the layer; while there is none, the next one."""
        if self.layer is None:
            self._settings["visible"] = visible
        elif self.layer.visible != visible:
            self.layer.visible = visible

    @property
    def was_reset(self) -> bool:
        """Whether the user has deleted the layer or cleared the cache since the last update."""
        deleted = self.layer is not None and self.layer not in self._viewer.layers
        return deleted or self.reader.was_cleared(self.key)

    @property
    def name(self) -> str:
        """The name of the layer."""
        return str(self._settings["name"] if self.layer is None else self.layer.name)

    def look_like(self, other: CacheLayer) -> None:
        """Start with the colours and contrast of another layer."""
        if other.layer is not None:
            self._settings |= look_of(other.layer)
            self.contrast.look_like(other.contrast, other.layer)

    def count(self, *, restart: bool) -> None:
        """Count the new frames; `restart` for another run or another microscope."""
        stashed = self.reader.counts(self.key).stashed
        self.came, self._counted = stashed - self._counted, stashed
        self.came_in_run = self.came + (0 if restart else self.came_in_run)

    def update(self, now: float) -> bool:
        """Show what is new; return whether there was anything, or will be soon."""
        hidden = self.layer is not None and not self.layer.visible
        if hidden and not self.hidden_too and not self.reader.was_cleared(self.key):
            return False  # news waits until the layer is shown
        if not self.reader.has_news(self.key):
            return False
        if self._is_too_soon(now):
            return True
        taken = self._take(on_screen=not hidden)
        if taken is None:
            return False
        if taken.frame is not None:
            self._show(taken, taken.frame, now)
        elif self.layer is not None:
            self.frame = None
            self._empty(self.layer, taken)
            self._describe(self.layer, {})
        return True

    def check_contrast(self, now: float) -> bool:
        """Check whether to offer autoscale; return whether the check takes longer."""
        layer, continuous = self.layer, self.contrast.mode is Autoscale.CONTINUOUS
        if layer is None or layer.rgb or self.frame is None or not layer.visible or continuous:
            self.clipping.reset()  # napari draws colours without contrast limits
        else:
            news, self._checked = self.frame is not self._checked, self.frame
            self.clipping.follow(layer, self._pixels(layer), now, news=news)
        return self.clipping.waiting

    def autoscale_now(self, now: float) -> None:
        """Set the contrast limits from the frame on screen, or else from the next one."""
        self.contrast.rescale()
        self.clipping.reset()
        if self.layer is not None and self.frame is not None:
            self.contrast.follow(self.layer, self._pixels(self.layer), self.frame, now)

    def close(self) -> None:
        """Stop updating the layer; it stays as it is."""
        if self.layer is not None:
            self.layer.events.visible.disconnect(self._wake)
            self.layer.events.contrast_limits.disconnect(self._wake)
            self.layer = None

    def _is_too_soon(self, now: float) -> bool:
        """Return whether news should wait for a later tick."""
        return False

    @abstractmethod
    def _take(self, *, on_screen: bool) -> Taken | None:
        """Take what is new from the reader."""

    @abstractmethod
    def _set_data(self, layer: Image, taken: Taken, now: float) -> None:
        """Put new frames into the layer."""

    @abstractmethod
    def _empty(self, layer: Image, taken: Taken) -> None:
        """Take the frames out of the layer."""

    @abstractmethod
    def _pixels(self, layer: Image) -> NDArray[Any]:
        """Return the frame on the canvas, (Y, X) or (Y, X, 3)."""

    @abstractmethod
    def _forget(self) -> None:
        """Release the pixels of a deleted layer."""

    def _seen(self, taken: Taken, newest: Frame) -> Frame:
        """Return the frame that is on the canvas, of those in the layer."""
        return newest

    def _show(self, taken: Taken, frame: Frame, now: float) -> None:
        """Show the newest frame; make the layer if there is none for grey or colour frames."""
        pixels = taken.data[-1] if self.rank else taken.data
        was_active = False
        if self.layer is not None and self.layer.rgb != is_colour(pixels.shape):
            unfit = self.layer
            was_active = self._viewer.layers.selection.active is unfit
            self._let_go(unfit)
            self.contrast.restart()
            self._viewer.layers.remove(unfit)
        if self.layer is None:
            self.placement = placement_of(frame)
            layer = self._make(taken, pixels, frame)
            self._insert(layer)
            self.layer = layer
            if was_active:
                self._viewer.layers.selection.active = layer
        else:
            self._set_data(self.layer, taken, now)
            self.contrast.follow(self.layer, pixels, frame, now)
        self._match(self.layer, self._seen(taken, frame))

    def _make(self, taken: Taken, pixels: NDArray[Any], frame: Frame) -> Image:
        """Make the layer, with the settings of the one that was deleted."""
        layer = Image(
            taken.data,
            rgb=is_colour(pixels.shape),
            contrast_limits=self.contrast.start(pixels, frame),
            **self._settings,
            **self.placement.geometry(self.rank),
        )
        self.contrast.attach(layer)
        layer.events.visible.connect(self._wake)
        layer.events.contrast_limits.connect(self._wake)
        return layer

    def _match(self, layer: Image, frame: Frame) -> None:
        """Give the layer the place and metadata of the frame on the canvas."""
        self.frame = frame
        before, self.placement = self.placement, placement_of(frame)
        if self.placement != before:
            old = before.geometry(self.rank)
            for name, value in self.placement.geometry(self.rank).items():
                if value != old[name]:  # the rest stays as the user set it
                    setattr(layer, name, value)
        self._describe(layer, {"number": frame.number, "time": frame.timestamp, **frame.metadata})

    def _describe(self, layer: Image, values: dict[str, Any]) -> None:
        """Put `values` into the layer's metadata, beside those of others."""
        for name in self._described - values.keys():
            layer.metadata.pop(name, None)
        layer.metadata.update(values)
        self._described = set(values)

    def _insert(self, layer: Image) -> None:
        """Put a new layer into the viewer's list; keep the selection."""
        layers = self._viewer.layers
        active = layers.selection.active
        layers.insert(self._place_in_list(), layer)
        if active is not None:
            layers.selection.active = active

    def _place_in_list(self) -> int:
        """Return the index next to the layers of the same camera, or above those before it."""
        layers = self._viewer.layers
        places: dict[CacheLayer, int] = {
            each: layers.index(each.layer)
            for each in self._others
            if each.layer is not None and each.layer in layers
        }
        same = [each for each in places if each.key == self.key]
        below = [places[each] for each in same if each.rank <= self.rank]
        if below:
            return max(below) + 1
        after = same or [each for each in places if each.turn > self.turn]
        return min([places[each] for each in after] or [len(layers)])

    def notice_deletion(self) -> None:
        """Keep the settings of a layer that the user has deleted."""
        layer = self.layer
        if layer is not None and layer not in self._viewer.layers:
            self._let_go(layer)

    def _let_go(self, layer: Image) -> None:
        """Forget a layer; its settings are those of the next."""
        self._settings = {name: getattr(layer, name) for name in _SETTINGS}
        self.contrast.remember(layer)
        self.close()
        self._forget()


def look_of(layer: Image) -> dict[str, Any]:
    """Return the settings of how a layer is drawn, without its contrast."""
    return {name: getattr(layer, name) for name in _LOOK}
