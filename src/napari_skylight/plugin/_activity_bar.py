"""How far a run is, in napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import progress
from qtpy.QtCore import QObject

from napari_skylight.widgets import Links

if TYPE_CHECKING:
    from napari_skylight.session import Session

__all__ = ["ActivityBar"]

_STEPS = 100


class ActivityBar(QObject):
    """A bar while a run knows how far it is; to be made, and closed, on the GUI thread.

    Every viewer shows napari's bars, so there is one for a session.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._bar: progress | None = None
        self._total = 0
        self._news = self._showing = self._closed = False
        self._links = Links(self)
        self._links.connect(session.progress.changed, self._on_told)
        self._on_told()

    def close(self) -> None:
        """Take the bar away and show no other."""
        if not self._closed:
            self._closed = True
            self._links.cut()
            self._end()

    def _on_told(self) -> None:
        self._news = True
        if self._showing:  # napari handles Qt's events while it draws a bar
            return
        self._showing = True
        try:
            while self._news:
                self._news = False
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
            self._bar = None  # closed by napari, with one of several windows
        if self._bar is not None and (self._total != total or self._bar.n > done):
            self._end()  # another run of the plan, or points that are measured again
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
