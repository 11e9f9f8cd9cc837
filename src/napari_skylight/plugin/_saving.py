"""The commands that save stacks and open image files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_skylight._compat import PLUGIN, main_window, show_error, show_info
from napari_skylight.plugin._attachments import attach, link_of
from napari_skylight.plugin._files import hexadecimal
from napari_skylight.plugin._preferences import keep_recording_settings
from napari_skylight.session import ImageLook, Session
from napari_skylight.widgets import ImageDialog, RecordDialog, SaveDialog, frames, gui_thread

if TYPE_CHECKING:
    from concurrent.futures import Future

    from napari.viewer import Viewer


def save_stacks(viewer: Viewer) -> None:
    """Ask where to save all stashed frames and snapshots, and save those there are then."""
    session = attach(viewer)
    images = session.saves.kept()
    if not images:
        show_info("There are no frames to save: take a snapshot or stash frames first.")
        return
    dialog = SaveDialog(session, images, main_window(viewer))
    dialog.chosen.connect(partial(keep_recording_settings, session.recordings))
    dialog.chosen.connect(partial(_save, viewer, session))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def _save(viewer: Viewer, session: Session) -> None:
    images = session.saves.kept()
    link = link_of(viewer)
    looks = {}
    for each in images:
        layer = link.layer(each.cache, each.key)
        if layer is not None:
            low, high = layer.contrast_limits
            looks[each.cache.name, each.key] = ImageLook(
                layer.colormap.name, hexadecimal(layer.colormap), (float(low), float(high))
            )
    number = sum(len(each.frames) for each in images)
    try:
        saved = session.save(images, looks=looks)
    except (ValueError, RuntimeError) as error:  # the stacks were cleared meanwhile
        session.report(error)
        return

    def on_saved(saved: Future[tuple[Path, ...]]) -> None:
        if saved.exception() is None:  # otherwise it has been reported
            first, *others = saved.result()
            where = first.parent if others else first
            gui_thread().call(partial(show_info, f"Saved {frames(number)} to {where}"))

    saved.add_done_callback(on_saved)


def record_to(viewer: Viewer, camera: str, plan: str) -> None:
    """Ask where and how to record; `camera` and `plan` are for the preview of a name."""
    recordings = attach(viewer).recordings
    dialog = RecordDialog(recordings, camera, plan, main_window(viewer))
    dialog.chosen.connect(partial(keep_recording_settings, recordings))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def open_images(viewer: Viewer) -> None:
    """Ask for an image file, or the folder of an OME-Zarr image, and show its layers."""
    folder = attach(viewer).recordings.names.folder
    dialog = ImageDialog(str(folder), main_window(viewer))
    dialog.chosen.connect(partial(open_file, viewer))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def open_file(viewer: Viewer, path: str | Path) -> None:
    """Show the layers of an image file; also of one that is being written."""
    try:
        viewer.open(str(path), plugin=PLUGIN)
    except Exception as error:  # noqa: BLE001 - napari wraps what a reader raises
        show_error(f"{Path(path).name} cannot be opened: {error}", error)
