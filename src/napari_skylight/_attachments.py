"""The session of the process, and the viewers that show it.

There is one session in a process. The first dock or command makes it, or a script with `attach`;
every viewer shares it. It is closed with the last viewer that uses it, unless a script brought it.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, cast

from napari.settings import get_plugin_settings
from qtpy.QtWidgets import QApplication

from napari_skylight._compat import main_window, unwrapped
from napari_skylight.devices import sim
from napari_skylight.session import Session, home_folder
from napari_skylight.viewer import ViewerLink
from napari_skylight.widgets import LogUse

if TYPE_CHECKING:
    from napari.viewer import Viewer

PLUGIN = "napari-skylight"
MEGABYTE = 1_000_000

_session: Session | None = None
_session_is_ours = False
_attached: dict[int, _Attachment] = {}


class _Attachment:
    """A viewer that shows a session, from the first dock or command until its window is gone."""

    def __init__(self, viewer: Viewer, session: Session) -> None:
        window = main_window(viewer)
        if window is None:
            raise RuntimeError("The viewer has been closed: make a new one.")
        self.viewer = viewer
        self.session = session
        self.link = ViewerLink(viewer, session)
        self._log = LogUse()  # what happens before a log is opened can be read in it
        self._preferences = get_plugin_settings(PLUGIN).live
        self._preferences.events.connect(self.apply_preferences)
        self.apply_preferences()
        # napari's windows are deleted when they close, and not when the person declines to close.
        window.destroyed.connect(self.detach)
        self._application = cast("QApplication", QApplication.instance())
        self._application.aboutToQuit.connect(self.detach)

    def apply_preferences(self, _event: object = None) -> None:
        """Take over the display rate and the stack size."""
        self.link.display_rate = self._preferences.display_rate
        self.session.caches.stack_bytes = self._preferences.stack_size * MEGABYTE

    def detach(self) -> None:
        """Cut every link; close the session if this was its last viewer."""
        if _attached.pop(id(self.viewer), None) is None:
            return
        self._application.aboutToQuit.disconnect(self.detach)
        self._preferences.events.disconnect(self.apply_preferences)
        self.link.close()
        self._log.close()
        if not _attached and _session_is_ours:
            close_session()


def attach(viewer: Viewer, session: Session | None = None) -> Session:
    """Show `session` in `viewer`, and return it.

    Parameters
    ----------
    viewer : napari.Viewer
    session : Session, optional
        Yours to close. Without one, the session of the process is used; it is made when there is
        none, and closed with the last viewer that uses it.

    Raises
    ------
    RuntimeError
        If viewers show another session already.
    """
    global _session, _session_is_ours
    viewer = unwrapped(viewer)
    if session is not None and session is not _session:
        if _attached:
            raise RuntimeError("Another session is shown already: close its viewers first.")
        close_session()
        _session, _session_is_ours = session, False
    if _session is None:
        _session, _session_is_ours = Session(home_folder()), True
    if id(viewer) not in _attached:
        _attached[id(viewer)] = _Attachment(viewer, _session)
    return _session


def link_of(viewer: Viewer) -> ViewerLink:
    """Return what shows frames in an attached viewer."""
    return _attached[id(unwrapped(viewer))].link


def summary(viewer: Viewer) -> list[str]:
    """Return a line for each cache: what was acquired, stashed, and shown in `viewer`."""
    link = link_of(viewer)
    lines = []
    for cache in link.session.caches:
        counts, seen = cache.counts, link.counts(cache)
        lines.append(
            f"{cache.name}: {counts.acquired} frames acquired, {counts.stashed} stashed, "
            f"{seen.shown} shown, {seen.skipped} skipped on screen, {seen.waiting} waiting"
        )
    return lines


@atexit.register
def _detach_all() -> None:
    """Let go of viewers that are still open when a script ends, while Qt still lives."""
    for attachment in list(_attached.values()):
        attachment.detach()


def close_session() -> None:
    """Close the session of the process; a script's own is only let go of."""
    global _session
    session, _session = _session, None
    if session is not None and _session_is_ours:
        session.close()


def attach_with_devices(viewer: Viewer) -> Session:
    """Attach the viewer; where no device is connected yet, open the simulated microscope."""
    session = attach(viewer)
    if not session.devices:
        session.ensure_microscope(sim.microscope)
    return session
