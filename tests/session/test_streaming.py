"""The live view of cameras that run free: every frame once, none lost unseen, and a sure end."""

import asyncio
import threading
import time

import numpy as np
import pytest

from napari_skylight.protocols import StreamingCamera
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until


@pytest.fixture
def camera(session):
    camera = FakeStreamingCamera()
    session.add_device(camera).result(timeout=5)
    return camera


class SlowStage:
    """A stage that gives its position only when told to."""

    name = "stage"
    parent = None
    hints = {}

    def __init__(self):
        self.x = self.y = None
        self.answer = threading.Event()
        self.answer.set()

    async def read(self):
        await asyncio.to_thread(self.answer.wait, 5)
        return {"stage-x": {"value": 1.0, "timestamp": 0.0}}

    async def describe(self):
        return {"stage-x": {"source": "", "dtype": "number", "shape": []}}

    def read_configuration(self):
        return {}

    def describe_configuration(self):
        return {}


def live(session, camera):
    return session.caches.live(camera)


def stack(session, camera):
    return session.caches.stack(camera)


def start(session, camera, **values):
    before = live(session, camera).counts.stashed
    session.start("live_view", values)
    wait_until(lambda: live(session, camera).counts.stashed > before + 1)


def stash(session, on):
    session.request("stash", on)
    wait_until(lambda: session.actions["stash"].state.pending == 0)


def kept(session, camera):
    """The frame numbers in the camera's stack, read off the pixels."""
    frames = stack(session, camera).reader().take(camera.name).data
    assert np.array_equal(frames.min((1, 2)), frames.max((1, 2))), "a torn frame"
    return frames[:, 0, 0].tolist()


def stream_threads():
    return [each.name for each in threading.enumerate() if each.name.endswith("-stream")]


def is_unbroken(numbers):
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_it_is_a_streaming_camera_and_a_plain_one_is_not():
    assert isinstance(FakeStreamingCamera(), StreamingCamera)
    assert not isinstance(FakeCamera(), StreamingCamera)


def test_every_frame_it_makes_is_counted(session, camera, documents):
    start(session, camera)
    session.stop().result(timeout=5)
    assert live(session, camera).counts.stashed == camera.frames
    assert documents.named("stop")[0]["exit_status"] == "success"
    assert documents.named("event") == []


def test_stash_keeps_every_frame_between_on_and_off(session, camera):
    start(session, camera)
    before = camera.frames
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed >= 200)
    stash(session, False)
    wait_until(lambda: not session.actions["stash"].state.on)
    seen = live(session, camera).counts.stashed
    wait_until(lambda: live(session, camera).counts.stashed > seen + 20)
    numbers = kept(session, camera)
    assert is_unbroken(numbers)
    assert before < numbers[0]
    session.stop().result(timeout=5)
    assert kept(session, camera) == numbers


def test_stop_while_stashing_keeps_what_was_made_until_the_stop(session, camera):
    start(session, camera)
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed >= 20)
    session.stop().result(timeout=5)
    numbers = kept(session, camera)
    assert is_unbroken(numbers)
    assert numbers[-1] == camera.frames


def test_a_stop_amid_the_stashing_loses_nothing(session, camera):
    stage = SlowStage()
    session.add_device(stage).result(timeout=5)
    for _ in range(5):
        start(session, camera, stage="stage")
        session.clear_stacks()
        stash(session, True)
        wait_until(lambda: stack(session, camera).counts.kept >= 20)
        stage.answer.clear()
        made = camera.frames
        wait_until(lambda made=made: camera.frames > made + 50)
        ended = session.stop()
        stage.answer.set()
        ended.result(timeout=5)
        numbers = kept(session, camera)
        assert is_unbroken(numbers)
        assert numbers[-1] == camera.frames


