"""What a session says of its runs, whatever comes between."""

import asyncio
import logging
import threading

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import FailedStatus, MsgGenerator

from napari_skylight.devices import Microscope
from napari_skylight.engine import EngineBusyError, Status
from napari_skylight.plans import _acquisition
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeLight, FakeStreamingCamera, wait_until


def fails() -> MsgGenerator[None]:
    """Fall over."""
    yield from bps.null()
    raise RuntimeError("I fell over.")


def waits() -> MsgGenerator[None]:
    """Wait to be stopped."""
    while True:
        yield from bps.checkpoint()
        yield from bps.sleep(0.01)


def once_told(session, state):
    wait_until(lambda: session.state is state)


def test_a_stop_of_nothing_is_not_the_end_of_the_next_run(session):
    session.add_plan(fails)
    for _ in range(20):
        session.stop()
        assert session.start("fails").exception(timeout=5) is not None
        assert session.state is SessionState.FAILED
        assert session.run.exit_status == "fail"


def test_the_light_of_the_next_run_is_not_switched_off_by_the_last(session, camera, light):
    for _ in range(5):
        session.start("live_view")
        wait_until(lambda: light.on)
        session.stop().result(timeout=5)
        assert not light.on


def test_restarting_when_idle_is_told_gives_states_in_order(session, camera):
    states = []

    def restart(state):
        states.append(state)
        if state is SessionState.IDLE and len(states) < 8:
            session.start("snap")

    session.state_changed.connect(restart)
    session.start("snap")
    wait_until(lambda: len(states) >= 8)
    assert states == [SessionState.RUNNING, SessionState.IDLE] * 4


@pytest.mark.parametrize("error", [RuntimeError, RecursionError])
@pytest.mark.parametrize("signal", ["state_changed", "run_changed", "reported"])
def test_a_listener_that_raises_changes_nothing(session, camera, signal, error):
    def clumsy(_):
        raise error("a broken button")

    getattr(session, signal).connect(clumsy)
    for _ in range(2):
        session.start("snap").result(timeout=10)
        assert session.state is SessionState.IDLE


def test_what_a_script_runs_on_the_engine_is_no_run_of_the_session(session, camera):
    session.start("snap").result(timeout=10)
    run = session.run
    future = session.engine(waits())
    wait_until(lambda: session.engine.state == "running")
    assert session.state is SessionState.IDLE
    with pytest.raises(EngineBusyError):
        session.start("snap")
    assert session.state is SessionState.IDLE
    session.engine.stop().result(timeout=5)
    wait_until(future.done)
    assert session.run is run
    session.start("snap").result(timeout=10)


def test_a_paused_plan_ended_at_the_engine_is_over(session, camera):
    session.start("live_view")
    wait_until(lambda: camera.frames > 2)
    session.pause()
    once_told(session, SessionState.PAUSED)
    session.engine.stop().result(timeout=5)
    once_told(session, SessionState.IDLE)
    assert session.run.ended is not None


def test_close_while_paused_is_the_end_of_the_run(session, camera):
    session.start("live_view")
    wait_until(lambda: camera.frames > 2)
    session.pause()
    once_told(session, SessionState.PAUSED)
    session.close()
    assert session.state is SessionState.IDLE
    assert session.run.ended is not None


def test_a_plan_that_cannot_go_on_after_a_pause_says_so(session):
    def stubborn() -> MsgGenerator[None]:
        """Have no checkpoint."""
        yield from bps.clear_checkpoint()
        yield from bps.sleep(60)

    session.add_plan(stubborn)
    session.start("stubborn")
    wait_until(lambda: session.engine.state == "running")
    session.pause()
    once_told(session, SessionState.FAILED)
    assert session.run.exit_status == "abort"
    assert "no checkpoint" in session.problem


def test_a_resume_that_fails_is_reported(session, camera, light):
    def broken():
        raise RuntimeError("The shutter does not answer.")

    session.start("live_view")
    wait_until(lambda: light.on)
    session.pause()
    once_told(session, SessionState.PAUSED)
    light.resume = broken
    session.resume()
    wait_until(lambda: session.problem == "The shutter does not answer.")
    assert session.state is SessionState.PAUSED


@pytest.mark.parametrize("error", [OSError("Gone."), asyncio.CancelledError()], ids=repr)
def test_no_light_is_on_after_a_resume_that_fails_and_the_next_one_brings_it_back(
    session, light, error
):
    def broken():
        raise error

    camera = FakeStreamingCamera()
    session.add_device(camera).result(timeout=5)
    for _ in range(6):  # in whatever order they are resumed
        session.start("live_view")
        wait_until(lambda: camera.streaming and light.on)
        session.pause()
        once_told(session, SessionState.PAUSED)
        camera.resume = broken
        with pytest.raises(type(error)):
            session.resume().result(timeout=5)
        assert session.state is SessionState.PAUSED
        assert not light.on
        del camera.resume
        session.resume()
        once_told(session, SessionState.RUNNING)
        assert light.on
        session.stop().result(timeout=5)


def test_a_closed_session_says_so(session, camera):
    session.close()
    for use in (
        lambda: session.start("snap"),
        lambda: session.set("camera.exposure", 1),
        lambda: session.add_device(FakeCamera("other")),
        lambda: session.open_microscope(lambda: Microscope("", ())),
    ):
        with pytest.raises(RuntimeError, match="session was closed"):
            use()
    assert session.state is SessionState.IDLE


