"""Settings of all kinds of devices: found, described, followed and changed."""

import asyncio
import time

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis
from ophyd_async.core import Device, StandardReadable, soft_signal_r_and_setter, soft_signal_rw

from napari_skylight.devices import mmcore, sim
from napari_skylight.engine import Status
from napari_skylight.session import SessionState, SettingInfo, SettingKind, SettingsWatch
from napari_skylight.session._device_signals import settings_of
from napari_skylight.testing import FakeCamera, wait_until


class Dial:
    """A part that tells nothing by itself, has no limits, and refuses some values."""

    parent = None

    def __init__(self, name="dial", value=20.0, most=10_000.0):
        self.name = name
        self.value = value
        self.most = most
        self.reads = 0
        self.fail_read = None
        self.release = None

    def set(self, value):
        status = Status()
        if value > self.most:
            status.set_exception(ValueError(f"{value:g} is above {self.most:g}."))
        elif self.release is None:
            self.value = value
            status.set_finished()
        else:
            self.release.append((status, value))
        return status

    def finish(self):
        for status, value in self.release:
            self.value = value
            status.set_finished()
        self.release.clear()

    def read(self):
        self.reads += 1
        if self.fail_read is not None:
            raise self.fail_read
        return {self.name: {"value": self.value, "timestamp": time.time()}}

    def describe(self):
        return {self.name: {"source": "test", "dtype": "number", "shape": [], "units": "ms"}}


@pytest.fixture
def scope(session):
    session.open_microscope(lambda: sim.microscope(sensor=(64, 64))).result(timeout=30)
    return session.devices


@pytest.fixture
def follow(session):
    """Follow a device, added first if need be."""
    watches = []

    def follow_one(device):
        if device.name not in session.devices:
            session.add_device(device).result(timeout=5)
        watch = SettingsWatch(session, device)
        watches.append(watch)
        watch.start()
        wait_until(lambda: all(state.info for state in watch.states.values()))
        return watch

    yield follow_one
    for watch in watches:
        watch.stop()


def paths(device):
    return [setting.path for setting in settings_of(device)]


def value(watch, path):
    return watch.states[path].value


def test_a_camera_s_settings_are_its_parts(scope):
    assert paths(scope["camera"]) == [
        *("camera.exposure", "camera.gain", "camera.binning", "camera.roi_x", "camera.roi_y"),
        *("camera.roi_width", "camera.roi_height", "camera.bit_depth"),
    ]
    labels = [setting.label for setting in settings_of(scope["camera"])]
    assert labels[0] == "Exposure"
    assert labels[5] == "ROI width"


def test_parts_of_parts_are_found(scope):
    assert paths(scope["stage"]) == ["stage.x", "stage.x.velocity", "stage.y", "stage.y.velocity"]
    assert settings_of(scope["stage"])[1].label == "X velocity"


def test_a_device_that_can_be_set_is_a_setting_itself(scope):
    assert paths(scope["focus"]) == ["focus", "focus.velocity"]
    assert paths(scope["light"]) == ["light", "light.channel", "light.intensity"]
    assert all(setting.settable for setting in settings_of(scope["light"]))


def test_a_light_that_cannot_be_read_can_be_set(light):
    (setting,) = settings_of(light)
    assert setting.settable
    assert not setting.readable


def test_what_takes_frames_is_no_value():
    assert settings_of(FakeCamera()) == ()


def test_what_can_only_be_read_is_no_setting():
    class Chamber(StandardReadable):
        def __init__(self):
            self.temperature, self.warm = soft_signal_r_and_setter(float, 36.8, units="°C")
            self._hidden = soft_signal_rw(float, 0.0)
            super().__init__("chamber")

    (setting,) = settings_of(Chamber())
    assert setting.path == "chamber.temperature"
    assert not setting.settable


@pytest.mark.parametrize(
    ("data_key", "info"),
    [
        (
            {"dtype": "number", "shape": [], "units": "ms", "precision": 3},
            SettingInfo(SettingKind.NUMBER, "ms", digits=3),
        ),
        (
            {"dtype": "integer", "shape": [], "limits": {"control": {"low": 1, "high": None}}},
            SettingInfo(SettingKind.INTEGER, low=1, whole=True),
        ),
        (
            {"dtype": "number", "lower_ctrl_limit": -2.0, "upper_ctrl_limit": 2.0},
            SettingInfo(SettingKind.NUMBER, low=-2.0, high=2.0),
        ),
        (
            {"dtype": "number", "lower_ctrl_limit": 0, "upper_ctrl_limit": 0},
            SettingInfo(SettingKind.NUMBER),
        ),
        (
            {"dtype": "number", "limits": {"control": {"low": 0.0, "high": float("inf")}}},
            SettingInfo(SettingKind.NUMBER, low=0.0),
        ),
        (
            {"dtype": "integer", "shape": [], "choices": ["1", "2"]},
            SettingInfo(SettingKind.CHOICE, choices=("1", "2"), whole=True),
        ),
        (
            {"dtype": "string", "shape": [], "enum_strs": ("Out", "In")},
            SettingInfo(SettingKind.CHOICE, choices=("Out", "In")),
        ),
        ({"dtype": "boolean", "shape": []}, SettingInfo(SettingKind.BOOL)),
        ({"dtype": "string", "shape": []}, SettingInfo(SettingKind.TEXT)),
        ({"dtype": "array", "shape": [3]}, None),
        ({"dtype": "number", "shape": [3]}, None),
        ({}, None),
    ],
)
def test_a_data_key_says_what_values_there_are(data_key, info):
    assert SettingInfo.of(data_key) == info


