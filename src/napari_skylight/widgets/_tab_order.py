"""The order of the Tab key: as widgets are laid out, not as they were made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLayout, QScrollArea, QWidget


def order_tabs(parts: Sequence[QWidget]) -> None:
    """Let the Tab key go through `parts` in order; Qt goes in the order of creation."""
    stops = [stop for part in parts for stop in stops_of(part)]
    # each right after the first: Qt misplaces the parts of spin boxes chained to each other
    for stop in reversed(stops[1:]):
        QWidget.setTabOrder(stops[0], stop)


def stops_of(widget: QWidget) -> Iterator[QWidget]:
    """Yield the widgets at which Tab stops within `widget`, in layout order."""
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
