"""The toggle *record* of the live view."""

import sys

import pytest
from recorded import count_in, is_unbroken, last, numbers_in, wait_until_ended

from napari_skylight.recording import RecordingState
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeStreamingCamera, wait_until


def start(session, *cameras):
    session.start("live_view", {"cameras": [camera.name for camera in cameras]})
    for camera in cameras:
        wait_until(lambda camera=camera: session.caches.live(camera).counts.stashed > 2)


def toggle(session, on):
    assert session.request("record", on)
    wait_until(lambda: session.actions["record"].state.pending == 0)


def record_some(session, frames=20):
    before = len(session.recordings.now)
    toggle(session, True)
    wait_until(lambda: len(session.recordings.now) > before and last(session).frames > frames)
    toggle(session, False)
    return wait_until_ended(session)


@pytest.mark.parametrize("name", ["camera", "fast"])
def test_records_while_it_is_on(session, camera, streaming, documents, files, name):
    device = session.devices[name]
    start(session, device)
    shown = session.caches.live(device).counts.stashed
    status = record_some(session)
    numbers = numbers_in(status.path)
    assert len(numbers) == status.frames
    assert is_unbroken(numbers)
    assert numbers[0] > 1
    wait_until(lambda: session.caches.live(device).counts.stashed > shown + status.frames)
    assert session.state is SessionState.RUNNING
    session.stop().result(timeout=10)
    assert count_in(documents, f"recording-{name}") == status.frames


def test_each_time_there_is_a_file(session, streaming, documents, files):
    start(session, streaming)
    for _ in range(3):
        record_some(session)
    session.stop().result(timeout=10)
    statuses = session.recordings.now
    assert len({status.path for status in statuses}) == 3
    streams = "recording-fast", "recording-fast-2", "recording-fast-3"
    assert [count_in(documents, each) for each in streams] == [each.frames for each in statuses]


def test_snapshots_and_recording_do_not_take_each_others_frames(session, camera, files):
    start(session, camera)
    toggle(session, True)
    for snapshots in (1, 2, 3):
        assert session.request("snapshot")
        wait_until(lambda n=snapshots: session.caches.stack(camera).counts.stashed == n)
    wait_until(lambda: last(session).frames > 10)
    toggle(session, False)
    assert is_unbroken(numbers_in(wait_until_ended(session).path))


def test_stash_and_record_at_once(session, streaming, files):
    start(session, streaming)
    session.request("stash", True)
    status = record_some(session)
    session.stop().result(timeout=10)
    assert is_unbroken(numbers_in(status.path))
    kept = session.caches.stack(streaming).reader().take("fast").data[:, 0, 0].tolist()
    assert is_unbroken(kept)


def test_stopping_the_view_ends_the_file(session, streaming, documents, files):
    start(session, streaming)
    toggle(session, True)
    wait_until(lambda: session.recordings.now and last(session).frames > 5)
    session.stop().result(timeout=10)
    status = last(session)
    assert status.state is RecordingState.ENDED
    assert len(numbers_in(status.path)) == status.frames == count_in(documents, "recording-fast")


def test_a_change_of_size_ends_the_recording_only(session, streaming, files):
    start(session, streaming)
    toggle(session, True)
    wait_until(lambda: session.recordings.now and last(session).frames > 5)
    streaming.shape = 8, 8
    status = wait_until_ended(session)
    assert f"after {status.frames} frames: its frames changed from 24 × 16 uint16 to " in (
        status.problem
    )
    assert status.problem.endswith("8 × 8 uint16. Start another recording for them.")
    assert session.problem == status.problem
    assert is_unbroken(numbers_in(status.path))
    wait_until(lambda: not session.actions["record"].state.on)
    assert session.state is SessionState.RUNNING
    assert numbers_in(record_some(session).path)


def test_lost_frames_end_the_recording_only(session, streaming, files):
    start(session, streaming)
    toggle(session, True)
    wait_until(lambda: session.recordings.now and last(session).frames > 5)
    streaming.lose = 3
    status = wait_until_ended(session)
    assert "the camera lost 3 frames" in session.problem
    assert len(numbers_in(status.path)) == status.frames
    assert is_unbroken(numbers_in(status.path))
    wait_until(lambda: not session.actions["record"].state.on)
    shown = session.caches.live(streaming).counts.stashed
    wait_until(lambda: session.caches.live(streaming).counts.stashed > shown)


def test_a_format_whose_library_is_missing(session, streaming, files, monkeypatch):
    monkeypatch.setattr(
        "napari_skylight.recording._writer.importlib.util.find_spec", lambda name: None
    )
    monkeypatch.setitem(sys.modules, "ome_writers", None)
    start(session, streaming)
    toggle(session, True)
    wait_until(lambda: "pip install" in session.problem)
    assert 'pip install "napari-skylight[record]"' in session.problem
    wait_until(lambda: not session.actions["record"].state.on)
    assert session.state is SessionState.RUNNING


def test_two_cameras(session, streaming, files):
    other = FakeStreamingCamera("other", shape=(8, 8), seconds=0.005)
    session.add_device(other).result(timeout=5)
    start(session, streaming, other)
    toggle(session, True)
    wait_until(lambda: [each for each in session.recordings.now if each.frames > 10][1:])
    other.shape = 4, 4  # ends one of them
    wait_until(lambda: [each for each in session.recordings.now if each.problem])
    going = next(each for each in session.recordings.now if not each.problem)
    wait_until(
        lambda: next(e for e in session.recordings.now if e.camera == "fast").frames > going.frames
    )
    assert session.actions["record"].state.on
    session.stop().result(timeout=10)
    for status in session.recordings.now:
        assert len(numbers_in(status.path)) == status.frames
        assert is_unbroken(numbers_in(status.path))
