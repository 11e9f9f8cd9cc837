"""The session of the process, and the viewers that show it.

The first dock or command creates the session, or a script passes one to `attach`; all viewers share
it. It closes with the last viewer, unless it came from a script.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, cast

from qtpy.QtWidgets import QApplication

from napari_skylight._compat import PLUGIN, main_window, unwrapped
from napari_skylight._log_records import LogCapture
from napari_skylight.devices import sim
from napari_skylight.plugin._dock_layout import DockLayout
from napari_skylight.plugin._menus import Menus, keys_of
from napari_skylight.plugin._notices import ActivityBar, Notices, SaveBar
from napari_skylight.plugin._preferences import Preferences
from napari_skylight.session import Session, data_folder, home_folder
from napari_skylight.viewer import ViewerLink

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from qtpy.QtWidgets import QMainWindow

_session: Session | None = None
_session_is_ours = False
_attached: dict[int, _Attachment] = {}
_shared: _Shared | None = None


class _Shared:
    """What all viewers of the session share: preferences, log, menus, notices, progress bars."""

    def __init__(self, session: Session) -> None:
        self.preferences = Preferences()
        self.log = LogCapture()  # also before a log is opened
        self.menus = Menus(session, self.preferences)
        self.notices = Notices(session)
        self.bars = ActivityBar(session), SaveBar(session)

    def close(self) -> None:
        for part in (self.menus, self.notices, *self.bars, self.preferences):
            part.close()


class _Attachment:
    """A viewer that shows a session, from the first dock or command until its window closes."""

    def __init__(
        self, viewer: Viewer, window: QMainWindow, session: Session, shared: _Shared
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.link = ViewerLink(viewer, session)
        self.link.autoscale_keys = keys_of("autoscale_now")
        self.docks = DockLayout(window, home_folder())
        shared.menus.add_window(window)
        self._preferences = shared.preferences
        self._preferences.changed.connect(self._on_preferences_changed)
        self._on_preferences_changed()
        viewer.update_console({"session": session})
        # Not the Close event: the user can still cancel that.
        window.destroyed.connect(self.detach)
        self._application = cast("QApplication", QApplication.instance())
        self._application.aboutToQuit.connect(self.detach)

    def detach(self) -> None:
        """Cut all links; close the session with its last viewer."""
        global _shared
        if _attached.get(id(self.viewer)) is not self:  # detached, and perhaps attached again
            return
        del _attached[id(self.viewer)]
        self._application.aboutToQuit.disconnect(self.detach)
        self._preferences.changed.disconnect(self._on_preferences_changed)
        self.link.close()
        if _attached or _shared is None:
            return
        shared, _shared = _shared, None
        shared.close()
        if _session_is_ours:
            close_session()
        shared.log.close()  # records of the closing are in it

    def _on_preferences_changed(self) -> None:
        self._preferences.apply(self.link, self.session)

    def remove_docks(self) -> None:
        """Remove the plugin's docks from the window."""
        for name, widget in list(self.viewer.window.dock_widgets.items()):
            if name.endswith(f"({PLUGIN})"):
                self.viewer.window.remove_dock_widget(widget)
                widget.deleteLater()


def attach(viewer: Viewer, session: Session | None = None) -> Session:
    """Show `session` in `viewer`, and return it.

    Parameters
    ----------
    viewer : napari.Viewer
    session : Session, optional
        The caller closes it. Default: the session of the process, created if there is none and
        closed with its last viewer.

    Raises
    ------
    RuntimeError
        If viewers already show another session, or the viewer has been closed.
    """
    global _session, _session_is_ours, _shared
    viewer = unwrapped(viewer)
    window = main_window(viewer)
    if window is None:
        raise RuntimeError("The viewer has been closed: create a new one.")
    if session is not None and session is not _session:
        if _attached:
            raise RuntimeError("Viewers already show another session: close them first.")
        close_session()
        _session, _session_is_ours = session, False
    if _session is None or (_session.closed and not _attached):
        _session, _session_is_ours = Session(home_folder(), data_folder() / "runs"), True
    if id(viewer) not in _attached:
        if _shared is None:
            _shared = _Shared(_session)
        _attached[id(viewer)] = _Attachment(viewer, window, _session, _shared)
    return _session


def link_of(viewer: Viewer) -> ViewerLink:
    """Return the link between the session and an attached viewer."""
    return _attached[id(unwrapped(viewer))].link


def docks_of(viewer: Viewer) -> DockLayout:
    """Return the dock layout of an attached viewer."""
    return _attached[id(unwrapped(viewer))].docks


def open_docks(viewer: Viewer) -> None:
    """Open *Plan control*, and the docks that were open when napari last closed."""
    for name in dict.fromkeys(["Plan control", *docks_of(viewer).open_docks]):
        viewer.window.add_plugin_dock_widget(PLUGIN, name)


def summary(viewer: Viewer) -> list[str]:
    """Return a line for each cache: frames acquired, stashed, and shown in `viewer`."""
    link = link_of(viewer)
    lines = []
    for cache in link.session.caches:
        counts, seen = cache.counts, link.counts(cache)
        lines.append(
            f"{cache.name}: {counts.acquired} frames acquired, {counts.stashed} stashed, "
            f"{seen.shown} shown, {seen.skipped} skipped on screen, {seen.waiting} waiting"
        )
    return lines


def links() -> list[ViewerLink]:
    """Return the links of all attached viewers."""
    return [attachment.link for attachment in _attached.values()]


def deactivate(_context: object = None) -> None:
    """Detach all viewers, when the plugin is disabled in napari's plugin manager.

    Stops the plan. Closes the session, unless it came from a script.
    """
    session = _session
    if session is not None and session.state.busy:
        session.stop()
    for attachment in list(_attached.values()):
        attachment.remove_docks()
        attachment.detach()


@atexit.register
def _detach_all() -> None:
    """Detach viewers still open when a script ends, before Qt is gone."""
    for attachment in list(_attached.values()):
        attachment.detach()


def close_session() -> None:
    """Close the session of the process; only release one that came from a script."""
    global _session
    session, _session = _session, None
    if session is not None and _session_is_ours:
        session.close()


def attach_with_devices(viewer: Viewer) -> Session:
    """Attach the viewer; open the simulated microscope if no device is connected."""
    session = attach(viewer)
    if not session.devices:
        session.ensure_microscope(sim.microscope)
    return session
