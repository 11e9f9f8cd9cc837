"""Times, sizes, rates and states as text on screen."""

from __future__ import annotations

from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec import sentence_case
from napari_skylight.session import RunInfo, SessionState

_STATES = {
    SessionState.IDLE: "Idle",
    SessionState.RUNNING: "Running",
    SessionState.PAUSING: "Pausing…",
    SessionState.PAUSED: "Paused",
    SessionState.STOPPING: "Stopping…",
    SessionState.FAILED: "Failed",
}
_ENDINGS = {"success": "Finished", "abort": "Aborted", "fail": "Failed"}


def state_text(state: SessionState) -> str:
    """Return the state of the session."""
    return _STATES[state]


def outcome_text(exit_status: str) -> str:
    """Return how a run ended, an empty text before it has."""
    return _ENDINGS.get(exit_status, "")


def outcome_summary(run: RunInfo, brought: str = "") -> str:
    """Return how a run ended and when: "Finished: 40 frames in 0:12"."""
    after = duration(run.seconds)
    word = outcome_text(run.exit_status)
    counted = brought and run.exit_status != "fail"
    return f"{word}: {brought} in {after}" if counted else f"{word} after {after}"


def duration(seconds: float) -> str:
    """Return a time as m:ss, or h:mm:ss."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_of(number: int, noun: str) -> str:
    """Return "1 event", "2 events"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def frames(number: int) -> str:
    """Return "1 frame", "2 frames"."""
    return count_of(number, "frame")


def rate(per_second: float) -> str:
    """Return a rate with one decimal below 100: "59.8", "160"."""
    return f"{per_second:.1f}" if per_second < 99.95 else f"{per_second:.0f}"


def size(nbytes: float) -> str:
    """Return a number of bytes in kB, MB or GB, with at least two digits."""
    for unit in ("kB", "MB", "GB"):
        nbytes /= 1000
        if nbytes < 999.5 or unit == "GB":
            break
    return f"{nbytes:.0f} {unit}" if nbytes >= 9.95 else f"{nbytes:.2g} {unit}"


def action_caption(action: Action) -> str:
    """Return the caption of an action, with the state of a toggle or the number of requests."""
    name, state = sentence_case(action.name), action.state
    if action.togglable:
        waits = " …" if state.pending else ""
        return f"{name}: {action.toggle_states[0 if state.on else 1]}{waits}"
    return f"{name} ({action.unanswered})" if action.unanswered else name
