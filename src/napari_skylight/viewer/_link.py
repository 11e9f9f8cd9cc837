"""Takes frames from a session's caches to a viewer's layers."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any

from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_skylight._compat import main_window, show_error
from napari_skylight.viewer._arrangement import Arrangement
from napari_skylight.viewer._canvas_text import AutoscaleOffer, CanvasText, Rates
from napari_skylight.viewer._clock import Clock
from napari_skylight.viewer._contrast import Autoscale
from napari_skylight.viewer._deleted_layers import DeletedLayers, start_of
from napari_skylight.viewer._layer_kinds import LiveLayer, StackLayer
from napari_skylight.viewer._metadata import ChannelColours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import napari
    from napari.layers import Image

    from napari_skylight.frames import FrameCache, FrameReader, ReaderCounts
    from napari_skylight.viewer._has_frames import HasFrames
    from napari_skylight.viewer._layer import CacheLayer

Place = tuple[str, str]  # the name of a cache, and an image key in it

_log = logging.getLogger("napari_skylight")


class ViewerLink:
    """Shows the frames of a session in a viewer: an image layer per cache and image key.

    For the GUI thread only. It ends with `close` or with the viewer's window; the layers stay.
    Several viewers may each have a link to one session.

    Parameters
    ----------
    viewer : napari.Viewer
    session : HasFrames

    Attributes
    ----------
    show_counts : bool
        Whether to write frame rates and counts of the live caches on the canvas.
    warn_saturated : bool
        Whether to write on the canvas that pixels are saturated. Both take effect with the next
        frame.
    autoscale_keys : str
        The keys that call `autoscale_now`, named when autoscale is offered; empty for none.
    """

    def __init__(self, viewer: napari.Viewer, session: HasFrames) -> None:
        self.viewer = viewer
        self.session = session
        self.show_counts = False
        self.warn_saturated = True
        self.autoscale_keys = ""
        self._autoscale = Autoscale.ONCE
        self._readers: dict[str, FrameReader] = {}
        self._layers: dict[Place, CacheLayer] = {}
        self._broken: set[Place] = set()
        self._run_started = start_of(session.run)
        self._microscope_changed = False
        self._another_microscope = False  # and no frame of it has come yet
        self._deleted = DeletedLayers(session)
        self._just_deleted: list[Place] = []
        self._colours = ChannelColours()
        self._arrangement = Arrangement(viewer)
        self._text = CanvasText(viewer)
        self._offer = AutoscaleOffer(viewer, self.autoscale_now)
        self._rates: dict[str, Rates] = {}
        self._clock = Clock(self._tick, self._arm)
        self._closed = False
        # These only cause the next tick, which finds out what has changed.
        session.state_changed.connect(self._clock.wake)
        session.microscope_changed.connect(self._on_microscope_changed)
        session.caches.added.connect(self._clock.wake)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        viewer.dims.events.point.connect(self._clock.wake)
        viewer.events.status.connect(self._clock.share_paint)  # the value under the cursor
        window = main_window(viewer)
        if window is not None:
            window.destroyed.connect(self._clock.stop)
        self._canvas = None if window is None else window.findChild(QOpenGLWidget)
        if self._canvas is not None:
            self._canvas.frameSwapped.connect(self._clock.note_swapped)
        self._clock.wake()

    @property
    def display_rate(self) -> float:
        """The highest number of frames to show per second; fewer if drawing is slow."""
        return self._clock.rate

    @display_rate.setter
    def display_rate(self, rate: float) -> None:
        if not rate > 0:
            raise ValueError(f"The display rate must be above 0, not {rate}.")
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
        self._clock.wake()

    def autoscale_now(self) -> None:
        """Set the contrast limits of every layer from the frame on screen, in any mode."""
        for layer in self._layers.values():
            layer.autoscale_now(perf_counter())
        self._offer.show("")
        self._clock.wake()

    @property
    def shown(self) -> int:
        """The number of frames shown so far, of all caches."""
        return sum(reader.shown for reader in self._readers.values())

    @property
    def resting(self) -> bool:
        """Whether nothing has come for half a second; no timer runs until something does."""
        return not self._clock.awake

    def layer(self, cache: FrameCache, key: str) -> Image | None:
        """Return the layer that shows the frames of `cache` under an image key, if any."""
        found = self._layers.get((cache.name, key))
        return None if found is None else found.layer

    def counts(self, cache: FrameCache) -> ReaderCounts:
        """Return the counts of the frames of `cache` in this viewer."""
        reader = self._readers.get(cache.name)
        return (cache.reader() if reader is None else reader).counts()

    def close(self) -> None:
        """Stop showing frames and disconnect everything; the layers stay as they are."""
        if self._closed:
            return
        self._closed = True
        open_still = not self._clock.stopped and main_window(self.viewer) is not None
        if main_window(self.viewer) is None:  # napari removes the layers of a viewer it closes
            for name, key in self._just_deleted:
                self._deleted.discard(self._readers[name], key)
        self._clock.stop()
        self.session.state_changed.disconnect(self._clock.wake)
        self.session.microscope_changed.disconnect(self._on_microscope_changed)
        self.session.caches.added.disconnect(self._clock.wake)
        self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.viewer.dims.events.point.disconnect(self._clock.wake)
        self.viewer.events.status.disconnect(self._clock.share_paint)
        for reader in self._readers.values():
            reader.cache.changed.disconnect(self._waker(reader.cache))
        for layer in self._layers.values():
            layer.close()
        self._layers.clear()
        if open_still:
            if self._canvas is not None:
                self._canvas.frameSwapped.disconnect(self._clock.note_swapped)
            self._text.show("")
            self._offer.show("")

    def _waker(self, cache: FrameCache) -> Callable[[], None]:
        """Return the slot for a change of `cache`: snapshots do not wait for the next frame."""
        return self._clock.hurry if cache.kind == "stack" else self._clock.wake

    def _arm(self) -> None:
        for rates in self._rates.values():
            rates.rest()
        for reader in self._readers.values():
            reader.arm()

    def _on_layer_removed(self, event: Any) -> None:
        for (name, key), layer in self._layers.items():
            if layer.layer is event.value:
                self._deleted.add(self._readers[name], key)
                self._just_deleted.append((name, key))
        self._clock.wake()

    def _on_microscope_changed(self) -> None:
        self._microscope_changed = True
        self._clock.wake()

    def _tick(self) -> bool:
        """Show what is new; return whether there was anything, or will be soon."""
        if main_window(self.viewer) is None:
            self.close()
            return False
        self._just_deleted.clear()
        now = perf_counter()
        changed = self._microscope_changed  # now or at the next tick, when the signal comes
        if changed:
            self._microscope_changed, self._another_microscope = False, True
        another_run = self._notice_run()
        self._find_layers()
        self._arrangement.slider.look()
        for layer in self._layers.values():
            layer.count(restart=another_run or changed)
        self._notice_microscope()
        news = [self._update(place, layer, now) for place, layer in self._layers.items()]
        live = {p: each for p, each in self._layers.items() if isinstance(each, LiveLayer)}
        stacks = [each for each in self._layers.values() if isinstance(each, StackLayer)]
        self._arrangement.follow(live, stacks, now)
        self._text.show("\n".join(self._lines(live, now)))
        checks = [layer.check_contrast(now) for layer in self._layers.values()]
        self._offer.show(self._offered())
        return any(news) or any(checks) or self._arrangement.waiting

    def _notice_run(self) -> bool:
        """Return whether another run has begun since the last time."""
        started = start_of(self.session.run)
        if started == self._run_started:
            return False
        self._run_started = started
        self._broken.clear()
        self._arrangement.begin_run()
        return True

    def _notice_microscope(self) -> None:
        """Treat the first frame of another microscope as the first of all."""
        live = [each for each in self._layers.values() if isinstance(each, LiveLayer)]
        if self._another_microscope and any(each.came for each in live):
            self._another_microscope = False
            self._arrangement.begin_microscope()
            for layer in self._layers.values():
                layer.contrast.restart()

    def _lines(self, live: Mapping[Place, LiveLayer], now: float) -> list[str]:
        """Return the lines to write on the canvas."""
        lines = ["paused"] if self.session.state == "paused" else []
        if self.session.state == "running" and self._arrangement.hint:
            lines.append(self._arrangement.hint)
        if self.warn_saturated:
            lines += [f"{each.name}: {each.warning}" for each in live.values() if each.warning]
        if self.show_counts:
            for name, rates in self._rates.items():
                exposures = [each.exposure for (cache, _), each in live.items() if cache == name]
                rates.follow(now, next(iter(exposures), None))
                if rates.text:
                    lines.append(rates.text)
        return lines

    def _offered(self) -> str:
        """Return the text that offers autoscale, or an empty one."""
        found = [each for each in self._layers.values() if each.clipping.colour]
        if not found:
            return ""
        keys = f" or press {self.autoscale_keys}" if self.autoscale_keys else ""
        about = f"Much of '{found[0].name}' is {found[0].clipping.colour}."
        return f"{about}\nAutoscale: click here{keys}"

    def _update(self, place: Place, layer: CacheLayer, now: float) -> bool:
        if place in self._broken:
            if not layer.was_reset:
                return False
            self._broken.discard(place)
        name, key = place
        try:
            layer.notice_deletion()
            if layer.layer is None:
                if self._deleted.hold_back(self._readers[name], key):
                    return False
                self._deleted.discard(self._readers[name], key)
            return layer.update(now)
        except Exception as error:  # noqa: BLE001 - the other layers must go on, whatever it is
            self._broken.add(place)
            _log.exception("Cannot show %r of %r any more", place[1], place[0])
            show_error(
                f"Cannot show '{layer.name}' any more: {error}. Its frames are still kept. "
                "To try again, delete the layer or start the plan again."
            )
            return False

    def _find_layers(self) -> None:
        """Find new caches and image keys."""
        if len(self.session.caches) != len(self._readers):
            for cache in self.session.caches:
                if cache.name not in self._readers:
                    reader = self._readers[cache.name] = cache.reader()
                    cache.changed.connect(self._waker(cache))
                    reader.arm()
                    if cache.kind == "live":
                        self._rates[cache.name] = Rates(reader)
        for reader in self._readers.values():
            for key in reader.keys:
                if (reader.cache.name, key) not in self._layers:
                    self._layers[reader.cache.name, key] = self._new_layer(reader, key)

    def _new_layer(self, reader: FrameReader, key: str) -> CacheLayer:
        title, channel = reader.cache.title, reader.cache.channel
        settings = {"name": title if key == reader.keys[0] else f"{title} · {key}"}
        if channel:
            settings |= {"colormap": self._colours.colormap(channel), "blending": "additive"}
        turn = list(self._readers).index(reader.cache.name)
        given = self.viewer, reader, key, turn, settings, self._clock.wake, self._layers.values()
        if reader.cache.kind == "live":
            layer: CacheLayer = LiveLayer(*given)
        else:
            layer = StackLayer(self._arrangement.slider, *given)
            for other in self._layers.values():
                if (other.key, other.channel, other.rank) == (key, channel, LiveLayer.rank):
                    layer.look_like(other)
        layer.contrast.mode = self._autoscale
        return layer
