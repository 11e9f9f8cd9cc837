"""Editors for the values of a device's signals."""

from __future__ import annotations

import math
from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit

from napari_skylight.plans.spec import Bounds
from napari_skylight.session import SettingInfo, SettingKind
from napari_skylight.widgets.forms import NumberField

_LEAST_WIDTH = 90
_DIGITS = 8


class NumberEditor(NumberField):
    """A number; entered with Return, by leaving the field, or step by step.

    Like all editors here it emits `entered` with a value that the user has entered, and `left`
    when the user leaves it, with or without a value. While it is `edited`, no other value should
    be shown in it. One that `keeps_what_is_entered` shows the entered value until the device has
    it.
    """

    entered = Signal(object)
    left = Signal()
    keeps_what_is_entered = True
    refused = Signal(str)
    """Why nothing is set, after an entry; empty once the user types or enters a number."""

    def __init__(self, info: SettingInfo) -> None:
        super().__init__(whole=info.whole, unit=info.unit)
        self.edited = False
        self._value: float | None = None
        self._shown: float | None = None
        self.lineEdit().setPlaceholderText("")
        # with napari's style it could become too narrow for a number and its unit
        self.setStyleSheet(f"NumberEditor {{ min-width: {self.minimumSizeHint().width()}px; }}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().textEdited.connect(self._on_text_edited)
        self.editingFinished.connect(self._on_editing_finished)

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if unknown; also one outside the limits of `info`."""
        self.bounds = Bounds(info.low, info.high)
        self._value = value
        self._shown = value if value is None or info.whole else _rounded(value, info.digits)
        self.set_number(self._shown)

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Enter the next value."""
        if not self.lineEdit().text():  # the user has emptied it
            self.set_number(self._shown)
        super().stepBy(steps)
        self._enter()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Discard what was typed, with Escape."""
        if event.key() == Qt.Key.Key_Escape and self.edited:
            self.edited = False
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the scroll area, unless the editor has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_text_edited(self) -> None:
        self.edited = True
        self.refused.emit("")

    def _on_editing_finished(self) -> None:
        if self.edited:
            self._enter()
        self.left.emit()

    def _enter(self) -> None:
        self.edited = False
        try:
            number = self._read()
        except ValueError as error:
            self.set_number(self._shown)
            self.refused.emit(str(error))
            return
        self.refused.emit("")
        if number != self._value:
            self.entered.emit(number)

    def _read(self) -> float:
        number = self.number_or_none()
        if number is None:
            raise ValueError(f"Nothing was set: enter {self.kind}.")
        if math.isnan(number):
            raise ValueError(f"'nan' is not {self.kind}.")
        return number


class ChoiceEditor(QComboBox):
    """One of several values."""

    entered = Signal(object)
    left = Signal()
    keeps_what_is_entered = True

    def __init__(self, info: SettingInfo) -> None:
        super().__init__()
        self._whole = info.whole
        self._choices: tuple[str, ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(self._on_activated)

    @property
    def edited(self) -> bool:
        """Whether its list is open."""
        return self.view().isVisible()

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if unknown, among the choices of `info`."""
        if info.choices != self._choices:
            self._choices = info.choices
            self.clear()
            self.addItems(info.choices)
        self.setCurrentIndex(self.findText(str(value)))

    def hidePopup(self) -> None:  # noqa: N802 - Qt's name
        """Show changes made meanwhile."""
        super().hidePopup()
        self.left.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the scroll area, unless the editor has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_activated(self, index: int) -> None:
        text = self.itemText(index)
        self.entered.emit(int(text) if self._whole else text)


class SwitchEditor(QCheckBox):
    """On or off; a click requests the other state, and the device's state is shown."""

    entered = Signal(object)
    left = Signal()
    edited = False
    keeps_what_is_entered = False

    def nextCheckState(self) -> None:  # noqa: N802 - Qt's name
        """Request the other state; off if the state is unknown."""
        self.entered.emit(self.checkState() == Qt.CheckState.Unchecked)

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if unknown."""
        self.setTristate(value is None)
        if value is None:
            self.setCheckState(Qt.CheckState.PartiallyChecked)
        else:
            self.setChecked(value)
        self.setText("unknown" if value is None else info.said(value))


class TextEditor(QLineEdit):
    """A text; entered with Return or by leaving the field."""

    entered = Signal(object)
    left = Signal()
    keeps_what_is_entered = True

    def __init__(self) -> None:
        super().__init__()
        self.editingFinished.connect(self._on_editing_finished)

    @property
    def edited(self) -> bool:
        """Whether typed text has not been entered yet."""
        return self.isModified()

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if unknown."""
        text = info.said(value)
        if text != self.text():  # the cursor stays where it is
            self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Discard what was typed, with Escape."""
        if event.key() == Qt.Key.Key_Escape and self.edited:
            self.setModified(False)
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width for a few letters."""
        return QSize(_LEAST_WIDTH, super().minimumSizeHint().height())

    def _on_editing_finished(self) -> None:
        if self.edited:
            self.setModified(False)
            self.entered.emit(self.text())
        self.left.emit()


def _rounded(value: float, digits: int | None) -> float:
    """Return `value` rounded to `digits`, or else to the precision of a float32."""
    return float(f"{value:.{_DIGITS}g}") if digits is None else round(value, digits)


SettingEditor = NumberEditor | ChoiceEditor | SwitchEditor | TextEditor


def create_setting_editor(info: SettingInfo) -> SettingEditor:
    """Return an editor for values of the kind of `info`."""
    if info.kind is SettingKind.CHOICE:
        return ChoiceEditor(info)
    if info.kind is SettingKind.BOOL:
        return SwitchEditor()
    if info.kind is SettingKind.TEXT:
        return TextEditor()
    return NumberEditor(info)
