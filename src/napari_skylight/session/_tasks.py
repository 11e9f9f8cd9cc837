"""The running plan of a session, its state, and the frames it brought."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import astuple, dataclass, field, replace
from enum import StrEnum
from typing import Any

from bluesky.utils import Msg, RunEngineInterrupted
from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.engine import RunEngine
from napari_skylight.engine.actions import Action
from napari_skylight.frames import CacheStore, FrameCache
from napari_skylight.plans.spec import PlanSpec
from napari_skylight.session._devices import Devices
from napari_skylight.session._problems import Problems, with_place

NO_CHECKPOINT = "{} was ended: it has no checkpoint to resume from after a pause."


class SessionState(StrEnum):
    """The state of a session's engine."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    FAILED = "failed"
    """Idle, and the last run failed."""

    @property
    def busy(self) -> bool:
        """Whether a plan is running, paused or stopping."""
        return self not in (SessionState.IDLE, SessionState.FAILED)


ENGINE_STATES = {
    "running": SessionState.RUNNING,
    "suspending": SessionState.RUNNING,
    "pausing": SessionState.PAUSING,
    "paused": SessionState.PAUSED,
    "stopping": SessionState.STOPPING,
    "aborting": SessionState.STOPPING,
    "halting": SessionState.STOPPING,
}
"""The engine's states while it has a plan."""


@dataclass(frozen=True)
class Tally:
    """Numbers of frames, over all caches of a session."""

    live: int = 0
    """Given to live caches."""
    stacked: int = 0
    """Given to stacks."""
    dropped: int = 0
    """Refused, or lost before a plan could stash them."""

    def __sub__(self, before: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(astuple(self), astuple(before), strict=True)))

    @property
    def frames(self) -> int:
        """Frames acquired; most are given to a live cache and to a stack."""
        return max(self.live, self.stacked)

    @classmethod
    def of_run(cls, run: RunInfo | None, caches: Iterable[FrameCache]) -> Tally:
        """Count what a run has brought so far; without a run, all frames."""
        if run is None:
            return cls.of(caches)
        return run.brought or cls.of(caches) - run.before

    @classmethod
    def of(cls, caches: Iterable[FrameCache]) -> Tally:
        """Count what `caches` were given since they were made."""
        counts = [(cache.kind, cache.counts) for cache in caches if not cache.is_processed]
        live = [each for kind, each in counts if kind == "live"]
        stacks = [each for kind, each in counts if kind == "stack"]
        # a lost frame is counted by each cache that its stream feeds
        lost = max(sum(each.lost for each in same) for same in (live, stacks))
        return cls(
            live=sum(each.acquired for each in live),
            stacked=sum(each.acquired for each in stacks),
            dropped=sum(each.refused for each in (*live, *stacks)) + lost,
        )


@dataclass(frozen=True)
class RunInfo:
    """One run of a plan, from its start to its end."""

    plan: str
    title: str
    values: Mapping[str, Any]
    """By parameter name."""
    started: float
    """In seconds since the epoch, as `ended` and `paused_since`."""
    ended: float | None = None
    exit_status: str = ""
    """Empty while it runs, then "success", "abort" or "fail"."""
    reason: str = ""
    """Why it failed."""
    uids: tuple[str, ...] = ()
    """Of the Bluesky runs that the plan opened."""
    paused_seconds: float = 0.0
    paused_since: float | None = None
    spec: PlanSpec = field(default_factory=lambda: PlanSpec("", ""))
    """The parameters and actions of the plan when it started."""
    before: Tally = field(default_factory=Tally)
    """The counts when it started."""
    brought: Tally | None = None
    """The frames of the run, once it has ended."""

    @property
    def seconds(self) -> float:
        """The duration so far, without pauses."""
        until = self.paused_since or self.ended or time.time()
        return until - self.started - self.paused_seconds


