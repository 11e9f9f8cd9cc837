"""A number field that may be empty and never changes what was typed; units in line edits."""

from __future__ import annotations

import math
import operator
import re
from fractions import Fraction

from qtpy.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QFocusEvent, QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QLabel, QLineEdit, QSizePolicy

from napari_skylight.plans.spec import Bounds, read_number, say_number
from napari_skylight.widgets._colours import muted

_LONGEST = 2**31 - 1
_MARGIN = 2


def take_any_length(line: QLineEdit) -> QLineEdit:
    """Return `line` without Qt's limit of 32,767 letters, which cuts off longer pasted text."""
    line.setMaxLength(_LONGEST)
    return line


class UnitLabel(QLabel):
    """A unit at the end of `line`, whose text leaves room for it."""

    def __init__(self, unit: str, line: QLineEdit) -> None:
        super().__init__(unit, line)
        self._line = line
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        line.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.StyleChange):
            self._follow()
        return bool(super().eventFilter(watched, event))

    def _follow(self) -> None:
        line = self._line
        self.setStyleSheet(f"background: transparent; color: {muted(line).name()};")
        width = self.width_needed()
        line.setTextMargins(0, 0, width, 0)
        self.setGeometry(line.width() - width + _MARGIN, 0, width - _MARGIN, line.height())

    def width_needed(self) -> int:
        """Return the width taken from the text, in pixels."""
        self.ensurePolished()
        return self.sizeHint().width() + _MARGIN


_WIDTH = 100
_LEAST_WIDTH = 84
_LONGEST_QUOTE = 40
_SPACED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u2009\u202f]\d{3})+([.,]\d*)?")


