import asyncio
import contextlib
import itertools
import logging
import threading
import time

import pytest
from bluesky.plan_stubs import (
    checkpoint,
    clear_checkpoint,
    mv,
    null,
    open_run,
    pause,
    read,
    sleep,
    stage,
)
from bluesky.preprocessors import finalize_wrapper
from bluesky.utils import Msg, RunEngineInterrupted

from napari_skylight.engine import RunEngine, Status
from napari_skylight.engine.actions import SRLatch
from napari_skylight.engine.plan_stubs import wait_for_actions
from napari_skylight.testing import FakeCamera, FakeLight, wait_until

ENDS = ["stop", "abort", "halt"]
EXIT_STATUS = {"stop": "success", "abort": "abort", "halt": "abort"}


class Motor:
    """A device that takes its time, and remembers what was done to it."""

    parent = None

    def __init__(self, name="motor", seconds=2.0):
        self.name = name
        self.seconds = seconds
        self.done = []
        self.moving = None

    def set(self, value):
        self.done.append("set")
        self.moving = Status(settle_time=self.seconds)
        self.moving.set_finished()
        return self.moving

    def stop(self, success=True):
        self.done.append("stop")

    def stage(self):
        self.done.append("stage")
        return [self]

    def unstage(self):
        self.done.append("unstage")
        return [self]


def forever():
    while True:
        yield from checkpoint()
        yield from null()


def run_until(engine, plan, state="running"):
    future = engine(plan)
    wait_until(lambda: engine.state == state)
    return future


def paused(engine, plan=None):
    future = run_until(engine, plan or forever())
    engine.request_pause().result(timeout=5)
    assert engine.state == "paused"
    return future


def works(engine):
    """Whether one can go on with it."""
    return engine.state == "idle" and engine(null()).result(timeout=5).exit_status == "success"


# -- ending


@pytest.mark.parametrize("end", ENDS)
def test_ending_an_idle_engine_does_nothing(engine, end):
    assert getattr(engine, end)().result(timeout=0) is None
    assert works(engine)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("before", ["starting", "running", "paused"])
def test_ending_from_every_state(engine, documents, end, before):
    def plan():
        yield from open_run()
        yield from forever()

    if before == "paused":
        future = paused(engine, plan())
    else:
        future = engine(plan())
        if before == "running":
            wait_until(lambda: documents.named("start"))
    result = getattr(engine, end)().result(timeout=5)
    assert result.exit_status == EXIT_STATUS[end]
    assert result.interrupted
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert [d["exit_status"] for d in documents.named("stop")] == [
        EXIT_STATUS[end] for _ in documents.named("start")
    ]
    assert before == "starting" or documents.named("stop")
    assert works(engine)


@pytest.mark.parametrize("end", ENDS)
def test_the_futures_hold_uids_when_asked_for(end):
    with RunEngine(call_returns_result=False) as engine:

        def plan():
            yield from open_run()
            yield from forever()

        uids = []
        future = engine(plan(), {"start": lambda name, doc: uids.append(doc["uid"])})
        wait_until(lambda: uids)
        assert getattr(engine, end)().result(timeout=5) == tuple(uids)
        with pytest.raises(RunEngineInterrupted):
            future.result(timeout=5)


def test_a_stop_during_a_move_returns_at_once_and_ends_after_the_cleanup(engine):
    motor, order = Motor(), []

    def cleanup():
        yield from sleep(0.05)
        order.append("cleaned up")

    future = engine(finalize_wrapper(mv(motor, 1), cleanup()))
    wait_until(lambda: motor.done)
    began = time.perf_counter()
    stopped = engine.stop()
    assert time.perf_counter() - began < 0.05
    stopped.add_done_callback(lambda _: order.append("stopped"))
    future.add_done_callback(lambda _: order.append("run over"))
    stopped.result(timeout=5)
    assert time.perf_counter() - began < 1
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    wait_until(lambda: len(order) == 3)
    assert order == ["cleaned up", "stopped", "run over"]
    assert motor.done == ["set", "stop"]


