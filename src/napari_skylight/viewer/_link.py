"""Takes frames from a session's caches to a viewer's layers."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from napari.utils.notifications import show_error

from napari_skylight._compat import main_window
from napari_skylight.viewer._canvas_text import CanvasText
from napari_skylight.viewer._clock import Clock
from napari_skylight.viewer._contrast import Autoscale
from napari_skylight.viewer._framing import Framing
from napari_skylight.viewer._live_layer import LiveLayer
from napari_skylight.viewer._rates import Rates
from napari_skylight.viewer._stack_layer import StackLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    import napari
    from napari.layers import Image
    from psygnal import SignalInstance

    from napari_skylight.frames import CacheStore, FrameCache, FrameReader, ReaderCounts
    from napari_skylight.viewer._layer import CacheLayer

__all__ = ["HasFrames", "ViewerLink"]

_log = logging.getLogger("napari_skylight")


class HasFrames(Protocol):
    """What a link needs of a session."""

    caches: CacheStore

    @property
    def state(self) -> Any:
        """Equal to "paused" while a run is paused."""
        ...

    @property
    def state_changed(self) -> SignalInstance:
        """Emitted when `state` has changed, on any thread."""
        ...


class ViewerLink:
    """Shows the frames of a session in a viewer: an image layer per cache and image key.

    Belongs to the GUI thread. It ends with `close`, or with the viewer's window; the layers stay.
    Several viewers may each have a link to one session.

    Parameters
    ----------
    viewer : napari.Viewer
    session : HasFrames

    Attributes
    ----------
    show_counts : bool
        Whether frame rates and counts of the live caches are written on the canvas.
    warn_saturated : bool
        Whether it is written on the canvas when pixels are as bright as the camera can tell. Both
        may be changed at any time, and hold from the next frame on.
    """

    def __init__(self, viewer: napari.Viewer, session: HasFrames) -> None:
        self.viewer = viewer
        self.session = session
        self.show_counts = False
        self.warn_saturated = True
        self._autoscale = Autoscale.ONCE
        self._readers: dict[str, FrameReader] = {}
        self._layers: dict[tuple[str, str], CacheLayer] = {}
        self._broken: set[tuple[str, str]] = set()
        self._framing = Framing(viewer)
        self._text = CanvasText(viewer)
        self._rates: dict[str, Rates] = {}
        self._clock = Clock(self._tick, self._arm)
        self._closed = False
        # Everything is looked up by the next tick; these only see to it that there is one.
        session.state_changed.connect(self._clock.wake)
        session.caches.added.connect(self._clock.wake)
        viewer.layers.events.removed.connect(self._clock.wake)
        viewer.dims.events.point.connect(self._clock.wake)
        window = main_window(viewer)
        if window is not None:
            window.destroyed.connect(self._clock.stop)
        self._clock.wake()

    @property
    def display_rate(self) -> float:
        """The most frames to show in a second; fewer when drawing is slow."""
        return self._clock.rate

    @display_rate.setter
    def display_rate(self, rate: float) -> None:
        if not rate > 0:
            raise ValueError(f"The display rate must be more than nothing, not {rate}.")
        self._clock.rate = float(rate)

    @property
    def autoscale(self) -> Autoscale:
        """When the contrast limits are set from the frames: once, continuous or off."""
        return self._autoscale

    @autoscale.setter
    def autoscale(self, mode: Autoscale | str) -> None:
        self._autoscale = Autoscale(mode)
        for layer in self._layers.values():
            layer.contrast.mode = self._autoscale

    def autoscale_now(self) -> None:
        """Set the contrast limits from the next frame of every layer, whatever the mode."""
        for layer in self._layers.values():
            layer.contrast.rescale()

    @property
    def shown(self) -> int:
        """Frames shown so far, of all caches."""
        return sum(reader.shown for reader in self._readers.values())

    @property
    def resting(self) -> bool:
        """Whether nothing has come for half a second, and no timer runs until something does."""
        return not self._clock.awake

    def layer(self, cache: FrameCache, key: str) -> Image | None:
        """Return the layer that shows the frames of `cache` under an image key, if there is one."""
        found = self._layers.get((cache.name, key))
        return None if found is None else found.layer

    def counts(self, cache: FrameCache) -> ReaderCounts:
        """Return what became of the frames of `cache` in this viewer."""
        reader = self._readers.get(cache.name)
        return (cache.reader() if reader is None else reader).counts()

    def close(self) -> None:
        """Stop showing frames and cut every connection; the layers stay as they are."""
        if self._closed:
            return
        self._closed = True
        open_still = not self._clock.stopped and main_window(self.viewer) is not None
        self._clock.stop()
        self.session.state_changed.disconnect(self._clock.wake)
        self.session.caches.added.disconnect(self._clock.wake)
        self.viewer.layers.events.removed.disconnect(self._clock.wake)
        self.viewer.dims.events.point.disconnect(self._clock.wake)
        for reader in self._readers.values():
            reader.cache.changed.disconnect(self._waker(reader.cache))
        for layer in self._layers.values():
            layer.close()
        self._layers.clear()
        if open_still:
            self._text.show("")

    def _waker(self, cache: FrameCache) -> Callable[[], None]:
        """Return what a change of `cache` calls: a snapshot should not wait for the next frame."""
        return self._clock.hurry if cache.kind == "stack" else self._clock.wake

    def _arm(self) -> None:
        for rates in self._rates.values():
            rates.rest()
        for reader in self._readers.values():
            reader.arm()

    def _tick(self) -> bool:
        """Show what is new, and return whether there was anything."""
        if main_window(self.viewer) is None:
            self.close()
            return False
        now = perf_counter()
        self._find_layers()
        news = [self._update(place, layer, now) for place, layer in self._layers.items()]
        live: dict[Hashable, LiveLayer] = {
            p: v for p, v in self._layers.items() if isinstance(v, LiveLayer)
        }
        self._framing.follow(live)
        self._text.show("\n".join(self._lines(live.values(), now)))
        return any(news)

    def _lines(self, live: Iterable[LiveLayer], now: float) -> list[str]:
        """Return what is to be written on the canvas."""
        lines = ["paused"] if self.session.state == "paused" else []
        if self.warn_saturated:
            lines += [f"{layer.name}: {layer.warning}" for layer in live if layer.warning]
        for name, rates in self._rates.items():
            if self.show_counts:
                rates.follow(now)
                if rates.text:
                    lines.append(f"{name}: {rates.text}")
        return lines

    def _update(self, place: tuple[str, str], layer: CacheLayer, now: float) -> bool:
        if place in self._broken:
            return False
        try:
            return layer.update(now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other layers must go on
            self._broken.add(place)
            _log.exception("Cannot show %r of %r any more", place[1], place[0])
            show_error(f"Cannot show '{place[0]}' any more: {error}")
            return False

    def _find_layers(self) -> None:
        """Look for caches and image keys that were not there before."""
        if len(self.session.caches) != len(self._readers):
            for cache in self.session.caches:
                if cache.name not in self._readers:
                    reader = self._readers[cache.name] = cache.reader()
                    cache.changed.connect(self._waker(cache))
                    reader.arm()
                    if cache.kind == "live":
                        self._rates[cache.title] = Rates(reader)
        for reader in self._readers.values():
            for key in reader.keys:
                if (reader.cache.name, key) not in self._layers:
                    self._layers[reader.cache.name, key] = self._new_layer(reader, key)

    def _new_layer(self, reader: FrameReader, key: str) -> CacheLayer:
        title = reader.cache.title
        name = title if key == reader.keys[0] else f"{title} · {key}"
        kind = LiveLayer if reader.cache.kind == "live" else StackLayer
        layer = kind(self.viewer, reader, key, name, self._clock.wake)
        layer.contrast.mode = self._autoscale
        for other in self._layers.values():
            if other.key == key and kind is StackLayer and isinstance(other, LiveLayer):
                layer.look_like(other)
        return layer
