"""Requests to the running plan, with a message when it cannot take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_skylight._compat import show_info
from napari_skylight.session import SessionState

if TYPE_CHECKING:
    from napari_skylight.session import Session

LIVE_VIEW = "live_view"


def is_busy(session: Session) -> bool:
    """Return whether a plan is running; show a message if none is."""
    if not session.state.busy:
        show_info(f"{last_title(session)} is not running.")
    return session.state.busy


def last_title(session: Session) -> str:
    """Return the title of the running or last plan; of live view before any."""
    return session.run.title if session.run is not None else session.plans.title(LIVE_VIEW)


def ask(session: Session, name: str) -> None:
    """Request an action of the running plan; a toggle changes over."""
    if not session.state.busy:
        show_info(f"{session.plans.title(LIVE_VIEW)} is not running.")
        return
    action = session.actions.get(name)
    title = last_title(session)
    if action is None:
        show_info(f"{title} has no action called {name}.")
    elif not session.request(name, action.next_request):
        stopping = session.state is SessionState.STOPPING
        show_info(f"{title} is stopping." if stopping else f"{title} does not accept {name} now.")
