"""What a pause may neither repeat nor lose: stashes, clears, waits, and the answers of messages."""

import asyncio
import threading
import time

import pytest
from bluesky.plan_stubs import checkpoint, close_run, create, null, open_run, read, save
from bluesky.utils import Msg, RunEngineInterrupted

from napari_skylight.engine import Status, _pauses
from napari_skylight.engine.actions import Action
from napari_skylight.engine.plan_stubs import (
    clear_cache,
    describe,
    read_and_stash,
    stash,
    wait_for_actions,
)
from napari_skylight.testing import FakeCamera, wait_until


class Cache:
    """Keeps the frames; each call waits for `gate` first, if it is given one."""

    name = "cache"
    parent = None

    def __init__(self, gate=None, asynchronous=False):
        self.frames = []
        self.cleared = 0
        self.gate = gate
        self.entered = threading.Event()
        self.asynchronous = asynchronous

    def stash(self, values):
        self.frames.append(values["camera"]["value"].flat[0])
        return self._answer()

    def clear(self):
        self.cleared += 1
        return self._answer()

    def _answer(self):
        self.entered.set()
        if self.asynchronous:
            return self._when_open()
        status = Status()
        if self.gate is None:
            status.set_finished()
        else:
            threading.Thread(target=lambda: (self.gate.wait(5), status.set_finished())).start()
        return status

    async def _when_open(self):
        while not self.gate.is_set():
            await asyncio.sleep(0.001)
        status = Status()
        status.set_finished()
        return status


class SlowCamera(FakeCamera):
    """A camera whose read is async and waits for `gate`."""

    def __init__(self, gate, name="camera"):
        super().__init__(name)
        self.gate = gate
        self.entered = threading.Event()

    async def read(self):
        self.entered.set()
        while not self.gate.is_set():
            await asyncio.sleep(0.001)
        return super().read()


def pause(engine):
    engine.request_pause().result(timeout=5)
    assert engine.state == "paused"


def frames_of(documents, stream="primary"):
    return [event["data"]["camera"].flat[0] for event in documents.events(stream)]


def in_a_run(plan):
    yield from open_run()
    result = yield from plan
    yield from close_run()
    return result


# -- waits


def test_a_wait_goes_on_after_a_pause_and_gets_its_click(engine):
    snap = Action(name="snap")

    def plan():
        yield from checkpoint()
        return (yield from wait_for_actions(snap.event_map, None))

    engine(plan())
    wait_until(lambda: snap.state.offered)
    pause(engine)
    resumed = engine.resume()
    wait_until(lambda: engine.state == "running")
    snap.request()
    assert resumed.result(timeout=5).plan_result == ("snap", snap.event_map["snap"])


@pytest.mark.parametrize("when", ["paused", "pausing"])
def test_a_click_during_a_pause_is_neither_lost_nor_doubled(engine, when):
    snap = Action(name="snap")
    found = []

    def plan():
        yield from checkpoint()
        while len(found) < 2:
            name, latch = yield from wait_for_actions(snap.event_map, None)
            found.append(name)
            latch.reset()

    engine(plan())
    wait_until(lambda: snap.state.offered)
    pausing = engine.request_pause()
    if when == "paused":
        pausing.result(timeout=5)
    snap.request()
    pausing.result(timeout=5)
    resumed = engine.resume()
    wait_until(lambda: found == ["snap"])
    snap.request()
    resumed.result(timeout=5)
    assert found == ["snap", "snap"]


def test_a_none_is_a_timeout_and_the_pause_does_not_count(engine):
    snap = Action(name="snap")
    times = []

    def plan():
        yield from checkpoint()
        times.append(time.monotonic())
        found = yield from wait_for_actions(snap.event_map, 0.3)
        times.append(time.monotonic())
        return found

    engine(plan())
    wait_until(lambda: snap.state.offered)
    pause(engine)
    began = time.monotonic()
    assert not threading.Event().wait(0.2)
    resumed = engine.resume()
    paused = time.monotonic() - began
    assert resumed.result(timeout=5).plan_result is None
    assert times[1] - times[0] >= 0.3 + paused - 0.02


def test_a_wait_survives_many_pauses(engine):
    snap = Action(name="snap")

    def plan():
        yield from checkpoint()
        return (yield from wait_for_actions(snap.event_map, None))

    resumed = engine(plan())
    wait_until(lambda: snap.state.offered)
    for _ in range(5):
        pause(engine)
        resumed = engine.resume()
        wait_until(lambda: engine.state == "running")
    snap.request()
    assert resumed.result(timeout=5).plan_result[0] == "snap"


