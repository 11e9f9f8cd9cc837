"""Words of others, shown as they are where Qt would read markup or shortcuts into them."""

from __future__ import annotations

import html
import textwrap

__all__ = ["plain_caption", "plain_tip"]

_TIP_WIDTH = 60
"""In letters: Qt does not break the lines of a tooltip."""
_MOST_LETTERS = 1000
"""A tooltip that is higher than the screen cannot be read to its end."""


def plain_tip(text: str) -> str:
    """Return `text` for a tooltip: in lines that can be read, and never as rich text."""
    cut = text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"
    tip = "\n".join(textwrap.fill(line, _TIP_WIDTH) for line in cut.splitlines())
    if "<" in tip or "&lt;" in tip:  # Qt takes some of these for rich text
        return f'<p style="white-space: pre">{html.escape(tip, quote=False)}</p>'
    return tip


def plain_caption(text: str) -> str:
    """Return `text` for a button, a box or the label of a field: one & alone underlines."""
    return text.replace("&", "&&")
