"""The live view, run as a script would run it."""

import numpy as np
import pytest

from napari_skylight.session import SessionState
from napari_skylight.testing import wait_until


def live(session, camera):
    return session.caches.live(camera)


def stack(session, camera):
    return session.caches.stack(camera)


def frames_of(cache):
    return cache.counts.stashed


def start(session, camera, **values):
    future = session.start("live_view", values)
    wait_until(lambda: frames_of(live(session, camera)) > 3)
    return future


def kept(session, camera):
    """The frame numbers in the camera's stack, read off the pixels."""
    frames = stack(session, camera).reader().take(camera.name).data
    for frame in frames:
        assert np.all(frame == frame[0, 0]), "a torn frame"
    return frames[:, 0, 0].tolist()


def test_frames_flow_until_stopped(session, camera, documents):
    start(session, camera)
    session.stop().result(timeout=5)
    assert session.state is SessionState.IDLE
    assert session.run.exit_status == "success"
    assert documents.named("stop")[0]["exit_status"] == "success"
    assert documents.named("event") == []
    counts = live(session, camera).counts
    assert counts.acquired == counts.stashed
    assert camera.frames - counts.stashed in (0, 1), "only the last frame may not have been read"


def test_a_snapshot_is_one_frame_and_one_event(session, camera, documents):
    start(session, camera)
    assert session.request("snapshot")
    wait_until(lambda: documents.events("snapshots"))
    session.stop().result(timeout=5)
    (event,) = documents.events("snapshots")
    assert kept(session, camera) == [event["data"]["camera"][0, 0]]


def test_clicks_are_answered_while_a_frame_is_taken(session, camera, documents):
    start(session, camera)
    camera.seconds = 1.0
    seen = camera.frames
    wait_until(lambda: camera.frames >= seen + 2)
    taking = camera.frames
    assert session.request("stash", True)
    wait_until(lambda: session.actions["stash"].state.pending == 0)
    assert session.request("snapshot")
    wait_until(lambda: documents.events("snapshots"))
    session.stop().result(timeout=5)
    (event,) = documents.events("snapshots")
    assert event["data"]["camera"][0, 0] == taking, "not the frame that was being taken"
    assert kept(session, camera)[0] == taking
    assert len(set(kept(session, camera))) == len(kept(session, camera))


def test_five_clicks_are_five_snapshots(session, camera):
    start(session, camera)
    for _ in range(5):
        assert session.request("snapshot")
    wait_until(lambda: frames_of(stack(session, camera)) == 5)
    session.stop().result(timeout=5)
    assert len(set(kept(session, camera))) == 5


def test_stash_keeps_every_frame_until_it_is_switched_off(session, camera):
    start(session, camera)
    session.request("stash", True)
    wait_until(lambda: frames_of(stack(session, camera)) >= 10)
    session.request("stash", False)
    wait_until(lambda: not session.actions["stash"].state.on)
    settled = live(session, camera).counts.stashed
    wait_until(lambda: live(session, camera).counts.stashed > settled + 3)
    numbers = kept(session, camera)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    session.stop().result(timeout=5)
    assert kept(session, camera) == numbers


def test_stash_can_keep_one_frame_every_so_often(session, camera):
    start(session, camera, stash_every=1000.0)
    session.request("stash", True)
    before = frames_of(live(session, camera))
    wait_until(lambda: frames_of(live(session, camera)) > before + 20)
    assert frames_of(stack(session, camera)) == 1


def test_clear_empties_the_stack(session, camera):
    start(session, camera)
    session.request("snapshot")
    wait_until(lambda: stack(session, camera).counts.kept == 1)
    session.request("clear")
    wait_until(lambda: stack(session, camera).counts.kept == 0)


def test_a_full_stack_ends_the_stashing_and_not_the_live_view(session, camera):
    reports = []
    session.reported.connect(reports.append)
    start(session, camera)
    session.caches.stack_bytes = 4 * 16 * 24 * 2
    session.request("stash", True)
    wait_until(lambda: not session.actions["stash"].state.on and session.problem)
    assert len(kept(session, camera)) == 4
    assert "full" in session.problem
    before = frames_of(live(session, camera))
    wait_until(lambda: frames_of(live(session, camera)) > before + 3)
    assert session.state is SessionState.RUNNING
    session.request("snapshot")
    wait_until(lambda: stack(session, camera).counts.refused >= 2)
    assert session.state is SessionState.RUNNING
    session.request("clear")
    wait_until(lambda: session.problem == "")


def test_the_light_is_on_only_while_it_runs(session, camera, light):
    start(session, camera)
    assert light.on
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    assert not light.on
    session.resume()
    wait_until(lambda: session.state is SessionState.RUNNING)
    wait_until(lambda: light.on)
    session.stop().result(timeout=5)
    assert not light.on


@pytest.mark.parametrize("way", ["stop", "abort", "halt"])
@pytest.mark.parametrize("paused", [False, True])
def test_the_light_is_off_on_every_way_out(session, camera, light, way, paused):
    start(session, camera)
    if paused:
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
    getattr(session, way)().result(timeout=5)
    wait_until(lambda: session.state is SessionState.IDLE)
    assert not light.on
    assert session.run.exit_status == ("success" if way == "stop" else "abort")


def test_a_light_that_the_plan_did_not_set_is_off_when_it_ends(session, camera, light):
    start(session, camera, light=None)
    session.set("light", True).result(timeout=5)
    assert light.on
    session.halt().exception(timeout=5)
    assert not light.on


def test_a_light_that_does_not_go_off_is_reported(session, camera, light):
    start(session, camera)
    light.fail_off = RuntimeError("The shutter is stuck.")
    session.halt().exception(timeout=5)
    assert session.problem == "The shutter is stuck."


@pytest.mark.parametrize("what", ["fail_trigger", "fail_read"])
def test_a_failing_camera_fails_the_run_in_plain_words(session, camera, light, documents, what):
    start(session, camera)
    setattr(camera, what, RuntimeError("The camera's cable is loose."))
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == "The camera's cable is loose."
    assert session.run.exit_status == "fail"
    assert session.run.reason == session.problem
    assert documents.named("stop")[0]["exit_status"] == "fail"
    assert not light.on

    setattr(camera, what, None)
    start(session, camera)
    assert session.problem == ""


def test_pause_and_resume(session, camera):
    start(session, camera)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    before = camera.frames
    session.request("snapshot")
    assert session.actions["snapshot"].pending == 1
    assert camera.frames == before
    session.resume()
    wait_until(lambda: frames_of(stack(session, camera)) == 1)
    assert session.state is SessionState.RUNNING


def test_an_exposure_that_cannot_be_set_says_so(session, camera):
    session.start("live_view", {"exposure": 5.0})
    wait_until(lambda: session.state is SessionState.FAILED)
    assert "exposure time of camera cannot be set" in session.problem
