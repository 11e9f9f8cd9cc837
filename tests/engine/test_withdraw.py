"""The frames in a stack and the events of a run always agree."""

import asyncio
import threading

import pytest
from bluesky.plan_stubs import close_run, create, drop, open_run, read
from bluesky.utils import FailedStatus, RunEngineInterrupted

from napari_skylight.engine import _pauses
from napari_skylight.engine.plan_stubs import read_and_stash, stash
from napari_skylight.frames import FrameCache
from napari_skylight.testing import Documents, FakeCamera, FakeStreamingCamera, wait_until

FRAME_BYTES = 16 * 24 * 2


@pytest.fixture
def cameras():
    return [FakeCamera("left"), FakeCamera("right")]


@pytest.fixture
def stacks():
    return [FrameCache(name, kind="stack", max_bytes=9 * FRAME_BYTES) for name in ("left", "right")]


def in_run(plan):
    yield from open_run()
    try:
        yield from plan
    finally:
        yield from close_run()


def kept(stack):
    """The frame numbers in the stack, as a viewer's reader gets them."""
    reader = stack.reader()
    taken = reader.take(*reader.keys) if reader.keys else None
    counts, seen = stack.counts, reader.counts()
    assert counts.acquired == counts.stashed + counts.refused
    assert seen.stashed == seen.shown + seen.skipped + seen.waiting == counts.stashed
    frames = [] if taken is None else taken.data[:, 0, 0].tolist()
    assert counts.kept == len(frames)
    return frames


def in_events(documents, camera):
    return [int(event["data"][camera][0, 0]) for event in documents.events("primary")]


def assert_agree(documents, stacks, frames):
    for stack in stacks:
        assert kept(stack) == frames
        assert in_events(documents, stack.name) == frames


def test_a_full_second_stack_leaves_no_frame_in_the_first(engine, documents, cameras, stacks):
    stacks[1].max_bytes = 2 * FRAME_BYTES

    def plan():
        for _ in range(2):
            yield from read_and_stash(cameras, stacks)
        with pytest.raises(FailedStatus):
            yield from read_and_stash(cameras, stacks)
        stacks[1].max_bytes = 9 * FRAME_BYTES
        yield from read_and_stash(cameras, stacks)

    engine(in_run(plan())).result(10)
    assert_agree(documents, stacks, [1, 2, 4])
    assert stacks[0].counts.withdrawn == 1


def test_a_failing_read_leaves_no_frame(engine, documents, cameras, stacks):
    def plan():
        yield from read_and_stash(cameras, stacks)
        cameras[1].fail_read = OSError("unplugged")
        with pytest.raises(OSError, match="unplugged"):
            yield from read_and_stash(cameras, stacks)

    engine(in_run(plan())).result(10)
    assert_agree(documents, stacks, [1])


def test_a_plan_that_drops_its_event_leaves_no_frame(engine, documents, cameras, stacks):
    def plan():
        yield from create("primary")
        reading = yield from read(cameras[0])
        yield from stash(stacks[0], reading, group=None, wait=True)
        yield from stash(
            stacks[1], {"right": reading["left"]}, group=None, wait=True, of_event=False
        )
        yield from drop()

    engine(in_run(plan())).result(10)
    assert kept(stacks[0]) == []
    assert kept(stacks[1]) == [0]


def test_an_event_that_cannot_be_saved_leaves_no_frame(engine, documents, cameras, stacks):
    def plan():
        yield from read_and_stash(cameras, stacks)
        with pytest.raises(RuntimeError, match="Mismatched"):
            yield from read_and_stash(cameras[:1], stacks[:1])

    engine(in_run(plan())).result(10)
    assert_agree(documents, stacks, [1])


def test_a_run_closed_amid_an_event_leaves_no_frame(engine, documents, cameras, stacks):
    def plan():
        yield from read_and_stash(cameras[:1], stacks[:1])
        cameras[0].trigger()
        yield from create("primary")
        reading = yield from read(cameras[0])
        yield from stash(stacks[0], reading, group=None, wait=True)

    engine(in_run(plan())).result(10)
    assert_agree(documents, stacks[:1], [1])


@pytest.mark.parametrize("end", ["halt", "abort", "stop"])
def test_an_end_amid_a_snapshot_leaves_no_frame_without_an_event(
    engine, documents, cameras, stacks, gate, monkeypatch, end
):
    monkeypatch.setattr(_pauses, "EVENT_SECONDS", 0.05)
    reached = threading.Event()

    class SlowCamera(FakeCamera):
        async def read(self):
            if self.frames > 1:
                reached.set()
                await asyncio.to_thread(gate.wait, 10)
            return super().read()

    cameras[1] = SlowCamera("right")

    def plan():
        for _ in range(2):
            yield from read_and_stash(cameras, stacks)

    future = engine(in_run(plan()))
    assert reached.wait(5)
    assert stacks[0].counts.kept == 2
    ended = getattr(engine, end)()
    ended.result(10)
    with pytest.raises(RunEngineInterrupted):
        future.result(5)
    assert_agree(documents, stacks, [1])


class Failing:
    """A cache that cannot withdraw; it hangs, or raises."""

    name = "disk"
    parent = None

    def __init__(self, error):
        self.error = error
        self.inner = FrameCache("disk", kind="stack", max_bytes=FRAME_BYTES)
        self.stash, self.clear = self.inner.stash, self.inner.clear

    def withdraw(self, status):
        raise self.error


def test_a_cache_that_cannot_withdraw_is_named_in_the_log(engine, documents, cameras, caplog):
    cache = Failing(OSError("no disk"))

    def plan():
        yield from create("primary")
        yield from stash(cache, (yield from read(cameras[0])), group=None, wait=True)
        yield from drop()
        yield from read_and_stash(cameras[:1], [FrameCache("left", kind="live", max_bytes=10**6)])

    engine(in_run(plan())).result(10)
    assert "disk keeps frames whose event was dropped." in caplog.text
    assert in_events(documents, "left") == [1]


@pytest.mark.parametrize("make", [FakeCamera, FakeStreamingCamera])
def test_snapshots_of_two_cameras_agree_in_a_session_when_one_stack_is_full(session, make):
    documents = Documents()
    session.engine.subscribe(documents)
    cameras = [make("left", seconds=0.002), make("right", seconds=0.002)]
    for camera in cameras:
        session.add_device(camera).result(timeout=5)
    stacks = [session.caches.stack(camera) for camera in cameras]
    stacks[1].max_bytes = 2 * FRAME_BYTES
    session.start("live_view", {"cameras": ["left", "right"]})
    wait_until(lambda: all(session.caches.live(camera).counts.stashed for camera in cameras))
    for _ in range(3):
        session.request("snapshot")
        wait_until(lambda: not session.actions["snapshot"].unanswered)
    session.stop().result(timeout=5)
    for camera, stack in zip(cameras, stacks, strict=True):
        events = documents.events("snapshots")
        assert kept(stack) == [int(event["data"][camera.name][0, 0]) for event in events]
        assert stack.counts.kept == 2
    assert (stacks[0].counts.withdrawn, stacks[1].counts.refused) == (1, 1)
