"""Room for the form: as high as the form, scrolled when the dock has less."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

__all__ = ["FormArea"]

_LEAST_HEIGHT = 60


class FormArea(QScrollArea):
    """A scroll area that is never higher than what it shows."""

    rearranged = Signal()
    """What is shown has got other widgets, or laid them out anew."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def setWidget(self, widget: QWidget) -> None:  # noqa: N802 - Qt's name
        """Show `widget` in place of the one before, which is deleted."""
        super().setWidget(widget)
        widget.installEventFilter(self)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size of what is shown, at the width there is."""
        widget = self.widget()
        if widget is None:
            return QSize()
        hint = widget.sizeHint()
        room = self.maximumViewportSize()
        if widget.hasHeightForWidth():
            # a scroll bar may make rows break, and be needed for that alone: with room for the
            # broken rows Qt takes it away, and then they break no more
            hint.setHeight(widget.heightForWidth(self.viewport().width()))
        return hint + self.size() - room

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the width of what is shown and a scroll bar, and a height to see something."""
        widget = self.widget()
        if widget is None:
            return QSize()
        least = widget.minimumSizeHint()
        bar = self.verticalScrollBar().sizeHint().width()
        return QSize(least.width() + bar, min(_LEAST_HEIGHT, least.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Become higher where the width makes a row break."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow what is shown as it grows and shrinks."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self.rearranged.emit()
        return bool(super().eventFilter(watched, event))
