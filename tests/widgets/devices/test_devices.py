"""The devices dock, driven as a person does."""

import gc
import time
import weakref

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import Device, StandardReadable, soft_signal_r_and_setter, soft_signal_rw
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication, QListWidget, QWidget

from napari_skylight.devices import sim
from napari_skylight.engine import Status
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets.devices._panel import DevicesPanel


class Exposure:
    """Has a limit that it tells only by refusing, and does not tell its changes."""

    def __init__(self, camera):
        self.name = f"{camera.name}-exposure"
        self.parent = camera
        self.value = 20.0
        self.asked = []
        self.waiting = None

    def set(self, value):
        self.asked.append(value)
        status = Status()
        if self.waiting is not None:
            self.waiting.append(status)
        elif value > 10_000:
            status.set_exception(
                ValueError(f"Exposure {value:g} ms is above the camera's 10000 ms.")
            )
        else:
            self.value = value
            status.set_finished()
        return status

    def read(self):
        return {self.name: {"value": self.value, "timestamp": time.time()}}

    def describe(self):
        return {self.name: {"source": "test", "dtype": "number", "shape": [], "units": "ms"}}


class BenchCamera(FakeCamera):
    """A camera with an exposure to set, which its frames are taken with."""

    def __init__(self, name="camera"):
        super().__init__(name, seconds=0.002)
        self.exposure = Exposure(self)

    def children(self):
        yield "exposure", self.exposure

    def read(self):
        return {**super().read(), **self.exposure.read()}

    def describe(self):
        return {**super().describe(), **self.exposure.describe()}


class Person:
    """Someone in front of the dock, who knows things by name and looks before acting."""

    def __init__(self, qtbot, dock):
        self.qtbot = qtbot
        self.dock = dock

    def find(self, name):
        self.waits(lambda: self.dock.findChild(QWidget, name) is not None)
        return self.dock.findChild(QWidget, name)

    def waits(self, condition):
        self.qtbot.waitUntil(condition, timeout=10_000)

    def sees(self, name, text):
        """Wait until `name` shows exactly `text`."""
        self.waits(lambda: self.find(name).isVisible() and self.text(name) == text)

    def text(self, name):
        widget = self.find(name)
        return widget.currentText() if hasattr(widget, "currentText") else widget.text()

    def shows(self, name):
        found = self.dock.findChild(QWidget, name)
        return found is not None and found.isVisible()

    def devices(self):
        listed = self.dock.findChild(QListWidget, "devices")
        return [listed.item(row).text() for row in range(listed.count())]

    def chooses(self, device):
        """Go to `device` with the arrow keys."""
        listed = self.find("devices")
        listed.setFocus()
        self.press("devices", Qt.Key.Key_Home)
        for _ in self.devices():
            if listed.currentItem().text() == device:
                return
            self.press("devices", Qt.Key.Key_Down)
        assert listed.currentItem().text() == device

    def press(self, name, key):
        self.qtbot.keyClick(self.find(name), key)

    def types(self, name, text):
        """Type over what stands there, without entering it."""
        widget = self.find(name)
        widget.setFocus()
        self.qtbot.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.qtbot.keyClicks(widget, text)

    def enters(self, name, text):
        self.types(name, text)
        self.press(name, Qt.Key.Key_Return)

    def searches(self, text):
        self.types("search", text)


@pytest.fixture
def open_dock(qtbot, session):
    def open_one():
        dock = DevicesPanel(session)
        qtbot.addWidget(dock, before_close_func=lambda made: made.close_links())
        dock.resize(300, 500)
        dock.show()
        qtbot.waitExposed(dock)
        dock.activateWindow()
        return Person(qtbot, dock)

    yield open_one
    session.stop().result(timeout=5)
    QApplication.processEvents()


@pytest.fixture
def scope(session):
    session.open_microscope(lambda: sim.microscope(sensor=(64, 64))).result(timeout=30)
    return session.devices


@pytest.fixture
def bench(session):
    camera = BenchCamera()
    session.add_device(camera).result(timeout=5)
    return camera


@pytest.fixture
def person(open_dock):
    return open_dock()


def newest(session, key):
    """Return what the newest live frame says of `key`."""
    (cache,) = [cache for cache in session.caches if cache.kind == "live"]
    reader = cache.reader()
    taken = reader.take("camera") if "camera" in reader.keys else None
    return None if taken is None or taken.frame is None else taken.frame.metadata.get(key)


