"""The status that a device returns, and the one thread for the time-outs of all statuses."""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from bluesky.protocols import Status as StatusProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger("napari_skylight")

_LINGER = 0.1  # seconds the thread waits for more deadlines
_LONGEST_WAIT = 3600.0  # seconds; longer ones overflow on some platforms
_FEW = 64  # cancelled deadlines left in the heap before it is tidied


class InvalidState(RuntimeError):  # noqa: N818 - the name ophyd gave it, which devices catch
    """A status was completed a second time."""


class StatusTimeoutError(TimeoutError):
    """A status was not completed within its `timeout`."""


class WaitTimeoutError(TimeoutError):
    """A wait for a status ran out of time; the status may still succeed."""


class Status(StatusProtocol):
    """Whether an operation of a device is done, and how it ended. Thread-safe.

    The device completes it once, with `set_finished` or `set_exception`. Callbacks run in the
    completing thread; after a time-out or settle time, in one thread shared by all statuses.

    Parameters
    ----------
    timeout
        Seconds after which it fails with `StatusTimeoutError`, settle time not included; None:
        never.
    settle_time
        Seconds between `set_finished` and being done.
    """

    def __init__(self, *, timeout: float | None = None, settle_time: float | None = 0) -> None:
        self._timeout = None if timeout is None else float(timeout)
        self._settle_time = 0.0 if settle_time is None else float(settle_time)
        self._lock = threading.Lock()
        self._called = False  # one of set_finished and set_exception was
        self._done = False
        self._exception: BaseException | None = None
        self._callbacks: deque[Callable[[Status], None]] = deque()
        self._waited_for: threading.Event | None = None  # made by the first wait
        self._deadlines: list[_Deadline] | None = None
        if self._timeout is not None and math.isfinite(self._timeout + self._settle_time):
            self._deadlines = [_clock.call_after(self._timeout + self._settle_time, self._time_out)]

    @property
    def timeout(self) -> float | None:
        """Seconds until it fails, or None."""
        return self._timeout

    @property
    def settle_time(self) -> float:
        """Seconds between `set_finished` and being done."""
        return self._settle_time

    @property
    def done(self) -> bool:
        """Whether it has succeeded or failed."""
        return self._done

    @property
    def success(self) -> bool:
        """Whether it has succeeded."""
        return self._done and self._exception is None

    @property
    def callbacks(self) -> deque[Callable[[Status], None]]:
        """The pending callbacks."""
        return self._callbacks

    def set_finished(self) -> None:
        """Complete it with success, after the settle time; raise InvalidState if it was before."""
        self._claim()
        if self._settle_time > 0:
            settled = _clock.call_after(self._settle_time, self._complete)
            with self._lock:
                if not self._done and self._deadlines is not None:
                    self._deadlines.append(settled)
        else:
            self._complete()

    def set_exception(self, exc: BaseException) -> None:
        """Complete it with failure, at once.

        Raises
        ------
        InvalidState
            It was completed before.
        ValueError
            `exc` is not an exception, or a `StatusTimeoutError` or `WaitTimeoutError`, which only
            the status itself may raise.
        """
        if not isinstance(exc, BaseException):
            raise ValueError(f"A status fails with an exception, not with {exc!r}.")
        if isinstance(exc, (StatusTimeoutError, WaitTimeoutError)):
            raise ValueError(
                f"Only the status itself raises {type(exc).__name__}; use a plain TimeoutError."
            )
        self._claim()
        self._complete(exc)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait until it is done and return its exception, or None if it succeeded.

        Raise WaitTimeoutError when it is not done after `timeout` seconds.
        """
        self._wait(timeout)
        return self._exception

    def wait(self, timeout: float | None = None) -> None:
        """Wait as `exception` does, and raise the exception."""
        if not self._done:
            self._wait(timeout)
        if self._exception is not None:
            raise self._exception

    def add_callback(self, callback: Callable[[Status], None]) -> None:
        """Call `callback` once with the status when it is done; at once if it is already."""
        with self._lock:
            if not self._done:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def _claim(self) -> None:
        with self._lock:
            if self._called:
                raise InvalidState(f"{self!r} was already completed; a status is completed once.")
            self._called = True

    def _time_out(self) -> None:
        self._complete(StatusTimeoutError(f"{self!r} was not done within {self._timeout} s."))

    def _complete(self, exc: BaseException | None = None) -> None:
        """End it, unless a time-out, a settle time or a failure did so before."""
        with self._lock:
            if self._done:
                return
            self._exception = exc
            self._done = True
            callbacks = list(self._callbacks)
            self._callbacks.clear()
            waited_for, deadlines = self._waited_for, self._deadlines
        if isinstance(exc, StatusTimeoutError):
            _logger.warning("%s", exc)
        if waited_for is not None:
            waited_for.set()
        if deadlines is not None:
            for deadline in deadlines:
                _clock.cancel(deadline)
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Status], None]) -> None:
        try:
            callback(self)
        except KeyboardInterrupt:
            raise
        except BaseException:  # the next callbacks must run
            _logger.exception("The callback %r of %r failed", callback, self)

    def _wait(self, timeout: float | None) -> None:
        with self._lock:
            if self._done:
                return
            if self._waited_for is None:
                self._waited_for = threading.Event()
        if not self._waited_for.wait(timeout):
            raise WaitTimeoutError(f"{self!r} is not done after waiting {timeout} s.")

    def __repr__(self) -> str:
        if not self._done:
            return f"<{type(self).__name__} {id(self):#x}: pending>"
        outcome = "done" if self._exception is None else f"failed with {self._exception!r}"
        return f"<{type(self).__name__} {id(self):#x}: {outcome}>"


@dataclass(eq=False, slots=True)
class _Deadline:
    """A function to call at a time; None once it is due or cancelled."""

    due: float
    callback: Callable[[], None] | None


class _Clock:
    """The heap of deadlines, and the thread that watches it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._heap: list[tuple[float, int, _Deadline]] = []
        self._numbers = count()
        self._live = 0
        self._thread: threading.Thread | None = None

    def call_after(self, seconds: float, callback: Callable[[], None]) -> _Deadline:
        """Call `callback` on the clock's thread `seconds` from now."""
        deadline = _Deadline(time.monotonic() + seconds, callback)
        with self._changed:
            heapq.heappush(self._heap, (deadline.due, next(self._numbers), deadline))
            self._live += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._watch, name="skylight-deadlines", daemon=True
                )
                self._thread.start()
            elif self._heap[0][2] is deadline:
                self._changed.notify()
        return deadline

    def cancel(self, deadline: _Deadline) -> None:
        with self._changed:
            if deadline.callback is None:
                return
            deadline.callback = None
            self._live -= 1
            if len(self._heap) > _FEW and len(self._heap) > 2 * self._live:
                self._heap = [entry for entry in self._heap if entry[2].callback is not None]
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
                while self._heap and self._heap[0][2].callback is None:
                    heapq.heappop(self._heap)
                now = time.monotonic()
                if self._heap:
                    linger_until = None
                    due, _, deadline = self._heap[0]
                    if due <= now:
                        heapq.heappop(self._heap)
                        self._live -= 1
                        callback, deadline.callback = deadline.callback, None
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
