"""Whether a panel is visible: shown, and in front of the other tabs of its dock."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Signal
from qtpy.QtWidgets import QDockWidget, QWidget


class DockVisibility(QObject):
    """Follows a panel in any dock, or in none; a minimised window counts as visible.

    Qt does not hide what is in a tab behind another, so that show and hide events are not enough.

    Parameters
    ----------
    panel : QWidget
    """

    changed = Signal(bool)

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._panel = panel
        self._is_shown = self._is_in_front = self._was_visible = False
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the panel as it is docked, shown and hidden."""
        kind = event.type()
        if kind == QEvent.Type.ParentChange:
            self._is_in_front = True
            if isinstance(dock := self._panel.parent(), QDockWidget):
                dock.visibilityChanged.connect(self._on_dock_visibility_changed)
        elif kind in (QEvent.Type.Show, QEvent.Type.Hide) and not event.spontaneous():
            self._is_shown = kind == QEvent.Type.Show
            self._refresh()
        return False

    def _on_dock_visibility_changed(self, visible: bool) -> None:
        if self.sender() is self._panel.parent() and not self._panel.window().isMinimized():
            self._is_in_front = visible
            self._refresh()

    def _refresh(self) -> None:
        visible = self._is_shown and (self._is_in_front or self._panel.isWindow())
        if visible != self._was_visible:
            self._was_visible = visible
            self.changed.emit(visible)
