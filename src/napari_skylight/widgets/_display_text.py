"""Times, sizes and states, as they are written on screen."""

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


def state_word(state: SessionState) -> str:
    """Return what the session does."""
    return _STATES[state]


def ending_word(exit_status: str) -> str:
    """Return how a run ended; empty when it has not."""
    return _ENDINGS.get(exit_status, "")


def ending(run: RunInfo, brought: str = "") -> str:
    """Return how a run ended: "Finished: 40 frames in 0:12"."""
    after = duration(run.seconds)
    word = ending_word(run.exit_status)
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
    """Return "59.8", or "160" without decimals."""
    return f"{per_second:.1f}" if per_second < 99.95 else f"{per_second:.0f}"


def size(nbytes: float) -> str:
    """Return a number of bytes in kB, MB or GB, with two digits or more."""
    for unit in ("kB", "MB", "GB"):
        nbytes /= 1000
        if nbytes < 999.5 or unit == "GB":
            break
    return f"{nbytes:.0f} {unit}" if nbytes >= 9.95 else f"{nbytes:.2g} {unit}"


def words_for(action: Action) -> str:
    """Return what a button or menu says of an action: which way a toggle is, and what waits."""
    name, state = sentence_case(action.name), action.state
    if action.togglable:
        waits = " …" if state.pending else ""
        return f"{name}: {action.toggle_states[0 if state.on else 1]}{waits}"
    return f"{name} ({action.unanswered})" if action.unanswered else name
