"""The devices dock: what it lists and finds, where it fits, and its end."""

import gc
import weakref

import numpy as np
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from ophyd_async.core import StandardReadable, soft_signal_r_and_setter
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_skylight.devices import sim
from napari_skylight.session import SessionState
from napari_skylight.widgets import DevicesPanel


def test_the_first_device_is_shown_with_its_values_and_units(scope, person):
    assert person.devices() == ["camera", "stage", "focus", "light"]
    person.sees("setting:camera.exposure", "20 ms")
    person.sees("setting:camera.binning", "1")
    person.sees("setting:camera.roi_width", "64 px")
    assert person.find("setting:camera.exposure").toolTip() == "0.1 to 10000 ms"
    assert not person.shows("note")


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


def test_what_a_plan_sets_appears(scope, person, session):
    def dim() -> MsgGenerator[None]:
        yield from bps.mv(scope["camera"].exposure, 77.0, scope["camera"].binning, 4)

    session.add_plan(dim)
    person.sees("setting:camera.exposure", "20 ms")
    session.start("dim")
    person.sees("setting:camera.exposure", "77 ms")
    person.sees("setting:camera.binning", "4")


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
    person.sees("setting:stage.x", "0 µm")  # expanded by the search
    person.searches("flux")
    assert person.devices() == []
    person.sees("note", "Nothing is called flux.")
    person.searches("velocity")
    assert person.devices() == ["stage", "focus"]
    person.find("search").clear()
    assert person.devices() == ["camera", "stage", "focus", "light"]
    person.sees("setting:camera.exposure", "20 ms")
    assert not person.shows("setting:stage.x")


def test_several_devices_are_expanded_at_once(scope, person, session):
    person.chooses("stage")
    person.sees("setting:camera.exposure", "20 ms")
    person.sees("setting:stage.x", "0 µm")
    session.set("stage.x", 5).result(timeout=5)
    session.set("camera.exposure", 30).result(timeout=5)
    person.sees("setting:stage.x", "5 µm")
    person.sees("setting:camera.exposure", "30 ms")
    person.collapses("stage")
    assert not person.shows("setting:stage.x")
    person.sees("setting:camera.exposure", "30 ms")


def test_devices_come_and_go(person, session):
    person.sees("note", "No device is connected.")
    session.open_microscope(lambda: sim.microscope(sensor=(64, 64))).result(timeout=30)
    person.sees("setting:camera.exposure", "20 ms")
    person.chooses("light")
    person.sees("setting:light.channel", "GFP")
    session.open_microscope(lambda: sim.microscope(1, sensor=(32, 32))).result(timeout=30)
    person.waits(lambda: person.shows("setting:light"))
    person.press("setting:light", Qt.Key.Key_Space)
    person.waits(lambda: session.devices["light"].level > 0)


def test_a_device_without_settings_says_so(session, camera, person):
    person.sees("note:camera", "camera has no signals.")


def test_two_docks_stay_in_step(scope, open_dock):
    first, second = open_dock(), open_dock()
    second.sees("setting:camera.exposure", "20 ms")
    first.enters("setting:camera.exposure", "45")
    second.sees("setting:camera.exposure", "45 ms")


def test_a_hidden_dock_asks_nothing_and_knows_all_when_shown_again(bench, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    assert len(session.state_changed)  # it follows a device
    person.dock.hide()
    assert not len(session.state_changed)
    bench.exposure.value = 60.0
    person.dock.show()
    person.sees("setting:camera.exposure", "60 ms")


def test_a_dock_behind_another_tab_asks_nothing(bench, session, qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    docks = [QDockWidget(name, window) for name in ("Devices", "other")]
    panel = DevicesPanel(session)
    docks[0].setWidget(panel)
    for dock in docks:
        window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    window.show()
    qtbot.waitUntil(lambda: len(session.state_changed) == 1, timeout=5000)
    window.tabifyDockWidget(*docks)
    docks[1].raise_()
    qtbot.waitUntil(lambda: len(session.state_changed) == 0, timeout=5000)
    docks[0].raise_()
    qtbot.waitUntil(lambda: len(session.state_changed) == 1, timeout=5000)
    panel.close_links()


def test_the_keyboard_alone_reaches_everything(scope, person):
    person.sees("setting:camera.exposure", "20 ms")
    person.find("search").setFocus()
    reached = []
    for _ in range(10):
        person.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget().objectName())
    assert reached[:4] == [
        *("device:camera", "setting:camera.exposure", "setting:camera.gain"),
        "setting:camera.binning",
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
    assert len(session.devices_changed)
    assert len(session.state_changed)
    gone = weakref.ref(person.dock)
    rows = weakref.ref(person.find("setting:camera.exposure").parentWidget())
    person.dock.close_links()
    assert not len(session.devices_changed)
    assert not len(session.state_changed)
    person.dock.deleteLater()
    del person.dock
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None
    assert rows() is None


def test_a_dock_deleted_without_a_word_cuts_its_links(bench, session, qtbot):
    dock = DevicesPanel(session)
    dock.show()
    qtbot.waitUntil(lambda: dock.findChild(QWidget, "setting:camera.exposure"), timeout=5000)
    assert len(session.state_changed)
    dock.deleteLater()
    QApplication.sendPostedEvents(dock, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    assert not len(session.devices_changed)
    assert not len(session.state_changed)


def test_the_session_may_close_before_the_dock(scope, person, session):
    person.sees("setting:camera.exposure", "20 ms")
    session.close()
    person.types("search", "exp")
    person.dock.hide()
    person.dock.show()
