"""A session as a script uses it."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis

from napari_skylight import Session
from napari_skylight.devices import Microscope, sim
from napari_skylight.engine import EngineBusyError
from napari_skylight.plans.spec import ParameterError
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, wait_until


def test_snap_takes_the_frames_asked_for(session, camera, documents):
    session.start("snap", {"frames": 3}).result(timeout=10)
    assert session.state is SessionState.IDLE
    assert len(documents.events("primary")) == 3
    assert session.caches.stack(camera).counts.kept == 3
    assert session.run.uids == (documents.named("start")[0]["uid"],)


def test_start_fills_in_what_a_form_would(session, camera, light):
    session.start("snap").result(timeout=10)
    assert light.history[0] is True


def test_a_second_start_while_running_changes_nothing(session, camera):
    session.start("live_view")
    run = session.run
    with pytest.raises(EngineBusyError, match="Live view"):
        session.start("snap")
    assert (session.run.plan, session.run.started) == (run.plan, run.started)
    assert session.state is SessionState.RUNNING


@pytest.mark.parametrize("values", [{"frames": 0}, {"cameras": []}, {"exposure": -1}, {"wrong": 1}])
def test_bad_values_start_nothing(session, camera, values):
    with pytest.raises(ParameterError) as caught:
        session.start("snap", values)
    assert set(caught.value.problems) == set(values)
    assert session.run is None
    assert session.state is SessionState.IDLE


def test_a_plan_without_a_camera_says_what_is_missing(session):
    with pytest.raises(ParameterError, match="Live view needs a camera: connect one"):
        session.start("live_view")


def test_requests_without_a_running_plan_are_refused(session, camera):
    assert not session.request("snapshot")
    session.start("snap").result(timeout=10)
    assert not session.request("snapshot")


def test_state_changes_are_told_in_order(session, camera):
    states = []
    session.state_changed.connect(states.append)
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 0)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    session.stop().result(timeout=5)
    wait_until(lambda: session.state is SessionState.IDLE)
    assert states[0] is SessionState.RUNNING
    assert states[-1] is SessionState.IDLE
    wanted = [SessionState.RUNNING, SessionState.PAUSED, SessionState.IDLE]
    assert [state for state in states if state in wanted] == wanted


def test_time_paused_is_not_counted(session, camera):
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 0)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    seconds = session.run.seconds
    assert session.run.seconds == seconds
    session.stop().result(timeout=5)


def test_a_plan_that_raises_fails_in_its_own_words(session):
    def clumsy() -> MsgGenerator[None]:
        """Fall over."""
        yield from bps.null()
        raise RuntimeError("I fell over.")

    session.add_plan(clumsy)
    future = session.start("clumsy")
    assert isinstance(future.exception(timeout=10), RuntimeError)
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == "I fell over."
    assert isinstance(session.last_exception, RuntimeError)


def test_a_new_run_can_start_as_soon_as_idle_is_told(session, camera):
    again = []

    def restart(state):
        if state is SessionState.IDLE and not again:
            again.append(session.start("snap", {"frames": 2}))

    session.state_changed.connect(restart)
    session.start("snap")
    wait_until(lambda: again and again[0].done())
    again[0].result(timeout=5)


class Dial:
    def __init__(self):
        self.value = 0.0

    def set(self, value):
        from napari_skylight.engine import Status

        status = Status()
        if value > 10:
            status.set_exception(ValueError(f"Dial {value} is above 10."))
        else:
            self.value = value
            status.set_finished()
        return status


def test_a_setting_can_be_set_while_a_plan_runs(session, camera):
    camera.dial = Dial()
    session.start("live_view")
    session.set("camera.dial", 7.0).result(timeout=5)
    assert camera.dial.value == 7.0
    assert session.state is SessionState.RUNNING


def test_a_setting_out_of_range_is_reported_and_nothing_changes(session, camera):
    camera.dial = Dial()
    with pytest.raises(ValueError, match="above 10"):
        session.set("camera.dial", 12).result(timeout=5)
    assert session.problem == "Dial 12 is above 10."
    assert camera.dial.value == 0.0


AXES = "stage.x, stage.x.velocity, stage.y, stage.y.velocity"
ALL = "the devices are camera, light, stage, motor"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("light.nope", 1, "light.nope cannot be set: the signals of light are light."),
        ("stage", 1, f"stage cannot be set: the signals of stage are {AXES}."),
        ("stage.", 1, f"stage. cannot be set: the signals of stage are {AXES}."),
        ("stage.x.stop", 1, f"stage.x.stop cannot be set: the signals of stage are {AXES}."),
        ("camera.nope", 1, "camera.nope cannot be set: camera has no such signal."),
        ("camara.exposure", 1, f"There is no signal 'camara.exposure': {ALL}."),
        ("", 1, f"There is no signal '': {ALL}."),
        (None, 1, f"There is no signal None: {ALL}."),
        (("camera", "exposure"), 1, f"There is no signal ('camera', 'exposure'): {ALL}."),
        ("stage.x", True, "stage.x must be a number, not True."),
        ("motor", np.False_, "motor must be a number, not False."),
    ],
)
def test_a_set_that_makes_no_sense_is_refused_in_words(
    session, camera, light, capfd, path, value, problem
):
    session.add_device(sim.XYStage(name="stage")).result(timeout=5)
    session.add_device(SynAxis(name="motor")).result(timeout=5)
    with pytest.raises(ParameterError) as refused:
        session.set(path, value).result(timeout=5)
    assert session.problem == str(refused.value) == problem
    assert "Traceback" not in capfd.readouterr().err
    session.set("stage.x", 1).result(timeout=5)


def test_a_set_without_devices_is_refused_in_words(session):
    with pytest.raises(ParameterError, match="There is no signal 'x': no device is connected"):
        session.set("x", 1).result(timeout=5)


def test_two_devices_of_one_name_are_refused(session, camera):
    with pytest.raises(ValueError, match="camera"):
        session.add_device(FakeCamera()).result(timeout=5)
    assert session.devices["camera"] is camera


def test_a_device_that_gives_no_image_is_no_camera(session):
    device = FakeCamera("diode")
    device.describe = lambda: {"diode": {"source": "", "dtype": "number", "shape": []}}
    session.add_device(device).result(timeout=5)
    with pytest.raises(ParameterError, match="needs a camera"):
        session.start("snap")


def test_opening_a_microscope_replaces_the_one_before(session):
    closed = []

    def first():
        return Microscope("First", (FakeCamera("a"),), close=lambda: closed.append("first"))

    def second():
        return Microscope("Second", (FakeCamera("b"),), close=lambda: closed.append("second"))

    session.open_microscope(first).result(timeout=10)
    assert list(session.devices) == ["a"]
    session.open_microscope(second).result(timeout=10)
    assert list(session.devices) == ["b"]
    assert session.microscope.title == "Second"
    session.close()
    assert closed == ["first", "second"]


def test_a_microscope_that_cannot_be_opened_is_reported(session):
    def broken():
        raise OSError("The controller on COM3 does not answer.")

    with pytest.raises(OSError, match="COM3"):
        session.open_microscope(broken).result(timeout=10)
    assert "COM3" in session.problem
    assert session.microscope is None


def test_start_without_values_takes_those_chosen_last(session, camera):
    session.remember("snap", {"frames": 4, "cameras": ["a camera that has gone"]})
    session.start("snap").result(timeout=10)
    assert session.caches.stack(camera).counts.kept == 4
    session.start("snap", {"frames": 2}).result(timeout=10)
    session.start("snap").result(timeout=10)
    assert session.caches.stack(camera).counts.kept == 8


def test_no_microscope_is_opened_under_a_running_plan(session, camera):
    session.start("live_view")
    with pytest.raises(EngineBusyError, match="Stop the plan"):
        session.open_microscope(lambda: Microscope("Other", ()))


def test_a_setting_accepted_takes_the_last_refusal_back(session, camera):
    camera.dial = Dial()
    session.set("camera.dial", 12).exception(timeout=5)
    session.set("camera.dial", 8).result(timeout=5)
    wait_until(lambda: session.problem == "")


def test_a_motor_is_no_light(session, camera, light):
    session.add_device(SynAxis(name="motor")).result(timeout=5)
    choices = {param.name: param.choices for param in session.spec("live_view").parameters}
    assert choices["light"] == ["light"]
    assert choices["focus"] == ["motor"]


def test_close_switches_off_a_light_that_no_plan_set(session, light):
    session.set("light", True).result(timeout=5)
    session.close()
    assert not light.on


def test_close_stops_the_plan_and_may_be_called_twice(camera, light, session):
    session.start("live_view")
    wait_until(lambda: light.on)
    session.close()
    session.close()
    assert not light.on
    assert session.state is SessionState.IDLE


@pytest.mark.slow
def test_many_sessions_leave_nothing():
    for _ in range(50):
        with Session() as session:
            session.add_device(FakeCamera()).result(timeout=5)
            session.start("snap").result(timeout=10)


LIVE_SCRIPT = """
from napari_skylight import Session
from napari_skylight.testing import FakeCamera, wait_until
session = Session()
camera = FakeCamera(seconds=0.01)
session.add_device(camera).result(timeout=5)
session.start("live_view")
wait_until(lambda: camera.frames > 3)
print("live", flush=True)
"""


def test_a_process_with_a_live_plan_exits():
    script = subprocess.Popen(
        [sys.executable, "-c", LIVE_SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert script.stdout.readline() == "live\n"
    started = time.monotonic()
    _, errors = script.communicate(timeout=30)
    assert time.monotonic() - started < 3
    assert script.returncode == 0
    assert errors == ""


def test_a_microscope_that_comes_after_the_end_is_no_problem():
    go_on = threading.Event()

    def factory():
        assert go_on.wait(10)
        return Microscope("Bench 3", ())

    session = Session()
    opened = session.open_microscope(factory)
    session.close()
    go_on.set()
    assert "closed" in str(opened.exception(timeout=5))
    assert session.problem == ""
