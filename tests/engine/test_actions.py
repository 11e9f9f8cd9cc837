import dataclasses
import logging
import queue
import threading
import time

import pytest
from bluesky.plan_stubs import checkpoint, null
from bluesky.utils import RunEngineInterrupted

from napari_skylight.engine import EngineBusyError, RunEngine
from napari_skylight.engine.actions import (
    Action,
    ActionState,
    ContinousPlan,
    ContinuousPlan,
    SRLatch,
    continous,
    continuous,
)
from napari_skylight.engine.plan_stubs import wait_for_actions
from napari_skylight.testing import wait_until


class Waiting:
    """A plan that waits again and again and reports; it is busy while `busy` is locked."""

    def __init__(self, *actions, wait_for="set", reset=True):
        self.events = {name: latch for a in actions for name, latch in a.event_map.items()}
        self.wait_for = wait_for
        self.reset = reset
        self.seen = queue.Queue()
        self.busy = threading.Lock()

    def __call__(self):
        while True:
            yield from checkpoint()
            name, latch = yield from wait_for_actions(self.events, None, self.wait_for)
            self.seen.put(name)
            if self.reset:
                latch.reset()
            while not self.busy.acquire(blocking=False):
                yield from null()
            self.busy.release()

    def next(self):
        return self.seen.get(timeout=5)

    def nothing_more(self):
        return self.seen.empty()


def start(engine, plan, *actions):
    future = engine(plan())
    wait_until(lambda: all(action.state.offered for action in actions))
    return future


@pytest.fixture
def snap():
    return Action(name="snap")


@pytest.fixture
def record():
    return Action(name="record", togglable=True)


# -- what an action is


def test_its_fields():
    action = Action(name="snap", description="Take one", toggle_states=("Yes", "No"))
    assert (action.togglable, action.toggle_states) == (False, ("Yes", "No"))
    assert Action(name="a").toggle_states == ("On", "Off")
    with pytest.raises(TypeError):
        Action("snap")
    assert [f.name for f in dataclasses.fields(Action)] == [
        "name",
        "description",
        "togglable",
        "toggle_states",
    ]


def test_its_latch_is_always_the_same_and_not_part_of_it():
    action = Action(name="snap")
    assert list(action.event_map) == ["snap"]
    assert isinstance(action.event_map["snap"], SRLatch)
    assert action.event_map["snap"] is action.event_map["snap"]
    assert "atch" not in repr(action)
    assert action == Action(name="snap")
    other = dataclasses.replace(action, description="another")
    assert other.event_map["snap"] is not action.event_map["snap"]
    assert dataclasses.asdict(action)["name"] == "snap"


def test_a_subclass_may_have_fields_of_its_own():
    @dataclasses.dataclass
    class Save(Action):
        name: str = "save"
        path: str = "."

    save = Save(path="/tmp")
    assert (save.name, save.path) == ("save", "/tmp")
    assert list(save.event_map) == ["save"]


@pytest.mark.parametrize("mark", [continous, continuous])
def test_a_plan_is_marked_and_left_as_it_is(mark):
    def plan(detectors, *, n=3):
        yield from null()

    marked = mark(plan)
    assert marked is plan
    assert (plan.__togglable__, plan.__pausable__) == (True, False)
    assert isinstance(plan, ContinuousPlan)
    assert mark(togglable=False, pausable=True)(plan) is plan
    assert (plan.__togglable__, plan.__pausable__) == (False, True)


def test_both_spellings_are_the_same_objects():
    assert continous is continuous
    assert ContinousPlan is ContinuousPlan
    assert not isinstance(lambda: None, ContinuousPlan)


# -- requests


def test_a_request_wakes_the_plan_within_milliseconds(engine, snap):
    plan = Waiting(snap)
    start(engine, plan, snap)
    times = []
    for _ in range(20):
        began = time.perf_counter()
        assert snap.request()
        assert plan.next() == "snap"
        times.append(time.perf_counter() - began)
    assert sorted(times)[10] < 0.02


def test_a_latch_set_from_another_thread_wakes_the_plan_too(engine, snap):
    plan = Waiting(snap)
    start(engine, plan, snap)
    snap.event_map["snap"].set()
    assert plan.next() == "snap"


