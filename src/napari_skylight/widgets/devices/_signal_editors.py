"""What a setting of a device is edited with: shows its value, tells what a person enters."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QWheelEvent
from qtpy.QtWidgets import QCheckBox, QComboBox, QLineEdit

from napari_skylight.plans.spec import Bounds
from napari_skylight.session import SettingInfo, SettingKind
from napari_skylight.widgets.forms import NumberField

__all__ = ["SettingEditor", "create_setting_editor"]

_LEAST_WIDTH = 90
_DIGITS = 8


class NumberEditor(NumberField):
    """A number; entered with Return, by leaving the field, or step by step.

    As every editor here, it emits `entered` with what a person has entered, and `left` when a
    person has done with it, with or without entering anything. While it is `edited`, nothing else
    should be shown in it; one that `keeps_what_is_entered` shows that until the device has it.
    """

    entered = Signal(object)
    left = Signal()
    keeps_what_is_entered = True

    def __init__(self, info: SettingInfo) -> None:
        super().__init__(whole=info.whole, unit=info.unit)
        self.edited = False
        self._value: float | None = None
        self._shown: float | None = None
        self.lineEdit().setPlaceholderText("")
        # napari's theme would let it become too narrow for a number and its unit
        self.setStyleSheet(f"NumberEditor {{ min-width: {self.minimumSizeHint().width()}px; }}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.lineEdit().textEdited.connect(self._on_text_edited)
        self.editingFinished.connect(self._on_editing_finished)

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if it is not known; even one outside the limits of `info`."""
        self.bounds = Bounds(info.low, info.high)
        self._value = value
        self._shown = value if value is None or info.whole else _rounded(value, info.digits)
        self.set_number(self._shown)

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Enter the next value."""
        super().stepBy(steps)
        self._enter()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Give up what was typed, with Escape."""
        if event.key() == Qt.Key.Key_Escape and self.edited:
            self.edited = False
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the scroll area, unless this has been clicked."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_text_edited(self) -> None:
        self.edited = True

    def _on_editing_finished(self) -> None:
        if self.edited:
            self._enter()
        self.left.emit()

    def _enter(self) -> None:
        self.edited = False
        try:
            number = self.number_or_none()
        except ValueError:
            number = None
        if number is None:
            self.set_number(self._shown)  # no number was entered: the device keeps the one it has
        elif number != self._value:
            self.entered.emit(number)


class ChoiceEditor(QComboBox):
    """One of a few values."""

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
        """Show `value`, None if it is not known, among the choices of `info`."""
        if info.choices != self._choices:
            self._choices = info.choices
            self.clear()
            self.addItems(info.choices)
        self.setCurrentIndex(self.findText(str(value)))

    def hidePopup(self) -> None:  # noqa: N802 - Qt's name
        """Show what has changed meanwhile."""
        super().hidePopup()
        self.left.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the wheel to the scroll area, unless this has been clicked."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def _on_activated(self, index: int) -> None:
        text = self.itemText(index)
        self.entered.emit(int(text) if self._whole else text)


class SwitchEditor(QCheckBox):
    """On or off: a click asks for the other, and what is shown is what is."""

    entered = Signal(object)
    left = Signal()
    edited = False
    keeps_what_is_entered = False

    def nextCheckState(self) -> None:  # noqa: N802 - Qt's name
        """Ask for the other state; for off where the state is not known."""
        self.entered.emit(self.checkState() == Qt.CheckState.Unchecked)

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if it is not known."""
        self.setTristate(value is None)
        if value is None:
            self.setCheckState(Qt.CheckState.PartiallyChecked)
        else:
            self.setChecked(value)
        self.setText("not known" if value is None else info.said(value))


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
        """Whether it was typed in and not entered yet."""
        return self.isModified()

    def show_value(self, info: SettingInfo, value: Any) -> None:
        """Show `value`, None if it is not known."""
        text = info.said(value)
        if text != self.text():  # the cursor stays where it is
            self.setText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Give up what was typed, with Escape."""
        if event.key() == Qt.Key.Key_Escape and self.edited:
            self.setModified(False)
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width that leaves something to see."""
        return QSize(_LEAST_WIDTH, super().minimumSizeHint().height())

    def _on_editing_finished(self) -> None:
        if self.edited:
            self.setModified(False)
            self.entered.emit(self.text())
        self.left.emit()


def _rounded(value: float, digits: int | None) -> float:
    """Return what is worth showing; without saying how many digits, as many as a float32 has."""
    return float(f"{value:.{_DIGITS}g}") if digits is None else round(value, digits)


SettingEditor = NumberEditor | ChoiceEditor | SwitchEditor | TextEditor


def create_setting_editor(info: SettingInfo) -> SettingEditor:
    """Return an editor for values of the kind that `info` says."""
    if info.kind is SettingKind.CHOICE:
        return ChoiceEditor(info)
    if info.kind is SettingKind.BOOL:
        return SwitchEditor()
    if info.kind is SettingKind.TEXT:
        return TextEditor()
    return NumberEditor(info)