@pytest.mark.parametrize("request_", [*ENDS, "request_pause"])
def test_no_caller_is_blocked_even_when_the_engines_thread_is(engine, gate, request_):
    entered = threading.Event()

    def plan():
        yield from checkpoint()
        entered.set()
        gate.wait(5)
        yield from forever()

    engine(plan())
    assert entered.wait(5)
    began = time.perf_counter()
    future = getattr(engine, request_)()
    assert time.perf_counter() - began < 0.05
    assert not future.done()
    gate.set()
    future.result(timeout=5)


@pytest.mark.parametrize("end", ENDS)
def test_devices_are_stopped_and_unstaged_on_every_way_out(engine, end):
    motor, light = Motor(seconds=0), FakeLight()

    def plan():
        yield from stage(motor)
        yield from mv(motor, 1, light, True)
        yield from forever()

    engine(plan())
    wait_until(lambda: light.on)
    getattr(engine, end)().result(timeout=5)
    assert motor.done == ["stage", "set", "stop", "unstage"]
    assert not light.on


@pytest.mark.parametrize(("first", "second"), itertools.product(ENDS, ENDS))
def test_ending_twice(engine, first, second):
    future = run_until(engine, forever())
    results = [getattr(engine, end)() for end in (first, second)]
    assert results[0].result(timeout=5) is not None
    assert results[1].exception(timeout=5) is None  # the run may have been over by then
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert works(engine)


@pytest.mark.parametrize(("first", "second"), itertools.combinations(ENDS, 2))
def test_a_cleanup_that_hangs_can_be_ended(engine, first, second):
    cleaning = threading.Event()

    def cleanup():
        cleaning.set()
        yield from forever()

    run_until(engine, finalize_wrapper(forever(), cleanup()))
    ended = getattr(engine, first)()
    assert cleaning.wait(5)
    assert not ended.done()
    assert getattr(engine, second)().result(timeout=5).exit_status == "abort"
    ended.result(timeout=5)
    assert works(engine)


def test_a_softer_end_does_not_stop_a_harder_one(engine):
    cleaning = threading.Event()

    def cleanup():
        cleaning.set()
        yield from sleep(0.1)

    run_until(engine, finalize_wrapper(forever(), cleanup()))
    aborted = engine.abort("because")
    assert cleaning.wait(5)
    assert engine.stop().result(timeout=5).exit_status == "abort"
    assert aborted.result(timeout=5).reason == "because"


def test_the_reason_of_an_abort_is_in_the_stop_document(engine, documents):
    def plan():
        yield from open_run()
        yield from forever()

    engine(plan())
    wait_until(lambda: documents.named("start"))
    assert engine.abort("spilled coffee").result(timeout=5).reason == "spilled coffee"
    assert documents.named("stop")[0]["reason"] == "spilled coffee"


def test_a_cleanup_that_fails_is_the_runs_exception(engine):
    def cleanup():
        yield from null()
        raise OSError("jammed")

    future = run_until(engine, finalize_wrapper(forever(), cleanup()))
    assert engine.stop().result(timeout=5).exit_status == "fail"
    with pytest.raises(OSError, match="jammed"):
        future.result(timeout=5)
    assert works(engine)


def test_a_plan_that_fails_when_it_is_closed_leaves_a_usable_engine(engine):
    def outer():
        try:
            yield from forever()
        except GeneratorExit:
            raise OSError("jammed") from None

    def plan():
        yield from outer()

    future = run_until(engine, plan())
    engine.halt().result(timeout=5)
    with pytest.raises((OSError, RunEngineInterrupted)):
        future.result(timeout=5)
    assert works(engine)


def test_a_plan_below_another_that_fails_when_it_is_closed_leaves_a_usable_engine(engine):
    """The plan that waits is not at the top of the engine's stack while it is paused."""
    latch = SRLatch()

    def plan():
        yield from checkpoint()
        try:
            yield from wait_for_actions({"latch": latch}, None)
        except GeneratorExit:
            raise OSError("jammed") from None

    entered = threading.Event()
    engine.msg_hook = lambda msg: msg.command == "wait_for_actions" and entered.set()
    engine(plan())
    assert entered.wait(5)
    engine.request_pause().result(timeout=5)
    resumed = engine.halt()
    resumed.result(timeout=5)
    engine.msg_hook = None
    assert works(engine)


