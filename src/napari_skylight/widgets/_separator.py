"""A thin line between parts."""

from __future__ import annotations

from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_skylight.widgets._colours import faint

__all__ = ["Rule"]


class Rule(QWidget):
    """A horizontal line, in a colour between text and background: styles leave frames invisible."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the line."""
        QPainter(self).fillRect(self.rect(), faint(self))
