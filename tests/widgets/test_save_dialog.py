"""The dialog that asks where to save, the one that opens images, and the row in the dock."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QDialogButtonBox, QFileDialog, QLineEdit, QWidget

from napari_skylight.recording import FileNames, FileSettings, FrameWriter, ImageInfo
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets import ImageDialog, SaveDialog
from napari_skylight.widgets.plan._save_row import SaveRow


def stash(session, count=3, **stack):
    cache = session.caches.stack(FakeCamera(), **stack)
    for number in range(count):
        pixels = np.full((20, 30), number, np.uint16)
        assert cache.stash({"camera": {"value": pixels, "timestamp": 1e9}}).success


class Dialog:
    def __init__(self, qtbot, session):
        self.dialog = SaveDialog(session, session.saves.kept())
        qtbot.addWidget(self.dialog)
        self.dialog.show()
        self.chosen = []
        self.dialog.chosen.connect(lambda: self.chosen.append(True))

    def types(self, name, text):
        self.dialog.findChild(QLineEdit, name).setText(text)

    def says(self, name):
        return self.dialog.findChild(QWidget, name).text()

    @property
    def save(self):
        buttons = self.dialog.findChild(QDialogButtonBox).buttons()
        return next(button for button in buttons if button.text() == "Save")


@pytest.fixture
def open_dialog(qtbot, session, tmp_path):
    session.recordings.names = FileNames("{sample}_{camera}", tmp_path)
    return lambda: Dialog(qtbot, session)


def test_the_next_file_is_previewed(session, open_dialog, tmp_path):
    stash(session)
    dialog = open_dialog()
    assert dialog.says("preview") == "File: camera_snapshots.ome.zarr"
    assert dialog.says("room").startswith("1 stack, 3 frames, 3.6 kB; ")
    assert dialog.says("room").endswith("GB free on the disk")
    dialog.types("sample", "HeLa 3/4")
    dialog.dialog.findChild(QComboBox, "format").setCurrentText("OME-TIFF")
    assert dialog.says("preview") == "File: HeLa 3-4_camera_snapshots.ome.tif"
    (tmp_path / "HeLa 3-4_camera_snapshots.ome.tif").touch()
    dialog.types("name", "{sample}_{camera} ")
    assert dialog.says("preview") == "File: HeLa 3-4_camera_snapshots_2.ome.tif"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == [
        "HeLa 3-4_camera_snapshots.ome.tif"
    ]


def test_a_template_that_cannot_be_used_says_why_and_cannot_be_saved(session, open_dialog):
    stash(session)
    dialog = open_dialog()
    dialog.types("name", "{sample}_{user}")
    assert "unknown field" in dialog.says("preview")
    assert not dialog.save.isEnabled()
    dialog.types("name", "cells")
    assert dialog.save.isEnabled()


def test_the_choices_are_those_of_the_next_save(session, open_dialog, tmp_path):
    stash(session)
    stash(session, channel="DAPI")
    dialog = open_dialog()
    assert dialog.says("preview") == "First file: camera_snapshots.ome.zarr"
    dialog.types("folder", str(tmp_path / "Ordner"))
    dialog.types("name", "{sample}_{counter}")
    dialog.types("sample", "A")
    dialog.dialog.findChild(QComboBox, "format").setCurrentText("OME-TIFF")
    dialog.dialog.findChild(QCheckBox, "compress").setChecked(True)
    dialog.save.click()
    assert dialog.chosen == [True]
    assert session.recordings.file_settings == FileSettings("ome-tiff", compression="zstd")
    saved = session.save().result(20)
    assert [path.relative_to(tmp_path).as_posix() for path in saved] == [
        "Ordner/A_001.ome.tif",
        "Ordner/A_002.ome.tif",
    ]
    again = open_dialog()
    assert again.says("preview") == "First file: A_003.ome.tif"


def test_a_cancelled_dialog_changes_nothing(session, open_dialog):
    stash(session)
    dialog = open_dialog()
    dialog.types("sample", "A")
    dialog.dialog.reject()
    assert dialog.chosen == []
    assert session.recordings.sample == ""


def test_the_dock_has_the_button_while_there_are_frames(session, qtbot, tmp_path, monkeypatch):
    reached, opened = threading.Event(), threading.Event()
    append = FrameWriter.append

    def slow(writer, pixels, frame=None):
        if writer.written == 1:
            reached.set()
            assert opened.wait(20)
        return append(writer, pixels, frame)

    monkeypatch.setattr(FrameWriter, "append", slow)
    session.recordings.names = FileNames("cells", tmp_path / "saved")
    row = SaveRow(session, session.save, None)
    qtbot.addWidget(row)

    def visible():
        names = ("save_stacks", "saving", "cancel_save")
        return [name for name in names if row.findChild(QWidget, name).isVisibleTo(row)]

    assert not row.isVisibleTo(row.parentWidget())
    stash(session)
    row.refresh()
    assert visible() == ["save_stacks"]
    qtbot.mouseClick(row.findChild(QWidget, "save_stacks"), Qt.MouseButton.LeftButton)
    assert reached.wait(20)
    qtbot.waitUntil(lambda: visible() == ["saving", "cancel_save"])
    assert row.findChild(QWidget, "saving").text().endswith("of 3 frames")
    qtbot.mouseClick(row.findChild(QWidget, "cancel_save"), Qt.MouseButton.LeftButton)
    opened.set()
    qtbot.waitUntil(lambda: visible() == ["save_stacks"])
    assert list((tmp_path / "saved").iterdir()) == []
    row.cut_links()


@pytest.mark.parametrize("suffix", [".ome.zarr", ".ome.tif"])
def test_files_and_zarr_folders_are_chosen_alike(qtbot, tmp_path, suffix):
    path = tmp_path / f"cells{suffix}"
    FrameWriter(path, ImageInfo(name="cells"), (20, 30), "uint8").close()
    dialog = ImageDialog(str(tmp_path))
    qtbot.addWidget(dialog)
    chosen = []
    dialog.chosen.connect(chosen.append)
    dialog.show()
    dialog.selectFile(str(path))
    dialog.accept()
    assert chosen == [str(path)]
    assert not dialog.isVisible()


def test_entering_a_zarr_folder_chooses_it(qtbot, tmp_path):
    (tmp_path / "cells.ome.zarr").mkdir()
    dialog = ImageDialog(str(tmp_path))
    qtbot.addWidget(dialog)
    with qtbot.waitSignal(dialog.chosen) as chosen:
        QFileDialog.directoryEntered.__get__(dialog).emit(str(tmp_path / "cells.ome.zarr"))
    assert chosen.args == [str(tmp_path / "cells.ome.zarr")]
