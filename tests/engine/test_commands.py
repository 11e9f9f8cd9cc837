import asyncio

import pytest
from bluesky.plan_stubs import null, wait
from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.utils import DuringTask, FailedStatus, Msg
from ophyd.status import Status as OphydStatus
from ophyd_async.core import AsyncStatus

from napari_skylight.engine import Status, install_commands
from napari_skylight.engine.actions import Action, SRLatch
from napari_skylight.engine.plan_stubs import clear_cache, stash, wait_for_actions
from napari_skylight.protocols import HasCache

READING = {"camera": {"value": 1, "timestamp": 0.0}}


class Cache:
    """Keeps readings; `answer` makes what its methods return."""

    name = "cache"
    parent = None

    def __init__(self, answer=None):
        self.kept = []
        self.answer = answer or finished

    def stash(self, values):
        self.kept.append(values)
        return self.answer()

    def clear(self):
        self.kept.clear()
        return self.answer()


def finished():
    status = Status()
    status.set_finished()
    return status


def failed():
    status = Status()
    status.set_exception(OSError("full"))
    return status


async def later():
    await asyncio.sleep(0.01)
    return finished()


async def later_nothing():
    await asyncio.sleep(0)


def ophyd():
    status = OphydStatus()
    status.set_finished()
    return status


def ophyd_async():
    return AsyncStatus(later_nothing())


def run(engine, plan):
    return engine(plan).result(timeout=5).plan_result


def raises(error, match, message):
    with pytest.raises(error, match=match):
        yield message
    return "alive"


@pytest.mark.parametrize("answer", [finished, later, later_nothing, ophyd, ophyd_async])
def test_every_kind_of_answer(engine, answer):
    cache = Cache(answer)
    assert isinstance(cache, HasCache)

    def plan():
        kept = yield Msg("stash", cache, READING, group="a")
        yield from wait("a")
        count = list(cache.kept)
        cleared = yield Msg("clear_cache", cache, group="b")
        yield from wait("b")
        return kept.success, count, cleared.success, cache.kept

    assert run(engine, plan()) == (True, [READING], True, [])


@pytest.mark.parametrize("command", ["stash", "clear_cache"])
def test_what_is_no_cache(engine, command):
    camera = type("Camera", (), {"name": "camera"})()
    message = Msg(command, camera, READING, group="a")
    assert run(engine, raises(TypeError, "camera", message)) == "alive"


@pytest.mark.parametrize("message", [Msg("stash", Cache(), READING), Msg("clear_cache", Cache())])
def test_no_group(engine, message):
    assert run(engine, raises(RuntimeError, "group", message)) == "alive"


@pytest.mark.parametrize("args", [(), (READING, READING)])
def test_not_one_reading(engine, args):
    cache = Cache()
    message = Msg("stash", cache, *args, group="a")
    assert run(engine, raises(RuntimeError, "one reading", message)) == "alive"
    assert cache.kept == []


def test_a_cache_that_returns_no_status(engine):
    message = Msg("stash", Cache(lambda: None), READING, group="a")
    assert run(engine, raises(TypeError, "cache.*not a Status", message)) == "alive"


def test_a_failure_reaches_the_plan_at_the_wait(engine):
    status = Status()

    def plan():
        yield Msg("stash", Cache(lambda: status), READING, group="a")
        status.set_exception(OSError("full"))
        with pytest.raises(FailedStatus) as caught:
            yield from wait("a")
        return caught.value.__cause__

    assert str(run(engine, plan())) == "full"


def test_a_failure_nobody_waits_for_reaches_the_plan_at_a_later_message(engine):
    def plan():
        try:
            yield Msg("stash", Cache(failed), READING, group="a")
            while True:
                yield from null()
        except FailedStatus:
            return "alive"

    assert run(engine, plan()) == "alive"


