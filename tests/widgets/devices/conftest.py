"""The devices dock, its devices, and what a person does with them."""

import time

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QPushButton, QWidget

from napari_skylight.devices import sim
from napari_skylight.engine import Status
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets import DevicesPanel


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
        """Return the devices that are listed, from top to bottom."""
        headers = [
            each
            for each in self.dock.findChildren(QPushButton)
            if each.objectName().startswith("device:") and each.isVisible()
        ]
        headers.sort(key=lambda each: each.mapTo(self.dock, QPoint()).y())
        return [each.accessibleName() for each in headers]

    def chooses(self, device):
        """Go to `device` with the arrow keys, and expand it."""
        first = self.devices()[0]
        self.find(f"device:{first}").setFocus()
        while self.dock.focusWidget().accessibleName() != device:
            self.qtbot.keyClick(self.dock.focusWidget(), Qt.Key.Key_Down)
        self.press(f"device:{device}", Qt.Key.Key_Right)

    def collapses(self, device):
        self.find(f"device:{device}").setFocus()
        self.press(f"device:{device}", Qt.Key.Key_Left)

    def press(self, name, key):
        self.qtbot.keyClick(self.find(name), key)

    def types(self, name, text):
        """Type over what stands there, without entering it."""
        widget = self.find(name)
        widget.setFocus()
        self.qtbot.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.qtbot.keyClick(widget, Qt.Key.Key_Backspace)
        if text.isascii():
            self.qtbot.keyClicks(widget, text)
        else:  # Qt's tests know no keys for these letters
            QGuiApplication.clipboard().setText(text)
            self.qtbot.keyClick(widget, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)

    def enters(self, name, text):
        self.types(name, text)
        self.press(name, Qt.Key.Key_Return)

    def searches(self, text):
        self.types("search", text)


@pytest.fixture
def open_dock(qtbot, session, put_up):
    def open_one():
        dock = put_up(DevicesPanel(session), 300, 500)
        dock.activateWindow()
        return Person(qtbot, dock)

    return open_one


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
