"""Puts session, viewer link and docks together; the manifest's widgets and commands point here.

There is one session in a process. The first dock or command makes it, or a script with `attach`;
every viewer shares it. It is closed with the last viewer that uses it, unless a script brought it.
"""

from __future__ import annotations

import atexit
from functools import partial
from typing import TYPE_CHECKING, cast

from napari.settings import get_plugin_settings
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QApplication

from napari_skylight._compat import main_window, unwrapped
from napari_skylight.devices import mmcore, sim
from napari_skylight.session import Session
from napari_skylight.viewer import ViewerLink
from napari_skylight.widgets import DevicesPanel, PlanControl, choose_file

if TYPE_CHECKING:
    from concurrent.futures import Future

    from napari.types import LayerDataTuple
    from napari.viewer import Viewer

    from napari_skylight.devices import Microscope

PLUGIN = "napari-skylight"
MEGABYTE = 1_000_000
STAINS = {"DAPI": "blue", "GFP": "green", "RFP": "red"}

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
        _session, _session_is_ours = Session(), True
    if id(viewer) not in _attached:
        _attached[id(viewer)] = _Attachment(viewer, _session)
    return _session


def summary(viewer: Viewer) -> list[str]:
    """Return a line for each cache: what was acquired, stashed, and shown in `viewer`."""
    link = _attached[id(unwrapped(viewer))].link
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


class PlanControlDock(PlanControl):
    """The dock "Plan control" of the manifest."""

    def __init__(self, napari_viewer: Viewer) -> None:
        session = _attach_with_devices(napari_viewer)
        link = _attached[id(unwrapped(napari_viewer))].link

        def shown() -> int:
            live = [cache for cache in session.caches if cache.kind == "live"]
            return sum(link.counts(cache).shown for cache in live)

        super().__init__(session, shown=shown)


class DevicesDock(DevicesPanel):
    """The dock "Devices" of the manifest."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(_attach_with_devices(napari_viewer))


def _attach_with_devices(viewer: Viewer) -> Session:
    """Attach the viewer; where no device is connected yet, open the simulated microscope."""
    session = attach(viewer)
    if not session.devices:
        session.ensure_microscope(sim.microscope)
    return session


def start_live_view(viewer: Viewer) -> None:
    """Start the plan `live_view`, on the simulated microscope if none is open."""
    session = attach(viewer)
    if session.state.busy:
        show_info(f"{_title(session)} is {session.state} already.")
    elif session.devices and not session.opening:
        _start(session)
    else:
        opened = session.ensure_microscope(sim.microscope)

        def start(opened: Future[Microscope]) -> None:
            # A failure has been reported; and it may have been started meanwhile, if asked twice.
            if opened.exception() is None and not session.state.busy:
                _start(session)

        opened.add_done_callback(start)


def _start(session: Session) -> None:
    try:
        session.start("live_view")
    except (KeyError, ValueError, RuntimeError) as error:
        session.report(error)


def stop(viewer: Viewer) -> None:
    """Stop the plan under way."""
    session = attach(viewer)
    if _is_busy(session):
        session.stop()


def pause(viewer: Viewer) -> None:
    """Pause the running plan."""
    session = attach(viewer)
    if _is_busy(session):
        session.pause()


def resume(viewer: Viewer) -> None:
    """Let the paused plan go on."""
    session = attach(viewer)
    if session.resume() is None:
        show_info("No plan is paused.")


def snapshot(viewer: Viewer) -> None:
    """Keep one frame of each camera."""
    _request(attach(viewer), "snapshot")


def stash_frames(viewer: Viewer) -> None:
    """Keep every frame from now on, or no longer."""
    session = attach(viewer)
    action = session.actions.get("stash")
    _request(session, "stash", state=action is None or not action.state.on)


def clear_stash(viewer: Viewer) -> None:
    """Forget the frames kept so far."""
    session = attach(viewer)
    if not session.request("clear"):
        session.clear_stacks()


def open_simulated_microscope(viewer: Viewer) -> None:
    """Open the simulated microscope in place of the one that is open."""
    session = attach(viewer)
    if session.state.busy:
        show_info("Stop the plan before opening another microscope.")
    else:
        session.open_microscope(sim.microscope)


def open_micro_manager(viewer: Viewer) -> None:
    """Ask for a Micro-Manager configuration and open it in place of the microscope that is open."""
    session = attach(viewer)
    if session.state.busy:
        show_info("Stop the plan before opening another microscope.")
    elif file := choose_file(main_window(viewer), "Open Micro-Manager configuration", "*.cfg"):
        session.open_microscope(partial(mmcore.microscope, file))


def sample_image() -> list[LayerDataTuple]:
    """Return one image of the simulated specimen, a layer for each stain."""
    sample = sim.sample_image(channels=tuple(STAINS))
    return [
        (
            data,
            {
                "name": channel,
                "colormap": STAINS[channel],
                "blending": "additive",
                "scale": (sample.pixel_size, sample.pixel_size),
                "units": "um",
            },
            "image",
        )
        for channel, data in zip(sample.channels, sample.data, strict=True)
    ]


def _request(session: Session, action: str, state: bool = True) -> None:
    if _is_busy(session) and not session.request(action, state):
        show_info(f"{_title(session)} has no action called {action}.")


def _is_busy(session: Session) -> bool:
    if not session.state.busy:
        show_info("Live view is not running.")
    return session.state.busy


def _title(session: Session) -> str:
    return session.run.title if session.run is not None else "A plan"
