import inspect
import threading
import time
from itertools import count

import numpy as np
import pytest
from bluesky.plan_stubs import close_run, open_run
from bluesky.utils import FailedStatus, IllegalMessageSequence, Msg

from napari_skylight.engine import Status, plan_stubs
from napari_skylight.engine.actions import Action
from napari_skylight.testing import FakeCamera


class Cache:
    name = "cache"
    parent = None

    def __init__(self):
        self.readings = []
        self.error = None

    def stash(self, values):
        status = Status()
        if self.error is None:
            self.readings.append(values)
            status.set_finished()
        else:
            status.set_exception(self.error)
        return status

    def clear(self):
        self.readings.clear()
        status = Status()
        status.set_finished()
        return status


class Position:
    """Something to read that needs no trigger."""

    name = "position"
    parent = None

    def read(self):
        return {"position": {"value": 7.0, "timestamp": time.time()}}

    def describe(self):
        return {"position": {"source": "test", "dtype": "number", "shape": []}}


def in_a_run(plan):
    yield from open_run()
    result = yield from plan
    yield from close_run()
    return result


def run(engine, plan):
    return engine(plan).result(timeout=10).plan_result


def commands(plan):
    """The messages of a plan, none of them answered with anything but an empty reading."""
    seen = []
    try:
        msg = next(plan)
        while True:
            seen.append(msg)
            msg = plan.send({} if msg.command == "read" else None)
    except StopIteration:
        return seen


@pytest.mark.parametrize("name", plan_stubs.__all__)
def test_all_are_generator_functions(name):
    assert inspect.isgeneratorfunction(getattr(plan_stubs, name))


# -- set_property


class Device:
    name = "device"

    def __init__(self):
        self.values = {}

    def set(self, value, *, propr):
        self.values[propr] = value
        self.status = Status(settle_time=0.01)
        self.status.set_finished()
        return self.status


def test_set_property_sets_waits_and_returns_the_status(engine):
    device = Device()

    def plan():
        status = yield from plan_stubs.set_property(device, 5, propr="gain", timeout=5)
        return status, status.done

    assert run(engine, plan()) == (device.status, True)
    assert device.values == {"gain": 5}


def test_set_property_passes_on_the_timeout():
    set_, wait = commands(plan_stubs.set_property(Device(), 5, "gain", 2.5))
    assert (set_.command, set_.args, set_.kwargs["propr"]) == ("set", (5,), "gain")
    assert (wait.command, wait.kwargs["timeout"]) == ("wait", 2.5)
    assert set_.kwargs["group"] == wait.kwargs["group"]


def test_set_property_of_a_device_without_properties_says_so(engine):
    class Plain:
        name = "shutter"

        def set(self, value):
            raise AssertionError("never called")

    with pytest.raises(TypeError, match=r"shutter.*'gain'.*propr"):
        run(engine, plan_stubs.set_property(Plain(), 5, propr="gain"))


# -- wait_for_actions


def test_wait_for_actions_is_one_message():
    events = Action(name="snap").event_map
    (msg,) = commands(plan_stubs.wait_for_actions(events))
    assert msg == Msg("wait_for_actions", None, events, timeout=0.001, wait_for="set")
    assert not commands(plan_stubs.wait_for_actions(events, 5, {"snap": "reset"}))[0].run


# -- read_while_waiting


def test_a_latch_already_set_yields_one_event(engine, documents):
    snap, camera = Action(name="snap"), FakeCamera()
    snap.event_map["snap"].set()
    found = run(engine, in_a_run(plan_stubs.read_while_waiting([camera], snap.event_map, "live")))
    assert found == ("snap", snap.event_map["snap"])
    assert len(documents.events("live")) == 1


def test_it_reads_until_an_action_and_no_further(engine, documents):
    snap, camera = Action(name="snap"), FakeCamera()

    def act(name, doc):
        if doc["seq_num"] == 3:
            snap.request()

    engine.offer([snap])
    plan = in_a_run(plan_stubs.read_while_waiting([camera], snap.event_map, refresh_period=0))
    engine(plan, {"event": act}).result(timeout=5)
    assert len(documents.events("primary")) == 3


