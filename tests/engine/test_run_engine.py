import asyncio
import gc
import threading
import time

import pytest
from bluesky.plan_stubs import checkpoint, close_run, null, open_run
from bluesky.plans import count
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.run_engine import get_bluesky_event_loop
from bluesky.utils import DuringTask, Msg, RunEngineInterrupted

from napari_skylight.engine import EngineBusyError, RunEngine, RunEngineResult
from napari_skylight.testing import Documents, FakeCamera, wait_until


def forever():
    while True:
        yield from checkpoint()
        yield from null()


def ends_when(event):
    while not event.is_set():
        yield from null()


def fails():
    yield from null()
    raise OSError("jammed")


def test_it_is_a_bluesky_engine(engine):
    assert isinstance(engine, BlueskyRunEngine)
    assert engine.context_managers == []
    assert engine.pause_msg == ""
    assert type(engine._during_task) is DuringTask
    assert {"wait_for_actions", "stash", "clear_cache"} <= set(engine.commands)
    assert engine.state == "idle"
    engine.print_command_registry(verbose=True)


def test_the_constructor_takes_what_it_should():
    ids = iter([7])
    with RunEngine(
        {"sample": "a"},
        loop=None,
        preprocessors=[],
        md_validator=lambda md: None,
        md_normalizer=lambda md: {**md, "normal": True},
        scan_id_source=lambda md: next(ids),
        call_returns_result=False,
    ) as engine:
        documents = Documents()
        engine.subscribe(documents)
        uids = engine(count([FakeCamera()])).result(timeout=5)
        (run_start,) = documents.named("start")
        assert uids == (run_start["uid"],)
        assert (run_start["scan_id"], run_start["normal"], run_start["sample"]) == (7, True, "a")
        assert not engine.call_returns_result


def test_a_call_returns_at_once_and_runs_the_plan_elsewhere(engine, gate):
    threads = []

    def plan():
        threads.append(threading.current_thread())
        yield from ends_when(gate)
        return 5

    began = time.perf_counter()
    future = engine(plan())
    assert time.perf_counter() - began < 0.1
    assert not future.done()
    gate.set()
    result = future.result(timeout=5)
    assert isinstance(result, RunEngineResult)
    assert (result.plan_result, result.exit_status, result.interrupted) == (5, "success", False)
    assert threads[0] is not threading.current_thread()
    assert threads[0].name.startswith("skylight-")


def test_a_plans_exception_is_the_futures(engine, documents):
    def plan():
        yield from open_run()
        yield from fails()

    with pytest.raises(OSError, match="jammed"):
        engine(plan()).result(timeout=5)
    (stop,) = documents.named("stop")
    assert (stop["exit_status"], stop["reason"]) == ("fail", "jammed")
    assert engine.state == "idle"
    assert engine(null()).result(timeout=5).exit_status == "success"


@pytest.mark.parametrize("plan", [42, None])
def test_what_is_no_plan_fails_and_the_engine_goes_on(engine, plan):
    with pytest.raises(TypeError):
        engine(plan).result(timeout=5)
    assert engine(null()).result(timeout=5).exit_status == "success"


def test_metadata_goes_into_the_start_document(engine, documents):
    engine(count([FakeCamera()]), sample="b").result(timeout=5)
    assert documents.named("start")[0]["sample"] == "b"
    assert documents.named("start")[0]["plan_name"] == "count"


def test_subscriptions_of_a_call(engine):
    def kinds(subs):
        seen.clear()
        engine(count([FakeCamera()]), subs).result(timeout=5)
        return list(seen)

    seen = []

    def note(name, doc):
        seen.append(name)

    every = ["start", "descriptor", "event", "stop"]
    assert kinds(note) == every
    assert kinds([note]) == every
    assert kinds({"all": note}) == every
    for kind in every:
        assert kinds({kind: [note]}) == [kind]
    assert kinds(None) == []


def test_preprocessors_wrap_the_plan():
    def say(plan):
        said.append("before")
        return (yield from plan)

    said = []
    with RunEngine(preprocessors=[say]) as engine:
        engine(null()).result(timeout=5)
    assert said == ["before"]


def test_hooks_are_called(engine):
    messages, states, more = [], [], []
    engine.msg_hook = messages.append
    engine.state_hook = lambda new, old: states.append((str(new), str(old)))
    engine.state_changed.connect(lambda new, old: more.append((new, old)))
    engine(null()).result(timeout=5)
    assert [m.command for m in messages] == ["null"]
    assert states == more == [("running", "idle"), ("idle", "running")]


def test_a_listener_to_the_state_that_raises_stops_nothing(engine, caplog):
    engine.state_changed.connect(lambda new, old: 1 / 0)
    assert engine(null()).result(timeout=5).exit_status == "success"
    assert "ZeroDivisionError" in caplog.text


def test_a_busy_engine_says_so_at_once(engine, gate):
    future = engine(ends_when(gate))
    with pytest.raises(EngineBusyError, match="busy"):
        engine(null())
    assert issubclass(EngineBusyError, RuntimeError)
    gate.set()
    assert future.result(timeout=5).exit_status == "success"


def test_a_paused_engine_is_busy_too(engine):
    engine(forever())
    engine.request_pause().result(timeout=5)
    with pytest.raises(EngineBusyError, match="paused"):
        engine(null())