def test_nothing_can_break_into_the_engines_own_cleanup(engine, documents, gate):
    """A device that takes its time to stop, after the plan has ended."""
    motor, light = Motor(seconds=0), FakeLight()
    stopping = threading.Event()

    async def stop(success=True):
        stopping.set()
        while not gate.is_set():
            await asyncio.sleep(0.001)

    motor.stop = stop

    def plan():
        yield from open_run()
        yield from mv(motor, 1, light, True)

    future = engine(plan())
    assert stopping.wait(5)
    asked = [engine.request_pause(), engine.stop(), engine.abort(), engine.halt()]
    gate.set()
    for request in asked:
        request.result(timeout=5)
    assert future.result(timeout=5).exit_status == "success"
    assert not light.on
    assert documents.named("stop")[0]["exit_status"] == "success"
    assert works(engine)


def test_a_device_whose_stop_fails_does_not_keep_the_light_on(engine):
    motor, light = Motor(seconds=0), FakeLight()
    motor.stop = lambda success=True: 1 / 0

    def plan():
        yield from mv(motor, 1, light, True)
        yield from forever()

    engine(plan())
    wait_until(lambda: light.on)
    engine.stop().result(timeout=5)
    assert not light.on


# -- pausing


def test_pausing_an_idle_engine_does_nothing(engine):
    assert engine.request_pause().result(timeout=0) is None
    assert engine.request_pause(defer=True).result(timeout=0) is None
    assert works(engine)


def test_resuming_an_idle_or_running_engine_says_why_not(engine):
    from bluesky.run_engine import TransitionError

    with pytest.raises(TransitionError, match="nothing to resume"):
        engine.resume().result(timeout=5)
    run_until(engine, forever())
    with pytest.raises(TransitionError, match="not paused"):
        engine.resume().result(timeout=5)


def test_pause_and_resume(engine):
    done = []

    def plan():
        yield from checkpoint()
        while not done:
            yield from null()
        return "done"

    first = run_until(engine, plan())
    engine.request_pause().result(timeout=5)
    assert engine.state == "paused"
    with pytest.raises(RunEngineInterrupted):
        first.result(timeout=5)
    second = engine.resume()
    engine.request_pause().result(timeout=5)
    with pytest.raises(RunEngineInterrupted):
        second.result(timeout=5)
    done.append(True)
    assert engine.resume().result(timeout=5).plan_result == "done"
    assert works(engine)


def test_pausing_and_resuming_twice_at_once(engine):
    from bluesky.run_engine import TransitionError

    run_until(engine, forever())
    for pausing in (engine.request_pause(), engine.request_pause()):
        pausing.result(timeout=5)
    resumed, again = engine.resume(), engine.resume()
    with pytest.raises(TransitionError):
        again.result(timeout=5)
    engine.stop().result(timeout=5)
    with pytest.raises(RunEngineInterrupted):
        resumed.result(timeout=5)


def test_resume_right_after_pause(engine):
    run_until(engine, forever())
    engine.request_pause()
    resumed = engine.resume()
    wait_until(lambda: engine.state == "running")
    assert not resumed.done()
    engine.stop().result(timeout=5)


def test_resume_in_the_callback_of_the_pause(engine):
    future = run_until(engine, forever())
    resumed = []
    future.add_done_callback(lambda _: resumed.append(engine.resume()))
    engine.request_pause().result(timeout=5)
    wait_until(lambda: resumed and engine.state == "running")
    assert not resumed[0].done()
    engine.stop().result(timeout=5)
    with pytest.raises(RunEngineInterrupted):
        resumed[0].result(timeout=5)


@pytest.mark.parametrize("end", ENDS)
def test_an_end_right_after_a_pause(engine, end):
    future = run_until(engine, forever())
    engine.request_pause()
    assert getattr(engine, end)().result(timeout=5).exit_status == EXIT_STATUS[end]
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert works(engine)


@pytest.mark.parametrize("end", ENDS)
def test_an_end_right_after_a_resume(engine, end):
    paused(engine)
    resumed = engine.resume()
    assert getattr(engine, end)().result(timeout=5).exit_status == EXIT_STATUS[end]
    with pytest.raises(RunEngineInterrupted):
        resumed.result(timeout=5)
    assert works(engine)


