"""What several values are edited with: a line of text, or boxes to tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QCheckBox, QLineEdit, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.plans.spec import find_choice, say_choice
from napari_skylight.widgets._plain_text import plain_caption
from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._item_text import (
    read_numbers,
    read_texts,
    say_numbers,
    say_texts,
)
from napari_skylight.widgets.forms._long_line import take_any_length
from napari_skylight.widgets.forms._unit_label import UnitLabel

__all__ = ["ChecksEditor", "ListEditor"]


class ListEditor(Editor):
    """Numbers or texts with commas between them.

    Parameters
    ----------
    kind : type
        `int`, `float` or `str`.
    unit : str
    """

    def __init__(self, kind: type, unit: str = "") -> None:
        self._kind = kind
        self.native: QLineEdit = take_any_length(QLineEdit())
        self.native.setPlaceholderText("one, two, …" if kind is str else "1, 2, 5 or 0:10:2")
        if unit:
            UnitLabel(unit, self.native)
        if kind is str:
            self.hint = 'Commas between; quotes around what has a comma in it: a, "b, c".'
        else:
            self.hint = "Commas between. 0:10:2 is 0, 2, 4, 6, 8: from 0, below 10, in steps of 2."

    @property
    def value(self) -> list[Any]:
        """The items, in order."""
        text = self.native.text()
        if self._kind is str:
            return read_texts(text)
        return read_numbers(text, whole=self._kind is int)

    @value.setter
    def value(self, value: Any) -> None:
        say = say_texts if self._kind is str else say_numbers
        self.native.setText(say(value))
        self.native.setCursorPosition(0)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.textChanged.connect(lambda _: callback())


class ChecksEditor(Editor):
    """Several of a few choices, each with its box to tick."""

    def __init__(self, choices: list[Any]) -> None:
        self.native = QWidget()
        self._choices = choices
        layout = QFlowLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        self._boxes = [QCheckBox(plain_caption(say_choice(choice))) for choice in choices]
        for box in self._boxes:
            layout.addWidget(box)

    @property
    def value(self) -> list[Any]:
        """The choices that are ticked, in the order they are offered."""
        pairs = zip(self._choices, self._boxes, strict=True)
        return [choice for choice, box in pairs if box.isChecked()]

    @value.setter
    def value(self, value: Any) -> None:
        ticked = {find_choice(self._choices, item) for item in value or ()}
        for index, box in enumerate(self._boxes):
            box.setChecked(index in ticked)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        for box in self._boxes:
            box.toggled.connect(lambda _: callback())
