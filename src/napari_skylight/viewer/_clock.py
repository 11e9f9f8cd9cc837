"""The pace of display: as often as asked, less often when drawing is slow, never without frames."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock"]

_PATIENCE = 0.5  # seconds without news after which the clock stops
_NEWEST_WEIGHT = 0.2  # of the newest measurement in the average time a frame takes
_IDLE_SHARE = 0.85  # of the GUI's time, while the user does nothing
_INPUT_SHARE = 0.5  # of the GUI's time, during input and shortly after
_INPUT_LASTS = 0.3  # seconds
_INPUT = frozenset(
    {
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.MouseButtonDblClick,
        QEvent.Type.Wheel,
        QEvent.Type.KeyPress,
        QEvent.Type.KeyRelease,
        QEvent.Type.TouchUpdate,
        QEvent.Type.TabletMove,
        QEvent.Type.NativeGesture,
    }
)


class Clock(QObject):
    """Calls `tick` on the GUI thread while there is news, at most `rate` times a second.

    After a tick with news, the clock waits until the canvas is on screen, measures how long both
    took, and leaves a pause in proportion: display takes at most 85 % of the GUI's time while the
    user is idle, and half of it from the first frame after an input event until 300 ms after the
    last. Input handled after the canvas is on screen counts as pause. `hurry` skips the pause. The
    clock stops after half a second without news, until `wake`.

    Parameters
    ----------
    tick : callable
        Does the work, and returns whether there was any.
    arm : callable
        Called before stopping: news from then on must call `wake`.
    """

    _woken = Signal()

    def __init__(self, tick: Callable[[], bool], arm: Callable[[], None]) -> None:
        super().__init__()
        self.rate = 65.0
        self.busy = 0.0  # seconds of GUI time a frame takes, averaged
        self._tick = tick
        self._arm = arm
        self._awake = False
        self._stopped = False
        self._hurried = False
        self._last_news = self._started = self._swapped = self._drawn = self._due = 0.0
        self._last_input = -_INPUT_LASTS
        self._beat_timer = self._timer(self._on_beat)
        self._drawn_timer = self._timer(self._on_drawn)  # at 0 ms: when Qt has nothing to draw
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)
        self._app = QCoreApplication.instance()
        if self._app is not None:
            self._app.installEventFilter(self)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(slot)
        return timer

    @property
    def awake(self) -> bool:
        """Whether it ticks."""
        return self._awake

    @property
    def stopped(self) -> bool:
        """Whether it will never tick again."""
        return self._stopped

    @property
    def share(self) -> float:
        """The most of the GUI's time that display takes now, 0 to 1."""
        since_input = perf_counter() - self._last_input
        return _INPUT_SHARE if since_input < _INPUT_LASTS else _IDLE_SHARE

    def wake(self) -> None:
        """Start ticking. Any thread may call it; while it ticks, that costs nothing."""
        if not self._awake and not self._stopped:
            self._awake = True
            self._woken.emit()

    def hurry(self) -> None:
        """Tick at once, or as soon as Qt has drawn. Any thread may call it."""
        if not self._stopped:
            self._hurried = self._awake = True
            self._woken.emit()

    def share_paint(self) -> None:
        """Tick now if the user's input repaints the window anyway, instead of painting twice."""
        now = perf_counter()
        earliest = max(self._drawn + self.busy * _pause(_IDLE_SHARE), self._started + 1 / self.rate)
        if self.share == _INPUT_SHARE and self._beat_timer.isActive() and now >= earliest:
            self._beat_timer.stop()
            self._due = now
            self._on_beat()

    def note_swapped(self) -> None:
        """Note that the canvas is on screen. Later paints before the next tick are not ours."""
        if self._swapped < self._started:
            self._swapped = perf_counter()

    def stop(self) -> None:
        """Never tick again."""
        self._stopped = True
        self._awake = False
        self._beat_timer.stop()
        self._drawn_timer.stop()
        if self._app is not None:
            self._app.removeEventFilter(self)
            self._app = None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's
        """Note the time of input; only windows count for resizing, not what napari lays out."""
        if event is not None and watched is not None:
            kind = event.type()
            if kind in _INPUT or (kind == QEvent.Type.Resize and watched.isWindowType()):
                self._last_input = perf_counter()
        return False

    def _on_woken(self) -> None:
        if self._stopped or self._drawn_timer.isActive():
            return
        if self._hurried or not self._beat_timer.isActive():
            self._beat_timer.stop()
            self._last_news = self._due = perf_counter()
            self._on_beat()

    def _on_beat(self) -> None:
        self._hurried = False
        self._started = perf_counter()
        if self._tick():
            self._last_news = self._started
            if not self._stopped:
                self._drawn_timer.start(0)
        elif self._started - self._last_news > _PATIENCE:
            self._sleep()
        elif not self._stopped:
            self._schedule(self._started)

    def _on_drawn(self) -> None:
        self._drawn = self._swapped if self._swapped > self._started else perf_counter()
        self.busy += _NEWEST_WEIGHT * (self._drawn - self._started - self.busy)
        if self._hurried:
            self._on_woken()
        else:
            self._schedule(self._drawn + self.busy * _pause(self.share))

    def _schedule(self, earliest: float) -> None:
        """Tick again a period after the last time that was due, but not before `earliest`."""
        self._due = max(self._due + 1 / self.rate, earliest)
        self._beat_timer.start(max(0, round((self._due - perf_counter()) * 1000)))

    def _sleep(self) -> None:
        self._awake = False
        self._arm()
        if self._tick():  # came between the last tick and arming
            self.wake()


def _pause(share: float) -> float:
    """Return how long to pause for a share of the time, in multiples of what a frame takes."""
    return 1 / share - 1
