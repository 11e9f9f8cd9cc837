"""A list and what is chosen of it, wherever the dock is."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QSplitter, QWidget

__all__ = ["LEAST_HEIGHT", "Split"]

LEAST_HEIGHT = 72
"""Of a list, in pixels: a few lines."""

_WIDE = 560
"""Pixels from which there is room for two things beside each other."""


class Split(QSplitter):
    """Two widgets beside each other in a wide dock, one above the other in a high one.

    Parameters
    ----------
    first, second : QWidget
    below : int
        How many times as high the second begins when it is below the first.
    """

    def __init__(self, first: QWidget, second: QWidget, below: int = 1) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._below = below
        self._shared_out = False
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        for widget in (first, second):
            self.addWidget(widget)
            self.setStretchFactor(self.count() - 1, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Turn when the shape of the dock does."""
        super().resizeEvent(event)
        size = event.size()
        wide = size.width() >= _WIDE and size.width() > size.height()
        wanted = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if wanted != self.orientation() or not self._shared_out:
            self._shared_out = True
            self.setOrientation(wanted)
            # more than there is, to be cut down: a size below the least one would count as that
            second = self.height() * (1 if wide else self._below)
            self.setSizes([self.height(), second])
