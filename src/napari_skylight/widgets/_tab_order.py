"""The way of the Tab key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

__all__ = ["order_tabs"]


def order_tabs(whole: QWidget, parts: Sequence[QWidget]) -> None:
    """Let the Tab key go through the `parts` of `whole` in order; each keeps its own.

    By itself Qt goes to what was made last at the end, wherever it is.
    """
    stops: list[tuple[int, QWidget]] = []
    widget = whole.nextInFocusChain()
    while widget is not None and widget is not whole:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            places = [place for place, part in enumerate(parts) if part.isAncestorOf(widget)]
            stops += [(place, widget) for place in places]
        widget = widget.nextInFocusChain()
    in_order = [stop for _, stop in sorted(stops, key=lambda each: each[0])]
    for before, after in pairwise(in_order):
        QWidget.setTabOrder(before, after)
