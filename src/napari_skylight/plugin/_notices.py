"""The session's problems and refused requests, as napari notifications."""

from __future__ import annotations

from functools import partial

from napari_skylight._compat import show_error, show_info
from napari_skylight.engine import EngineBusyError
from napari_skylight.plans.spec import ParameterError
from napari_skylight.session import Session, SessionState
from napari_skylight.widgets import gui_thread

LIVE_VIEW = "live_view"


class Notices:
    """Shows what a session reports, once for all viewers and docks.

    A problem that is reported repeatedly is shown again after it was cleared, or in the next run.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._gui_thread = gui_thread()
        self._shown: tuple[str, float | None] | None = None
        session.reported.connect(self._on_reported)
        if session.problem:  # such as a broken file of plans
            self._on_reported(session.problem)

    def close(self) -> None:
        """Show nothing any more."""
        self._session.reported.disconnect(self._on_reported)

    def _on_reported(self, problem: str) -> None:
        """Show a new problem; on any thread."""
        run = self._session.run
        news = (problem, run.started if run is not None else None)
        if not problem:
            self._shown = None
        elif news != self._shown:
            self._shown = news
            error = self._session.last_exception
            # The form marks wrong values itself.
            if not isinstance(error, ParameterError):
                self._gui_thread.call(partial(notify, problem, error))


def notify(problem: str, error: BaseException | None) -> None:
    """Show a problem, with the traceback of `error` if that helps; on the GUI thread."""
    if isinstance(error, EngineBusyError):
        show_info(problem)
    else:
        show_error(problem, None if isinstance(error, ParameterError) else error)


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
