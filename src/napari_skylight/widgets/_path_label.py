"""The path of a file, which a click copies."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeyEvent, QMouseEvent
from qtpy.QtWidgets import QSizePolicy, QToolTip
from superqt import QElidingLabel

from napari_skylight.widgets._display_text import plain_tip


class PathLabel(QElidingLabel):
    """A path, elided in the middle; a click or the space bar copies it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._path: Path | None = None
        self.setObjectName(name)
        self.setIndent(0)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        # a long name does not widen the dock
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_path(self, path: Path | None, text: str = "") -> None:
        """Show `path`, as `text` if there is one; otherwise its name."""
        if path is not None:
            text = text or f"…/{path.name}"
        if path == self._path and text == self.text():
            return
        self._path = path
        self.setText(text)
        self.setAccessibleName(str(path or ""))
        self.setToolTip("" if path is None else plain_tip(f"{path}\nClick to copy the path"))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Copy the path."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._copy()
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Copy the path with the space bar, as a button is pressed."""
        if event.key() == Qt.Key.Key_Space:
            self._copy()
        else:
            super().keyPressEvent(event)

    def _copy(self) -> None:
        if self._path is not None:
            QGuiApplication.clipboard().setText(str(self._path))
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), "Path copied", self)
