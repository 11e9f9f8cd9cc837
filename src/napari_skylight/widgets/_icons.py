"""Small shapes, in any colour: on the run buttons, and before the lines of lists."""

from __future__ import annotations

from typing import Literal

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

Shape = Literal["run", "stop", "pause", "menu"]

_SIZE = 16
_SCALE = 3  # painted larger, for screens with small pixels


def shape_icon(shape: Shape, colour: QColor) -> QIcon:
    """Return a triangle, a square, two bars, or a small triangle that points down."""
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
    icon.addPixmap(pixmap, QIcon.Mode.Disabled)  # in this colour too, not in one of the style's
    return icon


def dot_icon(colour: QColor) -> QIcon:
    """Return a small disc."""
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
