"""A session, its docks, and their user."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox, QWidget

from napari_skylight.widgets import PlanControl


class Person:
    """A user of a dock, who finds widgets by name and waits for them."""

    def __init__(self, qtbot, dock):
        self.qtbot = qtbot
        self.dock = dock

    def find(self, name):
        found = self.dock.findChildren(QWidget, name)
        assert found, f"there is no {name} in the dock"
        return found[-1]

    def has(self, name):
        return any(found.isVisible() for found in self.dock.findChildren(QWidget, name))

    def text(self, name):
        widget = self.find(name)
        return widget.currentText() if isinstance(widget, QComboBox) else widget.text()

    def sees(self, name, part):
        """Wait until `name` shows `part`."""
        self.qtbot.waitUntil(lambda: part in self.text(name), timeout=10_000)

    def waits(self, condition):
        self.qtbot.waitUntil(condition, timeout=10_000)

    def clicks(self, name):
        widget = self.find(name)
        self.waits(widget.isEnabled)
        self.qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def ticks(self, name, text):
        """Click the check box with `text` once it is there."""

        def boxes():
            return [box for box in self.find(name).findChildren(QCheckBox) if box.text() == text]

        self.waits(lambda: bool(boxes()))
        self.qtbot.mouseClick(boxes()[0], Qt.MouseButton.LeftButton)

    def types(self, name, text):
        """Replace the text of a field."""
        widget = self.find(name)
        widget.setFocus()
        self.qtbot.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        self.qtbot.keyClick(widget, Qt.Key.Key_Delete)
        self.qtbot.keyClicks(widget, text)

    def chooses(self, name, text):
        """Go to `text` in a list with the arrow keys."""
        box = self.find(name)
        assert text in [box.itemText(i) for i in range(box.count())]
        box.setFocus()
        for key in (Qt.Key.Key_Home, *[Qt.Key.Key_Down] * box.count()):
            if box.currentText() == text:
                return
            self.qtbot.keyClick(box, key)
        assert box.currentText() == text

    def runs(self):
        """Run the plan and wait for its end."""
        self.clicks("run")
        self.waits(lambda: self.text("run") == "Run")


@pytest.fixture
def put_up(qtbot, session):
    """Show a dock in a window; cut its links when the test ends."""

    def put_one_up(dock, width, height):
        qtbot.addWidget(dock, before_close_func=lambda made: made.close_links())
        dock.resize(width, height)
        dock.show()
        qtbot.waitExposed(dock)
        return dock

    yield put_one_up
    session.stop().result(timeout=5)
    QApplication.processEvents()


@pytest.fixture
def open_dock(qtbot, session, put_up):
    """Return a function that opens a dock."""
    return lambda *counts: Person(qtbot, put_up(PlanControl(session, *counts), 320, 700))


@pytest.fixture
def person(open_dock):
    return open_dock()
