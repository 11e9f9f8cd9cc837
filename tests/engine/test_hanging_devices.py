"""A time-out names the device and the call, whichever call hangs."""

import asyncio
import re
import threading
from functools import partial

import pytest
from bluesky.plan_stubs import close_run, configure, open_run
from bluesky.utils import FailedStatus, Msg, RunEngineInterrupted
from ophyd_async.core import AsyncStatus

from napari_skylight.engine import Status, _calls, _interrupts, plan_stubs
from napari_skylight.frames import FrameCache
from napari_skylight.testing import FakeCamera, FakeLight, wait_until

LIMIT = 0.05


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr(_calls, "CALL_SECONDS", LIMIT)
    monkeypatch.setattr(_calls, "PAUSE_SECONDS", LIMIT)


async def hang(*args, **kwargs):
    await asyncio.sleep(60)


def says(call, device="camera"):
    return f"^{device}: {call} timed out after {LIMIT:g} s. Check the connection and the power.$"


def read_in_run(camera):
    yield from open_run()
    try:
        yield from plan_stubs.trigger_and_read([camera], "primary")
    finally:
        yield from close_run()


@pytest.mark.parametrize(
    "call", ["read", "describe", "describe_configuration", "read_configuration"]
)
def test_a_hanging_call_while_reading(engine, call):
    camera = FakeCamera()
    setattr(camera, call, hang)
    with pytest.raises(TimeoutError, match=says(call)):
        engine(read_in_run(camera)).result(5)


@pytest.mark.parametrize("call", ["describe", "describe_collect"])
def test_a_hanging_description(engine, call):
    camera = FakeCamera()
    setattr(camera, call, hang)
    with pytest.raises(TimeoutError, match=says(call)):
        engine(getattr(plan_stubs, call)(camera)).result(5)


@pytest.mark.parametrize("call", ["stop", "locate"])
def test_a_hanging_message(engine, call):
    light = FakeLight()
    setattr(light, call, hang)
    with pytest.raises(TimeoutError, match=says(call, "light")):
        engine(iter([Msg(call, light)])).result(5)


def test_several_hanging_locations(engine):
    lights = [FakeLight("red"), FakeLight("blue")]
    for light in lights:
        light.locate = hang
    with pytest.raises(TimeoutError, match=r"^red, blue: locate timed out after"):
        engine(iter([Msg("locate", *lights)])).result(5)


def waiting(command, device, *args):
    yield Msg(command, device, *args, group="group")
    yield Msg("wait", None, group="group", timeout=LIMIT)


@pytest.mark.parametrize("hook", [None, lambda _: None])
@pytest.mark.parametrize(
    ("call", "args"), [("set", (1,)), ("stage", ()), ("trigger", ()), ("stash", ({},))]
)
def test_a_status_that_a_plan_waits_for(engine, call, args, hook):
    device = FakeCamera()
    setattr(device, call, lambda *_: Status())
    device.unstage = device.clear = list
    engine.waiting_hook = hook
    with pytest.raises(TimeoutError, match=says(call)):
        engine(waiting(call, device, *args)).result(5)


def test_each_status_that_a_plan_waits_for_is_named_and_no_other(engine):
    devices = [FakeCamera("left"), FakeCamera("middle"), FakeCamera("right")]
    devices[0].trigger = devices[2].trigger = Status

    def plan():
        for device in devices:
            yield Msg("trigger", device, group="group")
        yield Msg("wait", None, group="group", timeout=LIMIT)

    with pytest.raises(TimeoutError, match=r"^left: trigger, right: trigger timed out after"):
        engine(plan()).result(5)


def out_of_time():
    return Status(timeout=0.01)


def out_of_time_of_ophyd_async():
    async def move():
        await asyncio.wait_for(asyncio.sleep(60), 0.01)

    return AsyncStatus(move())


@pytest.mark.parametrize("answer", [out_of_time, out_of_time_of_ophyd_async])
@pytest.mark.parametrize(("call", "args"), [("set", (1,)), ("trigger", ()), ("stash", ({},))])
def test_a_status_with_a_time_out_of_its_own(engine, call, args, answer):
    device = FakeCamera()
    setattr(device, call, lambda *_: answer())
    device.clear = list

    def plan():
        yield Msg(call, device, *args, group="group")
        yield Msg("wait", None, group="group")

    with pytest.raises(FailedStatus) as failure:
        engine(plan()).result(5)
    assert isinstance(failure.value.__cause__, TimeoutError)
    assert str(failure.value.__cause__).startswith(f"camera: {call} timed out.")


@pytest.mark.parametrize("call", ["stash", "clear"])
def test_a_hanging_cache(engine, call):
    cache = FrameCache("camera", kind="stack", max_bytes=10**6)
    setattr(cache, call, hang)
    stub = partial(plan_stubs.stash, cache, {}) if call == "stash" else None
    stub = stub or partial(plan_stubs.clear_cache, cache)
    with pytest.raises(TimeoutError, match=says(call)):
        engine(stub(group=None, wait=True)).result(5)


