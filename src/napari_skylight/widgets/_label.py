"""Labels that start where buttons and fields do."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel
from superqt import QElidingLabel

__all__ = ["eliding_label", "text_label"]


def text_label(text: str = "", *, name: str = "", wrap: bool = False) -> QLabel:
    """Return a label with nothing before its text; by itself, a styled label is indented."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setIndent(0)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wrap)
    return label


def eliding_label(name: str) -> QElidingLabel:
    """Return such a label for one line, cut short where there is no room for all of it."""
    label = QElidingLabel()
    label.setObjectName(name)
    label.setIndent(0)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