@pytest.mark.parametrize(
    ("info", "shown", "text"),
    [
        (SettingInfo(SettingKind.NUMBER, "µm"), 1 / 3, "0.333333 µm"),
        (SettingInfo(SettingKind.NUMBER, "µm", digits=2), 1 / 3, "0.33 µm"),
        (SettingInfo(SettingKind.INTEGER, whole=True), 4, "4"),
        (SettingInfo(SettingKind.BOOL), True, "on"),
        (SettingInfo(SettingKind.TEXT), None, ""),
    ],
)
def test_a_value_is_said_with_its_unit(info, shown, text):
    assert info.said(shown) == text


def test_a_watch_knows_values_limits_and_choices(scope, follow):
    states = follow(scope["camera"]).states
    assert states["camera.exposure"].value == 20.0
    info = states["camera.exposure"].info
    assert (info.unit, info.low, info.high) == ("ms", 0.1, 10_000.0)
    assert states["camera.binning"].info.choices == ("1", "2", "4")
    assert states["camera.binning"].value == 1


def test_a_change_elsewhere_is_told(scope, follow, session):
    watch = follow(scope["light"])
    assert value(watch, "light.channel") == "GFP"
    session.set("light.channel", "DAPI").result(timeout=5)
    wait_until(lambda: value(watch, "light.channel") == "DAPI")
    session.set("light", True).result(timeout=5)
    wait_until(lambda: value(watch, "light") is True)


def test_changes_are_announced_once_until_taken(scope, follow, session):
    watch = follow(scope["camera"])
    watch.take()
    announced = []
    watch.changed.connect(lambda: announced.append(1))
    for exposure in (21.0, 22.0, 23.0):
        session.set("camera.exposure", exposure).result(timeout=5)
    wait_until(lambda: value(watch, "camera.exposure") == 23.0)
    assert len(announced) == 1
    assert watch.take()["camera.exposure"].value == 23.0
    session.set("camera.exposure", 24.0).result(timeout=5)
    wait_until(lambda: len(announced) == 2)


def test_limits_follow_what_they_depend_on(scope, follow, session):
    watch = follow(scope["camera"])
    assert watch.states["camera.roi_x"].info.high == 0
    session.set("camera.roi_width", 40).result(timeout=5)
    wait_until(lambda: watch.states["camera.roi_x"].info.high == 24)


def test_a_move_is_pending_until_it_is_there_and_told_on_the_way(scope, follow):
    watch = follow(scope["stage"])
    seen = []
    watch.changed.connect(lambda: seen.append(watch.take().get("stage.x")))
    watch.take()
    watch.set("stage.x", 300.0)
    assert watch.states["stage.x"].pending == 1
    wait_until(lambda: not watch.states["stage.x"].pending)
    assert value(watch, "stage.x") == 300.0
    on_the_way = [state.value for state in seen if state is not None and state.pending]
    assert any(0.0 < position < 300.0 for position in on_the_way)
    assert not watch.states["stage.x"].refusal


def test_a_refusal_says_why_and_the_true_value_stands(scope, follow):
    watch = follow(scope["camera"])
    watch.set("camera.exposure", 12_000.0)
    wait_until(lambda: not watch.states["camera.exposure"].pending)
    state = watch.states["camera.exposure"]
    assert state.refusal == "Exposure 12000 ms is above the camera's 10000 ms."
    assert state.value == 20.0
    watch.set("camera.exposure", 30.0)
    wait_until(lambda: value(watch, "camera.exposure") == 30.0)
    assert not watch.states["camera.exposure"].refusal


def test_a_part_that_does_not_tell_is_read_now_and_then(follow):
    dial = Dial()
    watch = follow(dial)
    wait_until(lambda: value(watch, "dial") == 20.0)
    dial.value = 30.0
    wait_until(lambda: value(watch, "dial") == 30.0)


def test_the_end_of_a_change_comes_with_the_new_value(follow):
    dial = Dial()
    dial.release = []
    watch = follow(dial)
    wait_until(lambda: value(watch, "dial") == 20.0)
    ended = []

    def note():
        state = watch.take().get("dial")
        if state is not None and not state.pending:
            ended.append(state.value)

    watch.changed.connect(note)
    watch.take()
    watch.set("dial", 50.0)
    wait_until(lambda: dial.release)
    dial.finish()
    wait_until(lambda: ended)
    assert ended[0] == 50.0


def test_a_part_that_does_not_answer_says_why_until_it_does(follow):
    dial = Dial()
    watch = follow(dial)
    dial.fail_read = OSError("The cable is out.")
    wait_until(lambda: watch.states["dial"].trouble == "The cable is out.")
    dial.fail_read = None
    wait_until(lambda: not watch.states["dial"].trouble)