def test_it_waits_for_a_reset_too(engine, documents):
    snap, camera = Action(name="snap"), FakeCamera()
    found = run(
        engine,
        in_a_run(plan_stubs.read_while_waiting([camera], snap.event_map, wait_for="reset")),
    )
    assert found[0] == "snap"
    assert len(documents.events("primary")) == 1


def test_it_sets_a_checkpoint_before_each_read():
    snap, camera = Action(name="snap"), FakeCamera()
    plan = plan_stubs.read_while_waiting([camera], snap.event_map)
    commands = []
    msg = next(plan)
    for _ in range(14):
        commands.append(msg.command)
        msg = plan.send({} if msg.command == "read" else None)
    once = ["checkpoint", "trigger", "wait", "create", "read", "save", "wait_for_actions"]
    assert commands == once * 2


def reads_in(engine, camera, seconds, period):
    """Read for some time and return the reads a second."""
    snap = Action(name="snap")
    engine.offer([snap])
    times = []
    subs = {"event": lambda name, doc: times.append(time.perf_counter())}
    plan = in_a_run(plan_stubs.read_while_waiting([camera], snap.event_map, refresh_period=period))
    future = engine(plan, subs)
    assert not threading.Event().wait(seconds)
    snap.request()
    future.result(timeout=5)
    return (len(times) - 1) / (times[-1] - times[0])


def test_the_period_covers_the_read(engine):
    # a camera that takes 20 ms, at most 60 reads/s: 50 reads/s less what the engine takes
    assert reads_in(engine, FakeCamera(seconds=0.02), 1.0, 1 / 60) > 40


def test_it_reads_no_more_often_than_asked(engine):
    assert reads_in(engine, FakeCamera(), 0.5, 0.02) < 51


def test_an_action_is_seen_before_the_period_is_over(engine):
    snap, camera = Action(name="snap"), FakeCamera()
    engine.offer([snap])
    read = threading.Event()
    plan = in_a_run(plan_stubs.read_while_waiting([camera], snap.event_map, refresh_period=30))
    future = engine(plan, {"event": lambda name, doc: read.set()})
    assert read.wait(5)
    began = time.perf_counter()
    snap.request()
    future.result(timeout=5)
    assert time.perf_counter() - began < 0.5


# -- read_and_stash


def test_it_reads_stashes_and_saves(engine, documents):
    first, second, position = FakeCamera("first"), FakeCamera("second"), Position()
    caches = [Cache(), Cache(), Cache()]

    def plan():
        return (
            yield from plan_stubs.read_and_stash(
                [first, position, second], caches, stream="snaps", group="a", wait=True
            )
        )

    readings = run(engine, in_a_run(plan()))
    assert list(readings) == [
        "first",
        "first-pixel_size",
        "position",
        "second",
        "second-pixel_size",
    ]
    (event,) = documents.events("snaps")
    for cache, name in zip(caches, ("first", "position", "second"), strict=True):
        (kept,) = cache.readings
        assert kept[name] is readings[name]
        assert event["data"][name] is readings[name]["value"]
    assert (first.frames, second.frames) == (1, 1)


def test_its_messages_are_in_order():
    camera, position = FakeCamera(), Position()
    plan = plan_stubs.read_and_stash([camera, position], [Cache(), Cache()], group="a", wait=True)
    messages = commands(plan)
    assert [m.command for m in messages] == [
        *["trigger", "wait", "create", "read", "stash", "wait", "read", "stash", "wait", "save"]
    ]
    assert messages[2].kwargs == {"name": "primary"}
    plan = plan_stubs.read_and_stash([position], [Cache()])
    assert [m.command for m in commands(plan)] == ["create", "read", "stash", "save"]


def test_the_same_device_into_two_caches_is_refused_as_bluesky_does(engine):
    camera = FakeCamera()
    with pytest.raises(ValueError, match="collide"):
        run(engine, in_a_run(plan_stubs.read_and_stash([camera, camera], [Cache(), Cache()])))


def test_positions_go_along_with_the_frame(engine, documents):
    camera, position, cache = FakeCamera(), Position(), Cache()
    run(engine, in_a_run(plan_stubs.read_and_stash([camera], [cache], along=[position])))
    assert set(cache.readings[0]) == {"camera", "camera-pixel_size", "position"}
    assert set(documents.events("primary")[0]["data"]) == set(cache.readings[0])


