"""Recordings of what processes make of frames: of every frame, in order."""

import threading

import numpy as np
import pytest
import zarr
from recorded import count_in, is_unbroken, numbers_in

from napari_skylight.recording import RecordingState
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, wait_until


def pixels_in(path):
    return np.asarray(zarr.open_group(path, mode="r")["0"])


def statuses(session):
    return {status.camera: status for status in session.recordings.now}


def wait_until_all_ended(session):
    wait_until(lambda: all(s.state is RecordingState.ENDED for s in session.recordings.now), 10)


def record(session, *cameras, process, frames=30, **values):
    names = [camera.name for camera in cameras]
    values = {"cameras": names, "process": process, "frames": frames, **values}
    session.start("record", values).result(timeout=30)
    return statuses(session)


def slowly(frame):
    threading.Event().wait(0.005)
    return frame.astype(np.uint16) + 1000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("running mean", lambda window: window.mean(axis=0)),
        ("divided by median", lambda window: window[-1] / np.median(window, axis=0)),
        ("minus median", lambda window: window[-1] - np.median(window, axis=0)),
    ],
)
def test_a_file_is_what_the_process_makes_of_the_cameras_file(
    session, camera, documents, files, name, expected
):
    ended = record(session, camera, process=[name], frames=12, process_frames=5)
    raw = pixels_in(ended["camera"].path)
    ours = pixels_in(ended[f"camera · {name}"].path)
    assert ours.dtype == np.float32
    windows = [raw[max(0, i - 4) : i + 1].astype(float) for i in range(12)]
    np.testing.assert_allclose(ours, [expected(window) for window in windows], rtol=1e-6)
    assert count_in(documents, "recording-camera") == 12
    assert count_in(documents, f"recording-camera · {name}") == 12
    assert ended[f"camera · {name}"].nbytes == ours.nbytes
    assert f"_camera_{name}" in ended[f"camera · {name}"].path.name


def test_a_maximum_projection_of_two_cameras(session, camera, files):
    side = FakeCamera("side", (8, 10), np.uint8)
    session.add_device(side).result(timeout=5)
    ended = record(session, camera, side, process=["maximum projection"], frames=5)
    for each in (camera, side):
        raw = pixels_in(ended[each.name].path)
        ours = pixels_in(ended[f"{each.name} · maximum projection"].path)
        assert ours.dtype == each.dtype
        np.testing.assert_array_equal(ours, np.maximum.accumulate(raw))


def test_a_slow_process_holds_back_a_triggered_camera(session, camera, files):
    session.add_process(slowly)
    session.recordings.queue_bytes = 3 * 16 * 24 * 2
    ended = record(session, camera, process=["slowly"], frames=40)
    numbers = numbers_in(ended["camera"].path)
    assert len(numbers) == 40
    assert is_unbroken(numbers)
    assert numbers_in(ended["camera · slowly"].path) == [number + 1000 for number in numbers]
    assert session.run.exit_status == "success"


def test_a_slow_process_ends_its_own_recording_of_a_streaming_camera(session, streaming, files):
    gate = threading.Event()

    def held(frame):
        assert gate.wait(20)
        return frame + 1000

    session.add_process(held)
    session.recordings.queue_bytes = 200 * 16 * 24 * 2
    session.start("live_view", {"cameras": ["fast"], "process": ["held"]})
    wait_until(lambda: "record" in session.actions)
    session.request("record", True)
    wait_until(lambda: "fast · held" in statuses(session))
    wait_until(lambda: statuses(session)["fast · held"].problem)
    problem = statuses(session)["fast · held"].problem
    assert "the process or the disk is slower than the camera" in problem
    done = statuses(session)["fast"].frames
    wait_until(lambda: statuses(session)["fast"].frames > done + 10)
    gate.set()
    session.stop().result(timeout=10)
    wait_until_all_ended(session)
    raw = numbers_in(statuses(session)["fast"].path)
    ours = numbers_in(statuses(session)["fast · held"].path)
    assert is_unbroken(raw)
    assert len(ours) >= 200
    assert ours == [number + 1000 for number in raw[: len(ours)]]
    assert len(ours) == statuses(session)["fast · held"].frames


