"""Latches that a plan waits for, their queues of requests, and which of them a plan offers.

All latches share one lock, so that the order of their changes is well defined. No foreign code is
called while it is held.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from weakref import WeakMethod

# Reentrant: a signal handler may request an action while the main thread holds the lock.
LOCK = threading.RLock()

_moments = count(1)  # orders all changes and requests


class EngineBusyError(RuntimeError):
    """A running or paused plan uses the engine or the action."""


class Request(NamedTuple):
    """A request of an action: its place in the order of changes, and the state."""

    moment: int
    state: bool


class SRLatch:
    """A flag, at first reset, that any thread may set and reset and a plan may wait for.

    A wait that finds the flag in the other state takes the oldest request (see `Action.request`),
    which then sets or resets the flag.
    """

    def __init__(self) -> None:
        self._flag = False
        self._changed_at = 0
        self._from_request = False  # a request set the flag, so the end of the run resets it
        self._waiters: list[_Waiter] = []
        self.requests: deque[Request] = deque()
        self.edges = False  # of a toggle: a request for the current state is dropped
        self._untold = False
        self.holder: Offers | None = None  # of the engine whose plan takes requests
        # of the action, which it does not keep alive; called without the lock
        self.listener: WeakMethod[Callable[[], None]] | None = None

    def set(self) -> None:
        """Set the flag; no effect if it is set."""
        self._change(True)

    def reset(self) -> None:
        """Reset the flag; no effect if it is reset."""
        self._change(False)

    @property
    def offered(self) -> bool:
        """Whether a plan takes requests."""
        return self.holder is not None and self.holder.open

    def is_set(self) -> bool:
        """Whether the flag is set."""
        return self._flag

    async def wait_for_set(self) -> None:
        """Wait until the flag is set; return at once if it is."""
        await wait_for_change({"": (self, True)})

    async def wait_for_reset(self) -> None:
        """Wait until the flag is reset; return at once if it is."""
        await wait_for_change({"": (self, False)})

    def forget_requests(self) -> None:
        """Empty the queue and undo a set by request, with `LOCK` held."""
        self.requests.clear()
        if self._flag and self._from_request:
            self._flip(False, next(_moments))

    def add_request(self, state: bool) -> None:
        """Queue a request, with `LOCK` held, unless a toggle will have that state."""
        if self.edges and state == (self.requests[-1].state if self.requests else self._flag):
            return
        self.requests.append(Request(next(_moments), state))
        for waiter in self._waiters:
            waiter.wake()

    def tell(self) -> None:
        """Call the listener, without the lock."""
        self._untold = False
        listener = None if self.listener is None else self.listener()
        if listener is not None:
            listener()

    def _change(self, state: bool) -> None:
        with LOCK:
            if self._flag == state:
                return
            self._flip(state, next(_moments))
            self._from_request = False
        self.tell()

    def _flip(self, state: bool, moment: int) -> None:
        self._flag = state
        self._changed_at = moment
        for waiter in self._waiters:
            waiter.see(self, state, moment)

    def _due(self, state: bool) -> int | None:
        """Return the moment at which a wait for `state` ended, or None."""
        if self._flag == state:
            return self._changed_at
        while self.edges and self.requests and self.requests[0].state == self._flag:
            self.requests.popleft()  # the latch was set or reset directly
            self._untold = True
        if self.requests and self.requests[0].state == state:
            return self.requests[0].moment
        return None

    def _take(self, state: bool) -> None:
        """Bring the flag to `state`, taking the oldest request if needed."""
        if self._flag != state:
            self._flip(state, self.requests.popleft().moment)
            self._from_request = state
            self._untold = True


def _find(
    wanted: Mapping[str, tuple[SRLatch, bool]], seen: tuple[int, str] | None = None
) -> tuple[str, SRLatch] | None:
    """Take the earliest change in `wanted`, with `LOCK` held; None if there is none yet."""
    earliest = seen
    for name, (latch, state) in wanted.items():
        moment = latch._due(state)
        if moment is not None and (earliest is None or moment < earliest[0]):
            earliest = (moment, name)
    if earliest is None:
        return None
    latch, state = wanted[earliest[1]]
    if earliest != seen:
        latch._take(state)
    return earliest[1], latch


class _Waiter:
    """A wait in progress, which any thread may wake."""

    def __init__(self, wanted: Mapping[str, tuple[SRLatch, bool]]) -> None:
        self._wanted = wanted
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        # the first change waited for; the flag may have changed back since
        self.seen: tuple[int, str] | None = None

    def see(self, latch: SRLatch, state: bool, moment: int) -> None:
        if self.seen is None:
            for name, (wanted_latch, wanted_state) in self._wanted.items():
                if wanted_latch is latch and wanted_state == state:
                    self.seen = (moment, name)
                    self.wake()
                    return

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._end)

    async def sleep(self, timeout: float | None) -> None:
        alarm = None if timeout is None else self._loop.call_later(timeout, self._end)
        try:
            await self._future
        finally:
            if alarm is not None:
                alarm.cancel()
            self._future = self._loop.create_future()

    def _end(self) -> None:
        if not self._future.done():
            self._future.set_result(None)


async def wait_for_change(
    wanted: Mapping[str, tuple[SRLatch, bool]], timeout: float | None = None
) -> tuple[str, SRLatch] | None:
    """Return name and latch of the earliest change in `wanted`; None after `timeout` seconds.

    A cancelled wait takes no request.
    """
    with LOCK:
        found = _find(wanted)
    if found is None and (timeout is None or timeout > 0):
        found = await _sleep_until_found(wanted, timeout)
    for latch, _ in wanted.values():
        if latch._untold:
            latch.tell()
    return found


async def _sleep_until_found(
    wanted: Mapping[str, tuple[SRLatch, bool]], timeout: float | None
) -> tuple[str, SRLatch] | None:
    waiter = _Waiter(wanted)
    end = None if timeout is None else time.monotonic() + timeout
    latches = [latch for latch, _ in wanted.values()]
    while True:
        with LOCK:
            if (found := _find(wanted, waiter.seen)) is not None:
                return found
            for latch in latches:
                latch._waiters.append(waiter)
        left = None if end is None else end - time.monotonic()
        try:
            if left is not None and left <= 0:
                return None
            await waiter.sleep(left)
        finally:
            with LOCK:
                for latch in latches:
                    latch._waiters.remove(waiter)


class Offers:
    """The latches of the actions that the plan of one engine offers."""

    def __init__(self) -> None:
        self.running = False  # or paused: no other engine may offer the same actions
        self.open = True  # requests are taken
        self._latches: list[SRLatch] = []

    def add(self, latches: Iterable[tuple[str, SRLatch]]) -> None:
        """Offer the actions of the named `latches`, of which some may have none.

        If another engine's running plan offers one, add none and raise EngineBusyError.
        """
        with LOCK:
            added = [
                (name, latch)
                for name, latch in latches
                if latch.listener is not None and latch.holder is not self
            ]
            for name, latch in added:
                if latch.holder is not None and latch.holder.running:
                    raise EngineBusyError(
                        f"The running plan of another engine uses the action {name!r}: "
                        "wait until it ends, or give each plan its own action."
                    )
            for _, latch in added:
                latch.requests.clear()  # of an engine that offered it and never ran
                latch.holder = self
                self._latches.append(latch)
        for _, latch in added:
            latch.tell()

    def begin(self) -> None:
        with LOCK:
            self.running = self.open = True

    def withdraw(self) -> None:
        """Accept no more requests; call `tell` after it."""
        with LOCK:
            self.open = False

    def tell(self) -> None:
        """Call the listeners of the latches, without a lock, which they may take."""
        with LOCK:
            latches = list(self._latches)
        for latch in latches:
            latch.tell()

    def end(self) -> None:
        """Offer nothing: forget the requests and undo what they set."""
        with LOCK:
            self.running, self.open = False, True
            latches = [latch for latch in self._latches if latch.holder is self]
            self._latches.clear()
            for latch in latches:
                latch.holder = None
                latch.forget_requests()
        for latch in latches:
            latch.tell()
