import gc
import weakref

import pytest
from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, Qt, Signal
from qtpy.QtGui import QMouseEvent, QResizeEvent, QWheelEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_skylight.viewer import _clock
from napari_skylight.viewer._clock import Clock


class FakeTimer(QObject):
    """A timer of fake time: `Time.run` fires the one that is due first."""

    timeout = Signal()
    all = []

    def __init__(self, parent):
        super().__init__(parent)
        self.due = None
        FakeTimer.all.append(self)

    def setSingleShot(self, single): ...
    def setTimerType(self, kind): ...
    def isActive(self):
        return self.due is not None

    def start(self, ms):
        self.due = _clock.perf_counter() + ms / 1000

    def stop(self):
        self.due = None


class Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def run(self, seconds):
        """Fire timers until so much fake time has passed."""
        end = self.now + seconds
        while active := [timer for timer in FakeTimer.all if timer.isActive()]:
            timer = min(active, key=lambda timer: timer.due)
            if timer.due > end:
                break
            self.now = max(self.now, timer.due)
            timer.stop()
            timer.timeout.emit()
        self.now = max(self.now, end)


@pytest.fixture
def time(monkeypatch):
    FakeTimer.all = []
    monkeypatch.setattr(_clock, "perf_counter", fake := Time())
    monkeypatch.setattr(_clock, "QTimer", FakeTimer)
    return fake


class Display:
    """Frames that take 20 ms of the GUI's time each, as long as there are `news`."""

    def __init__(self, time):
        self.time, self.news, self.frames = time, True, 0
        self.clock = Clock(self.tick, lambda: None)

    def tick(self):
        if self.news:
            self.time.now += 0.02
            self.frames += 1
        return self.news

    def share(self, seconds):
        """Return the share of the next seconds that is spent on frames."""
        frames, began = self.frames, self.time.now
        self.time.run(seconds)
        return 0.02 * (self.frames - frames) / (self.time.now - began)


@pytest.fixture
def display(qapp, time):
    display = Display(time)
    display.clock.wake()
    qapp.processEvents()
    time.run(2)
    yield display
    display.clock.stop()


def mouse(kind=QEvent.Type.MouseMove):
    none = Qt.MouseButton.NoButton
    at = QPointF(1, 1)
    return QMouseEvent(kind, at, at, none, none, Qt.KeyboardModifier.NoModifier)


@pytest.fixture
def widget(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def test_display_takes_85_percent_of_an_idle_gui(display):
    assert display.share(10) == pytest.approx(0.85, abs=0.03)


def test_display_takes_half_from_the_first_frame_after_input_until_300_ms_after(
    display, widget, qapp
):
    assert display.share(1) > 0.8
    qapp.sendEvent(widget, mouse())
    frames = display.frames
    display.time.run(0.03)  # the frame that was due
    assert display.frames == frames + 1
    assert display.share(0.24) == pytest.approx(0.5, abs=0.1)
    display.time.run(0.07)
    assert display.share(5) == pytest.approx(0.85, abs=0.03)


def test_display_keeps_to_half_while_the_mouse_moves(display, widget, qapp):
    shares = []
    for _ in range(40):
        qapp.sendEvent(widget, mouse())
        shares.append(display.share(0.1))
    assert sum(shares[1:]) / 39 == pytest.approx(0.5, abs=0.05)


def test_a_frame_joins_a_paint_that_input_causes(display, widget, qapp):
    frames, began = display.frames, display.time.now
    for _ in range(300):
        qapp.sendEvent(widget, mouse())
        display.time.run(0.005)
        display.clock.share_paint()
    share = 0.02 * (display.frames - frames) / (display.time.now - began)
    assert 0.6 < share <= 0.86


def test_a_paint_without_input_brings_no_frame(display):
    assert display.share(1) == pytest.approx(0.85, abs=0.05)
    frames = display.frames
    for _ in range(20):
        display.clock.share_paint()
    assert display.frames == frames


def test_input_handled_after_the_canvas_is_on_screen_counts_as_pause(display, widget, qapp):
    def tick():
        display.time.now += 0.02
        display.clock.note_swapped()
        display.time.now += 0.01  # the user's
        display.frames += 1
        qapp.sendEvent(widget, mouse())
        return True

    display.clock._tick = tick
    display.time.run(2)
    assert display.clock.busy == pytest.approx(0.02, abs=0.001)
    assert display.share(5) == pytest.approx(0.5, abs=0.04)


def test_each_kind_of_input_counts(display, widget, qtbot, qapp):
    window = widget
    window.show()
    qtbot.waitExposed(window)

    def send_wheel():
        at = QPointF(1, 1)
        none, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
        keys = Qt.KeyboardModifier.NoModifier
        qapp.sendEvent(
            widget, QWheelEvent(at, at, QPoint(), QPoint(0, 120), none, keys, phase, False)
        )

    def resize():
        handle = window.windowHandle()
        qapp.sendEvent(handle, QResizeEvent(handle.size(), handle.size()))

    for give_input in (
        lambda: qapp.sendEvent(widget, mouse()),
        lambda: qtbot.mouseClick(widget, Qt.MouseButton.LeftButton),
        lambda: qtbot.keyClick(widget, Qt.Key.Key_A),
        send_wheel,
        resize,
    ):
        display.time.now += 0.31
        assert display.clock.share == 0.85
        give_input()
        assert display.clock.share == 0.5


def test_what_is_not_input_leaves_the_share(display, widget, qapp):
    display.time.now += 0.31
    qapp.sendEvent(widget, QResizeEvent(widget.size(), widget.size()))  # a layout did that
    qapp.sendEvent(widget, QEvent(QEvent.Type.UpdateRequest))
    assert display.clock.share == 0.85


def test_a_stopped_clock_hears_no_input_and_runs_no_timer(display, widget, qapp):
    display.clock.stop()
    display.time.now += 0.31
    qapp.sendEvent(widget, mouse())
    assert display.clock.share == 0.85
    assert not any(timer.isActive() for timer in FakeTimer.all)
    display.clock.stop()


def test_the_clock_rests_without_news(display):
    display.news = False
    display.time.run(1)
    assert not display.clock.awake
    assert not any(timer.isActive() for timer in FakeTimer.all)


def test_a_stopped_clock_is_freed(qapp):
    clock = Clock(lambda: False, lambda: None)
    clock.stop()
    ref = weakref.ref(clock)
    del clock
    gc.collect()
    assert ref() is None


def test_frames_go_on_after_input_with_a_real_timer(qapp, qtbot, widget):
    frames = []
    clock = Clock(lambda: not frames.append(1), lambda: None)
    try:
        clock.wake()
        QApplication.sendEvent(widget, mouse())
        qtbot.waitUntil(lambda: len(frames) > 5, timeout=5000)
    finally:
        clock.stop()
    assert not clock.awake