def test_a_cache_that_raises(engine):
    def broken():
        raise OSError("full")

    assert run(engine, raises(OSError, "full", Msg("stash", Cache(broken), READING, group="a")))

    async def broken_later():
        raise OSError("full")

    cache = Cache(broken_later)
    assert run(engine, raises(OSError, "full", Msg("clear_cache", cache, group="a")))


def test_statuses_that_went_well_do_not_pile_up(engine):
    def soon():
        status = Status(settle_time=0.001)
        status.set_finished()
        return status

    def plan():
        cache = Cache(soon)
        for n in range(50):
            yield Msg("stash", cache, READING, group=f"group {n}")
        while engine._groups or engine._status_objs or engine._waits._lasting:
            yield from null()

    run(engine, plan())


def test_the_waiting_hook_sees_what_is_waited_for(engine):
    seen = []
    engine.waiting_hook = seen.append
    cache = Cache()
    run(engine, stash(cache, READING, group="a", wait=True))
    assert [len(statuses) for statuses in seen if statuses] == [1]
    assert seen[-1] is None


# -- wait_for_actions


@pytest.mark.parametrize(
    "message",
    [
        Msg("wait_for_actions", None, {}),
        Msg("wait_for_actions", None),
        Msg("wait_for_actions", None, {"a": object()}),
        Msg("wait_for_actions", None, {"a": SRLatch()}, wait_for="up"),
        Msg("wait_for_actions", None, {"a": SRLatch()}, wait_for={"b": "set"}),
        Msg("wait_for_actions", None, {"a": SRLatch()}, wait_for={"a": "up"}),
    ],
)
def test_nothing_to_wait_for(engine, message):
    assert run(engine, raises(ValueError, r"wait|SRLatch", message)) == "alive"


def test_it_waits_for_set_without_end_unless_told_otherwise(engine):
    latch = SRLatch()
    future = engine([Msg("wait_for_actions", None, {"a": latch})])
    latch.set()
    assert future.result(timeout=5).exit_status == "success"


def test_it_returns_the_name_and_the_latch_or_none(engine):
    latch = SRLatch()

    def plan():
        none = yield Msg("wait_for_actions", None, {"a": latch}, timeout=0.001, wait_for="set")
        reset = yield Msg("wait_for_actions", None, {"a": latch}, timeout=0.001, wait_for="reset")
        return none, reset

    assert run(engine, plan()) == (None, ("a", latch))


def test_waits_leave_no_tasks(engine):
    async def tasks():
        return len(asyncio.all_tasks())

    def plan():
        for _ in range(20):
            yield from wait_for_actions({"a": SRLatch(), "b": SRLatch()}, 0.001)
        (counting,) = yield Msg("wait_for", None, [tasks])
        return counting.result()

    # the plan, and the one that counts
    assert run(engine, plan()) == 2


# -- on a plain bluesky engine


def test_a_plain_engine_learns_them_and_forgets_them():
    plain = BlueskyRunEngine(
        context_managers=[], during_task=DuringTask(), call_returns_result=True
    )
    cannot_repeat = plain._UNCACHEABLE_COMMANDS
    snap = Action(name="snap")
    cache = Cache(later)

    def plan():
        first = yield from wait_for_actions(snap.event_map, 0)
        snap.request()
        second = yield from wait_for_actions(snap.event_map, None)
        snap.request()
        yield from stash(cache, READING, group=None, wait=True)
        kept = list(cache.kept)
        yield from clear_cache(cache, wait=True)
        return first, second, kept, cache.kept

    undo = install_commands(plain)
    try:
        result = plain(plan()).plan_result
        assert result == (None, ("snap", snap.event_map["snap"]), [READING], [])
        assert not snap.state.offered
        assert snap.pending == 0
        undo()
        assert not {"wait_for_actions", "stash", "clear_cache"} & set(plain.commands)
        assert plain._UNCACHEABLE_COMMANDS is cannot_repeat
    finally:
        plain.loop.call_soon_threadsafe(plain.loop.stop)
        plain._th.join(5)
        plain.loop.close()
