"""Colours for the dark and the light theme, and icons painted in them."""

from __future__ import annotations

from functools import partial
from typing import Literal

from qtpy.QtCore import QEvent, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap, QPolygonF
from qtpy.QtWidgets import QWidget


def is_new_theme(event: QEvent) -> bool:
    """Return whether an event changes the theme, so that colours must be chosen again."""
    return event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)


class ThemedWidget(QWidget):
    """Applies its colours again when the theme changes."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if is_new_theme(event):
            self._apply_theme()

    def _apply_theme(self) -> None:
        raise NotImplementedError


_FOLD_STYLE = """
QPushButton {{ text-align: left; border: 1px solid transparent; padding: 3px 0px; }}
QPushButton, :hover, :checked, :pressed {{ background: transparent; }}
QPushButton:focus {{ border: 1px solid {colour}; }}
"""
_TEXT, _BACKGROUND = QPalette.ColorRole.WindowText, QPalette.ColorRole.Window


def _between(widget: QWidget, share: float) -> QColor:
    text, back = (widget.palette().color(role) for role in (_TEXT, _BACKGROUND))
    return QColor.fromRgbF(
        share * text.redF() + (1 - share) * back.redF(),
        share * text.greenF() + (1 - share) * back.greenF(),
        share * text.blueF() + (1 - share) * back.blueF(),
    )


def _either(widget: QWidget, *, dark: str, light: str) -> QColor:
    return QColor(dark if widget.palette().color(_BACKGROUND).lightness() < 128 else light)


# the colours for a widget in its theme: of states, and of text and lines by their contrast
green = partial(_either, dark="#5ac466", light="#1a7f37")  # running
amber = partial(_either, dark="#e3b341", light="#9a6700")  # paused, warnings
red = partial(_either, dark="#ff7b72", light="#c62828")  # failed, errors, stopping
muted = partial(_between, share=0.65)  # secondary text
dim = partial(_between, share=0.4)  # disabled text
faint = partial(_between, share=0.25)  # lines


def fold_style(widget: QWidget) -> str:
    """Return the style of a heading that folds: framed only while it has the focus."""
    return _FOLD_STYLE.format(colour=muted(widget).name())


Shape = Literal["run", "stop", "pause", "menu", "dot"]

_SIZE = 16
_SCALE = 3  # painted larger for high-resolution screens


def shape_icon(shape: Shape, colour: QColor) -> QIcon:
    """Return the icon of a run button, or a dot for list rows; not greyed when disabled."""
    pixmap = QPixmap(_SIZE * _SCALE, _SIZE * _SCALE)
    pixmap.setDevicePixelRatio(_SCALE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    match shape:
        case "run":
            painter.drawPolygon(QPolygonF([QPointF(4, 3), QPointF(13, 8), QPointF(4, 13)]))
        case "stop":
            painter.drawRoundedRect(QRectF(4, 4, 8, 8), 1, 1)
        case "menu":
            painter.drawPolygon(QPolygonF([QPointF(4, 6), QPointF(12, 6), QPointF(8, 11)]))
        case "pause":
            painter.drawRect(QRectF(4, 3.5, 3, 9))
            painter.drawRect(QRectF(9, 3.5, 3, 9))
        case "dot":
            painter.drawEllipse(QPointF(8, 8), 4, 4)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Disabled)  # not the style's colour
    return icon
