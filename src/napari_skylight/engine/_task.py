"""One call of an engine: its state and log, its futures and its plan."""

from __future__ import annotations

import asyncio
import reprlib
import sys
import threading
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.machines import StateMachine
from bluesky.log import ComposableLogAdapter
from bluesky.run_engine import LoggingPropertyMachine, RunEngineStateMachine
from bluesky.utils import FailedPause, Msg, PlanHalt, RequestAbort
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

    def start(self, step: Callable[[], None]) -> None:
        thread = threading.Thread(target=step, name="skylight-engine-result", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down and starts no more threads
            step()
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
    while hasattr(inner := getattr(plan, "gi_yieldfrom", None), "gi_code"):
        plan = inner
    code, frame = plan.gi_code, plan.gi_frame
    line = code.co_firstlineno if frame is None else frame.f_lineno
    return f"{Path(code.co_filename).name}, line {line}", plan.__name__


_TRANSITIONS = RunEngineStateMachine.Meta.transitions


class EngineStates(StateMachine):
    """bluesky's states; a stop can become an abort, and either a halt, when a cleanup hangs."""

    States = RunEngineStateMachine.States

    class Meta:  # bluesky's state machine reads it
        allow_empty = False
        initial_state = "idle"
        transitions = {
            **_TRANSITIONS,
            "suspending": [*_TRANSITIONS["suspending"], "idle"],
            "stopping": [*_TRANSITIONS["stopping"], "aborting", "halting"],
            "aborting": [*_TRANSITIONS["aborting"], "halting"],
        }
        named_checkers = RunEngineStateMachine.Meta.named_checkers


_NOW = "_state_now"

_set: Callable[..., None] = LoggingPropertyMachine.__set__
_get: Callable[..., Any] = LoggingPropertyMachine.__get__


class ObservedState(LoggingPropertyMachine):
    """The state as an attribute that calls the engine when it is set.

    bluesky reads it twice a message, each time with a lock; here the value is cached.
    """

    def __get__(self, engine: Any, owner: type | None = None) -> Any:
        if engine is None:
            return self
        now = vars(engine).get(_NOW)
        return _get(self, engine, owner) if now is None else now

    def __set__(self, engine: Any, state: str) -> None:
        owner = type(engine)
        old = str(_get(self, engine, owner))
        vars(engine).pop(_NOW, None)  # readers meanwhile take the lock
        _set(self, engine, state)
        vars(engine)[_NOW] = _get(self, engine, owner)
        engine._on_state_changed(str(_get(self, engine, owner)), old)


class EngineLog(ComposableLogAdapter):
    """bluesky's log adapter; the end of a run on request is one line, not a traceback."""

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log the exception being handled; the user's requests are not errors."""
        error = sys.exception()
        if isinstance(error, FailedPause):
            self.warning("The plan has no checkpoint to resume from: it was ended, not paused.")
        elif isinstance(error, (RequestAbort, PlanHalt, asyncio.CancelledError)):
            self.info("The run was ended on request.")
        else:
            super().exception(msg, *args, **kwargs)
