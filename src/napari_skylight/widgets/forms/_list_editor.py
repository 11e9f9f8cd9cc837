"""An editor for a list in one line: ``1, 2, 5``, ``0:10:2`` or ``a, "b, c"``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from qtpy.QtWidgets import QLineEdit

from napari_skylight.plans.spec import read_number, say_number
from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._line_edits import UnitLabel, take_any_length

_MOST = 10_000
"""Limit on the numbers of a range: a slip such as 0:1e9 must not take all the memory."""
_QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)')
_BARE = re.compile(r'\s*([^",]*?)\s*(,|$)')


class ListEditor(Editor):
    """Numbers or texts, separated by commas.

    Parameters
    ----------
    kind : type
        `int`, `float` or `str`.
    unit : str
    """

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

    def _read(self) -> list[Any]:
        text = self._line.text()
        if self._kind is str:
            return _read_texts(text)
        return _read_numbers(text, whole=self._kind is int)

    def _show(self, value: Any) -> None:
        self._line.setText((_say_texts if self._kind is str else _say_numbers)(value))
        self._line.setCursorPosition(0)


def _read_numbers(text: str, *, whole: bool) -> list[float]:
    """Return the numbers in `text`; ``start:stop:step`` is a range without its stop."""
    found: list[float] = []
    for part in filter(None, map(str.strip, text.split(","))):
        found += _range(part, whole) if ":" in part else [read_number(part, whole=whole)]
    return found


def _say_numbers(numbers: Iterable[Any]) -> str:
    """Return the text from which `_read_numbers` returns the same numbers."""
    if isinstance(numbers, range):
        return f"{numbers.start}:{numbers.stop}:{numbers.step}"
    return ", ".join(map(say_number, numbers))


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


def _say_texts(texts: Iterable[Any]) -> str:
    """Return the text from which `_read_texts` returns the same texts."""
    return ", ".join(_quoted(str(text)) for text in texts)


def _quoted(text: str) -> str:
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