def test_five_clicks_while_the_plan_is_busy_are_five_events(engine, snap):
    plan = Waiting(snap)
    start(engine, plan, snap)
    with plan.busy:
        snap.request()
        assert plan.next() == "snap"
        for n in range(5):
            assert snap.request()
            assert snap.pending == n + 1
    assert [plan.next() for _ in range(5)] == ["snap"] * 5
    wait_until(lambda: snap.pending == 0)
    assert plan.nothing_more()


def test_requests_of_many_threads_all_arrive(engine, snap):
    plan = Waiting(snap)
    start(engine, plan, snap)
    threads = [
        threading.Thread(target=lambda: [snap.request() for _ in range(50)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert [plan.next() for _ in range(200)] == ["snap"] * 200
    assert plan.nothing_more()


def test_short_pulses_of_a_toggle_arrive_in_order(engine, record):
    latch = record.event_map["record"]
    seen = queue.Queue()

    def plan():
        for state in ("set", "reset", "set"):
            yield from wait_for_actions(record.event_map, None, state)
            seen.put((state, latch.is_set()))

    future = engine(plan())
    wait_until(lambda: record.state.offered)
    for state in (True, False, True):
        assert record.request(state)
        time.sleep(0.001)  # the pulse is 1 ms long: that is what is tested
    future.result(timeout=5)
    assert [seen.get_nowait() for _ in range(3)] == [("set", True), ("reset", False), ("set", True)]


def test_pulses_made_while_the_plan_is_busy_are_kept_and_equal_ones_are_one(engine, snap, record):
    seen = []

    def plan():
        yield from wait_for_actions(snap.event_map, None)
        for state in ("set", "reset", "set"):
            yield from wait_for_actions(record.event_map, None, state)
            seen.append(state)

    engine.offer([record])
    future = engine(plan())
    wait_until(lambda: snap.state.offered)
    for state in (True, True, False, False, True, True):
        assert record.request(state)
    assert record.pending == 3
    snap.request()
    future.result(timeout=5)
    assert seen == ["set", "reset", "set"]


def test_asking_a_toggle_for_what_it_is_adds_nothing(engine, record):
    plan = Waiting(record, reset=False, wait_for="reset")
    record.event_map["record"].set()
    start(engine, plan, record)
    assert record.request(True)
    assert record.pending == 0


def test_a_click_cannot_be_switched_off(snap):
    with pytest.raises(ValueError, match="snap"):
        snap.request(False)


def test_a_request_nobody_takes_is_refused_and_logged(engine, snap, caplog):
    assert not snap.request()
    assert "snap" in caplog.text
    assert snap.pending == 0
    plan = Waiting(snap)
    start(engine, plan, snap)
    engine.stop().result(timeout=5)
    assert not snap.request()
    assert not snap.event_map["snap"].is_set()


def test_reset_leaves_it_reset_and_the_next_wait_takes_the_next_request(engine, snap):
    latch = snap.event_map["snap"]
    states = []

    def plan():
        yield from wait_for_actions(snap.event_map, None)
        while snap.pending < 1:
            yield from null()
        states.append(latch.is_set())
        latch.reset()
        states.append(latch.is_set())
        yield from null()
        states.append(latch.is_set())
        found = yield from wait_for_actions(snap.event_map, 0)
        states.append((found, latch.is_set()))

    future = engine(plan())
    wait_until(lambda: snap.state.offered)
    snap.request()
    wait_until(lambda: snap.pending == 0)
    snap.request()
    future.result(timeout=5)
    assert states == [True, False, False, (("snap", latch), True)]


def test_set_before_a_run_counts_and_is_a_level(engine, snap):
    latch = snap.event_map["snap"]
    latch.set()
    assert snap.pending == 0

    def plan():
        first = yield from wait_for_actions(snap.event_map, 0)
        second = yield from wait_for_actions(snap.event_map, 0)
        latch.reset()
        third = yield from wait_for_actions(snap.event_map, 0)
        return first, second, third

    found = engine(plan()).result(timeout=5).plan_result
    assert found == (("snap", latch), ("snap", latch), None)


def test_a_latch_set_directly_stays_set_at_the_end(engine, snap):
    snap.event_map["snap"].set()
    engine(wait_for_actions(snap.event_map, 0)).result(timeout=5)
    assert snap.event_map["snap"].is_set()


def test_nothing_leaks_into_the_next_run(engine, snap, record):
    def plan():
        yield from wait_for_actions(record.event_map, None)
        while snap.pending < 3:
            yield from null()

    engine.offer([snap, record])
    future = engine(plan())
    record.request()
    for _ in range(3):
        snap.request()
    future.result(timeout=5)
    assert (snap.pending, record.pending) == (0, 0)
    assert not record.event_map["record"].is_set()

    def again():
        return (yield from wait_for_actions({**snap.event_map, **record.event_map}, 0))

    assert engine(again()).result(timeout=5).plan_result is None


@pytest.mark.parametrize("first", ["snap", "record"])
def test_the_earlier_of_two_wins(engine, snap, record, first):
    second = "record" if first == "snap" else "snap"
    actions = {"snap": snap, "record": record}
    plan = Waiting(snap, record)
    start(engine, plan, snap, record)
    with plan.busy:
        snap.request()
        assert plan.next() == "snap"
        actions[first].request()
        actions[second].request()
    assert [plan.next(), plan.next()] == [first, second]


def test_a_level_and_a_request_are_ordered_too(engine, snap, record):
    plan = Waiting(snap, record)
    start(engine, plan, snap, record)
    with plan.busy:
        snap.request()
        plan.next()
        record.event_map["record"].set()
        snap.request()
    assert [plan.next(), plan.next()] == ["record", "snap"]


def test_one_wait_may_mix_directions(engine, snap, record):
    record.event_map["record"].set()
    events = {**snap.event_map, **record.event_map}
    plan = Waiting(snap, record, wait_for={"snap": "set", "record": "reset"}, reset=False)
    assert plan.events == events
    start(engine, plan, snap, record)
    record.request(False)
    assert plan.next() == "record"


# -- who offers an action


def test_declared_actions_are_offered_from_the_start_to_the_end(engine, snap, gate):
    def plan():
        yield from checkpoint()
        while not gate.is_set():
            yield from null()
        return (yield from wait_for_actions(snap.event_map, 0))

    engine.offer([snap])
    future = engine(plan())
    assert snap.request()
    gate.set()
    assert future.result(timeout=5).plan_result == ("snap", snap.event_map["snap"])
    assert not snap.state.offered


def test_an_action_is_offered_while_paused(engine, snap):
    plan = Waiting(snap)
    future = start(engine, plan, snap)
    engine.request_pause().result(timeout=5)
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    assert snap.request()
    assert snap.request()
    assert snap.pending == 2
    engine.resume()
    assert [plan.next(), plan.next()] == ["snap", "snap"]


def test_a_plan_cannot_take_the_action_of_another_engines_plan(engine, snap):
    plan = Waiting(snap)
    start(engine, plan, snap)
    with RunEngine() as other:
        with pytest.raises(EngineBusyError, match="snap"):
            other.offer([snap])
        with pytest.raises(EngineBusyError, match="snap"):
            other(wait_for_actions(snap.event_map, 0)).result(timeout=5)
        engine.stop().result(timeout=5)
        other.offer([snap])
        future = other(wait_for_actions(snap.event_map, 5))
        assert snap.request()
        assert future.result(timeout=5).plan_result[0] == "snap"


def test_two_engines_do_not_disturb_each_other(engine, snap, record):
    plan = Waiting(snap)
    start(engine, plan, snap)
    with RunEngine() as other:
        another = Waiting(record)
        start(other, another, record)
        snap.request()
        assert plan.next() == "snap"
        other.stop().result(timeout=5)
        assert snap.request()
        assert plan.next() == "snap"
        assert another.nothing_more()


def test_an_engine_that_offers_but_never_runs_keeps_no_action(engine, snap):
    with RunEngine() as other:
        other.offer([snap])
        engine.offer([snap])
        assert snap.state.offered
    assert snap.state.offered
    assert engine(wait_for_actions(snap.event_map, 0)).result(timeout=5).plan_result is None
    assert not snap.state.offered


def test_a_latch_without_an_action_may_be_waited_for_by_two_engines(engine):
    latch = SRLatch()
    with RunEngine() as other:
        futures = [each(wait_for_actions({"latch": latch}, 5)) for each in (engine, other)]
        latch.set()
        for future in futures:
            assert future.result(timeout=5).plan_result == ("latch", latch)


# -- what buttons follow


def test_it_tells_of_every_change(engine, record):
    states = []
    record.changed.connect(states.append)
    plan = Waiting(record, reset=False, wait_for="set")

    def once():
        yield from wait_for_actions(record.event_map, None)
        yield from wait_for_actions(record.event_map, None, "reset")

    engine(once())
    wait_until(lambda: states == [ActionState(offered=True, pending=0, on=False)])
    record.request(True)
    wait_until(lambda: states[-1] == ActionState(offered=True, pending=0, on=True))
    record.request(False)
    wait_until(lambda: states[-1] == ActionState(offered=False, pending=0, on=False))
    assert plan.nothing_more()


def test_a_listener_that_raises_stops_nothing(engine, snap, caplog):
    snap.changed.connect(lambda state: 1 / 0)
    plan = Waiting(snap)
    start(engine, plan, snap)
    assert snap.request()
    assert plan.next() == "snap"
    assert any(r.levelno == logging.ERROR and "changed" in r.message for r in caplog.records)


def test_no_lock_is_held_while_listeners_are_told(snap, engine):
    """A listener may wait for another thread that uses the same action."""
    answers = []

    def listen(state):
        thread = threading.Thread(target=lambda: answers.append(snap.request()))
        thread.start()
        thread.join(5)
        assert not thread.is_alive()
        snap.changed.disconnect(listen)

    snap.changed.connect(listen)
    engine.offer([snap])
    assert answers == [True]
    assert snap.pending == 1


def test_a_change_while_listeners_are_told_is_told_after(snap, engine):
    states = []
    snap.changed.connect(lambda state: snap.pending or snap.request())
    snap.changed.connect(states.append)
    engine.offer([snap])
    assert states == [ActionState(True, 0, False), ActionState(True, 1, False)]


def test_the_last_state_told_is_the_latest(engine, snap):
    states = []
    snap.changed.connect(states.append)
    plan = Waiting(snap)
    start(engine, plan, snap)
    for _ in range(100):
        snap.request()
    for _ in range(100):
        plan.next()
    engine.stop().result(timeout=5)
    wait_until(lambda: states[-1] == ActionState(offered=False, pending=0, on=False))


def test_a_plan_told_to_end_takes_no_more_requests(engine, snap):
    plan = Waiting(snap)
    start(engine, plan, snap)
    plan.busy.acquire()
    snap.request()
    assert plan.next() == "snap"
    future = engine.stop()
    assert not snap.state.offered
    assert not snap.request()
    future.result(timeout=5)
    plan.busy.release()
    start(engine, plan, snap)
    assert snap.request()
    assert plan.next() == "snap"


def test_a_listener_may_end_the_plan_again_when_it_is_told_to_end(engine, snap):
    plan = Waiting(snap)
    future = start(engine, plan, snap)
    ends = []
    snap.changed.connect(lambda state: state.offered or ends.append(engine.stop()))
    stopping = threading.Thread(target=engine.stop, daemon=True)
    stopping.start()
    stopping.join(5)
    assert not stopping.is_alive()
    with pytest.raises(RunEngineInterrupted):
        future.result(timeout=5)
    for end in ends:
        end.result(timeout=5)


def test_a_click_in_hand_is_unanswered(engine, snap):
    plan = Waiting(snap, reset=False)
    start(engine, plan, snap)
    for _ in range(3):
        snap.request()
    assert plan.next() == "snap"
    assert (snap.pending, snap.unanswered) == (2, 3)
    snap.event_map["snap"].reset()
    engine.stop().result(timeout=5)
    assert snap.unanswered == 0


def test_a_forgotten_action_is_collected():
    import gc
    import weakref

    action = Action(name="snap")
    latch = action.event_map["snap"]
    gone = weakref.ref(action)
    del action
    gc.collect()
    assert gone() is None
    latch.set()