class NumberField(QAbstractSpinBox):
    """A number of any size and precision, with its unit; empty at first.

    Any text can be typed; `number_or_none` refuses one that is not a number in the unit. The
    arrows stay within the limits; a number outside is for the form to refuse. The text `zero` is
    shown for 0 unless the field has the focus.
    """

    changed = Signal()

    bounds = Bounds()  # read by Qt while the field is constructed

    def __init__(
        self, *, whole: bool, bounds: Bounds | None = None, unit: str = "", zero: str = ""
    ) -> None:
        super().__init__()
        self._whole, self._unit, self._zero = whole, unit, zero
        self.bounds = bounds or Bounds()
        self._line = self.lineEdit()
        self._unit_label = UnitLabel(unit, self._line) if unit else None
        kind = "a whole number" if whole else "a number"
        self.kind = f"{kind} in {unit}" if unit else kind
        self._line.setPlaceholderText(kind)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._line.textChanged.connect(self._on_text_changed)

    def number_or_none(self) -> float | None:
        """Return the number; None if the field is empty.

        "12,5", "1 000" and the field's own unit are read; "1,000" may be 1 or 1000 and is refused.

        Raises
        ------
        ValueError
            If the text is not a number in the field's unit; the message is for the user.
        """
        text = self._line.text().strip()
        if not text:
            return None
        if text == self._zero:
            return 0 if self._whole else 0.0
        plain = _plain(text, self._unit, self.locale().decimalPoint())
        try:
            return read_number(plain, whole=self._whole)
        except ValueError:
            quote = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}…"
            raise ValueError(f"'{quote}' is not {self.kind}.") from None

    def set_number(self, number: float | None) -> None:
        """Show a number; None empties the field."""
        self._line.setText("" if number is None else self._said(number))
        self._line.setCursorPosition(0)  # show the beginning of a long number

    def text(self) -> str:
        text = str(self._line.text())
        return f"{text} {self._unit}" if text and self._unit and text != self._zero else text

    def stepBy(self, steps: int) -> None:  # noqa: N802 - Qt's name
        """Step within the limits; from an empty field, to the allowed number nearest 0."""
        number = self._finite_number()
        if number is not None:
            self.set_number(self._next(number, steps))
        elif not self._line.text():
            self.set_number(self._first())
        self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:  # noqa: N802 - Qt's name
        number, bounds = self._finite_number(), self.bounds
        enabled = QAbstractSpinBox.StepEnabledFlag.StepNone
        if number is None or bounds.low is None or number > bounds.low:
            enabled |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        if number is None or bounds.high is None or number < bounds.high:
            enabled |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        return enabled

    def validate(self, text: str, pos: int) -> tuple[QValidator.State, str, int]:
        """Accept any text: a letter that vanished would make "5 mm" another number."""
        return QValidator.State.Acceptable, text, pos

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Show 0 as a number while it is edited."""
        if self._zero and self._line.text() == self._zero:
            self._respell("0")
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        super().focusOutEvent(event)
        if self._zero and self._finite_number() == 0:
            self._respell(self._zero)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width for usual numbers rather than for the longest."""
        return QSize(_WIDTH + self._unit_width(), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width of which two fit into a narrow dock."""
        return QSize(_LEAST_WIDTH + self._unit_width(), super().sizeHint().height())

    def _unit_width(self) -> int:
        return 0 if self._unit_label is None else self._unit_label.width_needed()

    def _on_text_changed(self) -> None:
        self._show_unit()
        self.changed.emit()

    def _said(self, number: float) -> str:
        if number == 0 and self._zero and not self.hasFocus():
            return self._zero
        return say_number(number).replace(".", self.locale().decimalPoint())

    def _respell(self, text: str) -> None:
        with QSignalBlocker(self._line):  # the value stays the same
            self._line.setText(text)
        self._show_unit()

    def _show_unit(self) -> None:
        """Hide the unit behind the text for 0."""
        if self._unit_label is not None:
            self._unit_label.setVisible(not self._zero or self._line.text() != self._zero)

    def _finite_number(self) -> float | None:
        try:
            number = self.number_or_none()
        except ValueError:
            return None
        return number if number is not None and math.isfinite(number) else None

    def _first(self) -> float:
        """Return the allowed number nearest to 0; one step away from an excluded limit."""
        low, high = self.bounds.low, self.bounds.high
        number = max(low or 0, 0) if high is None else min(max(low or 0, 0), high)
        is_limit = (self.bounds.low_open and number == low) or (
            self.bounds.high_open and number == high
        )
        number += is_limit * (1 if number == low else -1)
        return int(number) if self._whole else float(number)

    def _next(self, number: float, steps: int) -> float:
        bounds = self.bounds
        found = _stepped(number, steps, self._step(number), onto=bounds.step is not None)
        for limit, is_open, beyond in (
            (bounds.low, bounds.low_open, operator.le),
            (bounds.high, bounds.high_open, operator.ge),
        ):
            if limit is not None and beyond(found, limit):
                found = number if is_open else type(number)(limit)
        return found

    def _step(self, number: float) -> Fraction:
        """Return the step in the bounds, or 1, or a tenth of the first digit of a fraction."""
        if self.bounds.step is not None:
            return Fraction(say_number(self.bounds.step))
        if self._whole:
            return Fraction(1)
        power = math.floor(math.log10(abs(number))) - 1 if number else -1
        return Fraction(10) ** power


def _plain(text: str, unit: str, point: str) -> str:
    """Return `text` for `read_number`: without the unit and spaces between thousands.

    `point` is the decimal point of the user's language; a comma or point is read as one.
    """
    text = text.replace("μ", "µ").removesuffix(unit.replace("μ", "µ")).strip().replace("−", "-")
    if _SPACED.fullmatch(text):
        text = re.sub(r"\s", "", text)
    other = "." if point == "," else ","
    if re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}[{other}]\d{{3}}", text):
        either = text.replace(other, point), text.replace(other, "")
        raise ValueError(f"'{text}' may be {either[0]} or {either[1]}: enter one of these.")
    return text.replace(",", ".")


def _stepped(number: float, steps: int, step: Fraction, *, onto: bool) -> float:
    """Return `number` + `steps` * `step` in decimals, `onto` a multiple of `step` if asked."""
    exact = Fraction(say_number(number))
    if onto:
        exact = step * (math.floor(exact / step) if steps > 0 else math.ceil(exact / step))
    found = exact + steps * step
    try:
        return int(found) if isinstance(number, int) else float(found)
    except OverflowError:  # beyond the largest float
        return number
