"""Recordings that the disk, the queue or the session cannot keep up with."""

import errno
import os
import shutil
import threading
import time

import numpy as np
import pytest
from recorded import count_in, is_unbroken, last, numbers_in, wait_until_ended

from napari_skylight.recording import FileSettings, RecordingState
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until

FRAME = 16 * 24 * 2


def toggle_on(session, camera):
    session.start("live_view", {"cameras": [camera.name]})
    wait_until(lambda: session.caches.live(camera).counts.stashed > 2)
    assert session.request("record", True)


def shows_frames(session, camera):
    shown = session.caches.live(camera).counts.stashed
    wait_until(lambda: session.caches.live(camera).counts.stashed > shown + 2)
    return True


def test_a_triggered_camera_is_held_back(session, camera, documents, files, gate):
    session.recordings.queue_bytes = 5 * FRAME
    future = session.start("record", {"cameras": ["camera"], "frames": 40})
    assert gate.waiting.wait(10)
    wait_until(lambda: last(session).queued == 6)  # one more than fits waits with the camera
    taken = camera.frames
    assert taken <= 7
    assert last(session).queued_bytes <= 6 * FRAME
    gate.open.set()
    future.result(timeout=20)
    assert numbers_in(last(session).path) == [*range(1, 41)]
    assert count_in(documents, "recording-camera") == 40
    assert last(session).queued_bytes == 0


def test_a_held_back_plan_can_be_stopped(session, camera, files, gate):
    session.recordings.queue_bytes = 2 * FRAME
    session.start("record", {"cameras": ["camera"]})
    wait_until(lambda: session.recordings.now and last(session).queued == 3)
    stopped = session.stop()
    gate.open.set()
    stopped.result(timeout=10)
    status = last(session)
    assert (status.state, status.frames, status.lost) == (RecordingState.ENDED, 3, 0)
    assert numbers_in(status.path) == [1, 2, 3]


def test_a_streaming_camera_ends_the_recording_when_the_queue_is_full(
    session, streaming, documents, files, gate
):
    session.recordings.queue_bytes = 20 * FRAME
    toggle_on(session, streaming)
    wait_until(lambda: session.problem)
    assert "ended after 20 frames: the disk is slower than the camera" in session.problem
    assert "raise the size of the queue in Preferences" in session.problem
    wait_until(lambda: not session.actions["record"].state.on)
    assert shows_frames(session, streaming)
    gate.open.set()
    status = wait_until_ended(session)
    assert (status.frames, status.lost) == (20, 0)
    numbers = numbers_in(status.path)
    assert len(numbers) == 20
    assert is_unbroken(numbers)
    session.stop().result(timeout=10)
    assert count_in(documents, "recording-fast") == 20
    assert session.run.exit_status == "success"


def test_the_plan_record_fails_when_the_queue_is_full(session, streaming, documents, files, gate):
    session.recordings.queue_bytes = 20 * FRAME
    future = session.start("record", {"cameras": ["fast"], "frames": 1000})
    wait_until(lambda: session.recordings.now and last(session).problem)
    gate.open.set()
    with pytest.raises(RuntimeError, match="ended after 20 frames: the disk is slower"):
        future.result(timeout=20)
    assert session.state is SessionState.FAILED
    assert "20 frames" in session.run.reason
    assert len(numbers_in(last(session).path)) == count_in(documents, "recording-fast") == 20


def test_a_full_disk_ends_the_recording_only(session, streaming, documents, files, gate):
    gate.error, gate.fails_at = OSError(errno.ENOSPC, "No space left on device"), 8
    gate.open.set()
    toggle_on(session, streaming)
    status = wait_until_ended(session)
    assert "ended after 7 frames: the disk is full. Free some space" in status.problem
    assert session.problem == status.problem
    assert status.frames == 7
    assert status.lost > 0
    assert is_unbroken(numbers_in(status.path))
    assert len(numbers_in(status.path)) == 7
    assert shows_frames(session, streaming)
    wait_until(lambda: not session.actions["record"].state.on)
    session.stop().result(timeout=10)
    assert count_in(documents, "recording-fast") == 7


@pytest.fixture
def disk(tmp_path, gate):
    """A disk of 2 MB for the recordings, which can be taken away."""
    gate.open.set()
    disk = Disk(tmp_path / "disk ü")
    if not disk.mounted:  # that needs root
        gate.error, gate.fails_at = OSError(errno.ENOSPC, "No space left on device"), 200
    yield disk
    disk.take_away()


