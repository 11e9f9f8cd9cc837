"""The docks in a window of 1366 by 768 pixels, the size of a small laptop."""

import pytest
from bluesky import plans as bp
from qtpy.QtCore import QPoint, QSize
from qtpy.QtWidgets import QApplication, QWidget

from napari_skylight import Session, attach
from napari_skylight.plugin import _attachments
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


@pytest.mark.parametrize("name", ["Devices", "Runs"])
def test_a_dock_opened_below_another_has_room(session, make_napari_viewer, qtbot, name):
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    window.resize(SCREEN)
    attach(viewer, session)
    _, above = viewer.window.add_plugin_dock_widget(_attachments.PLUGIN, "Plan control")
    qtbot.waitUntil(lambda: above.isVisible() and above.height() > 500, timeout=5000)
    _, below = viewer.window.add_plugin_dock_widget(_attachments.PLUGIN, name)
    qtbot.waitUntil(lambda: below.height() > 300, timeout=5000)
    assert above.height() >= above.minimumSizeHint().height()
    assert window.size() == SCREEN