def test_pauses_lose_nothing_and_repeat_nothing(session, camera, documents):
    start(session, camera)
    stash(session, True)
    for turn in range(12):
        count = stack(session, camera).counts.stashed
        wait_until(
            lambda count=count, turn=turn: stack(session, camera).counts.stashed > count + turn
        )
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
        if turn % 3 == 0:
            session.request("snapshot")
        session.resume()
        wait_until(lambda: session.state is SessionState.RUNNING)
    wait_until(lambda: len(documents.events("snapshots")) == 4)
    session.stop().result(timeout=5)
    snapshots = [event["data"]["camera"][0, 0] for event in documents.events("snapshots")]
    numbers = kept(session, camera)
    assert len(snapshots) == 4
    assert set(snapshots) <= set(numbers)
    assert is_unbroken(numbers)
    assert numbers[-1] == camera.frames


def test_a_pause_while_a_snapshot_waits_for_its_frame(session, camera, documents):
    camera.seconds = 0.3
    start(session, camera)
    session.request("snapshot")
    wait_until(lambda: session.actions["snapshot"].state.pending == 0)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    made = camera.frames
    session.resume()
    wait_until(lambda: len(documents.events("snapshots")) == 1)
    seen = live(session, camera).counts.stashed
    wait_until(lambda: live(session, camera).counts.stashed > seen + 1)
    session.stop().result(timeout=5)
    (event,) = documents.events("snapshots")
    assert kept(session, camera) == [event["data"]["camera"][0, 0]]
    assert made <= event["data"]["camera"][0, 0] <= made + 1


def test_a_pause_right_at_the_start(session, camera):
    for _ in range(10):
        session.start("live_view")
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
        assert stream_threads() == []
        session.resume()
        seen = live(session, camera).counts.stashed
        wait_until(lambda seen=seen: live(session, camera).counts.stashed > seen + 3)
        session.stop().result(timeout=5)


def test_a_pause_stops_the_camera_and_resume_goes_on(session, camera, light):
    start(session, camera)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    frames = camera.frames
    assert stream_threads() == []
    assert not light.on
    assert camera.frames == frames
    session.resume()
    wait_until(lambda: camera.frames > frames + 3)
    assert light.on


@pytest.mark.parametrize("way", ["stop", "abort", "halt"])
@pytest.mark.parametrize("paused", [False, True])
def test_the_stream_ends_on_every_way_out(session, camera, light, way, paused):
    start(session, camera)
    if paused:
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
    getattr(session, way)().result(timeout=5)
    assert not camera.streaming
    assert not light.on
    wait_until(lambda: stream_threads() == [])
    start(session, camera)
    assert camera.streaming


def test_close_ends_the_stream(session, camera):
    start(session, camera)
    session.close()
    assert not camera.streaming
    wait_until(lambda: stream_threads() == [])


@pytest.mark.parametrize("what", ["fail_stream", "fail_trigger", "fail_read"])
def test_a_failing_camera_fails_the_run_in_plain_words(session, camera, light, what):
    start(session, camera)
    setattr(camera, what, RuntimeError("The camera's cable is loose."))
    session.request("snapshot")
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == "The camera's cable is loose."
    assert not light.on
    assert not camera.streaming
    wait_until(lambda: stream_threads() == [])
    setattr(camera, what, None)
    start(session, camera)


def test_a_snapshot_is_one_event_with_one_frame(session, camera, documents):
    start(session, camera)
    for _ in range(3):
        session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 3)
    session.stop().result(timeout=5)
    frames = [event["data"]["camera"] for event in documents.events("snapshots")]
    assert [frame.shape for frame in frames] == [camera.shape] * 3
    numbers = [int(frame[0, 0]) for frame in frames]
    assert numbers == kept(session, camera) == sorted(set(numbers))
    assert all(frame.base is None for frame in frames), "it must not hold on to the stream"


@pytest.mark.parametrize("stream", [True, False])
def test_a_snapshot_while_stashing_is_in_the_stack_once_and_in_its_place(
    session, camera, documents, stream
):
    start(session, camera, stream=stream)
    stash(session, True)
    for turn in range(1, 11):
        count = stack(session, camera).counts.stashed
        wait_until(lambda count=count: stack(session, camera).counts.stashed > count + 3)
        session.request("snapshot")
        wait_until(lambda turn=turn: len(documents.events("snapshots")) == turn)
    stash(session, False)
    wait_until(lambda: not session.actions["stash"].state.on)
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 11)
    session.stop().result(timeout=5)
    snapshots = [event["data"]["camera"][0, 0] for event in documents.events("snapshots")]
    numbers = kept(session, camera)
    assert is_unbroken(numbers[:-1])
    assert set(snapshots) <= set(numbers)
    assert numbers[-1] == snapshots[-1] > numbers[-2]


