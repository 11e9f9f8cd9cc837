"""Moves that were a mistake: replaced by another target, or stopped."""

import asyncio

import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator, maybe_await
from ophyd.status import Status as OphydStatus
from ophyd_async.sim import SimMotor

from napari_skylight import Session
from napari_skylight.devices import Microscope, mmcore, sim
from napari_skylight.engine import Status
from napari_skylight.session import SessionState, SetCancelled, SettingsWatch
from napari_skylight.testing import FakeLight, wait_until


def slow_sim():
    microscope = sim.microscope()
    return microscope, "stage.x", 900.0, ("stage.x.velocity", 20.0)


def micro_manager():
    return mmcore.microscope(), "stage.x", 1e6, None


class Motor:
    """A motor with ophyd's statuses, which arrives at once at 1 and never elsewhere."""

    parent = None
    moving = False

    def __init__(self, name):
        self.name = name
        self._statuses = []

    def set(self, value):
        self.moving = True
        self._statuses.append(OphydStatus(self))
        if value == 1:
            self.stop(success=True)
        return self._statuses[-1]

    def stop(self, *, success=False):
        self.moving = False
        for status in self._statuses:
            if not status.done:
                status.set_finished() if success else status.set_exception(RuntimeError("Stopped."))

    def read(self):
        return {self.name: {"value": float(self.moving), "timestamp": 0.0}}

    def describe(self):
        return {self.name: {"source": "", "dtype": "number", "shape": []}}


def ophyd_motor():
    return Microscope("ophyd", (Motor("motor"),)), "motor", 50.0, None


def ophyd_async():
    return (
        Microscope("ophyd-async", (SimMotor(name="motor", instant=False),)),
        "motor",
        1000.0,
        None,
    )


MAKERS = [slow_sim, micro_manager, ophyd_motor, ophyd_async]


class Bench:
    """A session on one microscope, and the motor to move."""

    def __init__(self, session, made):
        self.session = session
        microscope, self.path, self.far, slow = made
        session.open_microscope(lambda: microscope).result(timeout=20)
        if slow is not None:
            session.set(*slow).result(timeout=5)
        self.motor = session.devices[self.path.split(".")[0]]
        for part in self.path.split(".")[1:]:
            self.motor = getattr(self.motor, part)

    def read(self):
        """Return where it is, or whether it moves."""

        async def read():
            return await maybe_await(self.motor.read())

        readings = asyncio.run_coroutine_threadsafe(read(), self.session.engine.loop).result(5)
        return next(iter(readings.values()))["value"]

    def wait_until_moving(self):
        wait_until(lambda: self.read() != 0)

    def is_still(self):
        if isinstance(self.motor, Motor):
            return not self.motor.moving
        return len({self.read() for _ in range(3)}) == 1


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def bench(request):
    made = request.param()
    with Session() as session:
        yield Bench(session, made)


def reason(future):
    """Return why `future` was cancelled."""
    error = future.exception(timeout=5)
    assert isinstance(error, SetCancelled)
    return str(error)


def test_a_new_target_replaces_the_running_one(bench):
    session, path = bench.session, bench.path
    first = session.set(path, bench.far)
    bench.wait_until_moving()
    second = session.set(path, 1.0)
    assert reason(first) == f"{path} was given a new value: 1.0."
    second.result(timeout=10)
    if not isinstance(bench.motor, Motor):
        assert bench.read() == pytest.approx(1.0, abs=0.1)
    assert session.problem == ""


@pytest.mark.parametrize("way", ["stop_motion", "stop", "abort", "halt"])
def test_the_user_s_move_stops_without_a_plan(bench, way):
    move = bench.session.set(bench.path, bench.far)
    bench.wait_until_moving()
    getattr(bench.session, way)().result(timeout=5)
    assert reason(move) == f"{bench.path} was stopped."
    assert bench.is_still()
    assert bench.session.problem == ""


@pytest.mark.parametrize("way", ["stop", "abort", "halt"])
def test_the_moves_of_user_and_plan_stop_before_the_cleanup(bench, way):
    session, cleaned = bench.session, asyncio.Event()

    def cleanup():
        yield from bps.wait_for([cleaned.wait])

    def drive() -> MsgGenerator[None]:
        yield from bpp.finalize_wrapper(bps.mv(bench.motor, bench.far), cleanup)

    session.add_plan(drive)
    run = session.start("drive")
    bench.wait_until_moving()
    ended = getattr(session, way)()
    wait_until(bench.is_still)
    if way != "halt":
        assert session.state is SessionState.STOPPING
    session.engine.loop.call_soon_threadsafe(cleaned.set)
    ended.result(timeout=5)
    assert run.exception(timeout=5) is not None
    assert session.state is SessionState.IDLE


def test_stop_motion_fails_the_plan_that_waits_for_the_move(bench):
    session = bench.session

    def drive() -> MsgGenerator[None]:
        yield from bps.mv(bench.motor, bench.far)

    session.add_plan(drive)
    run = session.start("drive")
    bench.wait_until_moving()
    session.stop_motion().result(timeout=5)
    assert run.exception(timeout=5) is not None
    wait_until(lambda: session.state is SessionState.FAILED)
    assert bench.is_still()


def test_a_plan_that_moves_nothing_goes_on(session, camera, light):
    session.start("live_view")
    wait_until(lambda: light.on)
    session.stop_motion().result(timeout=5)
    assert light.on
    assert session.state is SessionState.RUNNING


def test_a_target_that_is_refused_replaces_nothing(session):
    session.open_microscope(sim.microscope).result(timeout=20)
    session.set("stage.x.velocity", 400.0).result(timeout=5)
    move = session.set("stage.x", 100.0)
    with pytest.raises(ValueError, match="Stage x"):
        session.set("stage.x", 1e9).result(timeout=5)
    move.result(timeout=5)
    assert session.devices["stage"].x.position == 100.0


def test_lights_and_other_settings_are_not_stopped(session, light):
    light.set_later = Status()
    light.set = lambda value: light.set_later
    pending = session.set("light", True)
    session.stop_motion().result(timeout=5)
    assert not pending.done()
    assert light.history == []
    light.set_later.set_finished()
    pending.result(timeout=5)


class Stuck(FakeLight):
    """A motor that does not stop."""

    def set(self, value):
        return Status()

    def stop(self, success=True):
        raise OSError("The controller does not answer.")

    def describe(self):
        return {self.name: {"source": "", "dtype": "number", "shape": []}}

    def read(self):
        return {self.name: {"value": 0.0, "timestamp": 0.0}}


def test_a_device_that_cannot_be_stopped_is_reported(session):
    session.add_device(Stuck("motor")).result(timeout=5)
    session.set("motor", 5.0)
    with pytest.raises(OSError, match="does not answer"):
        session.stop_motion().result(timeout=5)
    assert session.problem == "The controller does not answer."


def test_stop_motion_of_a_closed_session_has_nothing_to_do():
    session = Session()
    session.close()
    session.stop_motion().result(timeout=1)


def test_a_replaced_value_is_no_refusal(session):
    session.open_microscope(sim.microscope).result(timeout=20)
    watch = SettingsWatch(session, session.devices["stage"])
    watch.set("stage.x", 900.0)
    watch.set("stage.x", 0.0)
    wait_until(lambda: watch.states["stage.x"].pending == 0)
    assert watch.states["stage.x"].refusal == ""
