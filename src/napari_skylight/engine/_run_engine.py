"""The RunEngine: its construction, the course of a call, and its end."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from concurrent.futures import wait as wait_for_futures
from typing import TYPE_CHECKING, Any, ClassVar

from bluesky.log import logger as bluesky_logger
from bluesky.run_engine import default_scan_id_source
from bluesky.utils import DuringTask, RunEngineInterrupted
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine._added_commands import AddedCommands
from napari_skylight.engine._interrupts import Interruptible
from napari_skylight.engine._latch import EngineBusyError, Offers
from napari_skylight.engine._loop import EngineLoop, close_at_exit
from napari_skylight.engine._replaced_commands import ReplacedCommands
from napari_skylight.engine._task import (
    CheckedPlan,
    Deliveries,
    EngineLog,
    EngineStates,
    ObservedState,
    Run,
    finish,
)

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable, Iterable
    from concurrent.futures import Future
    from typing import Self

    from bluesky.run_engine import RunEngineResult
    from bluesky.utils import Msg, Subscribers

    from napari_skylight.engine.actions import Action

_logger = logging.getLogger("napari_skylight")

_CLOSE_TIMEOUT = 5.0  # seconds
_THREAD_TIMEOUT = 1.0  # seconds for a thread that has nothing left to do


class RunEngine(Interruptible):
    """bluesky's RunEngine in a thread of its own; no method blocks its caller.

    Parameters
    ----------
    md, preprocessors, md_validator, md_normalizer, scan_id_source
        See `bluesky.run_engine.RunEngine`.
    loop
        The event loop to use; None makes one, in a thread of its own.
    call_returns_result
        Futures hold a `RunEngineResult`; otherwise a tuple of run uids.
    """

    _state = ObservedState(EngineStates)  # type: ignore[no-untyped-call]

    state_changed: ClassVar[Signal] = Signal(str, str)
    """Emitted with the new and the former state, in the engine's thread: return quickly."""

    run_ended: ClassVar[Signal] = Signal(object, object, object)
    """Emitted once per call, when the engine is idle and before the futures end, in a thread of its
    own: the plan, its exception or None, and its result."""

    def __init__(
        self,
        md: Any = None,
        *,
        loop: AbstractEventLoop | None = None,
        preprocessors: list[Callable[..., Iterable[Msg]]] | None = None,
        md_validator: Callable[[dict[str, Any]], None] | None = None,
        md_normalizer: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        scan_id_source: Callable[[Any], int | Awaitable[int]] = default_scan_id_source,
        call_returns_result: bool = True,
    ) -> None:
        self._lock = threading.Lock()
        self._closing = False
        self._closed = threading.Event()
        self._deliveries = Deliveries()
        self._offers = Offers()
        self._engine_loop = EngineLoop(loop)
        # context managers and a GUI's event loop are for plans in the main thread
        super().__init__(
            md,
            loop=self._engine_loop.loop,
            preprocessors=preprocessors,
            context_managers=[],
            md_validator=md_validator,
            md_normalizer=md_normalizer,
            scan_id_source=scan_id_source,
            during_task=DuringTask(),
            call_returns_result=call_returns_result,
        )
        self.pause_msg = ""
        self.log = EngineLog(bluesky_logger, {"RE": self})
        self._set_up()
        ReplacedCommands(self).install()
        AddedCommands(self, self._offers.add, self._open_events.note_stash).install()
        close_at_exit.add(self)
        # when the engine is collected; at exit, `close_at_exit` closes all engines
        weakref.finalize(self, self._engine_loop.stop).atexit = False

    def __call__(  # type: ignore[override]
        self, plan: Iterable[Msg], subs: Subscribers | None = None, /, **metadata_kw: Any
    ) -> Future[RunEngineResult | tuple[str, ...]]:
        """Run a plan.

        Parameters
        ----------
        plan
            An iterable of messages.
        subs
            Subscribers to the documents: a callable, a list, or a dict by kind of document (all,
            start, descriptor, event, stop).
        **metadata_kw
            Metadata for the runs of this call.

        Returns
        -------
        Future
            The plan's result or exception; `RunEngineInterrupted` if it was paused or ended on
            request.

        Raises
        ------
        EngineBusyError
            A plan runs or is paused.
        RuntimeError
            The engine was closed.
        """
        run = Run(plan)
        with self._lock:
            if self._closing:
                raise RuntimeError("The engine was closed; make a new one.")
            if self._run_now is not None:
                raise EngineBusyError(
                    f"The engine is busy: a plan is {str(self.state).replace('idle', 'starting')}. "
                    "Wait until it has ended, or stop it."
                )
            self._run_now = run
            self._offers.begin()  # with the lock: an end withdraws only what has begun
        self._offers.tell()
        try:
            super().__call__(plan, subs, **metadata_kw)
            self._loop.call_soon_threadsafe(self._run_permit.set)
        except BaseException as exc:
            self._loop.call_soon_threadsafe(self._give_up, run, exc)
            if not isinstance(exc, Exception):
                raise
        return run.future

    def _give_up(self, run: Run, error: BaseException) -> None:
        """End a call whose plan could not start."""
        self._conclude(run, None, error)
        if self._task_fut is not None:
            self._task_fut.cancel()

    def offer(self, actions: Iterable[Action]) -> None:
        """Offer actions for the whole current or next call, not only from their first wait.

        Raise EngineBusyError when the running plan of another engine offers one of them.
        """
        self._offers.add(item for action in actions for item in action.event_map.items())

    @property
    def moved(self) -> frozenset[Any]:
        """The devices that the plan has set so far, read in the engine's thread."""
        return frozenset() if self.state == "idle" else frozenset(self._movable_objs_touched)

    def reset(self) -> None:
        """End the plan and forget all subscriptions."""
        wait_for_futures([self.halt()], timeout=_CLOSE_TIMEOUT)
        super().reset()  # type: ignore[no-untyped-call]

    # -- the course of a run

    def _resume_task(self, *, init_func: Any = None) -> None:
        """Start the task, without blocking the caller as bluesky does."""
        run = self._run_now
        assert run is not None
        plans = self._plan_stack
        plans[0] = CheckedPlan(plans[0])
        init_func()
        self._task_fut.add_done_callback(lambda task: self._on_task_done(run, task))

    def _on_task_done(self, run: Run, task: Future[Any]) -> None:
        if task.cancelled():
            self._conclude(run, self.NO_PLAN_RETURN, None)
        elif (error := task.exception()) is not None:
            self._conclude(run, None, error)
        else:
            self._conclude(run, task.result(), None)

    def _conclude(self, run: Run, plan_return: Any, error: BaseException | None) -> None:
        """End the call: the engine becomes idle, then the futures end."""
        if run.over:
            return
        if self._state != "idle":  # bluesky's cleanup failed
            self._run_bundlers.clear()
            self._state = "idle"
        if self._call_returns_result:
            run.outcome = self._create_result(plan_return)  # type: ignore[no-untyped-call]
        else:
            run.outcome = tuple(self._run_start_uids)
        if error is None and self._interrupted:
            error = RunEngineInterrupted(self.pause_msg)
        self._offers.end()
        run.over = True
        with self._lock:
            self._run_now = None
        run.tell()

        def tell() -> None:
            announce(self.run_ended, run.plan, error, run.outcome)
            run.plan = None  # release what its generator holds
            for future in run.interrupts:
                finish(future, run.outcome)
            for future in run.pauses:
                finish(future)
            finish(run.future, run.outcome, error)

        self._deliveries.start(tell)

    def _on_state_changed(self, new: str, old: str) -> None:
        self._pauses.ended()
        run = self._run_now
        if run is not None:
            if new == "paused":
                self._deliver_pause(run)
            run.resuming = run.resuming and new == "paused"
            run.tell()
        announce(self.state_changed, new, old)

    def _deliver_pause(self, run: Run) -> None:
        future, pauses, run.pauses = run.future, run.pauses, []

        def tell() -> None:
            for pause in pauses:
                finish(pause)
            finish(future, error=RunEngineInterrupted(self.pause_msg))

        self._deliveries.start(tell)

    # -- the end

    def close(self, timeout: float = _CLOSE_TIMEOUT) -> None:
        """End the plan and every thread of the engine. Closing twice does nothing.

        The plan's cleanup may take `timeout` seconds; after two thirds of them the plan is halted.
        In the engine's own thread it returns at once and closes on another.
        """
        if self._engine_loop.in_thread():
            threading.Thread(
                target=self.close, args=(timeout,), name="skylight-engine-close", daemon=True
            ).start()
        else:
            self._close(timeout, _THREAD_TIMEOUT)

    def _close(self, timeout: float, thread_timeout: float) -> None:
        with self._lock:
            first, self._closing = not self._closing, True
        if not first:
            self._closed.wait(timeout)
            return
        end = time.monotonic() + timeout
        wait_for_futures([self.stop()], timeout=timeout * 2 / 3)
        wait_for_futures([self.halt()], timeout=max(0.0, end - time.monotonic()))
        self._offers.end()
        self._deliveries.join(thread_timeout)
        self._engine_loop.stop()
        if not self._engine_loop.join(thread_timeout):
            _logger.info("A plan or device blocks the engine's thread; it ends when that returns.")
        if self._run_now is not None:
            self._run_now.give_up()
        close_at_exit.discard(self)
        self._closed.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