@pytest.mark.parametrize("caches", [0, 2])
def test_unequal_lengths_are_refused_before_anything_happens(engine, caches):
    camera = FakeCamera()
    with pytest.raises(ValueError, match="1 objects and"):
        run(engine, plan_stubs.read_and_stash([camera], [Cache() for _ in range(caches)]))
    assert camera.frames == 0


@pytest.mark.parametrize("broken", ["read", "stash", "wait"])
def test_a_plan_may_catch_a_failure_and_go_on(engine, documents, broken):
    camera, cache = FakeCamera(), Cache()
    if broken == "read":
        camera.fail_read = OSError("jammed")
    else:
        cache.error = OSError("full")

    def plan():
        try:
            yield from plan_stubs.read_and_stash([camera], [cache], wait=broken == "wait")
        except (OSError, FailedStatus) as error:
            caught.append(error)
        camera.fail_read = cache.error = None
        yield from plan_stubs.read_and_stash([camera], [cache], wait=True)

    caught = []
    result = engine(in_a_run(plan())).result(timeout=5)
    assert len(caught) == 1
    assert result.exit_status == "success"
    (event,) = documents.events("primary")
    assert event["seq_num"] == 1
    assert np.array_equal(event["data"]["camera"], cache.readings[0]["camera"]["value"])


def test_without_a_run_it_says_so(engine):
    with pytest.raises(IllegalMessageSequence, match="open run"):
        run(engine, plan_stubs.read_and_stash([FakeCamera()], [Cache()]))


def test_a_failure_of_an_earlier_stash_leaves_no_event_open(engine, documents):
    """It reaches the plan at any message, be it the one that opens the event."""
    camera, cache, late = FakeCamera(), Cache(), Cache()
    caught = []

    def plan():
        for message in range(1, 7):
            status = Status()
            late.stash = lambda values, status=status: status
            yield from plan_stubs.stash(late, {}, group=None, wait=False)
            engine.msg_hook = fail_at(status, message)
            try:
                yield from plan_stubs.read_and_stash([camera], [cache], wait=True)
            except FailedStatus as error:
                caught.append(error)
            engine.msg_hook = None
            yield from plan_stubs.read_and_stash([camera], [cache], wait=True)

    def fail_at(status, message):
        seen = count()
        return lambda msg: next(seen) == message and status.set_exception(OSError("full"))

    result = engine(in_a_run(plan())).result(timeout=5)
    assert result.exit_status == "success"
    assert len(caught) == 6


# -- stash and clear_cache


@pytest.mark.parametrize(
    ("group", "wait", "expected"),
    [
        ("a", False, ["stash"]),
        ("a", True, ["stash", "wait"]),
        (None, True, ["stash", "wait"]),
    ],
)
def test_stash_and_its_group(group, wait, expected):
    cache, reading = Cache(), {}
    for plan, command in (
        (plan_stubs.stash(cache, reading, group=group, wait=wait), "stash"),
        (plan_stubs.clear_cache(cache, group=group, wait=wait), "clear_cache"),
    ):
        messages = commands(plan)
        assert [m.command for m in messages] == [command, *expected[1:]]
        groups = {m.kwargs["group"] for m in messages}
        assert len(groups) == 1
        assert groups == {group} if group else groups.pop()
    assert commands(plan_stubs.clear_cache(cache))[0].kwargs["group"]


# -- describe


class Described:
    name = "described"
    parent = None

    def describe(self):
        return {"a": {}}

    def describe_collect(self):
        return {"b": {}}


class DescribedLater(Described):
    async def describe(self):
        return {"a": {}}

    async def describe_collect(self):
        return {"b": {}}


@pytest.mark.parametrize("device", [Described(), DescribedLater()])
def test_descriptions(engine, device):
    assert run(engine, plan_stubs.describe(device)) == {"a": {}}
    assert run(engine, plan_stubs.describe_collect(device)) == {"b": {}}


def test_a_description_that_fails_reaches_the_plan(engine):
    class Broken:
        async def describe(self):
            raise OSError("jammed")

    with pytest.raises(OSError, match="jammed"):
        run(engine, plan_stubs.describe(Broken()))