def test_a_pause_before_the_plan_began(engine):
    engine(forever())
    engine.request_pause().result(timeout=5)
    assert engine.state == "paused"


def test_a_deferred_pause_waits_for_a_checkpoint_and_no_longer(engine, gate):
    def plan():
        while not gate.is_set():
            yield from null()
        yield from checkpoint()
        yield from forever()

    run_until(engine, plan())
    pausing = engine.request_pause(defer=True)
    wait_until(lambda: engine.deferred_pause_requested)
    assert not pausing.done()
    began = time.perf_counter()
    gate.set()
    pausing.result(timeout=5)
    assert time.perf_counter() - began < 0.3
    assert engine.state == "paused"


def test_a_pause_of_a_plan_that_ends_first(engine, gate):
    def plan():
        while not gate.is_set():
            yield from null()

    future = run_until(engine, plan())
    pausing = engine.request_pause(defer=True)
    wait_until(lambda: engine.deferred_pause_requested)
    gate.set()
    assert future.result(timeout=5).exit_status == "success"
    assert pausing.result(timeout=5) is None


def test_a_pause_without_a_checkpoint_aborts(engine, caplog):
    def plan():
        yield from clear_checkpoint()
        while True:
            yield from null()

    future = run_until(engine, plan())
    wait_until(lambda: not engine.resumable)
    engine.request_pause().result(timeout=5)
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert "checkpoint" in caplog.text
    assert works(engine)


def test_a_pause_of_the_plans_own(engine):
    def plan():
        yield from checkpoint()
        yield from pause()
        return "done"

    with pytest.raises(RunEngineInterrupted):
        engine(plan()).result(timeout=5)
    assert engine.state == "paused"
    assert engine.resume().result(timeout=5).plan_result == "done"


def test_lights_are_off_while_paused_and_back_on_after(engine):
    light = FakeLight()

    def plan():
        yield from mv(light, True)
        yield from forever()

    engine(plan())
    wait_until(lambda: light.on)
    engine.request_pause().result(timeout=5)
    assert not light.on
    engine.resume()
    wait_until(lambda: light.on)
    engine.stop().result(timeout=5)
    assert not light.on


def test_the_light_of_an_ended_plan_does_not_return_after_a_pause_of_the_next(engine):
    light = FakeLight()

    async def look(_msg):
        pass

    def lit():
        yield from mv(light, True)
        yield from forever()

    def looking():
        yield Msg("look", light)
        yield from forever()

    engine.register_command("look", look)
    engine(lit())
    wait_until(lambda: light.on)
    engine.halt().result(timeout=5)
    engine(looking())
    wait_until(lambda: light in engine._objs_seen)
    engine.request_pause().result(timeout=5)
    engine.resume()
    wait_until(lambda: engine.state == "running")
    assert not light.on
    engine.stop().result(timeout=5)


def test_a_device_that_cannot_resume_leaves_the_plan_paused(engine):
    light = FakeLight()

    def plan():
        yield from mv(light, True)
        yield from forever()

    engine(plan())
    wait_until(lambda: light.on)
    engine.request_pause().result(timeout=5)
    broken, light.resume = light.resume, lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        engine.resume().result(timeout=5)
    assert engine.state == "paused"
    light.resume = broken
    engine.resume()
    wait_until(lambda: engine.state == "running")
    engine.stop().result(timeout=5)
    assert works(engine)


def test_a_pause_that_hangs_can_be_stopped(engine, monkeypatch):
    from napari_skylight.engine import _interrupts

    monkeypatch.setattr(_interrupts, "_PATIENCE", 0.1)
    light = FakeLight()
    hanging = threading.Event()

    async def hang():
        hanging.set()
        await asyncio.sleep(60)

    light.pause = hang

    def plan():
        yield from mv(light, True)
        yield from forever()

    engine(plan())
    wait_until(lambda: light.on)
    engine.request_pause()
    assert hanging.wait(5)
    assert engine.stop().result(timeout=5) is not None
    assert works(engine)