def test_the_first_device_is_shown_with_its_values_and_units(scope, person):
    assert person.devices() == ["camera", "stage", "focus", "light"]
    person.sees("setting:camera.exposure", "20 ms")
    person.sees("setting:camera.binning", "1")
    person.sees("setting:camera.roi_width", "64 px")
    assert person.find("setting:camera.exposure").toolTip() == "0.1 to 10000 ms"
    assert not person.shows("setting-error")
    assert not person.shows("note")


def test_exposure_is_set_while_live_view_runs(scope, person, session):
    session.start("live_view", {"cameras": ["camera"]})
    person.enters("setting:camera.exposure", "35")
    person.waits(lambda: newest(session, "camera-exposure") == 35.0)
    person.enters("setting:camera.gain", "2.5")
    person.waits(lambda: newest(session, "camera-gain") == 2.5)
    assert session.state.busy


def test_a_number_goes_step_by_step_with_the_arrow_keys(scope, person, session):
    person.sees("setting:camera.gain", "1")
    person.press("setting:camera.gain", Qt.Key.Key_Up)
    person.waits(lambda: scope["camera"].gain.value > 1)
    person.waits(
        lambda: person.find("setting:camera.gain").number_or_none() == scope["camera"].gain.value
    )


def test_nothing_is_set_before_it_is_entered(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "55")
    assert bench.exposure.asked == []
    person.find("search").setFocus()
    person.waits(lambda: bench.exposure.asked == [55.0])


def test_escape_gives_up_what_was_typed(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "55")
    person.press("setting:camera.exposure", Qt.Key.Key_Escape)
    assert person.text("setting:camera.exposure") == "20 ms"
    person.press("setting:camera.exposure", Qt.Key.Key_Return)
    assert bench.exposure.asked == []


def test_what_the_hardware_refuses_goes_back_and_says_why(bench, person, session):
    session.start("live_view", {"cameras": ["camera"]})
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", "12000")
    person.sees("setting-error", "Exposure 12000 ms is above the camera's 10000 ms.")
    person.sees("setting:camera.exposure", "20 ms")
    assert bench.exposure.value == 20.0
    assert session.state.busy
    person.enters("setting:camera.exposure", "30")
    person.waits(lambda: not person.shows("setting-error"))
    person.waits(lambda: bench.exposure.value == 30.0)
    person.sees("setting:camera.exposure", "30 ms")
    assert bench.exposure.asked == [12000.0, 30.0]


