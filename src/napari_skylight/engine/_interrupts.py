"""Pause, suspend, resume, stop, abort and halt: from any thread, in any state, never blocking."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from functools import partial
from typing import TYPE_CHECKING, Any

from bluesky._vendor.super_state_machine.errors import TransitionError
from bluesky.protocols import Pausable
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.run_engine import RunEngineResult
from bluesky.utils import Msg, PlanHalt, RequestAbort, RequestStop

from napari_skylight.engine._bundler import RunBundler as _RunBundler
from napari_skylight.engine._pauses import (
    OpenEvents,
    Pauses,
    SeenDevices,
    resume_devices,
    stop_devices,
)
from napari_skylight.engine._task import (
    Deliveries,
    Run,
    ended_future,
    finish,
    new_future,
)
from napari_skylight.engine._waits import Awaited, Waits

if TYPE_CHECKING:
    import threading
    from collections import defaultdict
    from collections.abc import Callable, Collection, Coroutine
    from concurrent.futures import Future

    from bluesky.protocols import Status

    from napari_skylight.engine._latch import Offers

_PATIENCE = 3.0  # seconds a pause may take before a stop ends the plan without waiting for it

# How a plan is ended: the state meanwhile, the exception in the plan, and the precedence.
_ENDS: dict[str, tuple[str, type[BaseException], int]] = {
    "stop": ("stopping", RequestStop, 1),
    "abort": ("aborting", RequestAbort, 2),
    "halt": ("halting", PlanHalt, 3),
}
_RANKS = {state: rank for state, _, rank in _ENDS.values()}


class Interruptible(BlueskyRunEngine):
    """bluesky's engine with requests carried out in its own thread, when the state allows it."""

    awaited: Collection[Awaited] = ()
    """What the plan, or the engine itself, waits for now; to be read in the loop's thread."""

    validate_all_events = False
    """Check every event against event-model's schema, not just each descriptor's first."""

    RunBundler = _RunBundler
    _groups: defaultdict[Any, set[Awaited]]  # type: ignore[assignment]
    _run_bundlers: dict[Any, _RunBundler]  # type: ignore[assignment]

    # bluesky's, annotated there as None
    _exception: Any
    _pardon_failures: Any
    _run_permit: Any
    _task: Any
    _task_fut: Any
    _objs_seen: SeenDevices

    _run_now: Run | None = None
    _deliveries: Deliveries
    _offers: Offers
    _lock: threading.Lock  # held while a run begins or ends

    def _set_up(self) -> None:
        self._objs_seen = SeenDevices()
        self._open_events = OpenEvents(self)
        self._pauses = Pauses(self)
        self._waits = Waits(self)

    def _clear_run_cache(self) -> None:
        super()._clear_run_cache()  # type: ignore[no-untyped-call]
        self._open_events.clear()
        self._waits.clear()

    def _add_status_to_group(
        self, obj: Any, status_object: Status, group: Any, action: str
    ) -> None:
        self._waits.add(obj, status_object, group, action)

    def stop(self) -> Future[RunEngineResult | tuple[str, ...] | None]:
        """End the plan after its cleanup, as a success, and an open event with a frame before.

        Return a future of the task's result, after the cleanup; None at once when no task runs.
        """
        return self._end("stop")

    def abort(self, reason: str = "") -> Future[RunEngineResult | tuple[str, ...] | None]:
        """End the plan after its cleanup, as aborted; return as `stop` does."""
        return self._end("abort", reason)

    def halt(self) -> Future[RunEngineResult | tuple[str, ...] | None]:
        """End the plan without its own cleanup; return as `stop` does."""
        return self._end("halt")

    def request_pause(self, defer: bool = False) -> Future[None]:
        """Pause the plan, at once or, with `defer`, at its next checkpoint.

        An open event is finished first: always if a frame of it was stashed, otherwise if that
        takes no more than a second. The future ends when the plan is paused or over, and fails with
        a TimeoutError that names the device when one does not pause within 10 s.
        """
        run = self._run_now
        if run is None:
            return ended_future()
        return self._start(run, lambda future: self._pause_run(run, defer, future))

    def resume(self) -> Future[RunEngineResult | tuple[str, ...]]:
        """Resume a paused plan from its last checkpoint; return a future of the task's result.

        It fails with TransitionError when no plan is paused, and with the error of a device that
        does not resume.
        """
        run = self._run_now
        if run is None:
            error = TransitionError("The engine is idle: there is nothing to resume.")
            return ended_future(error=error)
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
        """Carry out a request in the loop's thread; the future ends in any case."""
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
        """Return whether the plan is about to run or pause, so that a request must wait."""
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
                self.log.warning("%s; the plan is ended instead.", self._pauses.blocker(_PATIENCE))
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

        if kind == "halt" or self._state != "running" or not self._open_events.postpone_end(end):
            self._end_now(kind, reason)

    def _end_now(self, kind: str, reason: str) -> None:
        state, exception, rank = _ENDS[kind]
        if self._cleaning_up or _RANKS.get(self._state, 0) >= rank:
            return  # it is ending already, in the same or a harder way
        self._interrupted = True
        if kind != "stop":
            self._reason = reason
            self._exit_status = "abort"
            self._destroy_open_run_tracing_spans()  # type: ignore[no-untyped-call]
        paused = self._state == "paused"
        # before Python 3.12, asyncio.wait_for in a device may swallow the cancellation below
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
        try:
            await resume_devices(self)
        except BaseException as exc:  # noqa: BLE001 - the future reports it; the plan stays paused
            failure = exc
            self._interrupted = True
            run.resuming = False
            run.tell()
            self._deliveries.start(lambda: finish(future, error=failure))
            return
        run.future = future
        self._run_permit.set()

    async def _stop_movable_objects(self, *, success: bool = True) -> None:
        moved = list(self._movable_objs_touched)
        stopped = await stop_devices(self, moved, success=success)
        if self._pardon_failures.is_set():  # at the end of the plan: a light's second stop is final
            lights = [device for device in stopped if isinstance(device, Pausable)]
            await stop_devices(self, lights, success=success)

    async def _request_pause_coro(self, defer: bool = False) -> None:
        if self._state != "running":
            raise TransitionError(
                f"The engine is {self._state}: only a running plan can be paused."
            )
        if defer:
            self._deferred_pause_requested = True
        else:
            await self._open_events.request(self._pauses.pause)

    def request_suspend(
        self,
        fut: Any,
        *,
        pre_plan: Any = None,
        post_plan: Any = None,
        justification: str | None = None,
    ) -> None:
        """Suspend the plan until a future is done; see bluesky's documentation."""
        suspender = Msg("_start_suspender", None, pre_plan, post_plan, justification, fut)
        suspend = partial(self._pauses.suspend, suspender)
        asyncio.run_coroutine_threadsafe(self._open_events.request(suspend), self._loop)

    @property
    def _cleaning_up(self) -> bool:
        return not self._plan_stack or self._pardon_failures.is_set()
