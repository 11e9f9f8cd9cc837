"""One image layer that shows what a cache keeps under one image key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_skylight.viewer._contrast import Contrast
from napari_skylight.viewer._placement import Placement, placement_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame, FrameReader, Taken

__all__ = ["CacheLayer"]

_LOOK = ("colormap", "gamma", "interpolation2d")
_SETTINGS = (*_LOOK, "name", "opacity", "blending", "visible")


class CacheLayer(ABC):
    """Keeps one layer up to date; it is made with the first frame, and anew after it was deleted.

    Parameters
    ----------
    viewer : napari.Viewer
    reader : FrameReader
        Where the frames come from; used by this viewer alone.
    key : str
        The image key.
    name : str
        What the layer is called, until the person calls it something else.
    wake : callable
        To be called when the layer becomes visible.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        reader: FrameReader,
        key: str,
        name: str,
        wake: Callable[[], None],
    ) -> None:
        self.key = key
        self.layer: Image | None = None
        self.contrast = Contrast()
        self.placement = Placement()
        self._viewer = viewer
        self._reader = reader
        self._wake = wake
        self._settings: dict[str, Any] = {"name": name}
        self._described: set[str] = set()

    @property
    def name(self) -> str:
        """What the layer is called."""
        return str(self._settings["name"] if self.layer is None else self.layer.name)

    def look_like(self, other: CacheLayer) -> None:
        """Start with the colours and the contrast of another layer."""
        if other.layer is not None:
            self._settings |= {name: getattr(other.layer, name) for name in _LOOK}
            self.contrast.look_like(other.contrast, other.layer)

    def update(self, now: float) -> bool:
        """Show what is new, and return whether there was anything, or will be soon.

        Parameters
        ----------
        now : float
            In seconds, as `time.perf_counter` counts them.
        """
        self._notice_deletion()
        hidden = self.layer is not None and not self.layer.visible
        if hidden and not self._reader.was_cleared(self.key):
            return False  # what is new waits until the layer is shown
        if not self._reader.has_news(self.key):
            return False
        if self._is_too_soon(now):
            return True
        taken = self._take(on_screen=not hidden)
        if taken is None:
            return False
        if taken.frame is not None:
            self._show(taken, taken.frame, now)
        elif self.layer is not None:
            self._empty(self.layer, taken)
            self._describe(self.layer, {})
        return True

    def close(self) -> None:
        """Leave the layer to the person, as it is."""
        if self.layer is not None:
            self.layer.events.visible.disconnect(self._wake)
            self.layer = None

    @abstractmethod
    def _is_too_soon(self, now: float) -> bool:
        """Return whether what is new had better wait for a later tick."""

    @abstractmethod
    def _take(self, *, on_screen: bool) -> Taken | None:
        """Take what is new."""

    @abstractmethod
    def _insert(self, layer: Image) -> None:
        """Put a new layer into the viewer's list."""

    @abstractmethod
    def _set_data(self, layer: Image, taken: Taken, now: float) -> None:
        """Put new frames into the layer."""

    @abstractmethod
    def _empty(self, layer: Image, taken: Taken) -> None:
        """Leave no frame in the layer."""

    @abstractmethod
    def _seen(self, taken: Taken, newest: Frame) -> Frame:
        """Return the frame that is on the canvas, of those in the layer."""

    @abstractmethod
    def _geometry(self) -> dict[str, Any]:
        """Return scale, translate and units of the layer, one value per axis."""

    def _show(self, taken: Taken, frame: Frame, now: float) -> None:
        """Show the newest frame, in a new layer if there is none."""
        pixels = taken.data if taken.data.ndim == 2 else taken.data[-1]
        if self.layer is None:
            self.placement = placement_of(frame)
            self.layer = self._make(taken, pixels, frame)
            self._insert(self.layer)
        else:
            self._set_data(self.layer, taken, now)
            self.contrast.follow(self.layer, pixels, frame, now)
        self._match(self.layer, self._seen(taken, frame))

    def _make(self, taken: Taken, pixels: NDArray[Any], frame: Frame) -> Image:
        """Make the layer, with the settings it had if there was one."""
        limits = self.contrast.start(pixels, frame)
        layer = Image(
            taken.data, rgb=False, contrast_limits=limits, **self._settings, **self._geometry()
        )
        self.contrast.attach(layer)
        layer.events.visible.connect(self._wake)
        return layer

    def _match(self, layer: Image, frame: Frame) -> None:
        """Place and describe the layer as the frame on the canvas is."""
        self._place(layer, placement_of(frame))
        self._describe(layer, {"number": frame.number, "time": frame.timestamp, **frame.metadata})

    def _place(self, layer: Image, placement: Placement) -> None:
        """Move the layer to where its frame is; what did not change stays as the person set it."""
        if placement == self.placement:
            return
        before, self.placement = self._geometry(), placement
        for name, value in self._geometry().items():
            if value != before[name]:
                setattr(layer, name, value)

    def _describe(self, layer: Image, values: dict[str, Any]) -> None:
        """Note `values` in the layer's metadata, beside what others have put there."""
        for name in self._described - values.keys():
            layer.metadata.pop(name, None)
        layer.metadata.update(values)
        self._described = set(values)

    def _notice_deletion(self) -> None:
        layer = self.layer
        if layer is not None and layer not in self._viewer.layers:
            self._settings = {name: getattr(layer, name) for name in _SETTINGS}
            self.contrast.remember(layer)
            self.close()
            self._forget()

    @abstractmethod
    def _forget(self) -> None:
        """Let go of the pixels of a layer that was deleted."""


def insert(viewer: napari.Viewer, index: int, layer: Image) -> None:
    """Put a layer into the viewer's list without taking the selection from another."""
    active = viewer.layers.selection.active
    viewer.layers.insert(index, layer)
    if active is not None:
        viewer.layers.selection.active = active
