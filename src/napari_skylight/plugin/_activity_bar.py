"""The progress of a run in napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import progress
from qtpy.QtCore import QObject

from napari_skylight.widgets import Links

if TYPE_CHECKING:
    from napari_skylight.session import Session

_STEPS = 100


class ActivityBar(QObject):
    """A progress bar, shown while the run reports its progress; GUI thread only.

    napari shows its bars in every viewer, so a session has one.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._bar: progress | None = None
        self._total = 0
        self._changed = self._showing = self._closed = False
        self._links = Links(self)
        self._links.connect(session.progress.changed, self._on_progress_changed)
        self._on_progress_changed()

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
        now, run = self._session.progress.now, self._session.run
        if now is None or run is None or self._closed:
            self._end()
        elif now.total is not None:
            self._show_bar(run.title, now.done, now.total)
        elif now.fraction is not None:
            self._show_bar(run.title, round(_STEPS * now.fraction), _STEPS)

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
