"""A number in a form: it may be empty, and nothing that was typed is put right in silence."""

from __future__ import annotations

from qtpy.QtGui import QFocusEvent, QValidator
from qtpy.QtWidgets import QAbstractSpinBox

from napari_skylight.plans.spec import Bounds
from napari_skylight.widgets._number_box import NumberBox

__all__ = ["NumberField"]

_EMPTY = -2e12
"""What Qt takes for the value while the field is empty: below every number."""


class NumberField(NumberBox):
    """A number with its unit, empty at first.

    The arrows keep within the limits; what is typed may be outside, and is to be complained about.

    Parameters
    ----------
    whole : bool
        Only whole numbers.
    bounds : Bounds
    unit : str
    zero : str
        What 0 means, shown in its place unless it is being edited.
    """

    # Qt asks for text while the spin box is being made.
    _unit = _zero = ""

    def __init__(self, *, whole: bool, bounds: Bounds, unit: str = "", zero: str = "") -> None:
        super().__init__(whole=whole, bounds=bounds, unit=unit)
        self._unit, self._zero = self.suffix(), zero
        self._limits = self.minimum(), self.maximum()
        self._first = max(self._limits[0], min(self._limits[1], self.value()))
        self.setRange(_EMPTY, -_EMPTY)
        kind = "a whole number" if whole else "a number"
        self.lineEdit().setPlaceholderText(f"in {unit}" if unit else kind)
        self.set_number(None)

    def number_or_none(self) -> float | None:
        """Return the number, None when there is none."""
        return None if self.value() <= _EMPTY else self.number()

    def set_number(self, number: float | None) -> None:
        """Show a number, or nothing."""
        self.setValue(_EMPTY if number is None else number)
        self._spell()

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Go to the next number within the limits; from nothing, to the first."""
        low, high = self._limits
        if self.number_or_none() is None:
            self.setValue(self._first)
        else:
            super().stepBy(steps)
            self.setValue(max(low, min(high, self.value())))
        self._spell()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802 - Qt's name
        """Say where there is a next number."""
        low, high = self._limits
        enabled = QAbstractSpinBox.StepEnabledFlag.StepNone
        if self.value() > low or self.number_or_none() is None:
            enabled |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        if self.value() < high:
            enabled |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        return enabled

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """Return the number as it is shown."""
        if value <= _EMPTY:
            return ""
        if value == 0 and self._zero and not self.hasFocus():
            return self._zero
        return super().textFromValue(value)

    def valueFromText(self, text: str) -> float:  # noqa: N802 - Qt's name
        """Return the number that `text` stands for."""
        bare = self._without_unit(text)
        if not bare:
            return _EMPTY
        return 0.0 if bare == self._zero else super().valueFromText(text)

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        """Let the field be empty."""
        if self._without_unit(text) in ("", self._zero):
            return QValidator.State.Acceptable, text, pos
        return super().validate(text, pos)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Show the number to be edited."""
        self._spell()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Show what was made of it."""
        if not self.hasAcceptableInput():  # a lone "-": by itself, the number before would be back
            self.clear()
        super().focusOutEvent(event)
        self._spell()

    def _without_unit(self, text: str) -> str:
        return text.removesuffix(self._unit).strip()

    def _spell(self) -> None:
        """Have the unit only behind a number, or where one is being typed."""
        words = self.textFromValue(self.value()) in ("", self._zero) and not self.hasFocus()
        self.setSuffix("" if words else self._unit)  # which writes the text again, too
