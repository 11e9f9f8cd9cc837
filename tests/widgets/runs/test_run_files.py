"""The files of a run in the Runs dock."""

import pytest
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QTreeView

from napari_skylight import Session
from napari_skylight.recording import FileNames
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets import RunsPanel


@pytest.fixture
def open_session(home, tmp_path):
    opened = []

    def open_one():
        session = Session(home)
        opened.append(session)
        session.add_device(FakeCamera(seconds=0.002)).result(timeout=5)
        session.recordings.names = FileNames("{camera}_{counter}", tmp_path / "Größe")
        return session

    yield open_one
    for session in opened:
        session.close()


@pytest.mark.parametrize("format", ["ome-zarr", "ome-tiff"])
def test_lists_and_opens_the_files_of_a_run(open_session, put_up, qtbot, tmp_path, format):
    session = open_session()
    session.start("record", {"frames": 7, "format": format}).result(timeout=20)
    (status,) = session.recordings.last
    opened = []

    def sees_the_file(panel):
        table = panel.findChild(QTreeView, "runs")
        qtbot.waitUntil(lambda: table.model().rowCount() == 1, timeout=5000)
        table.setCurrentIndex(table.model().index(0, 0))
        qtbot.waitUntil(lambda: panel.findChild(QLabel, "run-file") is not None, timeout=5000)
        assert panel.findChild(QLabel, "run-file").text() == f"…/{status.path.name}"
        assert panel.findChild(QLabel, "run-file-frames").text() == "7 frames"
        assert panel.findChild(QLabel, "run-status").text().endswith(", 7 in files")
        panel.findChild(QPushButton, "open-run-file").click()
        assert opened.pop() == status.path

    sees_the_file(put_up(RunsPanel(session, None, opened.append), 320, 600))
    session.close()
    later = open_session()
    sees_the_file(put_up(RunsPanel(later, None, opened.append), 320, 600))
    QApplication.processEvents()
