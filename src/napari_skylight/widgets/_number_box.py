"""A spin box for any number, that shows no more digits than there are."""

from __future__ import annotations

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox

from napari_skylight.plans.spec import Bounds

__all__ = ["NumberBox"]

_DECIMALS = 6
_ANY = 1e12
_WIDTH = 90


class NumberBox(QDoubleSpinBox):
    """A number with its unit.

    Parameters
    ----------
    whole : bool
        Only whole numbers.
    bounds : Bounds
        The least and the greatest number; an open limit is left out by the last digit shown.
    unit : str
    """

    def __init__(self, *, whole: bool, bounds: Bounds, unit: str = "") -> None:
        super().__init__()
        self._whole = whole
        self.setDecimals(0 if whole else _DECIMALS)
        least = 1 if whole else 10.0**-_DECIMALS
        low = -_ANY if bounds.low is None else bounds.low + least * bounds.low_open
        high = _ANY if bounds.high is None else bounds.high - least * bounds.high_open
        self.setRange(low, high)
        if unit:
            self.setSuffix(f" {unit}")
        if bounds.step is not None:
            self.setSingleStep(bounds.step)
        elif not whole:
            self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.setValue(1 if bounds.low_open else 0)

    def number(self) -> float:
        """Return the value, as an int if only whole numbers are meant."""
        return round(self.value()) if self._whole else self.value()

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        """Return the number without zeros at its end."""
        text = self.locale().toString(float(value), "f", self.decimals())
        text = text.replace(self.locale().groupSeparator(), "")
        point = self.locale().decimalPoint()
        return text.rstrip("0").rstrip(point) if point in text else text

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width for numbers as they are, not for the longest that could be."""
        return QSize(_WIDTH, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the same."""
        return self.sizeHint()
