"""Labels that start where buttons and fields do."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

__all__ = ["text_label"]


def text_label(text: str = "", *, name: str = "", wrap: bool = False) -> QLabel:
    """Return a label with nothing before its text; by itself, a styled label is indented."""
    label = QLabel(text)
    label.setObjectName(name)
    label.setIndent(0)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wrap)
    return label
