"""Labels, tooltips and captions that show text as it is: no rich text, no shortcuts."""

from __future__ import annotations

import html
import textwrap
from typing import TypeVar

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel
from superqt import QElidingLabel

_Label = TypeVar("_Label", bound=QLabel)

_TIP_WIDTH = 60
"""Letters in a line: Qt does not wrap tooltips."""
_MOST_LETTERS = 1000
"""A tooltip higher than the screen cannot be read to its end."""


def text_label(text: str = "", *, name: str = "", wrap: bool = False) -> QLabel:
    """Return a label without the indent that Qt gives to styled ones."""
    label = QLabel(text)
    label.setWordWrap(wrap)
    return _as_plain_text(label, name)


def eliding_label(name: str) -> QElidingLabel:
    """Return a label of one line, elided where the text is wider."""
    return _as_plain_text(QElidingLabel(), name)


def plain_tip(text: str) -> str:
    """Return `text` as a wrapped tooltip that Qt does not take for rich text."""
    cut = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
    tip = "\n".join(textwrap.fill(line, _TIP_WIDTH) for line in cut.splitlines())
    if "<" in tip or "&lt;" in tip:  # Qt takes some of these for rich text
        return f'<p style="white-space: pre">{html.escape(tip, quote=False)}</p>'
    return tip


def plain_caption(text: str) -> str:
    """Return `text` for a button, check box or buddy label, where a single & underlines."""
    return text.replace("&", "&&")


def _as_plain_text(label: _Label, name: str) -> _Label:
    label.setObjectName(name)
    label.setIndent(0)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
