"""Colours for the dark and the light theme."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QWidget


def is_new_theme(event: QEvent) -> bool:
    """Return whether an event changes the theme, so that colours must be chosen again."""
    return event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)


class ThemedWidget(QWidget):
    """Applies its colours again when the theme changes."""

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if is_new_theme(event):
            self._apply_theme()

    def _apply_theme(self) -> None:
        raise NotImplementedError


def green(widget: QWidget) -> QColor:
    """Return the colour for running."""
    return _either(widget, dark="#5ac466", light="#1a7f37")


def amber(widget: QWidget) -> QColor:
    """Return the colour for paused and for warnings."""
    return _either(widget, dark="#e3b341", light="#9a6700")


def red(widget: QWidget) -> QColor:
    """Return the colour for failed, for errors and for stopping."""
    return _either(widget, dark="#ff7b72", light="#c62828")


def muted(widget: QWidget) -> QColor:
    """Return the colour for secondary text."""
    return _between(widget, 0.65)


def dim(widget: QWidget) -> QColor:
    """Return the colour for disabled text."""
    return _between(widget, 0.4)


def faint(widget: QWidget) -> QColor:
    """Return the colour for faint lines."""
    return _between(widget, 0.25)


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
