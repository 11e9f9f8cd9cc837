"""The Runs dock in napari: images brought back, the log from before it was opened, its end."""

import logging

import h5py
import numpy as np
import pytest
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
from ophyd_async.sim import PatternGenerator, SimBlobDetector
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QTreeView

from napari_skylight import Session, attach
from napari_skylight._log_records import LogRecords
from napari_skylight.plugin import _attachments
from napari_skylight.testing import FakeCamera


def gathers():
    handlers = logging.getLogger("bluesky").handlers
    return any(isinstance(handler, LogRecords) for handler in handlers)


@pytest.fixture
def session(qtbot):
    with Session() as made:
        made.add_device(FakeCamera()).result(timeout=5)
        yield made
        qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    _attachments.close_session()
    assert not gathers()


@pytest.fixture
def viewer(session, make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    attach(viewer, session)
    return viewer


def open_runs(viewer):
    return viewer.window.add_plugin_dock_widget(_attachments.PLUGIN, "Runs")[1]


def select_newest(qtbot, dock):
    table = dock.findChild(QTreeView, "runs")
    qtbot.waitUntil(lambda: table.model().rowCount() > 0, timeout=5000)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Home)


def test_the_images_of_a_run_come_back_with_a_click(qtbot, viewer, session):
    session.start("snap", {"frames": 2}).result(timeout=10)
    session.start("snap", {"frames": 3}).result(timeout=10)
    dock = open_runs(viewer)
    select_newest(qtbot, dock)
    button = dock.findChild(QPushButton, "show-images")
    qtbot.waitUntil(button.isEnabled, timeout=5000)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    (layer,) = viewer.layers.selection
    assert layer.data[:, 0, 0].tolist() == [3, 4, 5]


def test_what_went_wrong_before_the_log_was_opened_can_be_read(qtbot, viewer, session):
    assert gathers()
    logging.getLogger("ophyd_async").warning("The shutter is slow.")
    log = open_runs(viewer).findChild(QTreeView, "log")
    lines = [log.model().index(row, 0).data() for row in range(log.model().rowCount())]
    assert [line.partition("  ")[2] for line in lines] == ["Warning: The shutter is slow."]


def test_closed_and_opened_again_it_knows_the_runs(qtbot, viewer, session):
    dock = open_runs(viewer)
    viewer.window.remove_dock_widget(dock)
    session.start("snap").result(timeout=10)
    select_newest(qtbot, open_runs(viewer))


def test_docks_in_two_viewers_show_the_same_and_end_with_them(qtbot, session, make_napari_viewer):
    first, second = make_napari_viewer(show=False), make_napari_viewer(show=False)
    attach(first, session)
    docks = [open_runs(viewer) for viewer in (first, second)]
    session.start("snap").result(timeout=10)
    for dock in docks:
        table = dock.findChild(QTreeView, "runs")
        qtbot.waitUntil(lambda: table.model().rowCount() == 1, timeout=5000)  # noqa: B023
    first.close()
    qtbot.waitUntil(lambda: len(_attachments.links()) == 1, timeout=5000)
    assert gathers()
    second.close()
    qtbot.waitUntil(lambda: not gathers(), timeout=5000)
    assert len(session.runs.changed) == 0


def test_images_of_an_earlier_session_come_back_from_their_file(
    qtbot, make_napari_viewer, home, tmp_path
):
    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    with Session(home) as before:
        detector = SimBlobDetector(provider, PatternGenerator(), name="blob")
        before.add_device(detector).result(timeout=10)
        before.start("count", {"detectors": ["blob"], "num": 2}).result(timeout=20)
    viewer = make_napari_viewer(show=True)
    with Session(home) as session:
        attach(viewer, session)
        dock = open_runs(viewer)
        select_newest(qtbot, dock)
        button = dock.findChild(QPushButton, "show-images")
        qtbot.waitUntil(button.isEnabled, timeout=5000)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
        (layer,) = viewer.layers
        [file] = tmp_path.glob("*.h5")
        with h5py.File(file) as content:
            assert (np.asarray(layer.data) == content["/entry/data/data"][:]).all()
        assert layer.name.startswith("Count")
        viewer.close()
        qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
