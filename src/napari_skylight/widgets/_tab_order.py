"""In which order the Tab key visits widgets: as they are laid out, not as they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLayout, QScrollArea, QWidget


def order_tabs(parts: Sequence[QWidget]) -> None:
    """Let the Tab key go through `parts` in order.

    By itself Qt goes to what was made last at the end, wherever it is.
    """
    stops = [stop for part in parts for stop in stops_of(part)]
    # Each right after the first: Qt loses count of the parts of spin boxes when one of these is
    # put after the other.
    for stop in reversed(stops[1:]):
        QWidget.setTabOrder(stops[0], stop)


def stops_of(widget: QWidget) -> Iterator[QWidget]:
    """Yield what Tab stops at, in the order it is laid out."""
    layout = widget.layout()
    if isinstance(widget, QScrollArea):
        content = widget.widget()
        yield from () if content is None else stops_of(content)
    elif layout is not None:
        yield from _stops_in(layout)
    elif widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget


def _stops_in(layout: QLayout) -> Iterator[QWidget]:
    for index in range(layout.count()):
        item = layout.itemAt(index)
        assert item is not None
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            yield from stops_of(widget)
        elif inner is not None:
            yield from _stops_in(inner)
