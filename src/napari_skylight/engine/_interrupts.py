"""Pause, resume, stop, abort and halt: from any thread, in any state, blocking nobody."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.errors import TransitionError
from bluesky.protocols import Pausable
from bluesky.run_engine import RunEngineResult
from bluesky.utils import PlanHalt, RequestAbort, RequestStop, maybe_await

from napari_skylight.engine._pause_and_resume import PausableEngine
from napari_skylight.engine._task import (
    Deliveries,
    Run,
    ended_future,
    failed_future,
    finish,
    new_future,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Coroutine, Sequence
    from concurrent.futures import Future

    from napari_skylight.engine._offers import Offers

__all__ = ["Interruptible"]

_PATIENCE = 3.0  # seconds a pause may take before a stop ends the plan without waiting for it
_RESUME_TIMEOUT = 10.0  # seconds one device has to resume

# How a plan is ended: the state meanwhile, the exception the plan gets, and how hard it is.
_ENDS: dict[str, tuple[str, type[BaseException], int]] = {
    "stop": ("stopping", RequestStop, 1),
    "abort": ("aborting", RequestAbort, 2),
    "halt": ("halting", PlanHalt, 3),
}
_RANKS = {state: rank for state, _, rank in _ENDS.values()}


class Interruptible(PausableEngine):
    """What a user asks of a plan; done in the loop's thread as soon as the state allows it."""

    _run_now: Run | None = None
    _deliveries: Deliveries
    _offers: Offers
    _lock: threading.Lock  # held while a run begins or ends

    def stop(self) -> Future[RunEngineResult | tuple[str, ...] | None]:
        """End the plan after its cleanup, and call the run a success.

        An event that has a frame in a cache already is finished first, if that takes no longer than
        a second.

        Returns
        -------
        Future
            Ends when the cleanup has run, with the run's result; at once with None when there is no
            run.
        """
        return self._end("stop")

    def abort(self, reason: str = "") -> Future[RunEngineResult | tuple[str, ...] | None]:
        """End the plan after its cleanup, and call the run aborted; returns as `stop` does."""
        return self._end("abort", reason)

    def halt(self) -> Future[RunEngineResult | tuple[str, ...] | None]:
        """End the plan without its own cleanup; returns as `stop` does."""
        return self._end("halt")

    def request_pause(self, defer: bool = False) -> Future[None]:
        """Pause the plan, at once or, with `defer`, at its next checkpoint.

        An event that is open is finished first: for as long as it takes when a frame of it is in a
        cache already, for up to a second otherwise.

        Returns
        -------
        Future
            Ends when the plan is paused or over; at once when there is no run.
        """
        run = self._run_now
        if run is None:
            return ended_future()
        return self._start(run, lambda future: self._pause_run(run, defer, future))

    def resume(self) -> Future[RunEngineResult | tuple[str, ...]]:
        """Let a paused plan go on from its last checkpoint.

        Returns
        -------
        Future
            Holds what the call's own future would have held, had the plan not been paused; fails
            with `TransitionError` when there is no paused plan.
        """
        run = self._run_now
        if run is None:
            return failed_future(TransitionError("The engine is idle: there is nothing to resume."))
        return self._start(run, lambda future: self._resume_run(run, future))

    def _end(self, kind: str, reason: str = "") -> Future[Any]:
        run = self._run_now
        if run is None:
            return ended_future()
        with self._lock:
            if self._run_now is run:
                self._offers.withdraw()
        self._offers.tell()
        return self._start(run, lambda future: self._end_run(run, kind, reason, future))

    def _start(
        self, run: Run, request: Callable[[Future[Any]], Coroutine[Any, Any, None]]
    ) -> Future[Any]:
        """Carry out a request in the loop's thread; the future ends even when that goes wrong."""
        future = new_future()
        run.requests.append(future)
        coroutine = request(future)

        def check(done: Future[None]) -> None:
            error = CancelledError() if done.cancelled() else done.exception()
            if error is not None:
                self._deliveries.start(lambda: finish(future, error=error))

        try:
            asyncio.run_coroutine_threadsafe(coroutine, self._loop).add_done_callback(check)
        except RuntimeError:  # the loop is closed, so the plan is over
            coroutine.close()
            return ended_future(run.outcome)
        return future

    # -- in the loop's thread

    def _in_between(self, run: Run) -> bool:
        """Whether the plan is about to run or to be paused, so that a request has to wait."""
        return run.resuming or self._state in ("idle", "pausing", "suspending")

    async def _pause_run(self, run: Run, defer: bool, future: Future[None]) -> None:
        while not run.over and (self._state in ("idle", "suspending") or run.resuming):
            await run.next_change(_PATIENCE)
        if run.over or self._state == "paused":
            self._deliveries.start(lambda: finish(future))
            return
        run.pauses.append(future)
        if self._state == "running" and not self._cleaning_up:
            await self._request_pause_coro(defer)

    async def _end_run(self, run: Run, kind: str, reason: str, future: Future[Any]) -> None:
        while not run.over and self._in_between(run):
            if not await run.next_change(_PATIENCE) and self._state == "pausing":
                self.log.warning("Something does not let the plan pause: it is ended where it is.")
                self._task.cancel()
        if run.over:
            self._deliveries.start(lambda: finish(future, run.outcome))
            return
        if future not in run.interrupts:
            run.interrupts.append(future)

        async def end() -> None:
            if self._in_between(run):  # a pause was asked for before
                self._loop.create_task(self._end_run(run, kind, reason, future))
            else:
                self._end_now(kind, reason)

        if kind == "halt" or self._state != "running" or not self._postpone_end(end):
            self._end_now(kind, reason)

    def _end_now(self, kind: str, reason: str) -> None:
        state, exception, rank = _ENDS[kind]
        if self._cleaning_up or _RANKS.get(self._state, 0) >= rank:
            return  # it is ending already, in this way or a harder one
        self._interrupted = True
        if kind != "stop":
            self._reason = reason
            self._exit_status = "abort"
            self._destroy_open_run_tracing_spans()  # type: ignore[no-untyped-call]
        paused = self._state == "paused"
        # besides the cancellation: before Python 3.12 a device that waits with asyncio.wait_for
        # may swallow that
        if self._exception is None or isinstance(self._exception, (RequestStop, RequestAbort)):
            self._exception = exception()
        self._state = state
        if paused:
            self._run_permit.set()
        else:
            self._task.cancel()

    async def _resume_run(self, run: Run, future: Future[Any]) -> None:
        while not run.over and self._state == "pausing":
            await run.next_change(_PATIENCE)
        if run.over or run.resuming or self._state != "paused":
            error = TransitionError(f"The engine is {self._state}, not paused: nothing to resume.")
            self._deliveries.start(lambda: finish(future, error=error))
            return
        run.resuming = True  # until the state changes
        self._interrupted = False
        for bundler in self._run_bundlers.values():
            bundler.record_interruption("resume")  # type: ignore[no-untyped-call]
        self._plan_stack.append(self._rewind())  # type: ignore[no-untyped-call]
        self._response_stack.append(None)
        resumed: list[Pausable] = []
        try:
            for obj in self._objs_seen:
                if isinstance(obj, Pausable):
                    resumed.append(obj)  # whatever comes of it
                    await asyncio.wait_for(maybe_await(obj.resume()), _RESUME_TIMEOUT)
        except BaseException as exc:  # noqa: BLE001 - whoever resumes is told; the plan stays paused
            failure = exc
            await self._pause_again(resumed)
            self._interrupted = True
            run.resuming = False
            run.tell()
            self._deliveries.start(lambda: finish(future, error=failure))
            return
        run.future = future
        self._run_permit.set()

    async def _pause_again(self, devices: Sequence[Pausable]) -> None:
        """Hold what has resumed when another could not: a paused plan leaves no light on."""
        for obj in devices:
            try:
                await asyncio.wait_for(maybe_await(obj.pause()), _RESUME_TIMEOUT)
            except BaseException:  # whatever a driver raises: the others are held all the same
                self.log.exception("Failed to pause %r.", obj)

    def _outcome(self, plan_return: Any) -> Any:
        if self._call_returns_result:
            return self._create_result(plan_return)  # type: ignore[no-untyped-call]
        return tuple(self._run_start_uids)
