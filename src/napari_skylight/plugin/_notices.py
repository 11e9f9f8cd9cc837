"""Problems as napari's notifications, once each, with the traceback one click away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_skylight._notifications import show_error, show_info
from napari_skylight.engine import EngineBusyError
from napari_skylight.plans.spec import ParameterError
from napari_skylight.widgets import gui_thread

if TYPE_CHECKING:
    from napari_skylight.session import Session


class Notices:
    """Tells what a session reports, however many viewers and docks show it.

    What is reported again and again is told once, until it no longer stood or in the next run.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._gui_thread = gui_thread()
        self._told: tuple[str, float | None] | None = None
        session.reported.connect(self._on_reported)
        if session.problem:  # a broken file of plans, say, while the session was made
            self._on_reported(session.problem)

    def close(self) -> None:
        """Tell nothing any more."""
        self._session.reported.disconnect(self._on_reported)

    def _on_reported(self, problem: str) -> None:
        """Note what is new; on any thread."""
        run = self._session.run
        news = (problem, run.started if run is not None else None)
        if not problem:
            self._told = None
        elif news != self._told:
            self._told = news
            error = self._session.last_exception
            # What is wrong in a form is marked there, by whoever asked for the run.
            if not isinstance(error, ParameterError):
                self._gui_thread.call(partial(notify, problem, error))


def notify(problem: str, error: BaseException | None) -> None:
    """Show a problem, with the traceback of `error` if that helps; on the GUI thread."""
    if isinstance(error, EngineBusyError):
        show_info(problem)
    else:
        show_error(problem, None if isinstance(error, ParameterError) else error)
