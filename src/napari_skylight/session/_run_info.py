"""The state of a session, a run of a plan, and the frames it brought."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from typing import Any

from napari_skylight.frames import FrameCache
from napari_skylight.plans.spec import PlanSpec


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
    to_screen: int = 0
    """Stashed into live caches; the screen shows or skips them, and shows all of a stack."""
    dropped: int = 0
    """Refused, or lost before a plan could stash them."""

    def __sub__(self, before: Tally) -> Tally:
        return Tally(*(a - b for a, b in zip(astuple(self), astuple(before), strict=True)))

    @property
    def frames(self) -> int:
        """Frames acquired; most are given to a live cache and to a stack."""
        return max(self.live, self.stacked)

    @classmethod
    def of(cls, caches: Iterable[FrameCache]) -> Tally:
        """Count what `caches` were given since they were made."""
        counts = [(cache.kind, cache.counts) for cache in caches]
        live = [each for kind, each in counts if kind == "live"]
        stacks = [each for kind, each in counts if kind == "stack"]
        # a lost frame is counted by each cache that its stream feeds
        lost = max(sum(each.lost for each in same) for same in (live, stacks))
        return cls(
            live=sum(each.acquired for each in live),
            stacked=sum(each.acquired for each in stacks),
            to_screen=sum(each.stashed for each in live),
            dropped=sum(each.refused for each in (*live, *stacks)) + lost,
        )


@dataclass(frozen=True)
class RunInfo:
    """One run of a plan, from its start to its end.

    Attributes
    ----------
    plan, title : str
    values : Mapping[str, Any]
        By parameter name.
    started, ended, paused_since : float or None
        In seconds since the epoch.
    exit_status : str
        Empty while it runs, then "success", "abort" or "fail".
    reason : str
        Why it failed.
    uids : tuple of str
        Of the Bluesky runs that the plan opened.
    paused_seconds : float
    spec : PlanSpec
        The parameters and actions of the plan when it started.
    before : Tally
        The counts when it started.
    brought : Tally or None
        The frames of the run, once it has ended.
    """

    plan: str
    title: str
    values: Mapping[str, Any]
    started: float
    ended: float | None = None
    exit_status: str = ""
    reason: str = ""
    uids: tuple[str, ...] = ()
    paused_seconds: float = 0.0
    paused_since: float | None = None
    spec: PlanSpec = field(default_factory=lambda: PlanSpec("", ""))
    before: Tally = field(default_factory=Tally)
    brought: Tally | None = None

    @property
    def seconds(self) -> float:
        """The duration so far, without pauses."""
        until = self.paused_since or self.ended or time.time()
        return until - self.started - self.paused_seconds
