"""The steps of docs/tutorials/first-ten-minutes.md, in order, in one window."""

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QComboBox, QLabel, QTreeView, QWidget

from napari_skylight import attach
from napari_skylight._compat import app_model


class Reader:
    """Follows the page, in the docks of one window."""

    def __init__(self, qtbot, viewer):
        self.qtbot = qtbot
        self.viewer = viewer
        self.docks = []

    def opens(self, dock):
        self.docks.append(self.viewer.window.add_plugin_dock_widget("napari-skylight", dock)[1])

    def waits(self, condition, seconds=20):
        self.qtbot.waitUntil(condition, timeout=seconds * 1000)

    def finds(self, kind, name):
        def found():
            return [widget for dock in self.docks for widget in dock.findChildren(kind, name)]

        self.waits(lambda: bool(found()))
        return found()[0]

    def clicks(self, name):
        button = self.finds(QAbstractButton, name)
        self.waits(button.isEnabled)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def reads(self, name, text):
        self.waits(lambda: text in self.finds(QLabel, name).text())

    def chooses(self, device):
        header = self.finds(QAbstractButton, f"device:{device}")
        if not header.isChecked():
            header.click()

    def enters(self, setting, text):
        editor = self.finds(QWidget, f"setting:{setting}")
        self.waits(editor.isEnabled)
        editor.setFocus()
        self.qtbot.keyClick(editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.qtbot.keyClicks(editor, text)
        self.qtbot.keyClick(editor, Qt.Key.Key_Return)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.mark.slow
def test_the_first_ten_minutes(qtbot, viewer, tmp_path):
    reader = Reader(qtbot, viewer)
    reader.opens("Plan control")
    session = attach(viewer)
    open_it(reader, session)
    look(reader, session)
    keep(reader)
    change(reader, session)
    pause(reader)
    stop(reader, session)
    snap(reader, session)
    look_back(reader, session)
    save(reader, tmp_path)


def open_it(reader, session):
    reader.reads("microscope", "Simulated microscope")
    assert session.plans.title("live_view") == "Live view"


def look(reader, session):
    reader.clicks("run")
    reader.waits(lambda: "camera" in reader.viewer.layers)
    reader.reads("state", "Running")
    reader.reads("rates", "fps, shown")
    layer = reader.viewer.layers["camera"]
    assert np.ptp(layer.data) > 100
    assert layer.get_status((10, 10))["value"]


def keep(reader):
    layers, name = reader.viewer.layers, "camera · snapshots"
    for count in (1, 2, 3):
        reader.clicks("action:snapshot")
        reader.waits(lambda n=count: name in layers and len(layers[name].data) == n)
    assert [layer.name for layer in layers] == ["camera", name]
    reader.reads("counts", "3 in stack")
    reader.viewer.dims.set_current_step(0, 0)
    reader.waits(lambda: layers[name].visible and not layers["camera"].visible)
    reader.waits(lambda: str(reader.viewer.status).startswith(f"{name} 1 of 3: "))
    reader.viewer.dims.set_current_step(0, 2)
    reader.waits(lambda: layers["camera"].visible and not layers[name].visible)
    reader.clicks("action:stash")
    reader.waits(lambda: len(layers[name].data) > 5)
    reader.clicks("action:stash")
    reader.waits(lambda: "off" in reader.finds(QAbstractButton, "action:stash").text())
    reader.clicks("action:clear")
    reader.waits(lambda: len(layers[name].data) == 0)
    reader.clicks("action:snapshot")
    reader.waits(lambda: len(layers[name].data) == 1)


def change(reader, session):
    reader.opens("Devices")
    before = reader.viewer.layers["camera"].data.mean()
    reader.chooses("camera")
    reader.enters("camera.exposure", "100")
    reader.waits(lambda: reader.viewer.layers["camera"].data.mean() > 2 * before)
    left = reader.viewer.layers["camera"].translate[1]
    reader.chooses("stage")
    reader.enters("stage.x", "50")
    reader.waits(lambda: reader.viewer.layers["camera"].translate[1] == pytest.approx(left + 50))
    session.set("stage.x.velocity", 20).result(timeout=5)  # 900 µm take 45 s
    reader.enters("stage.x", "900")
    reader.waits(lambda: reader.viewer.layers["camera"].translate[1] > left + 51)
    app_model().commands.execute_command("napari-skylight.stop_motion").result()
    reader.enters("stage.x", "40")
    reader.waits(lambda: reader.viewer.layers["camera"].translate[1] == pytest.approx(left + 40))
    assert session.state == "running"


def pause(reader):
    reader.clicks("pause")
    reader.reads("state", "Paused")
    reader.waits(lambda: "paused" in reader.viewer.text_overlay.text)
    reader.clicks("pause")
    reader.reads("state", "Running")


def stop(reader, session):
    reader.clicks("run")
    reader.waits(lambda: not session.state.busy)
    reader.reads("state", "Finished")
    reader.chooses("light")
    reader.waits(lambda: not reader.finds(QAbstractButton, "setting:light").isChecked())


def snap(reader, session):
    plans = reader.finds(QComboBox, "plan")
    plans.setFocus()
    reader.qtbot.keyClicks(plans, "Snap")
    frames = reader.finds(QWidget, "param:frames")
    frames.setFocus()
    reader.qtbot.keyClick(frames, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    reader.qtbot.keyClicks(frames, "100")
    before = len(reader.viewer.layers["camera · snapshots"].data)
    reader.clicks("run")
    reader.reads("progress", "of 100")
    reader.waits(lambda: session.run.plan == "snap" and not session.state.busy)
    reader.waits(lambda: len(reader.viewer.layers["camera · snapshots"].data) == before + 100)


def look_back(reader, session):
    reader.opens("Runs")
    table = reader.finds(QTreeView, "runs")
    reader.waits(lambda: table.model().rowCount() == 2)
    newest, oldest = (table.model().index(row, 0) for row in range(2))
    assert newest.siblingAtColumn(1).data() == "Snap"
    assert oldest.siblingAtColumn(1).data() == "Live view"
    table.setCurrentIndex(newest)
    layers = len(reader.viewer.layers)
    reader.clicks("show-images")
    reader.waits(lambda: len(reader.viewer.layers) == layers + 1)
    assert len(reader.viewer.layers[-1].data) == 100
    table.setCurrentIndex(oldest)
    reader.clicks("use-settings")
    reader.waits(lambda: reader.finds(QComboBox, "plan").currentText() == "Live view")


def save(reader, folder):
    reader.viewer.layers.selection = {reader.viewer.layers["camera · snapshots"]}
    (saved,) = reader.viewer.layers.save(str(folder / "cells.tif"), selected=True)
    assert tifffile.imread(saved).shape == (101, 1024, 1024)
