"""The commands that save stacks and open images, in napari's window."""

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QLineEdit

from napari_skylight import attach
from napari_skylight._compat import app_model
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets import ImageDialog, SaveDialog


def run(command):
    app_model().commands.execute_command(f"napari-skylight.{command}").result()


def dialog_of(kind):
    return next(each for each in QApplication.topLevelWidgets() if isinstance(each, kind))


def messages():
    return [notice.message for notice in notification_manager.records]


@pytest.fixture
def viewer(session, make_napari_viewer):
    notification_manager.records.clear()
    viewer = make_napari_viewer()
    attach(viewer, session)
    return viewer


def test_a_stack_is_saved_with_its_look_and_opened_again(viewer, session, qtbot, tmp_path):
    run("save_stacks")
    assert messages()[-1].startswith("There are no frames to save")
    stack = session.caches.stack(FakeCamera())
    for number in range(3):
        pixels = np.full((40, 50), number, np.uint16)
        assert stack.stash({"camera": {"value": pixels, "timestamp": 1e9}}).success
    qtbot.waitUntil(lambda: "camera · snapshots" in viewer.layers, timeout=10_000)
    layer = viewer.layers["camera · snapshots"]
    layer.colormap, layer.contrast_limits = "turbo", (1, 9)
    run("save_stacks")
    dialog = dialog_of(SaveDialog)
    dialog.findChild(QLineEdit, "folder").setText(str(tmp_path / "saved"))
    dialog.findChild(QLineEdit, "name").setText("cells")
    buttons = dialog.findChild(QDialogButtonBox).buttons()
    next(button for button in buttons if button.text() == "Save").click()
    path = tmp_path / "saved" / "cells.ome.zarr"
    qtbot.waitUntil(lambda: f"Saved 3 frames to {path}" in messages(), timeout=20_000)
    run("open_images")
    opening = dialog_of(ImageDialog)
    opening.selectFile(str(path))
    opening.accept()
    again = viewer.layers[-1]
    assert again is not layer
    assert again.data[:, 0, 0].tolist() == [0, 1, 2]
    assert (again.colormap.name, list(again.contrast_limits)) == ("turbo", [1, 9])
