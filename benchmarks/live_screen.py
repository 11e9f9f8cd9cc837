"""A napari window that watches itself, a camera, and three ways to show its frames."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from typing import Any

import napari
import numpy as np
from OpenGL import GL
from psygnal import Signal
from qtpy.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from qtpy.QtCore import Signal as QtSignal
from qtpy.QtOpenGLWidgets import QOpenGLWidget

from napari_skylight.frames import CacheStore
from napari_skylight.recording import Recordings
from napari_skylight.viewer import ViewerLink


def spin(seconds: float) -> None:
    """Let Qt run."""
    loop = QEventLoop()
    QTimer.singleShot(round(seconds * 1000), Qt.TimerType.PreciseTimer, loop.quit)
    loop.exec()


def spin_until(condition: Any, timeout: float = 60.0) -> None:
    end = perf_counter() + timeout
    while not condition():
        if perf_counter() > end:
            raise TimeoutError("what was waited for did not happen")
        spin(0.01)


def some_frames(size: int, number: int = 8) -> list[np.ndarray]:
    """Return frames with noise, (size, size) uint16."""
    rng = np.random.default_rng(0)
    first = rng.poisson(200, (size, size)).astype(np.uint16)
    return [np.roll(first, 17 * n) for n in range(number)]


# -- what shows the frames


class TimerWay:
    """A timer looks for the latest frame and sets it as the layer's data."""

    name = "timer"
    period_ms = 33

    def __init__(self, viewer: napari.Viewer) -> None:
        self.viewer = viewer
        self.stamp = 0.0  # of the frame in the layer
        self.shown = 0
        self.times: list[float] = []  # of the GUI thread, s of CPU, for each frame
        self._layer: Any = None
        self._latest: tuple[np.ndarray, float] | None = None
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_timeout)
        self._timer.start(self.period_ms)

    def offer(self, frame: np.ndarray, stamp: float) -> None:
        self._latest = frame, stamp

    def _on_timeout(self) -> None:
        latest, self._latest = self._latest, None
        if latest is not None:
            self.show(*latest)

    def show(self, frame: np.ndarray, stamp: float) -> None:
        began = thread_time()
        if self._layer is None:
            self._layer = self.viewer.add_image(frame, rgb=False)
        else:
            self._layer.data = frame
            self.times.append(thread_time() - began)
        self.stamp = stamp
        self.shown += 1

    def close(self) -> None:
        self._timer.stop()


class SignalWay(QObject):
    """Each frame is a queued Qt signal, whose slot sets it as the layer's data."""

    name = "signal"
    _arrived = QtSignal(object, float)

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        self._shower = TimerWay(viewer)
        self._shower.close()
        self._arrived.connect(self._shower.show, Qt.ConnectionType.QueuedConnection)

    @property
    def stamp(self) -> float:
        return self._shower.stamp

    @property
    def shown(self) -> int:
        return self._shower.shown

    @property
    def times(self) -> list[float]:
        return self._shower.times

    def offer(self, frame: np.ndarray, stamp: float) -> None:
        self._arrived.emit(frame, stamp)

    def close(self) -> None:
        self._arrived.disconnect()


class FramesOnly:
    """What a link needs of a session."""

    state_changed = Signal(str)
    microscope_changed = Signal()
    state = "running"
    run = None
    name = "camera"

    def __init__(self) -> None:
        self.caches = CacheStore(stack_bytes=1_500_000_000)
        self.recordings = Recordings()


class TimedLink(ViewerLink):
    """Notes what each of its turns that showed a frame took of the GUI thread, s of CPU."""

    def __init__(self, *args: Any) -> None:
        self.times: list[float] = []
        super().__init__(*args)

    def _tick(self) -> bool:
        shown, began = self.shown, thread_time()
        news = super()._tick()
        if self.shown > shown:
            self.times.append(thread_time() - began)
        return news


