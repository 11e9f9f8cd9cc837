"""Room for a dock that is opened below others."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

__all__ = ["RoomClaim"]

_SIDES = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)


class RoomClaim(QObject):
    """Gives a panel the height it hints at when its dock is first shown.

    Qt gives a dock that comes below others no more than its least height. The others keep theirs.

    Parameters
    ----------
    panel : QWidget
        What is in the dock.
    """

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._panel = panel
        self._soon = QTimer(self)  # the window lays its docks out first
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._claim)
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """See the panel being shown for the first time."""
        if event.type() == QEvent.Type.Show:
            watched.removeEventFilter(self)
            self._soon.start(0)
        return False

    def _claim(self) -> None:
        dock: QObject | None = self._panel
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parent()
        window = None if dock is None else dock.parent()
        if dock is None or dock.isFloating() or not isinstance(window, QMainWindow):
            return
        if window.dockWidgetArea(dock) in _SIDES:
            frame = dock.height() - self._panel.height()
            height = self._panel.sizeHint().height() + frame
            window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
