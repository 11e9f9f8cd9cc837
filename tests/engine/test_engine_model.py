"""Random interleavings of requests, waits, resets, pauses and stops, against a model."""

import queue
from dataclasses import dataclass, field
from itertools import count

import pytest
from bluesky.plan_stubs import checkpoint
from bluesky.utils import Msg, RunEngineInterrupted
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from napari_skylight.engine import RunEngine
from napari_skylight.engine.actions import Action
from napari_skylight.engine.plan_stubs import wait_for_actions
from napari_skylight.testing import wait_until

NAMES = ("snap", "mark", "record", "light")
TOGGLES = ("record", "light")
names = st.sampled_from(NAMES)
directions = st.fixed_dictionaries({name: st.sampled_from(["set", "reset"]) for name in NAMES})


@dataclass
class Model:
    """What one action must be like."""

    toggle: bool
    on: bool = False
    since: int = 0
    requested: bool = False
    queue: list = field(default_factory=list)

    def change(self, on, moment, requested=False):
        if self.on != on:
            self.on, self.since, self.requested = on, moment, requested and on

    def request(self, state, moment):
        if self.toggle and state == (self.queue[-1][1] if self.queue else self.on):
            return
        self.queue.append((moment, state))

    def due(self, state):
        if self.on == state:
            return self.since
        while self.toggle and self.queue and self.queue[0][1] == self.on:
            self.queue.pop(0)
        return self.queue[0][0] if self.queue and self.queue[0][1] == state else None

    def take(self, state):
        if self.on != state:
            self.change(state, self.queue.pop(0)[0], requested=True)

    def end(self, moment):
        self.queue.clear()
        if self.requested:
            self.change(False, moment)


class EngineMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.engine = RunEngine()
        self.actions = {name: Action(name=name, togglable=name in TOGGLES) for name in NAMES}
        self.model = {name: Model(name in TOGGLES) for name in NAMES}
        self.moments = count(1)
        self.future = None
        self.blocked = None  # what the plan waits for

    def teardown(self):
        self.engine.close()

    # -- the plan: it does as it is told

    def plan(self, steps, answers):
        events = {name: a.event_map[name] for name, a in self.actions.items()}
        while True:
            yield from checkpoint()
            try:
                step, value = steps.get_nowait()
            except queue.Empty:
                yield Msg("sleep", None, 0.001)
                continue
            if step == "wait":
                timeout, wait_for = value
                found = yield from wait_for_actions(events, timeout, wait_for)
                answers.put(found and found[0])
            else:
                events[value].reset()
                answers.put(None)

    @property
    def state(self):
        return self.engine.state if self.future is not None else "idle"

    def tell(self, step, value):
        self.steps.put((step, value))

    def answer(self):
        return self.answers.get(timeout=5)

    def expect(self, wait_for):
        """What a wait finds now, by the model, which takes it."""
        due = {name: self.model[name].due(state == "set") for name, state in wait_for.items()}
        due = {name: moment for name, moment in due.items() if moment is not None}
        if not due:
            return None
        earliest = min(due, key=lambda name: (due[name], NAMES.index(name)))
        self.model[earliest].take(wait_for[earliest] == "set")
        return earliest

    def settle(self):
        """Let a plan that waits have what it waits for."""
        if self.blocked is not None and self.state == "running":
            found = self.expect(self.blocked)
            if found is not None:
                assert self.answer() == found
                self.blocked = None

    # -- runs

    @precondition(lambda self: self.state == "idle")
    @rule()
    def start(self):
        self.steps, self.answers = queue.Queue(), queue.Queue()
        self.engine.offer(self.actions.values())
        self.future = self.engine(self.plan(self.steps, self.answers))
        wait_until(lambda: self.engine.state == "running")

    @precondition(lambda self: self.state == "running")
    @rule()
    def pause(self):
        self.engine.request_pause().result(timeout=5)
        with pytest.raises(RunEngineInterrupted):
            self.future.result(timeout=5)
        assert self.engine.state == "paused"

    @precondition(lambda self: self.state == "paused")
    @rule()
    def resume(self):
        self.future = self.engine.resume()
        wait_until(lambda: self.engine.state == "running")
        self.settle()

    @precondition(lambda self: self.state in ("running", "paused"))
    @rule(end=st.sampled_from(["stop", "abort", "halt"]))
    def end(self, end):
        getattr(self.engine, end)().result(timeout=5)
        with pytest.raises(RunEngineInterrupted):
            self.future.result(timeout=5)
        self.future = self.blocked = None
        for model in self.model.values():
            model.end(next(self.moments))

    # -- what users and scripts do

    @rule(name=names, state=st.booleans())
    def request(self, name, state):
        if not state and name not in TOGGLES:
            with pytest.raises(ValueError, match=name):
                self.actions[name].request(state)
            return
        offered = self.future is not None
        assert self.actions[name].request(state) is offered
        if offered:
            self.model[name].request(state, next(self.moments))
            self.settle()

    @rule(name=names, on=st.booleans())
    def set_or_reset(self, name, on):
        latch = self.actions[name].event_map[name]
        (latch.set if on else latch.reset)()
        self.model[name].change(on, next(self.moments))
        self.settle()

    # -- what the plan does

    @precondition(lambda self: self.state == "running" and self.blocked is None)
    @rule(wait_for=directions)
    def wait_a_moment(self, wait_for):
        self.tell("wait", (0, wait_for))
        assert self.answer() == self.expect(wait_for)

    @precondition(lambda self: self.state == "running" and self.blocked is None)
    @rule(wait_for=directions)
    def wait_without_end(self, wait_for):
        self.tell("wait", (None, wait_for))
        self.blocked = wait_for
        self.settle()

    @precondition(lambda self: self.state == "running" and self.blocked is None)
    @rule(name=names)
    def reset_in_the_plan(self, name):
        self.tell("reset", name)
        self.answer()
        self.model[name].change(False, next(self.moments))

    # -- what is always so

    @invariant()
    def actions_are_as_the_model_says(self):
        for name, action in self.actions.items():
            model, state = self.model[name], action.state
            assert state.offered is (self.future is not None)
            assert state.on is model.on, name
            # a wait drops requests that are none any more; the plan may be just about to wait
            wait_until(lambda action=action, model=model: action.pending == len(model.queue))

    @invariant()
    def nothing_unexpected_was_found(self):
        if self.future is not None:
            assert self.answers.empty()


def test_any_interleaving():
    run_state_machine_as_test(
        EngineMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_any_interleaving_for_longer():
    run_state_machine_as_test(
        EngineMachine,
        settings=settings(
            max_examples=1000,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