@pytest.mark.parametrize("end", ["stop", "abort", "halt"])
def test_frames_that_wait_are_written_when_the_plan_ends(session, camera, files, end):
    gate = threading.Event()

    def held(frame):
        assert gate.wait(20)
        return frame + 1000

    session.add_process(held)
    session.start("live_view", {"process": ["held"]})
    wait_until(lambda: "record" in session.actions)
    session.request("record", True)
    wait_until(lambda: "camera" in statuses(session) and statuses(session)["camera"].frames > 5)
    ending = getattr(session, end)()
    gate.set()
    ending.result(timeout=10)
    wait_until_all_ended(session)
    raw = numbers_in(statuses(session)["camera"].path)
    ours = numbers_in(statuses(session)["camera · held"].path)
    if end == "halt" and len(ours) < len(raw):  # it came between the two stashes of a frame
        raw.pop()
    assert ours == [number + 1000 for number in raw]


def test_a_pause_loses_nothing(session, camera, files):
    session.start("live_view", {"process": ["maximum projection"]})
    wait_until(lambda: "record" in session.actions)
    session.request("record", True)
    wait_until(lambda: "camera" in statuses(session) and statuses(session)["camera"].frames > 3)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    before = statuses(session)["camera"].frames
    session.resume()
    wait_until(lambda: statuses(session)["camera"].frames > before + 3)
    session.stop().result(timeout=10)
    wait_until_all_ended(session)
    raw = numbers_in(statuses(session)["camera"].path)
    assert numbers_in(statuses(session)["camera · maximum projection"].path) == raw


def test_snapshots_are_processed_too(session, camera, files):
    session.add_process(lambda frame: frame + 1000, "raised")
    session.start("live_view", {"process": ["raised"]})
    wait_until(lambda: "record" in session.actions)
    session.request("record", True)
    wait_until(lambda: "camera" in statuses(session))
    session.request("snapshot")
    wait_until(lambda: session.caches.stack(camera).counts.stashed == 1)
    session.stop().result(timeout=10)
    wait_until_all_ended(session)
    raw = numbers_in(statuses(session)["camera"].path)
    assert is_unbroken(raw)
    assert numbers_in(statuses(session)["camera · raised"].path) == [n + 1000 for n in raw]


def test_an_error_ends_the_recording_of_its_process_alone(session, camera, files):
    def broken(frame):
        if frame[0, 0] >= 4:
            raise ValueError("four is too many")
        return frame

    session.add_process(broken)
    with pytest.raises(Exception, match="four is too many"):
        record(session, camera, process=["broken", "running mean"], frames=8)
    ended = statuses(session)
    assert ended["camera · broken"].problem == (
        "The recording of camera · broken ended after 3 frames: "
        "its process failed: four is too many."
    )
    assert len(pixels_in(ended["camera · broken"].path)) == 3
    assert len(pixels_in(ended["camera"].path)) == 8
    assert len(pixels_in(ended["camera · running mean"].path)) == 8


def test_the_result_is_shown_while_it_is_recorded_and_afterwards(session, camera, files):
    session.start("live_view", {"process": ["running mean"]})
    shown = session.caches.processed(camera, "running mean").counts
    wait_until(lambda: "record" in session.actions)
    for on in (True, False):
        session.request("record", on)
        wait_until(lambda: session.actions["record"].state.pending == 0)
        before = session.caches.processed(camera, "running mean").counts.stashed
        wait_until(
            lambda before=before: (
                session.caches.processed(camera, "running mean").counts.stashed > before + 3
            )
        )
    session.stop().result(timeout=10)
    assert session.caches.processed(camera, "running mean").counts.stashed > shown.stashed


def test_another_size_of_frames_ends_both_files_at_the_same_frame(session, camera, files):
    session.start("live_view", {"process": ["maximum projection"]})
    wait_until(lambda: "record" in session.actions)
    session.request("record", True)
    wait_until(lambda: "camera" in statuses(session) and statuses(session)["camera"].frames > 3)
    camera.shape = (6, 8)
    wait_until_all_ended(session)
    assert session.state is SessionState.RUNNING
    raw = numbers_in(statuses(session)["camera"].path)
    assert numbers_in(statuses(session)["camera · maximum projection"].path) == raw
    shown = session.caches.processed(camera, "maximum projection").reader()
    wait_until(
        lambda: (
            shown.has_news(shown.keys[0]) and shown.take(shown.keys[0]).data.shape == camera.shape
        )
    )
