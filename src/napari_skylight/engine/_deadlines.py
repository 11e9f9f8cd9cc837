"""One thread for the time-outs of all statuses; it runs only while there are any."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LINGER = 0.1  # seconds the thread waits for more deadlines
_LONGEST_WAIT = 3600.0  # seconds; longer ones overflow on some platforms
_FEW = 64  # cancelled deadlines left in the heap before it is tidied

_logger = logging.getLogger("napari_skylight")


class Deadline:
    """A function to call at a time, unless cancelled before."""

    __slots__ = ("_callback", "_due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self._due = due
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the function; too late or twice does nothing."""
        _clock.cancel(self)


class _Clock:
    """The heap of deadlines, and the thread that watches it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._heap: list[tuple[float, int, Deadline]] = []
        self._numbers = count()
        self._live = 0
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            heapq.heappush(self._heap, (deadline._due, next(self._numbers), deadline))
            self._live += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._watch, name="skylight-deadlines", daemon=True
                )
                self._thread.start()
            elif self._heap[0][2] is deadline:
                self._changed.notify()

    def cancel(self, deadline: Deadline) -> None:
        with self._changed:
            if deadline._callback is None:
                return
            deadline._callback = None
            self._live -= 1
            if len(self._heap) > _FEW and len(self._heap) > 2 * self._live:
                self._heap = [entry for entry in self._heap if entry[2]._callback is not None]
                heapq.heapify(self._heap)
            if self._live == 0:
                self._changed.notify()

    def _watch(self) -> None:
        while (callback := self._next()) is not None:
            try:
                callback()
            except BaseException:  # all statuses share the thread: it must go on
                _logger.exception("A deadline's callback %r failed", callback)
            del callback  # do not keep its status alive while waiting for the next one

    def _next(self) -> Callable[[], None] | None:
        """Return the next callback that is due; None after a while without deadlines."""
        linger_until = None
        with self._changed:
            while True:
                while self._heap and self._heap[0][2]._callback is None:
                    heapq.heappop(self._heap)
                now = time.monotonic()
                if self._heap:
                    linger_until = None
                    due, _, deadline = self._heap[0]
                    if due <= now:
                        heapq.heappop(self._heap)
                        self._live -= 1
                        callback, deadline._callback = deadline._callback, None
                        return callback
                    self._changed.wait(min(due - now, _LONGEST_WAIT))
                elif linger_until is None:
                    linger_until = now + _LINGER
                elif now >= linger_until:
                    self._thread = None
                    return None
                else:
                    self._changed.wait(linger_until - now)


_clock = _Clock()


def call_after(seconds: float, callback: Callable[[], None]) -> Deadline:
    """Call `callback` on the deadlines' thread `seconds` from now."""
    deadline = Deadline(time.monotonic() + seconds, callback)
    _clock.add(deadline)
    return deadline
