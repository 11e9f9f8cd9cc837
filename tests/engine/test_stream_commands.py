"""The streams of cameras as commands: seen by `msg_hook` and simulators, on any bluesky engine."""

import asyncio

import pytest
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.simulators import RunEngineSimulator
from bluesky.utils import DuringTask, Msg, RunEngineInterrupted

from napari_skylight.engine import install_commands
from napari_skylight.frames import CacheStore
from napari_skylight.plans import live_view
from napari_skylight.plans._live_loop import Streams
from napari_skylight.protocols import FrameBatch
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until

STREAM = {"start_stream", "stop_stream", "collect_stream"}


@pytest.fixture
def camera():
    camera = FakeStreamingCamera()
    camera.stage()
    yield camera
    camera.unstage()


def stream_some(camera, batches):
    """Stream until there are frames, and stop."""
    streams = Streams([camera])
    yield from streams.start()
    wait_until(lambda: camera.frames >= 3)
    yield from streams.stop()
    yield from streams.collect(lambda _, batch: batches.append(batch))


def numbers(batches):
    return [int(frame.max()) for batch in batches for frame in batch.reading["camera"]["value"]]


def test_each_step_of_a_stream_is_a_message_with_its_camera(engine, camera):
    messages, batches = [], []
    engine.msg_hook = messages.append
    engine(stream_some(camera, batches)).result(10)
    seen = [msg for msg in messages if msg.command in STREAM]
    assert [msg.command for msg in seen[:2]] == ["start_stream", "stop_stream"]
    assert {msg.command for msg in seen[2:]} == {"collect_stream"}
    assert {msg.obj for msg in seen} == {camera}
    assert numbers(batches) == list(range(1, camera.frames + 1))


def test_a_plain_bluesky_engine_streams_until_the_commands_are_removed(camera):
    engine = BlueskyRunEngine({}, context_managers=[], during_task=DuringTask())
    uninstall = install_commands(engine)
    assert set(engine.commands) > STREAM
    batches = []
    engine(stream_some(camera, batches))
    assert numbers(batches) == list(range(1, camera.frames + 1))
    uninstall()
    assert not STREAM & set(engine.commands)


def test_a_simulator_runs_a_plan_that_streams():
    camera, batches = FakeCamera(), []
    answers = iter([FrameBatch({"camera": {}}, (0.0,), 8, 9, 0), FrameBatch({}, (), 9, 9, 0)])
    simulator = RunEngineSimulator()
    simulator.add_handler("start_stream", lambda _: 7, "camera")
    simulator.add_handler("collect_stream", lambda _: next(answers), "camera")

    def plan():
        streams = Streams([camera])
        yield from streams.start()
        yield from streams.stop()
        yield from streams.collect(lambda _, batch: batches.append(batch))

    messages = simulator.simulate_plan(plan())
    assert [(msg.command, msg.obj, *msg.args) for msg in messages] == [
        ("start_stream", camera),
        ("stop_stream", camera),
        ("collect_stream", camera, 7),
        ("collect_stream", camera, 8),
    ]
    assert [batch.last for batch in batches] == [8]


def test_a_simulator_sees_live_view_start_its_stream(camera):
    class StopError(Exception): ...

    def stop(_):
        raise StopError

    started = []
    simulator = RunEngineSimulator()
    simulator.add_handler("start_stream", lambda msg: started.append(msg.obj) or 0)
    simulator.add_handler("wait_for_actions", stop)
    with pytest.raises(StopError):
        simulator.simulate_plan(live_view([camera], CacheStore()))
    assert started == [camera]


@pytest.mark.parametrize("command", sorted(STREAM))
def test_a_camera_without_a_stream_is_named(engine, command):
    def plan():
        with pytest.raises(TypeError, match=f"camera has no stream: '{command}' needs"):
            yield Msg(command, FakeCamera(), 0)

    engine(plan()).result(10)


class Hanging:
    """A camera whose stream does not answer."""

    name = "camera"

    async def hang(self, *_):
        await asyncio.sleep(60)

    start_stream = stop_stream = drain = hang


@pytest.mark.parametrize(
    ("command", "method"),
    [
        ("start_stream", "start_stream"),
        ("stop_stream", "stop_stream"),
        ("collect_stream", "drain"),
    ],
)
def test_a_hanging_stream_is_named(engine, command, method):
    def plan():
        with pytest.raises(TimeoutError, match=f"^camera: {method} timed out after 0.02 s"):
            yield Msg(command, Hanging(), timeout=0.02)

    engine(plan()).result(10)


def test_a_pause_amid_a_start_gives_the_plan_its_answer_once(engine):
    answer = asyncio.Event()

    class Slow:
        name = "camera"
        started = 0

        async def start_stream(self):
            self.started += 1
            await answer.wait()
            return 5

    camera, got = Slow(), []

    def plan():
        yield Msg("checkpoint")
        got.append((yield Msg("start_stream", camera)))

    future = engine(plan())
    wait_until(lambda: camera.started == 1)
    engine.request_pause().result(5)
    with pytest.raises(RunEngineInterrupted):
        future.result(5)
    resumed = engine.resume()
    engine.loop.call_soon_threadsafe(answer.set)
    resumed.result(5)
    assert (got, camera.started) == ([5], 1)