@pytest.mark.parametrize("then", [*ENDS, "request_pause"])
def test_a_suspended_plan_can_be_paused_and_ended(engine, then):
    messages = []
    engine.msg_hook = lambda msg: messages.append(msg.command)
    run_until(engine, forever())
    engine.request_suspend(asyncio.Event().wait, justification="no beam")
    wait_until(lambda: "wait_for" in messages)
    getattr(engine, then)().result(timeout=5)
    if then == "request_pause":
        assert engine.state == "paused"
        engine.stop().result(timeout=5)
    assert works(engine)


def test_a_suspender_that_trips_when_nothing_runs_does_nothing(engine):
    engine.request_suspend(asyncio.Event().wait)
    assert works(engine)


def test_a_suspension_without_a_checkpoint_aborts(engine):
    def plan():
        yield from clear_checkpoint()
        while True:
            yield from null()

    future = run_until(engine, plan())
    wait_until(lambda: not engine.resumable)
    engine.request_suspend(asyncio.Event().wait)
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert works(engine)


def test_a_pause_that_comes_with_the_end_of_the_plan_is_none(engine):
    for _ in range(20):
        entered = threading.Event()

        def plan(entered=entered):
            yield from checkpoint()
            entered.set()

        future = engine(plan())
        assert entered.wait(5)
        engine.request_pause().result(timeout=5)
        if engine.state == "paused":
            future = engine.resume()
        assert future.result(timeout=5).exit_status == "success"


# -- quiet


@pytest.mark.parametrize("end", [*ENDS, "pause"])
def test_what_a_user_asks_for_is_no_error_and_prints_nothing(engine, caplog, capsys, end):
    caplog.set_level(logging.WARNING)
    if end == "pause":
        paused(engine)
        engine.resume()
    else:
        run_until(engine, forever())
    getattr(engine, "stop" if end == "pause" else end)().result(timeout=5)
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_a_plan_that_fails_is_an_error_in_the_log(engine, caplog):
    def plan():
        yield from null()
        raise OSError("jammed")

    with pytest.raises(OSError, match="jammed"):
        engine(plan()).result(timeout=5)
    assert "jammed" in caplog.text


def test_any_thread_may_ask_for_anything_in_any_order(engine):
    """Eight threads at once; then the engine is in a state to go on from."""
    asks = [engine.stop, engine.abort, engine.halt, engine.request_pause, engine.resume]

    def ask(seed):
        barrier.wait(5)
        futures.extend(asks[(seed * 7 + n * 3) % len(asks)]() for n in range(20))

    for _ in range(3):
        futures = [run_until(engine, forever())]
        barrier = threading.Barrier(8)
        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        engine.stop().result(timeout=5)
        for future in futures:
            future.exception(timeout=5)
        assert works(engine)


class Swallower(FakeCamera):
    """A camera whose read goes on when it is cancelled, as `asyncio.wait_for` may."""

    def __init__(self):
        super().__init__()
        self.reading = threading.Event()

    async def read(self):
        self.reading.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        return super().read()


@pytest.mark.parametrize("request_name", ["request_pause", *ENDS])
def test_a_device_that_swallows_the_interruption_does_not_stop_it(engine, request_name):
    camera = Swallower()

    def watch():
        while True:
            yield from checkpoint()
            yield from read(camera)

    run_until(engine, watch())
    assert camera.reading.wait(5)
    camera.reading.clear()
    assert camera.reading.wait(5)
    getattr(engine, request_name)().result(timeout=5)
    assert engine.state == ("paused" if request_name == "request_pause" else "idle")
    engine.stop().result(timeout=5)


def test_a_device_that_swallows_a_suspension_does_not_stop_it(engine):
    camera, released, seen = Swallower(), asyncio.Event(), []

    def watch():
        while True:
            yield from checkpoint()
            seen.append((yield from read(camera)))

    commands = []
    engine.msg_hook = lambda msg: commands.append(msg.command)
    run_until(engine, watch())
    assert camera.reading.wait(5)
    engine.request_suspend(released.wait)
    wait_until(lambda: commands[-1] == "wait_for")
    engine.loop.call_soon_threadsafe(released.set)
    wait_until(lambda: len(seen) > 2)
    assert all(reading["camera"]["value"].shape == camera.shape for reading in seen)
    engine.stop().result(timeout=5)