class Disk:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        self.mounted = not os.system(f"mount -t tmpfs -o size=2m tmpfs '{path}' 2>/dev/null")

    def take_away(self):
        if self.mounted:
            os.system(f"umount -l '{self.path}'")
            self.mounted = False
        elif self.path.exists():
            self.path.rename(self.path.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("format", "library"),
    [("ome-zarr", "zarr-python"), ("ome-zarr", "tensorstore"), ("ome-tiff", "zarr-python")],
)
def test_a_disk_that_fills_up(session, documents, disk, format, library):
    session.recordings.file_settings = FileSettings(backend=library)
    camera = FakeStreamingCamera("fast", shape=(64, 64))
    session.add_device(camera).result(timeout=5)
    values = {"cameras": ["fast"], "folder": disk.path, "format": format}
    with pytest.raises(RuntimeError, match="the disk is full"):
        session.start("record", values).result(timeout=60)
    status = wait_until_ended(session)
    numbers = numbers_in(status.path)
    assert len(numbers) == status.frames > 50
    assert is_unbroken(numbers)
    if format == "ome-zarr":  # an OME-TIFF file is one data point
        assert count_in(documents, "recording-fast") == status.frames


@pytest.mark.parametrize("format", ["ome-zarr", "ome-tiff"])
def test_a_disk_that_is_unplugged(session, streaming, disk, format):
    values = {"cameras": ["fast"], "folder": disk.path, "format": format}
    future = session.start("record", values)
    wait_until(lambda: session.recordings.now and last(session).frames > 5)
    disk.take_away()
    with pytest.raises(RuntimeError, match="is gone"):
        future.result(timeout=20)
    assert not [*disk.path.rglob("*.zarr")]  # nothing is written in place of the disk


def test_a_removed_folder_ends_the_recording_only(session, streaming, files):
    toggle_on(session, streaming)
    wait_until(lambda: session.recordings.now and last(session).frames > 5)
    path = last(session).path
    shutil.rmtree(files, ignore_errors=True)
    status = wait_until_ended(session)
    assert f"{path} is gone. Was its folder removed, or its disk unplugged?" in status.problem
    assert shows_frames(session, streaming)
    wait_until(lambda: not session.actions["record"].state.on)


def test_a_camera_with_several_images(session, camera, files):
    read = camera.read
    camera.read = lambda: {**read(), "camera-raw": read()["camera"]}
    toggle_on(session, camera)
    wait_until(lambda: session.problem)
    assert "it has several images (camera, camera-raw), and a file is of one." in session.problem
    assert shows_frames(session, camera)


def test_a_folder_that_cannot_be_made(session, streaming, files):
    files.write_text("a file where the folder should be")
    toggle_on(session, streaming)
    wait_until(lambda: session.problem)
    status = wait_until_ended(session)
    assert status.frames == 0
    assert str(files) in status.problem
    assert shows_frames(session, streaming)


def test_closing_while_the_disk_hangs(session, streaming, files, gate):
    session.start("record", {"cameras": ["fast"]})
    assert gate.waiting.wait(10)
    wait_until(lambda: last(session).queued > 5)
    started = time.monotonic()
    session.close()
    assert time.monotonic() - started < 10
    gate.open.set()
    status = wait_until_ended(session)
    assert "the program was closed before every frame was written" in status.problem
    assert status.lost > 0
    assert len(numbers_in(status.path)) == status.frames


def test_many_small_frames(session, documents, files):
    many(session, documents, 10_000)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_very_many_small_frames(session, documents, files):
    many(session, documents, 100_000)


def many(session, documents, frames):
    camera = FakeCamera("small", shape=(4, 4), dtype=np.uint32)
    session.add_device(camera).result(timeout=5)
    session.start("record", {"cameras": ["small"], "frames": frames}).result(timeout=800)
    assert numbers_in(last(session).path) == [*range(1, frames + 1)]
    assert count_in(documents, "recording-small") == frames


def test_no_thread_is_left(session, streaming, files):
    session.start("record", {"cameras": ["fast"], "frames": 5}).result(timeout=20)
    wait_until(lambda: "skylight-record-fast" not in [t.name for t in threading.enumerate()])
