"""Takes frames from a session's caches to a viewer's layers."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_skylight._compat import main_window, show_error
from napari_skylight.frames import ChannelColours
from napari_skylight.session import Tally
from napari_skylight.viewer._arrangement import Arrangement
from napari_skylight.viewer._canvas_text import AutoscaleOffer, CanvasText, Counts
from napari_skylight.viewer._clock import Clock
from napari_skylight.viewer._contrast import Autoscale
from napari_skylight.viewer._deleted_layers import DeletedLayers, start_of
from napari_skylight.viewer._layer_kinds import LiveLayer, StackLayer
from napari_skylight.viewer._recording_text import RecordingText

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import napari
    from napari.layers import Image
    from psygnal import SignalInstance

    from napari_skylight.frames import CacheStore, FrameCache, FrameReader, ReaderCounts
    from napari_skylight.recording import Recordings
    from napari_skylight.viewer._layer import CacheLayer

_log = logging.getLogger("napari_skylight")


class HasFrames(Protocol):
    """The part of a session that a link needs."""

    caches: CacheStore
    recordings: Recordings

    @property
    def state(self) -> Any:
        """The name of a `SessionState`: "idle", "failed", "paused", "stopping" matter here."""

    @property
    def state_changed(self) -> SignalInstance:
        """Emitted after a change of `state`, on any thread."""

    @property
    def run(self) -> Any:
        """The `RunInfo` of the run under way, or of the last one, or None."""

    @property
    def microscope_changed(self) -> SignalInstance:
        """Emitted after a microscope was opened or closed, on any thread."""


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
        self._layers: dict[tuple[str, str], CacheLayer] = {}  # by cache and image key
        self._broken: set[CacheLayer] = set()
        self._run_started = start_of(session.run)
        self._microscope_changed = False
        self._another_microscope = False  # and no frame of it has come yet
        self._deleted = DeletedLayers(session)
        self._just_deleted: list[CacheLayer] = []
        self._colours = ChannelColours()
        self._arrangement = Arrangement(viewer)
        self._text = CanvasText(viewer)
        self._offer = AutoscaleOffer(viewer, self.autoscale_now)
        self._recording = RecordingText(viewer)
        self._counts = Counts()
        self._clock = Clock(self._tick, self._arm)
        self._closed = False
        self._connections: list[tuple[Any, Callable[..., None]]] = []
        # These only cause the next tick, which finds out what has changed.
        self._connect(session.state_changed, self._clock.wake)
        self._connect(session.microscope_changed, self._on_microscope_changed)
        self._connect(session.caches.added, self._clock.wake)
        self._connect(session.recordings.changed, self._clock.wake)
        self._connect(viewer.layers.events.removed, self._on_layer_removed)
        self._connect(viewer.dims.events.point, self._clock.wake)
        self._connect(viewer.canvas.events.size, self._clock.wake)
        self._connect(viewer.events.status, self._clock.share_paint)  # the value under the cursor
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
    def skipped(self) -> int:
        """The number of frames of live caches that were not shown since the run began."""
        return self._counts.skipped

    @property
    def resting(self) -> bool:
        """Whether nothing has come for half a second; no timer runs until something does."""
        return not self._clock.awake

    def layer(self, cache: FrameCache, key: str) -> Image | None:
        """Return the layer that shows the frames of `cache` under an image key, if any."""
        return getattr(self._layers.get((cache.name, key)), "layer", None)

    def counts(self, cache: FrameCache) -> ReaderCounts:
        """Return the counts of the frames of `cache` in this viewer."""
        return (self._readers.get(cache.name) or cache.reader()).counts()

    def close(self) -> None:
        """Stop showing frames and disconnect everything; the layers stay as they are."""
        if self._closed:
            return
        self._closed = True
        open_still = not self._clock.stopped and main_window(self.viewer) is not None
        if main_window(self.viewer) is None:  # napari removes the layers of a viewer it closes
            for layer in self._just_deleted:
                self._deleted.discard(layer)
        self._clock.stop()
        for signal, slot in self._connections:
            signal.disconnect(slot)
        self._connections.clear()
        for layer in self._layers.values():
            layer.close()
        self._layers.clear()
        if open_still:
            if self._canvas is not None:
                self._canvas.frameSwapped.disconnect(self._clock.note_swapped)
            self._text.show("")
            self._offer.show("")
            self._recording.show(())

    def _connect(self, signal: Any, slot: Callable[..., None]) -> None:
        signal.connect(slot)
        self._connections.append((signal, slot))

    def _arm(self) -> None:
        self._counts.rest()
        for reader in self._readers.values():
            reader.arm()

    def _on_layer_removed(self, event: Any) -> None:
        for layer in self._layers.values():
            if layer.layer is event.value:
                self._deleted.add(layer)
                self._just_deleted.append(layer)
        self._clock.wake()

    def _on_microscope_changed(self) -> None:
        self._microscope_changed = True
        self._clock.wake()

    def _tick(self) -> bool:
        """Show what is new; return whether there was anything, or will be soon."""
        if main_window(self.viewer) is None:
            self.close()
            return False
        self._deleted.say_what_is_kept(self._just_deleted)
        self._just_deleted.clear()
        now = perf_counter()
        changed, self._microscope_changed = self._microscope_changed, False
        self._another_microscope |= changed
        run_started = start_of(self.session.run)
        another_run = run_started != self._run_started
        if another_run:
            self._run_started = run_started
            self._broken.clear()
            self._arrangement.begin_run()
        self._find_layers()
        self._counts.count(another_run=another_run)
        self._arrangement.slider.look()
        layers = list(self._layers.values())
        live = [each for each in layers if isinstance(each, LiveLayer)]
        stacks = [each for each in layers if isinstance(each, StackLayer)]
        for layer in layers:
            layer.count(restart=another_run or changed)
        if self._another_microscope and any(each.came for each in live):
            self._another_microscope = False
            self._arrangement.begin_microscope()
            for layer in layers:
                layer.contrast.restart()
        news = [self._update(layer, now) for layer in layers]
        self._arrangement.follow(live, stacks, now)
        self._text.show("\n".join(self._lines(live, now)))
        self._recording.show(self.session.recordings.last, self._run_started or 0.0)
        checks = [layer.check_contrast(now) for layer in layers]
        self._offer.follow(layers, self.autoscale_keys)
        return any(news) or any(checks) or self._arrangement.waiting

    def _lines(self, live: Collection[LiveLayer], now: float) -> list[str]:
        state, hint = self.session.state, self._arrangement.visibility.hint
        lines = ["paused"] if state == "paused" else []
        lines += [hint] if state == "running" and hint else []
        if self.warn_saturated:
            lines += [f"{each.name}: {each.warning}" for each in live if each.warning]
        if self.show_counts:
            tally = Tally.of_run(self.session.run, self.session.caches)
            lines += self._counts.lines(tally, live, now)
        return lines

    def _update(self, layer: CacheLayer, now: float) -> bool:
        if layer in self._broken and not layer.was_reset:
            return False
        self._broken.discard(layer)
        try:
            layer.notice_deletion()
            held_back = layer.layer is None and self._deleted.hold_back(layer)
            return not held_back and layer.update(now)
        except Exception as error:  # noqa: BLE001 - the other layers must go on, whatever it is
            self._broken.add(layer)
            _log.exception("Cannot show %r of %r any more", layer.key, layer.reader.cache.name)
            show_error(
                f"Cannot show '{layer.name}' any more: {error}. Its frames are still kept. "
                "To try again, delete the layer or start the plan again."
            )
            return False

    def _find_layers(self) -> None:
        for cache in self.session.caches:
            if cache.name not in self._readers:
                reader = self._readers[cache.name] = cache.reader()
                if cache.kind == "live":
                    self._counts.add(reader)
                    self._connect(cache.changed, self._clock.wake)
                else:  # snapshots do not wait for the next frame
                    self._connect(cache.changed, self._clock.hurry)
                reader.arm()
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
        live = reader.cache.kind == "live"
        layer = LiveLayer(*given) if live else StackLayer(self._arrangement.slider, *given)
        layer.contrast.mode = self._autoscale
        return layer