def test_a_wait_that_was_answered_is_not_repeated(engine):
    snap = Action(name="snap")
    messages = []
    engine.msg_hook = lambda msg: messages.append(msg.command)

    def plan():
        yield from checkpoint()
        found = yield from wait_for_actions(snap.event_map, 0)
        while not found or engine.state == "running":
            found = found or "paused"
            yield Msg("sleep", None, 0.01)
            if len(messages) > 1000 or "again" in messages:
                return
            if resumed:
                return

    resumed = []
    engine(plan())
    wait_until(lambda: messages.count("sleep") > 1)
    pause(engine)
    resumed.append(True)
    engine.resume().result(timeout=5)
    assert messages.count("wait_for_actions") == 1


def test_a_paused_wait_can_be_ended(engine):
    snap = Action(name="snap")
    engine([Msg("checkpoint"), Msg("wait_for_actions", None, snap.event_map)])
    wait_until(lambda: snap.state.offered)
    pause(engine)
    assert engine.stop().result(timeout=5).exit_status == "success"
    assert not snap.state.offered


def test_a_failure_while_paused_reaches_the_plan_and_not_the_wait(engine):
    snap = Action(name="snap")
    status = Status()

    class Device(FakeCamera):
        def trigger(self):
            return status

    def plan():
        yield from checkpoint()
        yield Msg("trigger", Device(), group="a")
        try:
            yield from wait_for_actions(snap.event_map, None)
        except Exception as error:
            return error

    engine(plan())
    wait_until(lambda: snap.state.offered)
    pause(engine)
    status.set_exception(OSError("jammed"))
    result = engine.resume().result(timeout=5).plan_result
    assert str(result.__cause__) == "jammed"


# -- stashes and clears


