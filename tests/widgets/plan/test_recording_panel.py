"""Recording in Plan control: where the next file goes, and how far recordings are."""

import errno
import os
import threading

import pytest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QApplication, QWidget

from napari_skylight.recording import FileNames, FrameWriter
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeStreamingCamera

FRAME = 16 * 24 * 2


@pytest.fixture
def folder(session, tmp_path):
    session.recordings.names = FileNames("{plan}_{camera}_{counter}", tmp_path / "Größe")
    return tmp_path / "Größe"


@pytest.fixture
def streaming(session):
    camera = FakeStreamingCamera("fast")
    session.add_device(camera).result(timeout=5)
    return camera


@pytest.fixture
def disk(session):
    """A disk on which every frame waits until it is `open`, and fails with its `error`."""

    class Disk:
        open = threading.Event()
        error = None

        def __call__(self, *args, **options):
            disk = self

            class Writer(FrameWriter):
                def append(self, pixels, frame=None):
                    assert disk.open.wait(20)
                    if disk.error is not None:
                        raise disk.error
                    return super().append(pixels, frame)

            return Writer(*args, **options)

    disk = session.recordings.writer = Disk()
    yield disk
    disk.open.set()


def shows_next(person, name):
    person.waits(lambda: person.has("next_file") and name in person.text("next_file"))


def toggles_record(person):
    person.clicks("action:record")


def starts_live(session, person, camera):
    session.start("live_view", {"cameras": [camera.name]})
    person.waits(lambda: session.caches.live(camera).counts.stashed > 2)


def test_shows_the_next_file_and_the_room_on_the_disk(session, camera, folder, person):
    assert not person.has("next_file")
    starts_live(session, person, camera)
    shows_next(person, "Next: …/live_view_camera_001.ome.zarr")
    person.sees("room", "GB free")
    person.sees("room", " at this rate")
    assert not folder.exists()
    person.clicks("run")
    person.waits(lambda: person.text("run") == "Run")
    assert not person.has("next_file")


def test_the_next_file_follows_what_is_recorded_and_set(session, camera, folder, person):
    starts_live(session, person, camera)
    toggles_record(person)
    person.waits(lambda: not person.has("next_file"))
    toggles_record(person)
    shows_next(person, "live_view_camera_002.ome.zarr")
    session.recordings.sample = "HeLa"
    session.recordings.names = FileNames("{sample}_{time}", folder)
    shows_next(person, "…/HeLa_hhmmss.ome.zarr")


def test_the_form_of_record_sets_the_next_file(session, camera, folder, person, tmp_path):
    values = {"folder": tmp_path / "b", "name": "{sample}/{camera}", "sample": "HeLa"}
    session.choose("record", {**values, "format": "ome-tiff", "frames": 3})
    shows_next(person, "Next: …/HeLa/camera.ome.tif")
    person.runs()
    assert (tmp_path / "b" / "HeLa" / "camera.ome.tif").exists()
    person.sees("recording", "camera: 3 of 3 frames, 2.3 kB, done")
    shows_next(person, "Next: …/HeLa/camera_2.ome.tif")


def test_a_name_that_cannot_be_is_said_before(session, camera, folder, person):
    session.choose("record", {"name": "{camra}"})
    person.sees("room", "unknown field")


def test_a_row_for_each_camera_with_queue_and_disk(
    session, camera, streaming, folder, disk, person
):
    session.recordings.queue_bytes = 10 * FRAME
    session.start("record", {"cameras": ["camera", "fast"], "stream": False, "frames": 20})
    queue = person.find("queue")
    person.waits(lambda: queue.value() == 100)
    assert colour_of(queue).hue() in range(30, 60)  # amber
    assert person.has("queue")
    disk.open.set()
    person.waits(lambda: session.state is SessionState.IDLE)
    person.waits(lambda: not person.has("queue"))
    assert rows(person) == [
        "camera: 20 of 20 frames, 15 kB, done",
        "fast: 20 of 20 frames, 15 kB, done",
    ]


def test_the_queue_is_green_while_the_disk_keeps_up(session, camera, folder, person):
    starts_live(session, person, camera)
    toggles_record(person)
    person.waits(lambda: person.has("queue") and " left on the disk" in person.text("disk_left"))
    assert colour_of(person.find("queue")).hue() in range(100, 150)
    assert person.find("action:record").isChecked()


def test_a_click_on_a_path_copies_it_and_open_opens_it(session, camera, folder, open_dock):
    opened = []
    person = open_dock(None, lambda: 0, None, None, opened.append)
    starts_live(session, person, camera)
    toggles_record(person)
    person.waits(lambda: person.has("path"))
    assert person.text("path") == "…/live_view_camera_001.ome.zarr"
    person.clicks("path")
    path = folder / "live_view_camera_001.ome.zarr"
    assert QApplication.clipboard().text() == str(path)
    person.clicks("open_file")  # while it is written
    assert opened == [path]


def test_a_recording_that_ends_by_itself_stays_in_red_until_the_next(
    session, camera, folder, disk, person
):
    disk.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    disk.open.set()
    starts_live(session, person, camera)
    toggles_record(person)
    person.waits(lambda: person.has("recording_problem"))
    problem = session.recordings.last[0].problem
    assert problem.startswith("The recording of camera ended after 0 frames: the disk is full.")
    label = person.find("recording_problem")
    assert label.text().replace("\N{ZERO WIDTH SPACE}", "") == problem
    assert QColor(label.styleSheet().rpartition("color: ")[2].strip(" ;")).hue() < 20
    assert not person.has("error")  # once is enough
    person.waits(lambda: not person.find("action:record").isChecked())
    assert session.state is SessionState.RUNNING
    person.clicks("run")
    person.waits(lambda: session.state is SessionState.IDLE)
    person.clicks("run")
    person.waits(lambda: session.state is SessionState.RUNNING)
    assert person.has("recording_problem")
    disk.error = None
    toggles_record(person)
    person.waits(lambda: not person.has("recording_problem"))
    assert not person.has("error")


def test_the_panel_fits_a_narrow_dock(session, camera, folder, person):
    session.recordings.names = FileNames("{plan}_" + 12 * "a_long_name_", folder)
    starts_live(session, person, camera)
    toggles_record(person)
    person.waits(lambda: person.has("path"))
    panel = person.find("recording_panel")
    assert panel.sizeHint().width() <= 304  # of a dock of 320 pixels
    session.recordings.last[0].path.rename(folder / "away")
    person.waits(lambda: person.has("recording_problem"))
    assert panel.minimumSizeHint().width() <= 300


def test_the_files_saved_last_are_shown_and_opened(session, camera, folder, open_dock):
    opened = []
    person = open_dock(None, lambda: 0, lambda: session.save(), None, opened.append)
    session.start("snap", {"frames": 2}).result(timeout=10)
    assert not person.has("saved")
    person.clicks("save_stacks")
    person.waits(lambda: person.has("saved"))
    assert person.text("saved") == "Saved: …/snap_camera_snapshots_001.ome.zarr"
    person.clicks("open_saved")
    assert opened == [folder / "snap_camera_snapshots_001.ome.zarr"]


def rows(person):
    found = person.dock.findChildren(QWidget, "recording")
    return [each.text() for each in found if each.isVisible()]


def colour_of(bar):
    return QColor(bar.styleSheet().rpartition("background: ")[2].partition(";")[0])