def test_only_one_of_many_threads_gets_the_engine(engine, gate):
    outcomes = []
    barrier = threading.Barrier(8)

    def call():
        barrier.wait(5)
        try:
            outcomes.append(engine(ends_when(gate)))
        except EngineBusyError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sum(isinstance(o, EngineBusyError) for o in outcomes) == 7


def test_the_engine_is_free_in_the_callback_of_its_last_run(engine):
    for _ in range(50):
        done = threading.Event()
        later = []

        def again(future, done=done, later=later):
            assert engine.state == "idle"
            later.append(engine(null()))
            done.set()

        engine(null()).add_done_callback(again)
        assert done.wait(5)
        assert later[0].result(timeout=5).exit_status == "success"


def test_a_callback_may_wait_for_the_next_run(engine):
    """It has a thread of its own, so that it cannot hold up the engine."""
    done = threading.Event()
    results = []

    def again(future):
        results.append(engine(null()).result(timeout=5))
        done.set()

    engine(null()).add_done_callback(again)
    assert done.wait(5)
    assert results[0].exit_status == "success"


def test_a_plan_that_wants_to_exit_ends_itself_and_not_the_engine(engine):
    def plan():
        yield from null()
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        engine(plan()).result(timeout=5)
    assert engine(null()).result(timeout=5).exit_status == "success"


def test_the_loop_for_devices_goes_back_to_the_engine_that_had_it(engine):
    assert get_bluesky_event_loop() is engine.loop
    with RunEngine() as other:
        assert get_bluesky_event_loop() is other.loop
    assert get_bluesky_event_loop() is engine.loop


def test_a_run_cannot_be_cancelled_by_its_future(engine, gate):
    future = engine(ends_when(gate))
    assert not future.cancel()
    gate.set()
    assert future.result(timeout=5).exit_status == "success"


def test_an_engine_on_a_loop_of_the_callers(gate):
    loop = asyncio.new_event_loop()
    with RunEngine(loop=loop) as engine:
        assert engine.loop is loop
        assert engine(null()).result(timeout=5).exit_status == "success"
    assert not loop.is_running()
    assert not loop.is_closed()
    with RunEngine(loop=loop) as another:
        del engine  # collected, it must leave the loop to the other one
        gc.collect()
        assert another(null()).result(timeout=5).exit_status == "success"
    loop.close()


def test_an_engine_on_a_loop_that_runs():
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="thread"):
            RunEngine(loop=loop)
        engine = await asyncio.to_thread(RunEngine, loop=loop)
        result = await asyncio.wrap_future(engine(null()))
        await asyncio.to_thread(engine.close)
        return result.exit_status

    assert asyncio.run(main()) == "success"


def test_closing_ends_the_plan_and_every_thread(no_thread_is_left):
    before = set(threading.enumerate())
    cleaned = []

    def plan():
        try:
            yield from forever()
        finally:
            cleaned.append(True)
            yield from null()

    engine = RunEngine()
    future = engine(plan())
    wait_until(lambda: engine.state == "running")
    engine.close()
    assert cleaned == [True]
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert set(threading.enumerate()) <= before
    engine.close()


@pytest.mark.parametrize("paused", [False, True])
def test_a_closed_engine_refuses_plans_and_ignores_the_rest(paused):
    engine = RunEngine()
    engine(forever())
    if paused:
        engine.request_pause().result(timeout=5)
    engine.close()
    with pytest.raises(RuntimeError, match="closed"):
        engine(null())
    assert engine.stop().result(timeout=1) is None
    assert engine.request_pause().result(timeout=1) is None


def test_closing_from_anywhere():
    def close_in(where):
        done = threading.Event()
        before = set(threading.enumerate())
        engine = RunEngine()

        def close(*args):
            engine.close()
            done.set()

        if where == "callback":
            engine(null()).add_done_callback(close)
        elif where == "thread":
            threading.Thread(target=close).start()
        else:
            engine.state_changed.connect(lambda new, old: close() if new == "idle" else None)
            engine(null())
        assert done.wait(5)
        engine.close()
        wait_until(lambda: set(threading.enumerate()) <= before)

    for where in ("callback", "thread", "engine"):
        close_in(where)


def test_closing_when_the_cleanup_hangs():
    before = set(threading.enumerate())

    def plan():
        try:
            yield from forever()
        finally:
            yield from forever()

    engine = RunEngine()
    engine(plan())
    began = time.monotonic()
    engine.close(timeout=0.6)
    assert time.monotonic() - began < 3
    assert set(threading.enumerate()) <= before


def test_an_engine_nobody_keeps_ends_its_thread():
    import gc

    before = set(threading.enumerate())
    RunEngine()(null()).result(timeout=5)
    wait_until(lambda: gc.collect() >= 0 and set(threading.enumerate()) <= before)


def test_reset_ends_the_plan_and_forgets_subscriptions(engine, documents):
    engine(forever())
    engine.reset()
    assert engine.state == "idle"
    engine(count([FakeCamera()])).result(timeout=5)
    assert documents.all == []


def test_an_unknown_message_reaches_the_plan(engine):
    def plan():
        with pytest.raises(KeyError):
            yield Msg("levitate")
        return "alive"

    assert engine(plan()).result(timeout=5).plan_result == "alive"


def test_runs_of_one_call(engine, documents):
    def plan():
        for _ in range(3):
            yield from open_run()
            yield from close_run()

    result = engine(plan()).result(timeout=5)
    assert result.run_start_uids == tuple(doc["uid"] for doc in documents.named("start"))
    assert len(result.run_start_uids) == 3
