"""Additions to Qt's line edit: a unit at its end, and no limit on its length."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QLabel, QLineEdit

from napari_skylight.widgets._colours import muted

_LONGEST = 2**31 - 1
_MARGIN = 2


def take_any_length(line: QLineEdit) -> QLineEdit:
    """Return `line` without Qt's limit of 32,767 letters, which cuts off longer pasted text."""
    line.setMaxLength(_LONGEST)
    return line


class UnitLabel(QLabel):
    """A unit at the end of `line`, whose text leaves room for it."""

    def __init__(self, unit: str, line: QLineEdit) -> None:
        super().__init__(unit, line)
        self._line = line
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the size and style of the line."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.StyleChange):
            self._follow()
        return bool(super().eventFilter(watched, event))

    def _follow(self) -> None:
        line = self._line
        self.setStyleSheet(f"background: transparent; color: {muted(line).name()};")
        width = self.width_needed()
        line.setTextMargins(0, 0, width, 0)
        self.setGeometry(line.width() - width + _MARGIN, 0, width - _MARGIN, line.height())

    def width_needed(self) -> int:
        """Return the width taken from the text, in pixels."""
        self.ensurePolished()
        return self.sizeHint().width() + _MARGIN
