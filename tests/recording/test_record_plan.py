"""The plan `record`: every frame of each camera in a file, once and in order."""

import time

import numpy as np
import pytest
from bluesky.protocols import check_supports
from recorded import (
    count_in,
    is_unbroken,
    last,
    numbers_in,
    wait_until_ended,
)

from napari_skylight.devices import sim
from napari_skylight.protocols import Recorder
from napari_skylight.recording import RecordingState
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until


def test_records_a_number_of_frames(session, camera, documents, files):
    session.start("record", {"cameras": ["camera"], "frames": 10}).result(timeout=20)
    (status,) = session.recordings.now
    assert (status.frames, status.queued, status.lost, status.problem) == (10, 0, 0, "")
    assert status.nbytes == 10 * 16 * 24 * 2
    assert status.path.parent == files
    assert numbers_in(status.path) == [*range(1, 11)]
    assert count_in(documents, "recording-camera") == 10
    assert session.state is SessionState.IDLE
    (stop,) = documents.named("stop")
    assert stop["num_events"] == {"recording-camera": 10}


def test_shows_the_camera_live(session, camera, files):
    session.start("record", {"cameras": ["camera"], "frames": 10}).result(timeout=20)
    assert session.caches.live(camera).counts.stashed >= 10
    assert session.caches.stack(camera).counts.stashed == 0


@pytest.mark.parametrize("format", ["ome-zarr", "ome-tiff"])
def test_records_a_streaming_camera(session, streaming, documents, files, format):
    values = {"cameras": ["fast"], "frames": 300, "format": format}
    session.start("record", values).result(timeout=30)
    status = last(session)
    numbers = numbers_in(status.path)
    assert len(numbers) == status.frames == 300
    assert is_unbroken(numbers)
    (descriptor,) = documents.named("descriptor")
    (key,) = descriptor["data_keys"].values()
    if format == "ome-zarr":
        assert count_in(documents, "recording-fast") == 300
        assert key["shape"] == [16, 24]
    else:  # readers of TIFF files read all of a file
        assert count_in(documents, "recording-fast") == 1
        assert key["shape"] == [300, 16, 24]


def test_records_for_some_time(session, streaming, files):
    started = time.monotonic()
    session.start("record", {"cameras": ["fast"], "seconds": 0.5}).result(timeout=20)
    assert 0.5 <= time.monotonic() - started < 5
    numbers = numbers_in(last(session).path)
    assert numbers
    assert is_unbroken(numbers)


def test_two_cameras_of_different_size_and_rate(session, documents, files):
    slow = FakeCamera("slow", shape=(8, 8), dtype=np.uint8, seconds=0.02)
    fast = FakeStreamingCamera("fast", shape=(32, 64), dtype=np.uint32, seconds=0.003)
    for each in (slow, fast):
        session.add_device(each).result(timeout=5)
    session.start("record", {"cameras": ["slow", "fast"], "frames": 40}).result(timeout=30)
    by_camera = {status.camera: status for status in session.recordings.now}
    assert {name: status.frames for name, status in by_camera.items()} == {"slow": 40, "fast": 40}
    for name, status in by_camera.items():
        assert name in status.path.name
        assert len(numbers_in(status.path)) == 40
        assert is_unbroken(numbers_in(status.path))
        assert count_in(documents, f"recording-{name}") == 40


def test_a_name_that_is_taken_gets_a_number(session, camera, files):
    for _ in range(2):
        values = {"cameras": ["camera"], "frames": 2, "name": "Probe ä"}
        session.start("record", values).result(timeout=20)
    names = [status.path.name for status in session.recordings.now]
    assert names == ["Probe ä.ome.zarr", "Probe ä_2.ome.zarr"]
    assert [len(numbers_in(status.path)) for status in session.recordings.now] == [2, 2]


def test_the_folder_of_the_plan_is_made(session, camera, tmp_path):
    folder = tmp_path / "new" / "folder"
    values = {"cameras": ["camera"], "frames": 1, "folder": folder}
    session.start("record", values).result(timeout=20)
    assert last(session).path.parent == folder


def test_stopping_ends_the_file(session, streaming, documents, files):
    session.start("record", {"cameras": ["fast"]})
    wait_until(lambda: session.recordings.now and last(session).frames > 20)
    session.stop().result(timeout=10)
    status = last(session)
    assert status.state is RecordingState.ENDED
    assert len(numbers_in(status.path)) == status.frames == count_in(documents, "recording-fast")
    assert is_unbroken(numbers_in(status.path))
    assert session.problem == ""


@pytest.mark.parametrize("end", ["abort", "halt"])
@pytest.mark.parametrize("format", ["ome-zarr", "ome-tiff"])
def test_whatever_ends_the_plan_the_documents_agree_with_the_file(
    session, streaming, documents, files, end, format
):
    session.start("record", {"cameras": ["fast"], "format": format})
    wait_until(lambda: session.recordings.now and last(session).frames > 20)
    getattr(session, end)().result(timeout=10)
    status = wait_until_ended(session)
    numbers = numbers_in(status.path)
    assert len(numbers) == status.frames
    assert is_unbroken(numbers)
    (stop,) = documents.named("stop")
    assert stop["exit_status"] == "abort"
    (points,) = stop["num_events"].values()
    assert points == (status.frames if format == "ome-zarr" else 1)
    if format == "ome-tiff":
        assert documents.named("descriptor")[0]["data_keys"]["fast"]["shape"][0] == status.frames


def test_a_pause_loses_and_repeats_no_frame(session, streaming, documents, files):
    session.start("record", {"cameras": ["fast"], "frames": 400})
    for wanted in (50, 150, 250):
        wait_until(lambda wanted=wanted: session.recordings.now and last(session).frames > wanted)
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
        session.resume()
        wait_until(lambda: session.state is not SessionState.PAUSED)
    wait_until(lambda: not session.state.busy, 30)
    numbers = numbers_in(last(session).path)
    assert len(numbers) == 400
    assert is_unbroken(numbers)
    assert count_in(documents, "recording-fast") == 400


def test_closing_the_session_ends_the_file(session, streaming, files):
    session.start("record", {"cameras": ["fast"]})
    wait_until(lambda: session.recordings.now and last(session).frames > 20)
    session.close()
    status = last(session)
    assert status.state is RecordingState.ENDED
    assert len(numbers_in(status.path)) == status.frames
    assert is_unbroken(numbers_in(status.path))


def test_a_file_for_each_channel(session, documents, files):
    session.open_microscope(sim.microscope).result(timeout=20)
    values = {"cameras": ["camera"], "light": "light", "channels": ["DAPI", "GFP"], "frames": 2}
    session.start("record", values).result(timeout=30)
    assert [status.channel for status in session.recordings.now] == ["DAPI", "GFP"]
    assert [status.frames for status in session.recordings.now] == [2, 2]
    assert count_in(documents, "recording-camera-DAPI") == 2


def test_a_recorder_is_a_device(session, camera):
    check_supports(session.caches.recorder(camera), Recorder)