def test_a_snapshot_is_kept_between_frames_that_are_far_apart(session, camera, documents):
    start(session, camera, stash_every=1000.0)
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed == 1)
    for _ in range(3):
        session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 3)
    session.stop().result(timeout=5)
    snapshots = [event["data"]["camera"][0, 0] for event in documents.events("snapshots")]
    assert kept(session, camera)[1:] == snapshots == sorted(set(snapshots))


def test_a_snapshot_that_a_full_stack_refuses_is_no_event(session, camera, documents):
    start(session, camera)
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed > 3)
    session.caches.stack_bytes = 16 * 24 * 2
    session.request("snapshot")
    wait_until(lambda: not session.actions["stash"].state.on and session.problem)
    session.stop().result(timeout=5)
    assert documents.events("snapshots") == []
    assert is_unbroken(kept(session, camera))


class OtherTimes(FakeStreamingCamera):
    """A camera that gives a frame another time when it is read than when it is drained."""

    def read(self):
        reading = super().read()
        reading["camera"]["timestamp"] += 1
        return reading


def test_a_snapshot_that_cannot_be_told_among_the_frames_is_kept_besides(session, documents):
    camera = OtherTimes()
    session.add_device(camera).result(timeout=5)
    start(session, camera)
    stash(session, True)
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 1)
    session.stop().result(timeout=5)
    (event,) = documents.events("snapshots")
    numbers = kept(session, camera)
    numbers.remove(event["data"]["camera"][0, 0])
    assert is_unbroken(sorted(numbers))  # the snapshot's copy lies behind those taken meanwhile


def test_each_frame_has_the_time_it_was_taken_at(session, camera):
    camera.seconds = 0.001
    start(session, camera)
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed >= 100)
    session.stop().result(timeout=5)
    frames = stack(session, camera).reader().take(camera.name).frames
    times = np.array([frame.timestamp for frame in frames])
    assert np.array_equal(times, [camera.times[number] for number in kept(session, camera)])
    assert np.diff(times).min() > 0


def test_two_cameras_that_stream_keep_their_snapshots_once(session, camera, documents):
    other = FakeStreamingCamera("other", seconds=0.003)
    session.add_device(other).result(timeout=5)
    start(session, camera, cameras=["camera", "other"])
    stash(session, True)
    for turn in range(1, 9):
        session.request("snapshot")
        wait_until(lambda turn=turn: len(documents.events("snapshots")) == turn)
    session.stop().result(timeout=5)
    for each in (camera, other):
        numbers = kept(session, each)
        assert is_unbroken(numbers)
        events = documents.events("snapshots")
        assert {event["data"][each.name][0, 0] for event in events} <= set(numbers)


def test_frames_the_consumer_is_too_slow_for_are_counted(session):
    stage = SlowStage()
    camera = FakeStreamingCamera(seconds=0.001, stream_bytes=16 * 24 * 2 * 200)
    for device in (stage, camera):
        session.add_device(device).result(timeout=5)
    start(session, camera, stage="stage")
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed > 5)
    stage.answer.clear()
    made = camera.frames
    wait_until(lambda: camera.frames > made + 500)
    stage.answer.set()
    count = stack(session, camera).counts.stashed
    wait_until(lambda: stack(session, camera).counts.stashed > count + 100)
    session.stop().result(timeout=5)
    numbers = kept(session, camera)
    lost = numbers[-1] - numbers[0] + 1 - len(numbers)
    assert lost > 100
    assert numbers == sorted(set(numbers))
    frames = stack(session, camera).reader().take(camera.name).frames
    dropped = [frame.metadata["camera-dropped"] for frame in frames]
    assert dropped[-1] - dropped[0] == lost
    assert frames[-1].metadata["stage-x"] == 1.0


