"""One plan at a time on the engine, told of in the session's words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from bluesky.utils import Msg, RunEngineInterrupted
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.engine.actions import Action
from napari_skylight.session._error_text import with_place
from napari_skylight.session._frame_counts import Tally
from napari_skylight.session._run_info import ENGINE_STATES, RunInfo, SessionState

NO_CHECKPOINT = "{} was ended: it has no checkpoint to go on from after a pause."


class Runner:
    """Starts plans on `engine` and knows what became of them.

    What a script runs on the engine by itself is none of its runs, and changes nothing here.

    Parameters
    ----------
    engine : RunEngine
    darken : callable
        Called when a run is over, before that is told: sees to it that no light is left on.
    report : callable
        Called with what went wrong.
    count : callable
        Returns what the caches have been given so far.
    """

    state_changed = Signal(SessionState)
    run_changed = Signal(RunInfo)

    def __init__(
        self,
        engine: RunEngine,
        darken: Callable[[], None],
        report: Callable[[BaseException | str | None], None],
        count: Callable[[], Tally],
    ) -> None:
        self.state = SessionState.IDLE
        self.run: RunInfo | None = None
        self._engine = engine
        self._darken = darken
        self._report = report
        self._count = count
        self._plan: object = None  # the messages of the run under way
        self._actions: Mapping[str, Action] = {}
        self._aborted = False
        self._resumed: Future[Any] | None = None  # until the plan goes on
        # Held while telling, so that everybody hears of changes in the order they happened.
        self._lock = threading.RLock()
        engine.state_changed.connect(self._on_engine_state_changed)
        engine.run_ended.connect(self._on_engine_run_ended)
        engine.subscribe(self._on_start_document, "start")  # type: ignore[no-untyped-call]

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions of the plan under way, by name; none when no plan is."""
        return self._actions if self.state.busy else {}

    def start(self, run: RunInfo, plan: Iterable[Msg], actions: Iterable[Action]) -> Future[Any]:
        """Run `plan`, described by `run`; the caller has made sure that none is under way."""
        with self._lock:
            actions = tuple(actions)
            self._engine.offer(actions)
            self._plan, plan_before = plan, self._plan
            run = replace(run, before=self._count())
            try:
                future = self._engine(plan)
            except BaseException:  # nothing has begun, so the plan before is still the last
                self._plan = plan_before
                raise
            self._aborted = False
            self._actions = {action.name: action for action in actions}
            self._report(None)
            self._set_run(run)
            self._set_state(SessionState.RUNNING)
        return future

    def pause(self) -> None:
        """Pause the running plan; quiet when none is running."""
        if self.state is SessionState.RUNNING:
            self._engine.request_pause()

    def resume(self) -> Future[Any] | None:
        """Let the paused plan go on; None when none is paused."""
        with self._lock:
            if self.state is not SessionState.PAUSED:
                return None
            if self._resumed is not None:  # asked for already, and not yet done
                return self._resumed
            future = self._resumed = self._engine.resume()
        future.add_done_callback(self._on_resumed)
        return future

    def stop(self) -> Future[Any]:
        """End the plan with its cleanup, and call that a success."""
        return self._engine.stop()

    def abort(self) -> Future[Any]:
        """End the plan with its cleanup, and mark its runs as aborted."""
        self._aborted = True
        return self._engine.abort()

    def halt(self) -> Future[Any]:
        """End the plan without its own cleanup; the devices it has set are still stopped."""
        self._aborted = True
        return self._engine.halt()

    def give_up(self) -> None:
        """Expect the plan to be aborted: the session closes."""
        self._aborted = True

    def _on_resumed(self, future: Future[Any]) -> None:
        with self._lock:
            if self._resumed is future:
                self._resumed = None
        error = future.exception()
        still_paused = self.state is SessionState.PAUSED
        if error is not None and still_paused and not isinstance(error, RunEngineInterrupted):
            self._report(error)

    def _on_start_document(self, _name: str, document: Mapping[str, Any]) -> None:
        with self._lock:
            if self._plan is not None and self.run is not None:
                self._set_run(replace(self.run, uids=(*self.run.uids, document["uid"])))

    def _on_engine_state_changed(self, new: str, _old: str) -> None:
        state = ENGINE_STATES.get(new)
        with self._lock:
            if state is None or self._plan is None or self.run is None:
                return  # idle is told when a new run can be started
            self._resumed = None
            now = time.time()
            if state is SessionState.PAUSED:
                self._set_run(replace(self.run, paused_since=now))
            elif self.run.paused_since is not None:
                paused = self.run.paused_seconds + now - self.run.paused_since
                self._set_run(replace(self.run, paused_since=None, paused_seconds=paused))
            self._set_state(state)

    def _on_engine_run_ended(self, plan: object, error: BaseException | None, result: Any) -> None:
        if plan is not self._plan:
            return
        self._darken()
        with self._lock:
            if self.run is None:
                return
            failed = error is not None and not isinstance(error, RunEngineInterrupted)
            status = "fail" if failed else result.exit_status
            problem: BaseException | str | None = error if failed else None
            if status == "abort" and not self._aborted:
                failed, problem = True, NO_CHECKPOINT.format(self.run.title)
            reason = with_place(problem) if isinstance(problem, BaseException) else problem or ""
            self._plan = None
            run = replace(self.run, ended=time.time(), exit_status=status, reason=reason)
            self._set_run(replace(run, brought=self._count() - run.before))
            if problem is not None:
                self._report(problem)
            self._set_state(SessionState.FAILED if failed else SessionState.IDLE)

    def _set_run(self, run: RunInfo) -> None:
        self.run = run
        announce(self.run_changed, run)

    def _set_state(self, state: SessionState) -> None:
        if state is not self.state:
            self.state = state
            announce(self.state_changed, state)
