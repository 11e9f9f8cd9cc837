"""One call of the engine: its plan, its futures, and the threads that complete them."""

from __future__ import annotations

import asyncio
import reprlib
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bluesky.utils import Msg
from bluesky.utils import Plan as BlueskyPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


def new_future() -> Future[Any]:
    """Return a future that cannot be cancelled."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


def finish(future: Future[Any], result: Any = None, error: BaseException | None = None) -> None:
    """End a future, unless it was given up."""
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def ended_future(result: Any = None, error: BaseException | None = None) -> Future[Any]:
    """Return a future that has ended."""
    future = new_future()
    finish(future, result, error)
    return future


class Run:
    """One call of the engine; to be used in the loop's thread."""

    def __init__(self, plan: object = None) -> None:
        self.plan = plan
        self.future = new_future()  # of the call; after a pause, of the last resume
        self.over = False
        self.outcome: Any = None
        self.resuming = False
        self.requests: list[Future[Any]] = []  # of stop, abort, halt, pause and resume
        self.interrupts: list[Future[Any]] = []  # of stop, abort and halt
        self.pauses: list[Future[Any]] = []
        self._waiters: list[asyncio.Future[None]] = []

    def give_up(self) -> None:
        """Cancel its futures: the engine was closed, and the plan does not end."""
        for future in (self.future, *self.requests):
            finish(future, error=CancelledError("The engine was closed; the plan hangs."))

    def tell(self) -> None:
        """Wake the waits for the next change."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def next_change(self, timeout: float) -> bool:
        """Wait for a new state or the end; return False after `timeout` seconds without."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        done, _ = await asyncio.wait([waiter], timeout=timeout)
        return bool(done)


class Deliveries:
    """Threads that complete futures, because their callbacks may block or call the engine."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def start(self, *steps: Callable[[], None]) -> None:
        """Call the steps one after the other in a new thread."""

        def work() -> None:
            for step in steps:
                step()

        thread = threading.Thread(target=work, name="skylight-engine-result", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down and starts no more threads
            work()
        else:
            self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]

    def join(self, timeout: float) -> bool:
        """Wait `timeout` seconds for each other thread; return whether all have ended."""
        others = [t for t in self._threads if t is not threading.current_thread()]
        for thread in others:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in others)


class CheckedPlan:
    """A plan's generator; anything but a message raises TypeError in the plan.

    bluesky's own error is unclear, and it skips the plan's cleanup.
    """

    __slots__ = ("_plan", "_send")

    def __init__(self, plan: Generator[Any, Any, Any]) -> None:
        self._plan = plan
        self._send = plan.send

    def send(self, answer: Any) -> Msg:
        msg = self._send(answer)
        return msg if isinstance(msg, Msg) else self._refuse(msg)

    def throw(self, error: BaseException) -> Msg:
        msg = self._plan.throw(error)
        return msg if isinstance(msg, Msg) else self._refuse(msg)

    def close(self) -> None:
        self._plan.close()

    def _refuse(self, yielded: Any) -> Msg:
        where, name = _place(self._plan)
        if isinstance(yielded, BlueskyPlan) or hasattr(yielded, "gi_code"):
            called = getattr(getattr(yielded, "_iter", yielded), "__name__", "another plan")
            text = f"{name} must use 'yield from {called}(…)', not 'yield {called}(…)' ({where})."
            yielded.close()  # or bluesky prints another complaint
        else:
            what = reprlib.repr(yielded)
            text = f"{name} yields {what}, which is not a message ({where})."
        return self.throw(TypeError(text))


def _place(plan: Any) -> tuple[str, str]:
    """Return the place and the name of the innermost plan."""
    while hasattr(inner := getattr(plan, "gi_yieldfrom", None), "gi_code"):
        plan = inner
    code, frame = plan.gi_code, plan.gi_frame
    line = code.co_firstlineno if frame is None else frame.f_lineno
    return f"{Path(code.co_filename).name}, line {line}", plan.__name__