def test_frames_lost_inside_the_camera_are_counted(session, camera, caplog):
    start(session, camera)
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed > 5)
    camera.lose = 7
    count = stack(session, camera).counts.stashed
    wait_until(lambda: stack(session, camera).counts.stashed > count + 50)
    session.stop().result(timeout=5)
    numbers = np.array(kept(session, camera))
    assert np.diff(numbers).tolist().count(8) == 1
    assert numbers[-1] - numbers[0] + 1 - len(numbers) == 7
    frames = stack(session, camera).reader().take(camera.name).frames
    assert frames[-1].metadata["camera-dropped"] == 7
    assert live(session, camera).counts.lost == 7
    assert caplog.text.count("Frames of the camera were lost") == 1
    camera.lose = 2
    start(session, camera)  # another stream, which counts from 0
    wait_until(lambda: live(session, camera).counts.lost == 9)


def test_a_full_stack_ends_the_stashing_and_not_the_live_view(session, camera):
    start(session, camera)
    session.caches.stack_bytes = 30 * 16 * 24 * 2
    session.request("stash", True)
    wait_until(lambda: not session.actions["stash"].state.on and session.problem)
    assert is_unbroken(kept(session, camera))
    assert len(kept(session, camera)) == 30
    assert "full" in session.problem
    seen = live(session, camera).counts.stashed
    wait_until(lambda: live(session, camera).counts.stashed > seen + 20)
    assert session.state is SessionState.RUNNING


def test_stash_every_so_often_keeps_frames_that_far_apart(session, camera):
    start(session, camera, stash_every=0.02)
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed >= 8)
    session.stop().result(timeout=5)
    steps = np.diff(kept(session, camera))
    assert steps.min() >= 5
    assert np.median(steps) <= 15


def test_without_stream_each_frame_is_asked_for(session, camera):
    start(session, camera, stream=False)
    assert not camera.streaming
    stash(session, True)
    wait_until(lambda: stack(session, camera).counts.stashed >= 5)
    session.stop().result(timeout=5)
    assert is_unbroken(kept(session, camera))


def test_a_camera_that_cannot_stream_goes_along(session, camera, light, documents):
    slow = FakeCamera("slow", seconds=0.1)
    session.add_device(slow).result(timeout=5)
    start(session, camera, cameras=["camera", "slow"])
    stash(session, True)
    wait_until(lambda: stack(session, slow).counts.stashed >= 3)
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 1)
    wait_until(lambda: stack(session, slow).counts.stashed >= 6)
    session.stop().result(timeout=5)
    (event,) = documents.events("snapshots")
    numbers = kept(session, camera)
    assert event["data"]["camera"][0, 0] in numbers
    assert is_unbroken(numbers)
    assert len(numbers) > 100, "the slow one must not hold it up"
    assert is_unbroken(kept(session, slow))


def test_a_failing_camera_beside_a_stream_fails_the_run(session, camera):
    other = FakeCamera("other", seconds=0.01)
    session.add_device(other).result(timeout=5)
    start(session, camera, cameras=["camera", "other"])
    other.fail_trigger = RuntimeError("The other one is unplugged.")
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == "The other one is unplugged."
    wait_until(lambda: stream_threads() == [])


@pytest.mark.parametrize("size", [(128, 300), pytest.param((512, 2000), marks=pytest.mark.slow)])
def test_at_500_frames_a_second_none_is_missing(session, size):
    side, frames = size
    camera = FakeStreamingCamera(shape=(side, side), seconds=0.002)
    session.add_device(camera).result(timeout=5)
    start(session, camera)
    stash(session, True)
    began = time.monotonic()
    wait_until(lambda: stack(session, camera).counts.stashed >= frames, timeout=30)
    seconds = time.monotonic() - began
    session.stop().result(timeout=5)
    assert is_unbroken(kept(session, camera))
    assert seconds < 2 * frames * camera.seconds
    last = stack(session, camera).reader().take(camera.name).frames[-1]
    assert last.metadata["camera-dropped"] == 0