def test_the_limits_of_the_device_are_those_of_the_field(scope, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    person.enters("setting:camera.exposure", "12000")
    person.sees("setting:camera.exposure", "20 ms")
    assert scope["camera"].exposure.value == 20
    person.sees("setting:camera.roi_x", "0 px")
    assert person.find("setting:camera.roi_x").bounds.high == 0
    person.enters("setting:camera.roi_width", "40")
    person.waits(lambda: person.find("setting:camera.roi_x").bounds.high == 24)


@pytest.mark.parametrize("nonsense", ["", "-", "1e"])
def test_what_is_no_number_is_not_sent_to_the_device(bench, person, nonsense):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", nonsense)
    person.press("setting:camera.exposure", Qt.Key.Key_Return)
    assert person.text("setting:camera.exposure") == "20 ms"
    assert bench.exposure.asked == []
    person.enters("setting:camera.exposure", "2e1")
    assert bench.exposure.asked == []
    person.enters("setting:camera.exposure", "1e-9")
    person.waits(lambda: bench.exposure.asked == [1e-9])


def test_a_change_under_way_shows_what_was_entered_and_that_it_is_not_there(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    bench.exposure.waiting = []
    person.enters("setting:camera.exposure", "50")
    person.sees("now:camera.exposure", "20.0 ms")
    assert person.text("setting:camera.exposure") == "50 ms"
    person.waits(lambda: bool(bench.exposure.waiting))
    bench.exposure.value = 50.0
    bench.exposure.waiting[0].set_finished()
    person.sees("now:camera.exposure", "")
    assert person.text("setting:camera.exposure") == "50 ms"


def test_a_stage_shows_where_it_is_as_it_moves(scope, person):
    person.chooses("stage")
    person.sees("setting:stage.x", "0 µm")
    seen = set()
    person.enters("setting:stage.x", "400")

    def has_arrived():
        seen.add(person.text("now:stage.x"))
        return scope["stage"].x.position == 400.0 and not person.text("now:stage.x")

    person.waits(has_arrived)
    assert len([text for text in seen if text.endswith(" µm")]) > 2
    person.sees("setting:stage.x", "400 µm")


def test_focus_is_set(scope, person):
    person.chooses("focus")
    person.enters("setting:focus", "3.5")
    person.waits(lambda: scope["focus"].position == 3.5)
    person.sees("setting:focus", "3.5 µm")


def test_the_light_is_switched_with_the_space_bar(scope, person):
    person.chooses("light")
    person.sees("setting:light", "off")
    person.press("setting:light", Qt.Key.Key_Space)
    person.sees("setting:light", "on")
    assert person.find("setting:light").isChecked()
    assert scope["light"].level > 0
    person.qtbot.mouseClick(person.find("setting:light"), Qt.MouseButton.LeftButton)
    person.sees("setting:light", "off")
    assert scope["light"].level == 0


def test_the_light_is_seen_to_go_out_at_the_end_of_a_plan(scope, person, session):
    person.chooses("light")
    session.start("live_view", {"cameras": ["camera"], "light": "light"})
    person.sees("setting:light", "on")
    session.pause()
    person.sees("setting:light", "off")
    person.waits(lambda: session.state is SessionState.PAUSED)
    session.resume()
    person.sees("setting:light", "on")
    session.stop()
    person.sees("setting:light", "off")
    assert not person.find("setting:light").isChecked()


def test_a_light_that_does_not_say_is_not_known(light, person):
    person.sees("setting:light", "not known")
    person.press("setting:light", Qt.Key.Key_Space)
    person.sees("setting:light", "off")
    person.press("setting:light", Qt.Key.Key_Space)
    person.sees("setting:light", "on")
    assert light.history == [False, True]


def test_a_channel_is_chosen_from_a_list(scope, person):
    person.chooses("light")
    person.sees("setting:light.channel", "GFP")
    person.press("setting:light.channel", Qt.Key.Key_Up)
    person.waits(lambda: scope["light"].channel.value.value == "DAPI")
    person.sees("setting:light.channel", "DAPI")


def test_a_choice_of_numbers_is_set_as_a_number(scope, person, session):
    person.sees("setting:camera.binning", "1")
    person.press("setting:camera.binning", Qt.Key.Key_Down)
    person.waits(lambda: scope["camera"].binning.value == 2)


def test_what_a_plan_sets_appears(scope, person, session):
    def dim() -> MsgGenerator[None]:
        yield from bps.mv(scope["camera"].exposure, 77.0, scope["camera"].binning, 4)

    session.add_plan(dim)
    person.sees("setting:camera.exposure", "20 ms")
    session.start("dim")
    person.sees("setting:camera.exposure", "77 ms")
    person.sees("setting:camera.binning", "4")


def test_what_is_being_typed_is_left_alone(scope, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    person.types("setting:camera.exposure", "6")
    session.set("camera.exposure", 77.0).result(timeout=5)
    session.set("camera.gain", 3.0).result(timeout=5)
    person.sees("setting:camera.gain", "3")
    assert person.text("setting:camera.exposure").startswith("6")
    person.press("setting:camera.exposure", Qt.Key.Key_Escape)
    person.sees("setting:camera.exposure", "77 ms")


def test_text_and_flags_are_set(session, open_dock):
    class Box(Device):
        def __init__(self):
            self.note = soft_signal_rw(str, "dry")
            self.flag = soft_signal_rw(bool, False)
            self.count = soft_signal_rw(int, 3)
            super().__init__("box")

    box = Box()
    session.add_device(box).result(timeout=5)
    person = open_dock()
    person.sees("setting:box.note", "dry")
    person.enters("setting:box.note", "wet")
    person.press("setting:box.flag", Qt.Key.Key_Space)
    person.enters("setting:box.count", "5")
    person.sees("setting:box.flag", "on")
    person.sees("setting:box.note", "wet")
    person.sees("setting:box.count", "5")
    person.types("setting:box.note", "torn")
    person.press("setting:box.note", Qt.Key.Key_Escape)
    person.sees("setting:box.note", "wet")


def test_what_can_only_be_read_is_shown_live(session, open_dock):
    class Chamber(StandardReadable):
        def __init__(self):
            self.temperature, self.warm = soft_signal_r_and_setter(float, 36.8, units="°C")
            super().__init__("chamber")

    chamber = Chamber()
    session.add_device(chamber).result(timeout=5)
    person = open_dock()
    person.sees("reading:chamber.temperature", "36.8 °C")
    session.engine.loop.call_soon_threadsafe(chamber.warm, np.float64(37.1))
    person.sees("reading:chamber.temperature", "37.1 °C")
    assert not person.shows("setting:chamber.temperature")


def test_what_does_not_answer_says_so(bench, person, monkeypatch):
    person.sees("setting:camera.exposure", "20 ms")

    def read():
        raise OSError("The cable is out.")

    monkeypatch.setattr(bench.exposure, "read", read)
    person.sees("now:camera.exposure", "no answer")
    assert person.find("now:camera.exposure").toolTip() == "The cable is out."
    monkeypatch.undo()
    person.sees("now:camera.exposure", "")


def test_search_finds_devices_and_settings(scope, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.searches("roi")
    assert person.devices() == ["camera"]
    assert person.shows("setting:camera.roi_x")
    assert not person.shows("setting:camera.exposure")
    person.searches("stage")
    assert person.devices() == ["stage"]
    person.sees("setting:stage.x", "0 µm")
    person.searches("flux")
    assert person.devices() == []
    person.sees("note", "Nothing is called flux.")
    person.searches("velocity")
    assert person.devices() == ["stage", "focus"]
    person.find("search").clear()
    assert person.devices() == ["camera", "stage", "focus", "light"]
    person.sees("setting:camera.exposure", "20 ms")


def test_devices_come_and_go(person, session):
    person.sees("note", "No device is connected.")
    session.open_microscope(lambda: sim.microscope(sensor=(64, 64))).result(timeout=30)
    person.sees("setting:camera.exposure", "20 ms")
    person.chooses("light")
    person.sees("setting:light.channel", "GFP")
    session.open_microscope(lambda: sim.microscope(1, sensor=(32, 32))).result(timeout=30)
    person.waits(lambda: person.find("devices").currentItem().text() == "light")
    person.press("setting:light", Qt.Key.Key_Space)
    person.waits(lambda: session.devices["light"].level > 0)


def test_a_device_without_settings_says_so(session, camera, person):
    person.sees("note", "There is nothing to set on camera.")


def test_two_docks_stay_in_step(scope, open_dock):
    first, second = open_dock(), open_dock()
    second.sees("setting:camera.exposure", "20 ms")
    first.enters("setting:camera.exposure", "45")
    second.sees("setting:camera.exposure", "45 ms")


def test_a_change_is_seen_to_its_end_after_looking_elsewhere(scope, person):
    person.chooses("stage")
    person.enters("setting:stage.y", "150")
    person.chooses("camera")
    person.sees("setting:camera.exposure", "20 ms")
    person.chooses("stage")
    person.waits(lambda: scope["stage"].y.position == 150.0)
    person.sees("setting:stage.y", "150 µm")
    person.sees("now:stage.y", "")


def test_a_hidden_dock_asks_nothing_and_knows_all_when_shown_again(bench, person):
    person.sees("setting:camera.exposure", "20 ms")
    watch = person.dock._watch
    person.dock.hide()
    assert watch._following is None
    bench.exposure.value = 60.0
    person.dock.show()
    person.sees("setting:camera.exposure", "60 ms")


def test_the_keyboard_alone_reaches_everything(scope, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.find("search").setFocus()
    reached = []
    for _ in range(10):
        person.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget().objectName())
    assert reached[:4] == [
        *("devices", "setting:camera.exposure", "setting:camera.gain", "setting:camera.binning")
    ]
    assert "setting:camera.bit_depth" in reached


def test_the_dock_fits_in_300_pixels(scope, person):
    for device in person.devices():
        person.chooses(device)
        path = settings_shown(person, device)
        person.waits(lambda path=path: person.shows(path))
        assert person.dock.minimumSizeHint().width() <= 300, device


def settings_shown(person, device):
    return {"camera": "setting:camera.exposure", "stage": "setting:stage.x"}.get(
        device, f"setting:{device}"
    )


def test_a_deleted_dock_leaves_nothing_behind(bench, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    watch = person.dock._watch
    assert len(session.devices_changed)
    assert len(watch.changed)
    gone = weakref.ref(person.dock)
    rows = weakref.ref(person.dock._rows)
    person.dock.close_links()
    assert not len(session.devices_changed)
    assert not len(session.state_changed)
    assert not len(watch.changed)
    person.dock.deleteLater()
    del person.dock
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    assert rows() is None


def test_a_dock_deleted_without_a_word_cuts_its_links(bench, session, qtbot):
    dock = DevicesPanel(session)
    dock.show()
    watch = dock._watch
    qtbot.waitUntil(lambda: watch.states["camera.exposure"].value == 20.0, timeout=5000)
    dock.deleteLater()
    QApplication.sendPostedEvents(dock, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    assert not len(session.devices_changed)
    assert not len(session.state_changed)
    assert not len(watch.changed)
    assert watch._following is None


def test_the_session_may_close_before_the_dock(scope, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    session.close()
    person.types("search", "exp")
    person.dock.hide()
    person.dock.show()
