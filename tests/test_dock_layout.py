"""Where the docks are in a window, and what fits on the screen of a small laptop."""

import pytest
from bluesky import plans as bp
from qtpy.QtCore import QPoint, QRect, QSize, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_skylight import Session, attach
from napari_skylight.plugin import _attachments
from napari_skylight.plugin._dock_layout import DockLayout
from napari_skylight.testing import FakeCamera, FakeLight

SCREEN = QSize(1366, 768)


@pytest.fixture
def session(qtbot):
    with Session() as made:
        made.add_device(FakeCamera(seconds=0.002)).result(timeout=5)
        made.add_device(FakeLight()).result(timeout=5)
        made.add_plan(bp.grid_scan)
        yield made
        qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    _attachments.close_session()


@pytest.mark.parametrize("plan", ["live_view", "snap", "grid_scan"])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_plan_control_fits_beside_the_layers(session, make_napari_viewer, qtbot, plan, theme):
    viewer = make_napari_viewer(show=True)
    viewer.theme = theme
    window = viewer.window._qt_window
    window.resize(SCREEN)
    attach(viewer, session)
    _, dock = viewer.window.add_plugin_dock_widget(_attachments.PLUGIN, "Plan control")
    session.choose(plan, {})
    session.report("The stack is full with 1000 frames. " * 5)
    qtbot.waitUntil(dock.isVisible, timeout=5000)
    QApplication.processEvents()
    assert window.minimumSizeHint().height() <= SCREEN.height()
    assert window.size() == SCREEN
    for name in ("plan", "run", "ends", "pause", "state", "error", "details", "microscope"):
        widget = dock.findChild(QWidget, name)
        bottom = widget.mapTo(window, QPoint(widget.width(), widget.height()))
        assert widget.isVisible(), name
        assert bottom.y() <= SCREEN.height(), name
        assert bottom.x() <= SCREEN.width(), name


@pytest.fixture
def open_window(session, make_napari_viewer, qtbot):
    """Open a window of a size, with docks in it; returns what is in each."""

    def open_one(*names, size=SCREEN):
        viewer = make_napari_viewer(show=True)
        window = viewer.window._qt_window
        window.resize(size)
        attach(viewer, session)
        panels = {}
        for name in names:
            _, panels[name] = viewer.window.add_plugin_dock_widget(_attachments.PLUGIN, name)
            qtbot.waitUntil(panels[name].isVisible, timeout=5000)
        assert window.size() == size
        return viewer, panels

    return open_one


def tabs_of(panel):
    dock = panel.parent()
    return {each.windowTitle() for each in dock.parent().tabifiedDockWidgets(dock)}


def is_in_front(panel):
    return not panel.visibleRegion().isEmpty()


def has_its_height(control):
    return control.height() >= control.sizeHint().height()


ORDERS = [("Plan control", "Devices", "Runs"), ("Runs", "Plan control", "Devices")]


@pytest.mark.parametrize("size", [SCREEN, QSize(1024, 700)])
@pytest.mark.parametrize("order", ORDERS)
def test_plan_control_has_its_height_and_the_others_are_tabs(open_window, qtbot, order, size):
    viewer, panels = open_window(*order, size=size)
    control, devices = panels["Plan control"], panels["Devices"]
    qtbot.waitUntil(lambda: has_its_height(control), timeout=5000)
    assert tabs_of(devices) == {"Runs"}
    assert tabs_of(control) == set()
    front = panels[order[-1]]
    qtbot.waitUntil(lambda: is_in_front(front), timeout=5000)
    assert front.height() >= size.height() - 470
    assert control.mapToGlobal(QPoint()).y() < front.mapToGlobal(QPoint()).y()
    control.findChild(QWidget, "more").expand(animate=False)
    before = control.height()
    qtbot.waitUntil(lambda: control.height() > before, timeout=5000)
    qtbot.waitUntil(lambda: has_its_height(control) or front.height() < 220, timeout=5000)
    assert viewer.window._qt_window.size() == size


def test_the_default_arrangement_is_the_same_after_a_restart(open_window, qtbot):
    for order in (*ORDERS, ("Plan control", "Devices")):
        viewer, panels = open_window(*order)
        control, devices = panels["Plan control"], panels["Devices"]
        qtbot.waitUntil(lambda: has_its_height(control), timeout=5000)  # noqa: B023
        assert tabs_of(devices) == set(order) - {"Plan control", "Devices"}
        assert tabs_of(control) == set()
        devices.parent().raise_()
        qtbot.waitUntil(lambda: is_in_front(devices), timeout=5000)  # noqa: B023
        assert devices.mapToGlobal(QPoint()).y() > control.mapToGlobal(QPoint()).y()
        assert devices.mapToGlobal(QPoint()).x() == control.mapToGlobal(QPoint()).x()
        panels[order[-1]].parent().raise_()
        viewer.close()


