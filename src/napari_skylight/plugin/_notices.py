"""What napari shows of the session: problems, refused requests, and progress."""

from __future__ import annotations

from functools import partial

from napari.utils import progress
from psygnal import SignalInstance
from qtpy.QtCore import QObject

from napari_skylight._compat import show_error, show_info
from napari_skylight.engine import EngineBusyError
from napari_skylight.plans.spec import ParameterError
from napari_skylight.session import Session, SessionState
from napari_skylight.widgets import Links, gui_thread

LIVE_VIEW = "live_view"
_STEPS = 100
_Steps = tuple[str, int, int]  # a title, the steps that are done, and all of them


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


class ActivityBar(QObject):
    """A progress bar, shown while the run reports its progress; one for all viewers.

    GUI thread only.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._bar: progress | None = None
        self._total = 0
        self._changed = self._showing = self._closed = False
        self._last: _Steps | None = None
        self._links = Links(self)
        self._links.connect(self._signal(session), self._on_progress_changed)
        self._on_progress_changed()

    def _signal(self, session: Session) -> SignalInstance:
        """Return the signal after which there may be progress."""
        return session.progress.changed

    def _steps(self) -> _Steps | None:
        """Return the progress; None if there is none."""
        now, run = self._session.progress.now, self._session.run
        if now is None or run is None:
            return None
        if now.total is not None:
            return run.title, now.done, now.total
        if now.fraction is not None:
            return run.title, round(_STEPS * now.fraction), _STEPS
        return self._last

    def close(self) -> None:
        """Remove the bar for good."""
        if not self._closed:
            self._closed = True
            self._links.cut()
            self._end()

    def _on_progress_changed(self) -> None:
        self._changed = True
        if self._showing:  # napari runs Qt's events while it draws a bar
            return
        self._showing = True
        try:
            while self._changed:
                self._changed = False
                self._show()
        finally:
            self._showing = False

    def _show(self) -> None:
        self._last = None if self._closed else self._steps()
        if self._last is None:
            self._end()
        else:
            self._show_bar(*self._last)

    def _show_bar(self, title: str, done: int, total: int) -> None:
        if self._bar is not None and self._bar.disable:
            self._bar = None  # napari closed it with one of several windows
        if self._bar is not None and (self._total != total or self._bar.n > done):
            self._end()  # another run, or points repeated
        if self._bar is None:
            self._total = total
            self._bar = progress(total=total, desc=title)
        if done > self._bar.n:
            self._bar.update(min(done, total) - self._bar.n)
        if self._closed:  # meanwhile
            self._end()

    def _end(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


class SaveBar(ActivityBar):
    """A progress bar, shown while stacks are saved."""

    def _signal(self, session: Session) -> SignalInstance:
        return session.saves.changed

    def _steps(self) -> _Steps | None:
        now = self._session.saves.progress
        return None if now is None else ("Saving stacks", now.done, now.total)