class Tasks:
    """Starts plans on `engine` and follows them, but not those that a script starts there."""

    state_changed = Signal(SessionState)
    run_changed = Signal(RunInfo)

    def __init__(
        self, engine: RunEngine, devices: Devices, caches: CacheStore, problems: Problems
    ) -> None:
        self.state = SessionState.IDLE
        self.run: RunInfo | None = None
        self._engine = engine
        self._devices = devices
        self._caches = caches
        self._problems = problems
        self._plan: object = None  # the messages of the running plan
        self._actions: Mapping[str, Action] = {}
        self._abort_expected = False
        self._resumed: Future[Any] | None = None  # until the plan has resumed
        # held while emitting: signals come in the order of the changes
        self._lock = threading.RLock()
        engine.state_changed.connect(self._on_engine_state_changed)
        engine.run_ended.connect(self._on_engine_run_ended)
        engine.subscribe(self._on_start_document, "start")  # type: ignore[no-untyped-call]

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions of the running plan, by name."""
        return self._actions if self.state.busy else {}

    def start(
        self,
        run: RunInfo,
        plan: Iterable[Msg],
        actions: Iterable[Action],
        metadata: Mapping[str, Any],
    ) -> Future[Any]:
        """Run `plan`, described by `run`, with `metadata` for its runs; the engine must be idle."""
        with self._lock:
            actions = tuple(actions)
            self._engine.offer(actions)
            self._plan, plan_before = plan, self._plan
            run = replace(run, before=Tally.of(self._caches))
            try:
                future = self._engine(plan, **metadata)
            except BaseException:  # nothing has begun: the plan before is still the last
                self._plan = plan_before
                raise
            self._abort_expected = False
            self._actions = {action.name: action for action in actions}
            self._problems.report(None)
            self._set_run(run)
            self._set_state(SessionState.RUNNING)
        return future

    def resume(self) -> Future[Any] | None:
        """Resume the paused plan; return None if none is paused."""
        with self._lock:
            if self.state is not SessionState.PAUSED:
                return None
            if self._resumed is not None:
                return self._resumed
            future = self._resumed = self._engine.resume()
        future.add_done_callback(self._on_resumed)
        return future

    def expect_abort(self) -> None:
        """Report no failure if the running plan ends as aborted."""
        self._abort_expected = True

    def _on_resumed(self, future: Future[Any]) -> None:
        with self._lock:
            if self._resumed is future:
                self._resumed = None
        error = future.exception()
        still_paused = self.state is SessionState.PAUSED
        if error is not None and still_paused and not isinstance(error, RunEngineInterrupted):
            self._problems.report(error)

    def _on_start_document(self, _name: str, document: Mapping[str, Any]) -> None:
        with self._lock:
            if self._plan is not None and self.run is not None:
                self._set_run(replace(self.run, uids=(*self.run.uids, document["uid"])))

    def _on_engine_state_changed(self, new: str, _old: str) -> None:
        state = ENGINE_STATES.get(new)
        with self._lock:
            if state is None or self._plan is None or self.run is None:
                return  # idle is emitted when a new plan can be started
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
        self._devices.darken()
        with self._lock:
            if self.run is None:
                return
            failed = error is not None and not isinstance(error, RunEngineInterrupted)
            status = "fail" if failed else result.exit_status
            problem: BaseException | str | None = error if failed else None
            if status == "abort" and not self._abort_expected:
                failed, problem = True, NO_CHECKPOINT.format(self.run.title)
            reason = with_place(problem) if isinstance(problem, BaseException) else problem or ""
            self._plan = None
            run = replace(self.run, ended=time.time(), exit_status=status, reason=reason)
            self._set_run(replace(run, brought=Tally.of(self._caches) - run.before))
            if problem is not None:
                self._problems.report(problem)
            self._set_state(SessionState.FAILED if failed else SessionState.IDLE)

    def _set_run(self, run: RunInfo) -> None:
        self.run = run
        announce(self.run_changed, run)

    def _set_state(self, state: SessionState) -> None:
        if state is not self.state:
            self.state = state
            announce(self.state_changed, state)
