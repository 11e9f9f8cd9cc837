"""What a session says of a run: its state, and its record from Run to the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from napari_skylight.plans.spec import PlanSpec
from napari_skylight.session._frame_counts import Tally


class SessionState(StrEnum):
    """What the session's engine is doing, as a person would say it."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    FAILED = "failed"
    """Idle, and the last run failed."""

    @property
    def busy(self) -> bool:
        """Whether a plan is under way."""
        return self not in (SessionState.IDLE, SessionState.FAILED)


# A plan held by a bluesky suspender is still running, from where the person stands.
ENGINE_STATES = {
    "running": SessionState.RUNNING,
    "suspending": SessionState.RUNNING,
    "pausing": SessionState.PAUSING,
    "paused": SessionState.PAUSED,
    "stopping": SessionState.STOPPING,
    "aborting": SessionState.STOPPING,
    "halting": SessionState.STOPPING,
}
"""The engine's states that mean a plan is under way."""


@dataclass(frozen=True)
class RunInfo:
    """One run of a plan, from Run to its end.

    Times are seconds since the epoch. `exit_status` is empty while it runs, then "success", "abort"
    or "fail"; `reason` says why, in plain words. `spec` is what the plan took and offered when it
    started: by now it may have been replaced. `before` is what the caches had been given by then,
    `brought` what the run has given them, once it is over.
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
        """How long it has run, pauses left out."""
        until = self.paused_since or self.ended or time.time()
        return until - self.started - self.paused_seconds
