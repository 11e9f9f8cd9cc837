"""The session's problems as napari notifications, each once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_skylight._compat import show_error, show_info
from napari_skylight.engine import EngineBusyError
from napari_skylight.plans.spec import ParameterError
from napari_skylight.widgets import gui_thread

if TYPE_CHECKING:
    from napari_skylight.session import Session


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
