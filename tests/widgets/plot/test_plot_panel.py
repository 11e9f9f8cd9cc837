"""The live plot of a run's numbers."""

import sys

import numpy as np
import pytest
from bluesky import plans as bp
from ophyd.sim import SynAxis, SynGauss
from qtpy.QtWidgets import QLabel

from napari_skylight.widgets import PlotPanel


@pytest.fixture
def axis():
    return SynAxis(name="axis")


@pytest.fixture
def gauss(axis):
    return SynGauss("gauss", axis, "axis", center=0, Imax=1)


@pytest.fixture
def panel(qtbot, session):
    panel = PlotPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def curves(panel):
    """Return the points of each curve in the legend, by its name."""
    return {curve.name(): curve.getData() for curve in panel._plot.getPlotItem().listDataItems()}


def test_a_scan_is_plotted_over_its_signal(qtbot, session, panel, axis, gauss):
    assert panel.findChild(QLabel, "note").isVisible()
    session.engine(bp.scan([gauss], axis, -1, 1, 5)).result(timeout=10)
    qtbot.waitUntil(lambda: "gauss" in curves(panel), timeout=5000)
    qtbot.waitUntil(lambda: len(curves(panel)["gauss"][0]) == 5, timeout=5000)
    x, y = curves(panel)["gauss"]
    np.testing.assert_allclose(x, [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(y, np.exp(-(x**2) / 2))
    assert panel._plot.getAxis("bottom").labelText == "axis"
    assert not panel.findChild(QLabel, "note").isVisible()


def test_the_plot_of_the_next_run_replaces_it(qtbot, session, panel, axis, gauss):
    session.engine(bp.scan([gauss], axis, -1, 1, 5)).result(timeout=10)
    other = SynGauss("other", axis, "axis", center=1, Imax=2)
    session.engine(bp.count([gauss, other], 3)).result(timeout=10)
    qtbot.waitUntil(lambda: set(curves(panel)) == {"gauss", "other"}, timeout=5000)
    qtbot.waitUntil(lambda: len(curves(panel)["other"][0]) == 3, timeout=5000)
    np.testing.assert_allclose(curves(panel)["other"][1], [2, 2, 2])
    assert panel._plot.getAxis("bottom").labelText == "Time (s)"


def test_without_pyqtgraph_the_dock_says_what_to_install(qtbot, session, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyqtgraph", None)
    panel = PlotPanel(session)
    qtbot.addWidget(panel)
    assert 'pip install "napari-skylight[plot]"' in panel.findChild(QLabel, "note").text()


def test_a_closed_panel_hears_nothing_more(qtbot, session, gauss):
    panel = PlotPanel(session)
    listeners = len(session.values.changed)
    panel.deleteLater()
    qtbot.waitUntil(lambda: len(session.values.changed) == listeners - 1, timeout=5000)
    session.engine(bp.count([gauss], 3)).result(timeout=10)
