"""When to draw: as often as asked, less often when drawing is slow, never when nothing comes."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Qt, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock"]

_PATIENCE = 0.5  # seconds without news after which the clock stops
_MEMORY = 0.2  # the weight of the newest measurement in the average time a frame takes


class Clock(QObject):
    """Calls `tick` on the GUI thread while there is news, at most `rate` times a second.

    After a tick that had news it waits until Qt has drawn and asks how long that took, all in all;
    the next tick comes no sooner than that much later, so that at least half of the GUI's time
    is left to the person, unless somebody is in a `hurry`. Half a second without news, and it stops
    until `wake`.

    Parameters
    ----------
    tick : callable
        Does the work, and returns whether there was any.
    arm : callable
        Called before stopping: whatever comes from then on must call `wake`.
    """

    _woken = Signal()

    def __init__(self, tick: Callable[[], bool], arm: Callable[[], None]) -> None:
        super().__init__()
        self.rate = 60.0
        self.busy = 0.0  # seconds of GUI time a frame takes, averaged
        self._tick = tick
        self._arm = arm
        self._awake = False
        self._stopped = False
        self._hurried = False
        self._last_news = self._started = self._due = 0.0
        self._beat_timer = self._timer(self._on_beat)
        self._drawn_timer = self._timer(self._on_drawn)  # at 0 ms: when Qt has nothing to draw
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)

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

    def stop(self) -> None:
        """Never tick again."""
        self._stopped = True
        self._awake = False
        self._beat_timer.stop()
        self._drawn_timer.stop()

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
        now = perf_counter()
        self.busy += _MEMORY * (now - self._started - self.busy)
        if self._hurried:
            self._on_woken()
        else:
            self._schedule(now + self.busy)

    def _schedule(self, earliest: float) -> None:
        """Tick again a period after the last time that was due, but not before `earliest`."""
        self._due = max(self._due + 1 / self.rate, earliest)
        self._beat_timer.start(max(0, round((self._due - perf_counter()) * 1000)))

    def _sleep(self) -> None:
        self._awake = False
        self._arm()
        if self._tick():  # came between the last tick and arming
            self.wake()
