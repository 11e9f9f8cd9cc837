"""The latch a plan waits for, and the queue of requests behind it.

All latches share one lock: a wait looks at several of them at once, and which of two changed first
must have one answer. It is held for a few microseconds at a time, and nothing of anybody else's is
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

from napari_skylight.engine._errors import EngineBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["LOCK", "Offers", "Request", "SRLatch", "wait_for_change"]

# Reentrant, because a signal handler of the main thread may request an action while that thread is
# in here.
LOCK = threading.RLock()

_moments = count(1)  # the order in which latches were changed and requests made, over all of them


class Request(NamedTuple):
    """What somebody asked of an action: when, in the order of events, and which state."""

    moment: int
    state: bool


class SRLatch:
    """A flag to set and reset from any thread, and to wait for in a plan.

    It starts reset. Behind it may be a queue of requests (see `Action.request`): a wait that finds
    the flag in the other state takes the oldest request, which then sets, or resets, the flag.
    """

    def __init__(self) -> None:
        self._flag = False
        self._changed_at = 0
        self._from_request = False  # a request set the flag, so the end of the run resets it
        self._waiters: list[_Waiter] = []
        self.requests: deque[Request] = deque()
        self.edges = (
            False  # requests are edges of a toggle: one for the state it has already is no event
        )
        self._untold = False
        self.holder: Offers | None = None  # the engine whose plan takes requests
        self.listener: Callable[[], None] | None = None  # told, without the lock, of any change

    def set(self) -> None:
        """Set the flag and wake who waits for that; nothing happens when it is set already."""
        self._change(True)

    def reset(self) -> None:
        """Reset the flag and wake who waits for that; nothing happens when it is reset already."""
        self._change(False)

    @property
    def offered(self) -> bool:
        """Whether requests are taken."""
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
        """Empty the queue, and reset the flag if a request had set it, with `LOCK` held."""
        self.requests.clear()
        if self._flag and self._from_request:
            self._flip(False, next(_moments))

    def add_request(self, state: bool) -> None:
        """Queue a request, with `LOCK` held; none if it asks a toggle for what it will be."""
        if self.edges and state == (self.requests[-1].state if self.requests else self._flag):
            return
        self.requests.append(Request(next(_moments), state))
        for waiter in self._waiters:
            waiter.wake()

    def tell(self) -> None:
        """Tell the listener, without the lock held, that something changed."""
        self._untold = False
        if self.listener is not None:
            self.listener()

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
        """Return since when a wait for `state` has been over, or None when it is not."""
        if self._flag == state:
            return self._changed_at
        while self.edges and self.requests and self.requests[0].state == self._flag:
            self.requests.popleft()  # no edge any more: somebody set or reset the latch itself
            self._untold = True
        if self.requests and self.requests[0].state == state:
            return self.requests[0].moment
        return None

    def _take(self, state: bool) -> None:
        """Bring the flag to `state`, with the oldest request when it takes one."""
        if self._flag != state:
            self._flip(state, self.requests.popleft().moment)
            self._from_request = state
            self._untold = True


def _find(
    wanted: Mapping[str, tuple[SRLatch, bool]], seen: tuple[int, str] | None = None
) -> tuple[str, SRLatch] | None:
    """Take the earliest of the changes `wanted`, with `LOCK` held; None when there is none yet."""
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
    """One wait in progress: what it is for, and a way to wake it from any thread."""

    def __init__(self, wanted: Mapping[str, tuple[SRLatch, bool]]) -> None:
        self._wanted = wanted
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()
        # the first change waited for, kept because the flag may have changed back when the wait
        # goes on
        self.seen: tuple[int, str] | None = None

    def see(self, latch: SRLatch, state: bool, moment: int) -> None:
        if self.seen is None:
            for name, (wanted_latch, wanted_state) in self._wanted.items():
                if wanted_latch is latch and wanted_state == state:
                    self.seen = (moment, name)
                    self.wake()
                    return

    def wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._end)

    async def sleep(self, timeout: float | None) -> None:
        """Return when woken, or after `timeout` seconds."""
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
    """Wait until one of several latches is in the state wanted.

    Parameters
    ----------
    wanted
        A name for each latch, the latch, and the state to wait for.
    timeout
        Seconds to wait; None: forever.

    Returns
    -------
    tuple or None
        The name and the latch that got there first, or None when time ran out. A cancelled wait has
        taken nothing.
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
    """The latches of the actions one engine's plan offers; only for them requests are taken."""

    def __init__(self) -> None:
        self.running = False  # while a plan runs, or is paused, nobody else may take its actions
        self.open = True  # requests are taken
        self._latches: list[SRLatch] = []

    def add(self, latches: Iterable[tuple[str, SRLatch]]) -> None:
        """Offer the actions behind the named `latches`; a latch without an action is left alone.

        Raises
        ------
        EngineBusyError
            When the running plan of another engine offers one of them; none is taken then.
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
                        f"The action {name!r} belongs to the plan another engine is running; "
                        "wait until that one ends, or give each plan an action of its own."
                    )
            for _, latch in added:
                latch.requests.clear()  # made to an engine that offered it and never ran
                latch.holder = self
                self._latches.append(latch)
        for _, latch in added:
            latch.tell()

    def begin(self) -> None:
        """Take the requests of a plan that starts; to be told with `tell`."""
        with LOCK:
            self.running = self.open = True

    def withdraw(self) -> None:
        """Take no more requests: the plan is told to end, and will not answer; see `tell`."""
        with LOCK:
            self.open = False

    def tell(self) -> None:
        """Tell who listens to the latches; not with a lock held, for a listener may take it."""
        with LOCK:
            latches = list(self._latches)
        for latch in latches:
            latch.tell()

    def end(self) -> None:
        """Offer nothing any more: forget the requests, and reset what a request had set."""
        with LOCK:
            self.running, self.open = False, True
            latches = [latch for latch in self._latches if latch.holder is self]
            self._latches.clear()
            for latch in latches:
                latch.holder = None
                latch.forget_requests()
        for latch in latches:
            latch.tell()
