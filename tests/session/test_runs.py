"""What a session says of its runs, whatever comes between."""

import threading

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator

from napari_skylight.devices import Microscope
from napari_skylight.engine import EngineBusyError
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, wait_until


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


@pytest.mark.parametrize("signal", ["state_changed", "run_changed", "reported"])
def test_a_listener_that_raises_changes_nothing(session, camera, signal):
    def clumsy(_):
        raise RuntimeError("a broken button")

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