@pytest.mark.parametrize("call", ["read", "trigger", "set", "configure", "stage"])
def test_a_time_out_that_the_device_raises_itself(engine, call):
    camera = FakeCamera()

    def time_out(*args, **kwargs):
        raise TimeoutError("No answer from COM3.")

    for name in ("set", "stage", "unstage", "read", "trigger", "configure"):
        if name == call or not hasattr(camera, name):
            setattr(camera, name, time_out)
    messages = {"set": Msg("set", camera, 1), "configure": next(configure(camera))}
    with pytest.raises(TimeoutError, match=f"^camera: {call} timed out. No answer from COM3.$"):
        engine(iter([messages.get(call) or Msg(call, camera)])).result(5)


def lit(light):
    yield Msg("checkpoint")
    yield Msg("set", light, True)
    while True:
        yield Msg("sleep", None, 0.01)


def test_a_hanging_stop_at_the_end_of_a_plan(engine, caplog):
    light = FakeLight()
    light.stop = hang
    engine(iter([Msg("set", light, True)])).result(5)
    assert "Failed to stop light." in caplog.text
    assert re.search(says("stop", "light")[1:-1], caplog.text)


def paused(engine, light):
    future = engine(lit(light))
    wait_until(lambda: light.on)
    engine.request_pause().result(5)
    with pytest.raises(RunEngineInterrupted):
        future.result(5)


def test_a_hanging_resume(engine):
    light = FakeLight()
    paused(engine, light)
    light.resume = hang
    with pytest.raises(TimeoutError, match=says("resume", "light")):
        engine.resume().result(5)
    assert engine.state == "paused"


def test_a_hanging_resume_after_a_suspender(engine):
    light = FakeLight()
    light.resume = hang
    future = engine(lit(light))
    wait_until(lambda: light.on)

    async def over():
        pass

    engine.request_suspend(over)
    with pytest.raises(TimeoutError, match=says("resume", "light")):
        future.result(5)


def test_a_hanging_pause(engine, caplog, monkeypatch):
    monkeypatch.setattr(_interrupts, "_PATIENCE", LIMIT)
    light = FakeLight()
    light.pause = hang
    engine(lit(light))
    wait_until(lambda: light.on)
    with pytest.raises(TimeoutError, match=says("pause", "light")):
        engine.request_pause().result(5)
    engine.stop().result(5)
    assert "light: pause timed out after 0.05 s" in caplog.text
    assert "the plan is ended instead" in caplog.text


def test_a_hanging_withdrawal(engine, caplog, monkeypatch):
    monkeypatch.setattr("napari_skylight.engine._bundler.WITHDRAW_SECONDS", LIMIT)
    cache = FrameCache("stack", kind="stack", max_bytes=10**6)
    cache.withdraw = hang

    def plan():
        yield from open_run()
        yield Msg("create", None, name="primary")
        reading = yield Msg("read", FakeCamera())
        yield from plan_stubs.stash(cache, reading, group=None, wait=True)
        yield Msg("drop")
        yield from close_run()

    engine(plan()).result(5)
    assert re.search(says("withdraw", "stack")[1:-1], caplog.text)


def test_a_read_that_hangs_is_shown_as_awaited(engine, monkeypatch):
    monkeypatch.setattr(_calls, "CALL_SECONDS", 60.0)
    camera, release = FakeCamera(), threading.Event()
    read = camera.read

    async def slow():
        await asyncio.to_thread(release.wait, 5)
        return read()

    camera.read = slow
    future = engine(iter([Msg("read", camera)]))
    wait_until(lambda: bool(engine.awaited))
    assert [(each.device, each.call) for each in engine.awaited] == [(camera, "read")]
    release.set()
    future.result(5)
    assert engine.awaited == ()


class SlowStage(FakeCamera):
    """A device whose moves run out of time."""

    def set(self, value):
        return Status(timeout=0.01)


def test_a_set_of_the_session_that_runs_out_of_time(session):
    session.add_device(SlowStage("stage")).result(5)
    with pytest.raises(TimeoutError, match=r"^stage: set timed out\."):
        session.set("stage", 1.0).result(5)
    assert session.problem.startswith("stage: set timed out.")


@pytest.mark.parametrize("call", ["trigger", "read"])
def test_a_plan_of_the_session_whose_camera_runs_out_of_time(session, call):
    camera = FakeCamera()
    setattr(camera, call, out_of_time if call == "trigger" else hang)
    session.add_device(camera).result(5)
    session.start("snap", {"cameras": ["camera"]})
    wait_until(lambda: bool(session.problem))
    assert session.problem.startswith(f"camera: {call} timed out")
