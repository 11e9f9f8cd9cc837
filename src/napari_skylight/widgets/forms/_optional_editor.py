"""A value that may be missing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QBoxLayout, QCheckBox, QWidget

from napari_skylight.widgets._tab_order import stops_of
from napari_skylight.widgets.forms._editor import Editor

__all__ = ["OptionalEditor"]


class OptionalEditor(Editor):
    """A box to tick, and the editor of the value when it is ticked."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.hint, self.wide = editor.hint, editor.wide
        self.native: QWidget = QWidget() if editor.wide else _Row(editor.native)
        self._box = QCheckBox()
        self._box.toggled.connect(self._on_box_toggled)
        self._box.clicked.connect(self._on_box_clicked)
        sideways, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        layout = QBoxLayout(down if editor.wide else sideways, self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(editor.native, 1)
        self._on_box_toggled(False)

    @property
    def value(self) -> Any:
        """What the editor says, or None.

        Raises
        ------
        ValueError
            If the box is ticked and the editor empty.
        """
        if not self._box.isChecked():
            return None
        value = self._editor.value
        if value is None:
            raise ValueError("fill it in, or untick it.")
        return value

    @value.setter
    def value(self, value: Any) -> None:
        if value is not None:
            self._editor.value = value
        self._box.setChecked(value is not None)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self._box.toggled.connect(lambda _: callback())
        self._editor.on_change(callback)

    def mark(self, at_fault: bool) -> bool:
        """Outline the parts at fault, if there are parts."""
        return self._editor.mark(at_fault)

    def _on_box_toggled(self, on: bool) -> None:
        self._box.setText("" if on and not self.wide else "set" if on else "not set")
        self._editor.native.setVisible(on)

    def _on_box_clicked(self, on: bool) -> None:
        for stop in islice(stops_of(self._editor.native), on):
            stop.setFocus(Qt.FocusReason.TabFocusReason)


class _Row(QWidget):
    """As high as `tallest`, whether or not that is shown: what is below stays where it is."""

    def __init__(self, tallest: QWidget) -> None:
        super().__init__()
        self._tallest = tallest

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Measure it, as it is styled."""
        super().showEvent(event)
        self._measure()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Measure it again."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._measure()

    def _measure(self) -> None:
        self._tallest.ensurePolished()
        self.setMinimumHeight(self._tallest.sizeHint().height())