class OurWay:
    """A frame cache and a viewer link."""

    name = "ours"

    def __init__(self, viewer: napari.Viewer) -> None:
        session = FramesOnly()
        self.cache = session.caches.live(session)
        self.stack = session.caches.stack(session)
        self.link = TimedLink(viewer, session)
        self._layers = viewer.layers

    def offer(self, frame: np.ndarray, stamp: float) -> None:
        self.cache.stash({"camera": {"value": frame, "timestamp": stamp}})

    @property
    def times(self) -> list[float]:
        return self.link.times

    @property
    def shown(self) -> int:
        return self.link.shown

    @property
    def stamp(self) -> float:
        return self._layers["camera"].metadata["time"] if "camera" in self._layers else 0.0

    def close(self) -> None:
        self.link.close()
        self.cache.clear()


# -- what makes them


class Producer(threading.Thread):
    """Offers frames at a steady rate, on a thread of its own."""

    def __init__(self, way: Any, frames: list[np.ndarray], rate: float, number: int = 0) -> None:
        super().__init__(daemon=True)
        self.offered = 0
        self._way, self._frames, self._rate, self._number = way, frames, rate, number
        self._told_to_stop = threading.Event()
        self.start()

    def run(self) -> None:
        due = perf_counter()
        while not self._told_to_stop.is_set() and (not self._number or self.offered < self._number):
            self._way.offer(self._frames[self.offered % len(self._frames)], perf_counter())
            self.offered += 1
            due += 1 / self._rate
            time.sleep(max(0.0, due - perf_counter()))

    def stop(self) -> None:
        self._told_to_stop.set()
        self.join()


# -- what watches


@dataclass
class Seen:
    """What was seen of the GUI thread for a while."""

    seconds: float
    gaps: list[float] = field(default_factory=list)  # s between turns of the event loop
    ages: list[float] = field(default_factory=list)  # s from a frame's time stamp to its painting
    paints: int = 0
    painting: list[float] = field(default_factory=list)  # s from Qt's paint event to the screen
    times: list[float] = field(default_factory=list)  # s to hand a frame over to the layer
    cpu: float = 0.0  # s of the GUI thread, drawing included

    def gap(self, percentile: float) -> float:
        return float(np.percentile(self.gaps, percentile))


class PaintEvents(QObject):
    """Notes when Qt begins to paint a canvas."""

    def __init__(self, canvas: QObject) -> None:
        super().__init__()
        self.times: list[float] = []
        canvas.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint:
            self.times[:] = [perf_counter()]
        return False


class Screen:
    """A viewer on a window of 1200 × 740 pixels."""

    def __init__(self) -> None:
        self.viewer = napari.Viewer()
        window = self.viewer.window._qt_window
        window.resize(1200, 740)
        self.canvas = window.findChild(QOpenGLWidget)
        spin(1)

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.viewer.close()

    @property
    def renderer(self) -> str:
        self.canvas.makeCurrent()
        return GL.glGetString(GL.GL_RENDERER).decode()

    def empty(self) -> None:
        self.viewer.layers.clear()
        spin(0.2)

    def show(self, way_type: Any, frames: list[np.ndarray], rate: float, seconds: float) -> Seen:
        """Show frames, `rate` a second, one way; after a second, watch for so many seconds."""
        way = way_type(self.viewer)
        producer = Producer(way, frames, rate)
        spin(1)
        seen = self.watch(way, seconds)
        producer.stop()
        way.close()
        self.empty()
        return seen

    def watch(self, way: Any, seconds: float) -> Seen:
        seen = Seen(seconds)
        last = perf_counter()
        stamp = way.stamp
        first = len(way.times)

        def on_turn() -> None:
            nonlocal last
            now = perf_counter()
            seen.gaps.append(now - last)
            last = now

        def on_swapped() -> None:
            nonlocal stamp
            if begun.times:
                seen.painting.append(perf_counter() - begun.times.pop())
            if way.stamp != stamp:
                stamp = way.stamp
                seen.ages.append(perf_counter() - stamp)
                seen.paints += 1

        begun = PaintEvents(self.canvas)
        ticker = QTimer()
        ticker.setTimerType(Qt.TimerType.PreciseTimer)
        ticker.timeout.connect(on_turn)
        ticker.start(1)
        self.canvas.frameSwapped.connect(on_swapped)
        cpu = thread_time()
        spin(seconds)
        seen.cpu = thread_time() - cpu
        ticker.stop()
        self.canvas.removeEventFilter(begun)
        self.canvas.frameSwapped.disconnect(on_swapped)
        seen.times = way.times[first:]
        return seen
