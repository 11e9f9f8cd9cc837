"""Asking the plan under way for something, and saying plainly when it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_skylight._notifications import show_info
from napari_skylight.session import SessionState

if TYPE_CHECKING:
    from napari_skylight.session import Session

LIVE_VIEW = "live_view"


def is_busy(session: Session) -> bool:
    """Return whether a plan is under way; say so when none is."""
    if not session.state.busy:
        show_info(f"{last_title(session)} is not running.")
    return session.state.busy


def last_title(session: Session) -> str:
    """Return the plan under way, or the one that was; live view before there was any."""
    return session.run.title if session.run is not None else session.plans.title(LIVE_VIEW)


def ask(session: Session, name: str) -> None:
    """Ask the running plan for an action: a toggle for what it is not, or not going to be."""
    if not session.state.busy:
        show_info(f"{session.plans.title(LIVE_VIEW)} is not running.")
        return
    action = session.actions.get(name)
    title = last_title(session)
    if action is None:
        show_info(f"{title} has no action called {name}.")
    elif not session.request(name, action.next_request):
        stopping = session.state is SessionState.STOPPING
        show_info(f"{title} is stopping." if stopping else f"{title} does not take {name} now.")