def test_no_plan_starts_while_a_microscope_is_being_opened(session, camera):
    made = threading.Event()

    def slow():
        made.wait(5)
        return Microscope("Slow", (FakeCamera("b"),))

    opened = session.open_microscope(slow)
    with pytest.raises(EngineBusyError, match="being opened"):
        session.start("snap")
    made.set()
    opened.result(timeout=5)
    session.start("snap").result(timeout=10)


def test_a_microscope_that_cannot_be_added_takes_nothing_of_others_with_it(session, camera):
    opened = session.open_microscope(lambda: Microscope("Twin", (FakeCamera("camera"),)))
    assert isinstance(opened.exception(timeout=5), ValueError)
    assert session.devices["camera"] is camera


def test_a_microscope_that_does_not_close_is_reported_and_the_next_one_opened(session):
    def stuck():
        raise OSError("The port is gone.")

    session.open_microscope(lambda: Microscope("First", (), close=stuck)).result(timeout=5)
    session.open_microscope(lambda: Microscope("Second", ())).result(timeout=5)
    assert session.microscope.title == "Second"
    assert session.problem == "The port is gone."


@pytest.mark.parametrize("name", ["", " ", "a.b", "caches"])
def test_a_device_needs_a_name_that_can_be_used(session, name):
    with pytest.raises(ValueError, match="name"):
        session.add_device(FakeCamera(name)).result(timeout=5)


def test_resume_may_be_asked_for_again_before_the_plan_goes_on(session, camera):
    session.start("live_view")
    for _ in range(20):
        session.pause()
        once_told(session, SessionState.PAUSED)
        futures = [session.resume() for _ in range(5)]
        assert futures[0] is not None
        once_told(session, SessionState.RUNNING)
        assert session.problem == ""
    session.stop().result(timeout=5)
    assert session.problem == ""


@pytest.mark.parametrize("hangs", [True, False])
def test_a_light_that_does_not_answer_is_given_up(session, camera, light, monkeypatch, hangs):
    monkeypatch.setattr(_acquisition, "LIGHT_SECONDS", 0.2)
    switch = light.set
    light.set = lambda on: Status() if on is hangs else switch(on)
    session.start("snap").exception(timeout=5)
    assert session.state is SessionState.FAILED
    assert session.problem.startswith(f"light did not go {'on' if hangs else 'off'} within 0.2 s")
    assert not light.on


@pytest.mark.parametrize(
    "error", [OSError("No."), asyncio.CancelledError(), SystemExit(3)], ids=repr
)
@pytest.mark.parametrize("end", ["stop", "halt"])
def test_a_light_that_does_not_go_off_keeps_no_other_on_and_no_run_open(
    session, camera, light, end, error
):
    other = FakeLight("other")
    session.add_device(other).result(timeout=5)
    session.start("live_view", {"light": "light"})
    wait_until(lambda: camera.frames > 1)
    other.on = True
    light.fail_off = error
    getattr(session, end)().result(timeout=5)
    wait_until(lambda: session.state is SessionState.IDLE)
    assert not other.on
    assert session.problem
    light.fail_off = None
    session.start("snap").result(timeout=10)


def test_a_plan_that_yields_a_plan_is_told_to_yield_from_it(session):
    def stumbles() -> MsgGenerator[None]:
        yield bps.null()

    session.add_plan(stumbles)
    session.start("stumbles").exception(timeout=5)
    assert session.problem.startswith("stumbles must use 'yield from null(…)'")


def test_a_run_knows_what_it_brought_and_what_it_took(session, camera):
    session.start("snap", {"frames": 4}).result(timeout=10)
    session.start("snap", {"frames": 3}).result(timeout=10)
    assert session.run.before.frames == 4
    assert session.run.brought.frames == 3
    assert session.run.spec.name == "snap"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "No answer in time."),
        (asyncio.CancelledError(), "Cancelled."),
        (KeyError("dapi"), "There is no 'dapi'."),
        (KeyError("There is no plan x."), "There is no plan x."),
        (KeyError(), "A name or key does not exist."),
        (AssertionError(), "An assertion failed; it has no message."),
        (FailedStatus(Status()), "A device failed without a message."),
        (RuntimeError(), "RuntimeError, without a message."),
        (OSError("The port is gone."), "The port is gone."),
    ],
)
def test_errors_that_say_little_are_put_in_words(session, error, words):
    session.report(error)
    assert session.problem == words


def test_a_problem_is_logged_once_with_its_traceback(session, caplog):
    session.add_plan(fails)
    session.start("fails").exception(timeout=5)
    (record,) = [each for each in caplog.records if each.name == "napari_skylight"]
    assert record.getMessage() == "I fell over."
    assert record.levelno == logging.ERROR
    assert record.exc_info[0] is RuntimeError


def test_a_mistake_in_the_form_is_no_error_in_the_log(session, camera, caplog):
    with pytest.raises(ValueError, match="Frames is 0") as info:
        session.start("snap", {"frames": 0})
    session.report(info.value)
    session.report("The stack is full.")
    levels = [(each.levelno, each.exc_info) for each in caplog.records]
    assert levels == [(logging.WARNING, None)] * 2


def looks_up() -> MsgGenerator[None]:
    """Look for what is not there."""
    yield from bps.null()
    {}["y"]


def test_a_slip_in_a_plan_is_told_with_its_place(session):
    session.add_plan(looks_up)
    assert session.start("looks_up").exception(timeout=5) is not None
    line = looks_up.__code__.co_firstlineno + 3
    assert session.problem == f"KeyError: 'y' (test_runs.py, line {line})"
    assert session.run.reason == session.problem