def test_ophyd_s_motors_are_settings(follow):
    watch = follow(SynAxis(name="motor"))
    assert paths(watch.device) == ["motor"]
    watch.set("motor", 3.0)
    wait_until(lambda: value(watch, "motor") == 3.0)


def test_what_ophyd_tells_makes_it_read(follow, session):
    motor = SynAxis(name="motor")
    watch = follow(motor)
    wait_until(lambda: value(watch, "motor") == 0)
    motor.set(7.0).wait(timeout=5)
    wait_until(lambda: value(watch, "motor") == 7.0)


def test_ophyd_async_s_own_signals_are_settings(follow):
    class Box(Device):
        def __init__(self):
            self.flag = soft_signal_rw(bool, False)
            self.note = soft_signal_rw(str, "none")
            self.count = soft_signal_rw(int, 3)
            super().__init__("box")

    watch = follow(Box())
    watch.set("box.flag", True)
    watch.set("box.note", "wet")
    watch.set("box.count", 4)
    wait_until(lambda: [state.value for state in watch.states.values()] == [True, "wet", 4])


def test_a_plan_s_light_is_seen_to_go_out(scope, follow, session):
    watch = follow(scope["light"])
    session.start("live_view", {"cameras": ["camera"], "light": "light"})
    wait_until(lambda: value(watch, "light") is True)
    session.stop().result(timeout=5)
    wait_until(lambda: value(watch, "light") is False)


def test_a_light_that_does_not_tell_is_known_until_something_else_happens(session, light, follow):
    watch = follow(light)
    assert value(watch, "light") is None
    watch.set("light", True)
    wait_until(lambda: value(watch, "light") is True)

    def nothing() -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(nothing)
    session.start("nothing").result(timeout=5)
    wait_until(lambda: value(watch, "light") is None)


def test_nothing_is_read_while_a_plan_pauses(session, follow, monkeypatch):
    dial = Dial()
    watch = follow(dial)
    monkeypatch.setattr(session.tasks, "state", SessionState.PAUSING)
    reads = dial.reads
    watch.set("dial", 30.0)
    wait_until(lambda: not watch.states["dial"].pending)
    assert dial.reads <= reads + 1  # one may have begun before
    monkeypatch.setattr(session.tasks, "state", SessionState.PAUSED)
    wait_until(lambda: value(watch, "dial") == 30.0)


def test_a_stopped_watch_asks_nothing_but_sees_a_change_to_its_end(session, follow):
    dial = Dial()
    dial.release = []
    watch = follow(dial)
    watch.set("dial", 40.0)
    wait_until(lambda: dial.release)
    watch.stop()
    dial.finish()
    wait_until(lambda: not watch.states["dial"].pending)
    assert value(watch, "dial") == 40.0
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0), session.engine.loop).result(timeout=5)
    tasks = asyncio.run_coroutine_threadsafe(count_follows(), session.engine.loop)
    assert tasks.result(timeout=5) == 0
    assert not len(session.state_changed)


async def count_follows():
    return sum("SettingsWatch._follow" in repr(task.get_coro()) for task in asyncio.all_tasks())


def test_a_stopped_watch_has_no_subscription(scope, session):
    exposure = scope["camera"].exposure
    watch = SettingsWatch(session, scope["camera"])
    watch.start()
    wait_until(lambda: exposure._cache is not None)
    watch.stop()
    wait_until(lambda: exposure._cache is None)


def test_a_closed_session_is_asked_nothing(session):
    dial = Dial()
    session.add_device(dial).result(timeout=5)
    watch = SettingsWatch(session, dial)
    session.close()
    watch.start()
    watch.set("dial", 30.0)
    assert dial.reads == 0
    assert watch.states["dial"].pending == 0


def test_a_session_may_close_while_it_is_watched(scope, session):
    watch = SettingsWatch(session, scope["stage"])
    watch.start()
    watch.set("stage.x", 900.0)
    wait_until(lambda: watch.states["stage.x"].value)
    session.close()
    watch.stop()


def test_micro_manager_s_devices_are_watched_too(session, follow):
    devices = {d.name: d for d in session.open_microscope(mmcore.microscope).result(30).devices}
    camera = follow(devices["camera"])
    wait_until(lambda: value(camera, "camera.exposure") is not None)
    camera.set("camera.exposure", 33.0)
    wait_until(lambda: value(camera, "camera.exposure") == 33.0)
    light = follow(devices["light"])
    light.set("light", False)
    wait_until(lambda: value(light, "light") is False)
    session.start("live_view", {"cameras": ["camera"], "light": "light"})
    wait_until(lambda: value(light, "light") is True)
    session.pause()
    wait_until(lambda: value(light, "light") is False)
    wait_until(lambda: session.state is SessionState.PAUSED)
    session.resume()
    wait_until(lambda: value(light, "light") is True)
    session.stop().result(timeout=5)
    wait_until(lambda: value(light, "light") is False)
