"""Layout and visibility of panels, and the order of the Tab key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import (
    QDockWidget,
    QFrame,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QWidget,
)

from napari_skylight.widgets._colours import faint


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


class DockVisibility(QObject):
    """Follows a panel in any dock, or in none; a minimised window counts as visible.

    Qt does not hide what is in a tab behind another, so that show and hide events are not enough.
    """

    changed = Signal(bool)

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self._panel = panel
        self._is_shown = self._is_in_front = self._was_visible = False
        panel.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        kind = event.type()
        if kind == QEvent.Type.ParentChange:
            self._is_in_front = True
            if isinstance(dock := self._panel.parent(), QDockWidget):
                dock.visibilityChanged.connect(self._on_dock_visibility_changed)
        elif kind in (QEvent.Type.Show, QEvent.Type.Hide) and not event.spontaneous():
            self._is_shown = kind == QEvent.Type.Show
            self._refresh()
        return False

    def _on_dock_visibility_changed(self, visible: bool) -> None:
        if self.sender() is self._panel.parent() and not self._panel.window().isMinimized():
            self._is_in_front = visible
            self._refresh()

    def _refresh(self) -> None:
        visible = self._is_shown and (self._is_in_front or self._panel.isWindow())
        if visible != self._was_visible:
            self._was_visible = visible
            self.changed.emit(visible)


LEAST_HEIGHT = 72  # of a list, in pixels: a few lines

_LEAST_FORM_HEIGHT = 60
_WIDE = 560  # pixels from which there is room for two widgets beside each other


class FormArea(QScrollArea):
    """A scroll area that is never higher than its content."""

    rearranged = Signal()
    """The content has other widgets, or a new layout."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def setWidget(self, widget: QWidget) -> None:  # noqa: N802 - Qt's name
        """Show `widget`; delete the one before."""
        super().setWidget(widget)
        widget.installEventFilter(self)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size of the content at the present width."""
        widget = self.widget()
        if widget is None:
            return QSize()
        hint = widget.sizeHint()
        room = self.maximumViewportSize()
        if widget.hasHeightForWidth():
            # The scroll bar itself may make rows wrap, and be needed for that alone. With room
            # for the wrapped rows Qt removes it, and they no longer wrap.
            hint.setHeight(widget.heightForWidth(self.viewport().width()))
        return hint + self.size() - room

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the width of the content with a scroll bar, and the height of a few rows."""
        widget = self.widget()
        if widget is None:
            return QSize()
        least = widget.minimumSizeHint()
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(least.width() + bar, min(_LEAST_FORM_HEIGHT, least.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Become higher when the width makes a row wrap."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self.rearranged.emit()
        return bool(super().eventFilter(watched, event))


class ListAndDetails(QSplitter):
    """Two widgets: side by side in a wide dock, one above the other in a high one.

    `below` is the initial height of the second relative to the first, when it is below.
    """

    def __init__(self, first: QWidget, second: QWidget, below: int = 1) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._below = below
        self._shared_out = False
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        for widget in (first, second):
            self.addWidget(widget)
            self.setStretchFactor(self.count() - 1, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Change the orientation with the shape of the dock."""
        super().resizeEvent(event)
        size = event.size()
        wide = size.width() >= _WIDE and size.width() > size.height()
        wanted = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if wanted != self.orientation() or not self._shared_out:
            self._shared_out = True
            self.setOrientation(wanted)
            # too much, for Qt to scale down: less than a minimum size would count as that
            second = self.height() * (1 if wide else self._below)
            self.setSizes([self.height(), second])


class Separator(QWidget):
    """A horizontal line; with napari's style, that of a QFrame is invisible."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        QPainter(self).fillRect(self.rect(), faint(self))