def test_a_height_that_the_user_drags_is_kept(open_window, qtbot):
    viewer, panels = open_window("Plan control", "Devices")
    window = viewer.window._qt_window
    control = panels["Plan control"].parent()
    qtbot.waitUntil(lambda: has_its_height(panels["Plan control"]), timeout=5000)
    handle, before = window.windowHandle(), control.height()
    button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    def is_dragged():
        start = control.geometry().bottomLeft() + QPoint(100, 4)
        QTest.mousePress(handle, button, none, start)
        QTest.mouseMove(handle, start + QPoint(0, 30))
        QTest.mouseMove(handle, start + QPoint(0, 60))
        QApplication.processEvents()
        QTest.mouseRelease(handle, button, none, start + QPoint(0, 60))
        return control.height() > before

    qtbot.waitUntil(is_dragged, timeout=5000)
    height = control.height()
    viewer.close()
    _, panels = open_window("Plan control", "Devices")
    qtbot.waitUntil(lambda: panels["Plan control"].parent().height() == height, timeout=5000)


def test_the_user_s_arrangement_is_kept(open_window, qtbot, home):
    viewer, panels = open_window(*ORDERS[0])
    window = viewer.window._qt_window
    control, devices, runs = (panels[name].parent() for name in ORDERS[0])
    qtbot.waitUntil(lambda: is_in_front(panels["Runs"]), timeout=5000)
    window.splitDockWidget(control, devices, Qt.Orientation.Vertical)  # of no tab
    window.splitDockWidget(devices, control, Qt.Orientation.Vertical)
    window.tabifyDockWidget(control, runs)
    control.raise_()
    window.resizeDocks([devices], [380], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: is_in_front(panels["Plan control"]), timeout=5000)
    qtbot.waitUntil(lambda: devices.width() == 380, timeout=5000)
    assert tabs_of(panels["Plan control"]) == {"Runs"}
    viewer.close()

    for order in (ORDERS[0], ORDERS[1]):
        viewer, panels = open_window(*order)
        control, devices, runs = (panels[name] for name in ORDERS[0])
        qtbot.waitUntil(lambda: tabs_of(control) == {"Runs"}, timeout=5000)  # noqa: B023
        qtbot.waitUntil(lambda: devices.parent().width() == 380, timeout=5000)  # noqa: B023
        assert tabs_of(devices) == set()
        front = panels["Runs"] if order == ORDERS[0] else control
        assert devices.mapToGlobal(QPoint()).y() < front.mapToGlobal(QPoint()).y()
        control.parent().raise_()
        viewer.close()

    viewer, _ = open_window()
    _attachments.open_docks(viewer)  # as the command napari-skylight does
    assert set(viewer.window.dock_widgets) == {f"{name} (napari-skylight)" for name in ORDERS[0]}


def test_a_floating_dock_floats_where_it_was(open_window, qtbot):
    viewer, panels = open_window("Devices")
    dock = panels["Devices"].parent()
    dock.setFloating(True)
    dock.setGeometry(200, 150, 330, 420)
    qtbot.waitUntil(lambda: dock.isFloating() and dock.width() == 330, timeout=5000)
    viewer.close()
    _, panels = open_window("Devices")
    dock = panels["Devices"].parent()
    qtbot.waitUntil(dock.isFloating, timeout=5000)
    qtbot.waitUntil(lambda: dock.geometry() == QRect(200, 150, 330, 420), timeout=5000)


BROKEN = ["", "{", "[]", '{"version": 1}', '{"version": 0, "docks": {"Runs": 3}}']
BROKEN += ['{"version": 1, "docks": {"Runs": {"rect": [1, 2]}}}', '{"version": 1, "docks": [1]}']


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_used_changes_nothing(qtbot, home, caplog, text):
    home.mkdir()
    (home / "docks.json").write_text(text)
    window = QMainWindow()
    qtbot.addWidget(window)
    layout = DockLayout(window, home)
    assert layout.open_docks == []
    is_old = '"version": 0' in text
    assert [each.levelname for each in caplog.records] == ([] if is_old else ["WARNING"])
    assert is_old or "docks.json" in caplog.text
