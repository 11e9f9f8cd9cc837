"""Icons painted in a given colour, for buttons and list rows."""

from __future__ import annotations

from typing import Literal

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

Shape = Literal["run", "stop", "pause", "menu"]

_SIZE = 16
_SCALE = 3  # painted larger for high-resolution screens


def shape_icon(shape: Shape, colour: QColor) -> QIcon:
    """Return the icon of a run button."""
    pixmap = _empty_pixmap()
    painter = _painter(pixmap, colour)
    if shape == "run":
        painter.drawPolygon(QPolygonF([QPointF(4, 3), QPointF(13, 8), QPointF(4, 13)]))
    elif shape == "stop":
        painter.drawRoundedRect(QRectF(4, 4, 8, 8), 1, 1)
    elif shape == "menu":
        painter.drawPolygon(QPolygonF([QPointF(4, 6), QPointF(12, 6), QPointF(8, 11)]))
    else:
        painter.drawRect(QRectF(4, 3.5, 3, 9))
        painter.drawRect(QRectF(9, 3.5, 3, 9))
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Disabled)  # not the style's colour
    return icon


def dot_icon(colour: QColor) -> QIcon:
    """Return a dot."""
    pixmap = _empty_pixmap()
    painter = _painter(pixmap, colour)
    painter.drawEllipse(QPointF(8, 8), 4, 4)
    painter.end()
    return QIcon(pixmap)


def _empty_pixmap() -> QPixmap:
    pixmap = QPixmap(_SIZE * _SCALE, _SIZE * _SCALE)
    pixmap.setDevicePixelRatio(_SCALE)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def _painter(pixmap: QPixmap, colour: QColor) -> QPainter:
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    return painter
