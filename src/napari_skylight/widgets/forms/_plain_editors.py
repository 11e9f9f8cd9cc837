"""Editors for plain values, and for lists of them in one line."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QCheckBox, QDateTimeEdit, QLineEdit

from napari_skylight.plans.spec import Bounds, read_number, say_number
from napari_skylight.widgets.forms._field import Editor
from napari_skylight.widgets.forms._number_field import NumberField, UnitLabel, take_any_length

MOMENT_FORMATS: dict[Any, str] = {
    datetime: "yyyy-MM-dd HH:mm:ss",
    date: "yyyy-MM-dd",
    time: "HH:mm:ss",
}
"""Of the kinds of values that a `MomentEditor` shows."""


class MagicEditor(Editor):
    """A value widget of magicgui."""

    def __init__(self, widget: Any) -> None:
        super().__init__(widget.native)
        self._widget = widget
        if isinstance(self.native, QCheckBox):
            self.native.setText("")  # the form has the label
        if isinstance(self.native, QLineEdit):
            take_any_length(self.native)
        widget.changed.connect(self._report_change)

    def read(self) -> Any:
        return self._widget.value

    def show(self, value: Any) -> None:
        self._widget.value = value


class PathEditor(MagicEditor):
    """A file name, with ~ for the user's folder."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(create_widget(annotation=Path, label="", options=dict(options)))
        self._widget.choose_btn.text = "…"
        self._widget.choose_btn.native.setToolTip("Choose from the files there are")

    def read(self) -> Path | None:
        text = self._widget.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    def show(self, value: Path | None) -> None:
        self._widget.line_edit.value = "" if value is None else str(value)


class MomentEditor(MagicEditor):
    """A date, a time of day or both, to the second; the time zone of the value shown is kept."""

    def __init__(self, kind: Any) -> None:
        super().__init__(create_widget(annotation=kind, label=""))
        assert isinstance(self.native, QDateTimeEdit)
        self.native.setDisplayFormat(MOMENT_FORMATS[kind])
        self._has_zone = kind is not date
        self._zone: Any = None

    def read(self) -> Any:
        value = self._widget.value
        return value.replace(tzinfo=self._zone) if self._has_zone else value

    def show(self, value: Any) -> None:
        if self._has_zone:
            self._zone, value = value.tzinfo, value.replace(tzinfo=None)
        self._widget.value = value


class NumberEditor(Editor):
    """A number with its unit."""

    def __init__(self, field: NumberField) -> None:
        super().__init__(field)
        self._field = field
        field.changed.connect(self._report_change)

    def read(self) -> Any:
        return self._field.number_or_none()

    def show(self, value: Any) -> None:
        self._field.set_number(value)


class DurationEditor(NumberEditor):
    """A `datetime.timedelta` in seconds; magicgui's widget takes a time of day."""

    def __init__(self, bounds: Bounds) -> None:
        low, high = (
            limit.total_seconds() if isinstance(limit, timedelta) else None
            for limit in (bounds.low, bounds.high)
        )
        seconds = Bounds(low, high, bounds.low_open, bounds.high_open)
        super().__init__(NumberField(whole=False, bounds=seconds, unit="s"))

    def read(self) -> timedelta | None:
        seconds = super().read()
        try:
            return None if seconds is None else timedelta(seconds=seconds)
        except (ValueError, OverflowError):  # nan and inf are numbers but not durations
            raise ValueError(f"enter a duration, not {self._field.text()}.") from None

    def show(self, value: timedelta | None) -> None:
        super().show(None if value is None else value.total_seconds())


class LiteralEditor(Editor):
    """A Python literal such as ``{"a": 1}``, for values without a better editor."""

    def __init__(self, reason: str) -> None:
        self._line: QLineEdit = take_any_length(QLineEdit())
        super().__init__(self._line)
        self._line.setPlaceholderText("as in Python")
        self._line.textChanged.connect(self._report_change)
        self.hint = f"Shown as text, entered as in Python: {reason}"

    def read(self) -> Any:
        text = self._line.text().strip()
        try:
            return ast.literal_eval(text) if text else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(f"enter 3, 'text' or [1, 2], as in Python; not {text}.") from None

    def show(self, value: Any) -> None:
        self._line.setText("" if value is None else repr(value))


_MOST = 10_000  # limit on the numbers of a range: a slip such as 0:1e9 must not take all the memory
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)')
_BARE = re.compile(r'\s*([^",]*?)\s*(,|$)')


class ListEditor(Editor):
    """Numbers or texts in one line, separated by commas: ``1, 2, 5``, ``0:10:2``, ``a, "b, c"``."""

    def __init__(self, kind: type, unit: str = "") -> None:
        self._kind = kind
        self._line: QLineEdit = take_any_length(QLineEdit())
        super().__init__(self._line)
        self._line.setPlaceholderText("one, two, …" if kind is str else "1, 2, 5 or 0:10:2")
        self._line.textChanged.connect(self._report_change)
        if unit:
            UnitLabel(unit, self._line)
        if kind is str:
            self.hint = 'Separate by commas; quote a text with commas: a, "b, c".'
        else:
            self.hint = "Separate by commas. 0:10:2 is 0, 2, 4, 6, 8: from 0 to below 10 by 2."

    def read(self) -> list[Any]:
        text = self._line.text()
        if self._kind is str:
            return _read_texts(text)
        return _read_numbers(text, whole=self._kind is int)

    def show(self, value: Any) -> None:
        if isinstance(value, range):
            text = f"{value.start}:{value.stop}:{value.step}"
        else:
            say = say_number if self._kind is not str else _quoted
            text = ", ".join(map(say, value))
        self._line.setText(text)
        self._line.setCursorPosition(0)


def _read_numbers(text: str, *, whole: bool) -> list[float]:
    """Return the numbers in `text`; ``start:stop:step`` is a range without its stop."""
    found: list[float] = []
    for part in filter(None, map(str.strip, text.split(","))):
        found += _range(part, whole) if ":" in part else [read_number(part, whole=whole)]
    return found


def _read_texts(text: str) -> list[str]:
    """Return the texts in `text`, separated by commas; a quoted one may contain commas."""
    found: list[str] = []
    place = 0
    while place < len(text):
        quoted = _QUOTED.match(text, place)
        match = quoted or _BARE.match(text, place)
        if match is None:
            raise ValueError(f"put quotes around all of {text[place:].split(',')[0].strip()}.")
        item = match.group(1)
        if quoted or item:
            found.append(item.replace('""', '"') if quoted else item)
        place = match.end()
    return found


def _quoted(item: Any) -> str:
    """Return the text of `item`, in quotes where `_read_texts` needs them."""
    text = str(item)
    plain = text and text == text.strip() and '"' not in text and "," not in text
    return text if plain else '"' + text.replace('"', '""') + '"'


def _range(text: str, whole: bool) -> list[float]:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f"{text} is not a range: write start:stop or start:stop:step.")
    numbers = [read_number(part, whole=whole) for part in parts]
    if not all(map(math.isfinite, numbers)) or (len(numbers) == 3 and numbers[2] == 0):
        raise ValueError(f"{text} has no end: enter numbers and a step other than 0.")
    # in decimals: 0:0.3:0.1 is 0, 0.1, 0.2
    start, stop, step = (Fraction(say_number(number)) for number in (*numbers, 1)[:3])
    count = max(0, math.ceil((stop - start) / step))
    if count > _MOST:
        raise ValueError(f"{text} has {count} numbers: enter at most {_MOST}.")
    kind = int if whole else float
    return [kind(start + index * step) for index in range(count)]
