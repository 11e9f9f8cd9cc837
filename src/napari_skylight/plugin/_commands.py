"""The manifest's commands, for the palette, menus and shortcuts; no dock has to be open."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_skylight._compat import main_window, show_info
from napari_skylight.devices import mmcore, sim
from napari_skylight.plans.spec import ParameterError
from napari_skylight.plugin._attachments import attach, link_of
from napari_skylight.plugin._notices import LIVE_VIEW, ask, is_busy, last_title, notify
from napari_skylight.plugin._preferences import live_settings
from napari_skylight.widgets import choose_file, gui_thread

if TYPE_CHECKING:
    from concurrent.futures import Future

    from napari.viewer import Viewer

    from napari_skylight.devices import Microscope
    from napari_skylight.session import Session


def start_live_view(viewer: Viewer) -> None:
    """Start the plan `live_view`, on the simulated microscope if none is open."""
    session = attach(viewer)
    if session.state.busy:
        show_info(f"{last_title(session)} is already {session.state}.")
    elif session.devices and not session.opening:
        _start(session)
    else:
        opened = session.ensure_microscope(sim.microscope)

        def start(opened: Future[Microscope]) -> None:
            # A failure has been reported. A second call may have started it meanwhile.
            if _succeeded(opened) and not session.state.busy:
                _start(session)

        opened.add_done_callback(start)


def _start(session: Session) -> None:
    try:
        session.start(LIVE_VIEW)
    except (KeyError, ValueError, RuntimeError) as error:
        session.report(error)
        if isinstance(error, ParameterError):  # there is no form to mark the field
            gui_thread().call(partial(notify, session.problem, error))


def _succeeded(done: Future[Any]) -> bool:
    return not done.cancelled() and done.exception() is None


def stop(viewer: Viewer) -> None:
    """Stop the running plan, and all motion."""
    session = attach(viewer)
    is_busy(session)
    session.stop()


def stop_motion(viewer: Viewer) -> None:
    """Stop every device that moves."""
    attach(viewer).stop_motion()


def pause(viewer: Viewer) -> None:
    """Pause the running plan."""
    session = attach(viewer)
    if is_busy(session):
        session.pause()


def resume(viewer: Viewer) -> None:
    """Resume the paused plan."""
    session = attach(viewer)
    if session.resume() is None:
        show_info("No plan is paused.")


def snapshot(viewer: Viewer) -> None:
    """Take a snapshot with each camera."""
    ask(attach(viewer), "snapshot")


def stash_frames(viewer: Viewer) -> None:
    """Switch stashing of every frame on or off."""
    ask(attach(viewer), "stash")


def record(viewer: Viewer) -> None:
    """Switch recording of every frame to files on or off."""
    ask(attach(viewer), "record")


def clear_stash(viewer: Viewer) -> None:
    """Clear the stashed frames."""
    session = attach(viewer)
    if not session.request("clear"):
        session.clear_stacks()


def open_simulated_microscope(viewer: Viewer) -> None:
    """Replace the open microscope by the simulated one."""
    session = attach(viewer)
    if session.state.busy:
        show_info("Stop the plan before opening another microscope.")
    else:
        session.open_microscope(sim.microscope)


def open_micro_manager(viewer: Viewer) -> None:
    """Replace the open microscope by that of a Micro-Manager configuration the user chooses."""
    session = attach(viewer)
    if session.state.busy:
        show_info("Stop the plan before opening another microscope.")
    elif file := choose_file(main_window(viewer), "Open Micro-Manager configuration", "*.cfg"):
        session.open_microscope(partial(mmcore.microscope, file))


def open_devices_file(viewer: Viewer) -> None:
    """Replace the open devices by those of a devices file the user chooses."""
    session = attach(viewer)
    if session.state.busy:
        show_info("Stop the plan before opening other devices.")
    elif file := choose_file(main_window(viewer), "Open devices file", "*.toml"):
        session.open_devices(file)


def reload_plans(viewer: Viewer) -> None:
    """Reload the user's plans and those of other packages."""
    loaded = attach(viewer).reload_plans()

    def on_loaded(loaded: Future[tuple[str, ...]]) -> None:
        if _succeeded(loaded) and not loaded.result():
            gui_thread().call(partial(show_info, "Plans reloaded."))

    loaded.add_done_callback(on_loaded)


def open_plans_folder(viewer: Viewer) -> None:
    """Show the folder of the user's plans in the file manager; create it if needed."""
    folder = attach(viewer).plans_folder
    if folder is None:
        show_info("This session has no plans folder.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        show_info(f"Put your plans in {folder}")


def autoscale_now(viewer: Viewer) -> None:
    """Set the contrast limits of every live layer from the frame on screen."""
    attach(viewer)
    link_of(viewer).autoscale_now()


def show_frame_rates(viewer: Viewer) -> None:
    """Switch frame rates and counts on the canvas of all viewers on or off; a preference."""
    attach(viewer)
    settings = live_settings()
    settings.show_counts = not settings.show_counts
