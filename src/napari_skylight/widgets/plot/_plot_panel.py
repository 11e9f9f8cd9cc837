"""The Plot dock: the numbers of the newest run, over the scanned signal or time."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QVBoxLayout

from napari_skylight.session import Series, Session
from napari_skylight.widgets._colours import ThemedWidget
from napari_skylight.widgets._display_text import text_label
from napari_skylight.widgets._signal_links import Links

_REFRESH_MS = 100
_NO_PLOT = 'The plot takes pyqtgraph: pip install "napari-skylight[plot]", then start napari again.'
_NO_POINTS = "Nothing to plot yet: no run has given numbers."
_COLOURS = "#1f9ede", "#f0883e", "#3fb950", "#d2648c", "#b392f0", "#c9a227", "#6e9c9f", "#c4544a"


class PlotPanel(ThemedWidget):
    """Plots the numbers that the devices of the newest run hint at, by pyqtgraph.

    Drawn up to ten times a second while it is visible.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._plot: Any = None
        self._curves: dict[str, Any] = {}
        self._run = ""  # the uid of that on screen
        self._note = text_label(_NO_POINTS, name="note", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.addWidget(self._note)
        try:
            import pyqtgraph
        except ImportError:
            self._note.setText(_NO_PLOT)
            return
        self._plot = pyqtgraph.PlotWidget(background=None)
        self._plot.addLegend()
        self._plot.showGrid(x=True, y=True, alpha=0.2)
        layout.addWidget(self._plot, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._show)
        self._links = Links(self)
        self._links.connect(session.values.changed, self._on_values_changed)
        self._apply_theme()
        self._show()

    def _on_values_changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _show(self) -> None:
        series = self._session.values.series
        self._note.setVisible(series is None)
        self._plot.setVisible(series is not None)
        if series is None:
            return
        if series.run != self._run:
            self._begin(series)
        for label, values in series.y.items():
            self._curves[label].setData(series.x, values)

    def _begin(self, series: Series) -> None:
        """Show another run."""
        self._run = series.run
        self._plot.clear()
        self._curves = {
            label: self._plot.plot(
                name=label, pen=colour, symbol="o", symbolSize=5, symbolPen=None, symbolBrush=colour
            )
            for label, colour in zip(series.y, _COLOURS * len(series.y), strict=False)
        }
        self._plot.setLabel("bottom", series.x_label)
        self._plot.setLabel("left", *series.y if len(series.y) == 1 else ("",))
        self._plot.enableAutoRange()

    def _apply_theme(self) -> None:
        if self._plot is None:
            return
        text = self.palette().color(QPalette.ColorRole.WindowText)
        for side in ("bottom", "left"):
            axis = self._plot.getAxis(side)
            axis.setPen(text)
            axis.setTextPen(text)