@pytest.mark.parametrize("command", ["stash", "clear"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_that_is_interrupted_is_done_once(engine, gate, command, asynchronous):
    cache = Cache(gate, asynchronous)
    reading = FakeCamera().read()

    def plan():
        yield from checkpoint()
        if command == "stash":
            yield from stash(cache, reading, group="a", wait=True)
        else:
            yield from clear_cache(cache, group="a", wait=True)
        return gate.is_set()

    engine(plan())
    assert cache.entered.wait(5)
    for _ in range(2):
        pause(engine)
        resumed = engine.resume()
        wait_until(lambda: engine.state == "running")
    assert not resumed.done()
    gate.set()
    assert resumed.result(timeout=5).plan_result is True
    assert (len(cache.frames), cache.cleared) == ((1, 0) if command == "stash" else (0, 1))


def test_one_that_ends_while_paused_is_over_after(engine, gate):
    cache = Cache(gate, asynchronous=True)
    reading = FakeCamera().read()
    engine([Msg("checkpoint"), Msg("stash", cache, reading, group="a"), Msg("wait", group="a")])
    assert cache.entered.wait(5)
    pause(engine)
    gate.set()
    assert engine.resume().result(timeout=5).exit_status == "success"
    assert len(cache.frames) == 1


def test_a_rewind_repeats_neither(engine):
    cache, reading = Cache(), FakeCamera().read()
    resumed = []
    messages = []
    engine.msg_hook = lambda msg: messages.append(msg.command)

    def plan():
        yield from checkpoint()
        yield from stash(cache, reading, group=None, wait=True)
        yield from clear_cache(cache, wait=True)
        while not resumed:
            yield from null()

    engine(plan())
    wait_until(lambda: "null" in messages)
    pause(engine)
    resumed.append(True)
    count = messages.count("null")
    engine.resume().result(timeout=5)
    assert (messages.count("stash"), messages.count("clear_cache")) == (1, 1)
    assert messages.count("null") >= 2 * count  # the rest was


# -- a frame in the cache is the frame in its event


@pytest.mark.parametrize("frames_before", [0, 1, 3])
def test_a_pause_between_events(engine, documents, frames_before):
    camera, cache = FakeCamera(), Cache()
    resumed = []

    def plan():
        yield from checkpoint()
        for _ in range(frames_before):
            yield from read_and_stash([camera], [cache], wait=True)
        while not resumed:
            yield from null()
        yield from read_and_stash([camera], [cache], wait=True)

    engine(in_a_run(plan()))
    wait_until(lambda: len(documents.named("event")) == frames_before)
    pause(engine)
    resumed.append(True)
    engine.resume().result(timeout=5)
    assert frames_of(documents) == cache.frames
    assert [e["seq_num"] for e in documents.events("primary")] == list(range(1, frames_before + 2))
    assert documents.named("stop")[0]["num_events"] == {"primary": frames_before + 1}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_pause_while_a_frame_is_being_kept_comes_after_its_event(
    engine, documents, gate, asynchronous
):
    camera, cache = FakeCamera(), Cache(gate, asynchronous)

    def plan():
        yield from checkpoint()
        yield from read_and_stash([camera], [cache], wait=True)
        yield from read_and_stash([camera], [cache], wait=True)

    engine(in_a_run(plan()))
    assert cache.entered.wait(5)
    pausing = engine.request_pause()
    assert not threading.Event().wait(0.05)
    assert not pausing.done()
    gate.set()
    pausing.result(timeout=5)
    assert engine.state == "paused"
    assert frames_of(documents) == cache.frames == [1]
    engine.resume().result(timeout=5)
    assert frames_of(documents) == cache.frames
    assert [e["seq_num"] for e in documents.events("primary")] == [1, 2]


@pytest.mark.parametrize("end", ["stop", "abort"])
@pytest.mark.parametrize("pausing", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_end_while_a_frame_is_being_kept_comes_after_its_event(
    engine, documents, gate, end, pausing, asynchronous
):
    camera, cache = FakeCamera(), Cache(gate, asynchronous)

    def plan():
        yield from checkpoint()
        for _ in range(3):
            yield from read_and_stash([camera], [cache], wait=True)

    engine(in_a_run(plan()))
    assert cache.entered.wait(5)
    if pausing:
        engine.request_pause()
    ended = getattr(engine, end)()
    assert not threading.Event().wait(0.05)
    assert not ended.done()
    gate.set()
    assert ended.result(timeout=5).exit_status == ("success" if end == "stop" else "abort")
    assert frames_of(documents) == cache.frames == [1]
    assert engine(null()).result(timeout=5).exit_status == "success"


def test_a_halt_waits_for_no_event(engine, documents, gate, monkeypatch):
    monkeypatch.setattr(_pauses, "EVENT_SECONDS", 60.0)
    camera, cache = FakeCamera(), Cache(gate)
    engine(in_a_run(read_and_stash([camera], [cache], wait=True)))
    assert cache.entered.wait(5)
    stopped = engine.stop()
    engine.halt().result(timeout=5)
    assert stopped.result(timeout=5).exit_status == "abort"
    assert documents.named("event") == []


def test_a_stop_at_any_message_leaves_each_frame_its_event(engine, documents):
    camera, cache = FakeCamera(), Cache()
    messages = []

    def plan():
        for _ in range(2):
            yield from checkpoint()
            yield from read_and_stash([camera], [cache], wait=True)

    def stop_at(n):
        def hook(msg):
            messages.append(msg.command)
            if len(messages) == n:
                engine.stop()

        return hook

    for n in range(2, 20):
        messages.clear()
        cache.frames.clear()
        documents.all.clear()
        engine.msg_hook = stop_at(n)
        engine(in_a_run(plan())).exception(timeout=5)
        assert frames_of(documents) == cache.frames
    assert len(messages) < 19  # the last one came after the end


def test_a_stop_need_not_wait_for_the_event(engine, documents, gate):
    camera, cache = FakeCamera(), Cache(gate)
    engine(in_a_run(read_and_stash([camera], [cache], wait=True)))
    assert cache.entered.wait(5)
    engine.request_pause()
    assert engine.stop().result(timeout=5).exit_status == "success"
    assert documents.named("event") == []
    assert engine(null()).result(timeout=5).exit_status == "success"


def test_a_pause_during_the_read_before_anything_is_kept(engine, documents, gate):
    camera, cache = SlowCamera(gate), Cache()

    def plan():
        yield from checkpoint()
        return (yield from read_and_stash([camera], [cache], wait=True))

    engine(in_a_run(plan()))
    assert camera.entered.wait(5)
    pause(engine)
    assert cache.frames == []
    gate.set()
    readings = engine.resume().result(timeout=5).plan_result
    assert frames_of(documents) == cache.frames == [readings["camera"]["value"].flat[0]]


def test_a_pause_during_the_second_of_two_reads(engine, documents, gate):
    first, second = FakeCamera(), SlowCamera(gate, "second")
    cache, other = Cache(), Cache()
    other.stash = lambda values: cache._answer()

    def plan():
        yield from checkpoint()
        yield from read_and_stash([first, second], [cache, other], wait=True)

    engine(in_a_run(plan()))
    assert second.entered.wait(5)
    pausing = engine.request_pause()
    assert not pausing.done()
    gate.set()
    pausing.result(timeout=5)
    engine.resume().result(timeout=5)
    assert frames_of(documents) == cache.frames == [1]


def test_a_pause_at_any_message(engine, documents):
    """Pause in front of every message of a plan of three events: nothing is lost or doubled."""
    camera, cache = FakeCamera(), Cache()
    messages = []

    def plan():
        for _ in range(3):
            yield from checkpoint()
            yield from read_and_stash([camera], [cache], wait=True)

    def pause_at(n):
        def hook(msg):
            messages.append(msg.command)
            if len(messages) == n:
                engine.request_pause()

        return hook

    n = 0
    while True:
        n += 1
        messages.clear()
        cache.frames.clear()
        documents.all.clear()
        engine.msg_hook = pause_at(n)
        future = engine(in_a_run(plan()))
        paused = isinstance(future.exception(timeout=5), RunEngineInterrupted)
        if paused:
            engine.resume().result(timeout=5)
        assert frames_of(documents) == cache.frames
        assert len(cache.frames) == 3
        assert [e["seq_num"] for e in documents.events("primary")] == [1, 2, 3]
        if not paused and n > len(messages):
            break


def test_a_dropped_event_is_not_read_again(engine, documents):
    camera, cache = FakeCamera(), Cache()
    resumed, messages = [], []
    engine.msg_hook = lambda msg: messages.append(msg.command)
    good = cache.stash

    def full(values):
        raise OSError("full")

    def plan():
        yield from checkpoint()
        cache.stash = full
        with pytest.raises(OSError, match="full"):
            yield from read_and_stash([camera], [cache], wait=True)
        cache.stash = good
        while not resumed:
            yield from null()

    engine(in_a_run(plan()))
    wait_until(lambda: "null" in messages)
    pause(engine)
    resumed.append(True)
    engine.resume().result(timeout=5)
    assert messages.count("read") == 1
    assert documents.named("event") == []


def test_a_suspender_waits_for_the_event_too(engine, documents, gate):
    camera, cache = FakeCamera(), Cache(gate)
    released = threading.Event()

    async def release():
        while not released.is_set():
            await asyncio.sleep(0.001)

    def plan():
        yield from checkpoint()
        yield from read_and_stash([camera], [cache], wait=True)
        yield from checkpoint()
        yield from read_and_stash([camera], [cache], wait=True)

    messages = []
    engine.msg_hook = lambda msg: messages.append(msg.command)
    future = engine(in_a_run(plan()))
    assert cache.entered.wait(5)
    engine.request_suspend(release, justification="no beam")
    assert not threading.Event().wait(0.05)
    assert "_start_suspender" not in messages
    gate.set()
    wait_until(lambda: "_start_suspender" in messages)
    released.set()
    future.result(timeout=5)
    assert frames_of(documents) == cache.frames
    assert len(cache.frames) == 2


# -- answers


def test_an_interrupted_read_answers_the_plan(engine, gate):
    camera = SlowCamera(gate)

    def plan():
        yield from checkpoint()
        return (yield from read(camera))

    engine(plan())
    assert camera.entered.wait(5)
    pause(engine)
    gate.set()
    result = engine.resume().result(timeout=5).plan_result
    assert result["camera"]["value"].shape == camera.shape


def test_an_interrupted_read_that_may_not_be_repeated_is_asked_again(engine, documents, gate):
    camera, cache = SlowCamera(gate), Cache()

    def plan():
        yield Msg("rewindable", None, False)
        yield from checkpoint()
        return (yield from read_and_stash([camera], [cache], wait=True))

    engine(in_a_run(plan()))
    assert camera.entered.wait(5)
    pause(engine)
    gate.set()
    engine.resume().result(timeout=5)
    assert frames_of(documents) == cache.frames == [1]


def test_an_interrupted_description_answers_the_plan(engine, gate):
    class Camera(FakeCamera):
        entered = threading.Event()

        async def describe(self):
            self.entered.set()
            while not gate.is_set():
                await asyncio.sleep(0.001)
            return super().describe()

    camera = Camera()

    def plan():
        yield from checkpoint()
        return (yield from describe(camera))

    engine(plan())
    assert camera.entered.wait(5)
    pause(engine)
    gate.set()
    assert "camera" in engine.resume().result(timeout=5).plan_result


def test_an_interrupted_read_of_an_event_of_bluesky(engine, documents, gate):
    camera = SlowCamera(gate)

    def plan():
        yield from checkpoint()
        yield from create("primary")
        reading = yield from read(camera)
        yield from save()
        return reading

    engine(in_a_run(plan()))
    assert camera.entered.wait(5)
    pause(engine)
    gate.set()
    reading = engine.resume().result(timeout=5).plan_result
    assert documents.events("primary")[0]["data"]["camera"] is reading["camera"]["value"]
