"""Editors for one or several of a few choices."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.plans.spec import ParamDescription, find_choice, say_choice
from napari_skylight.widgets._plain_text import plain_caption
from napari_skylight.widgets.forms._editor import Editor

_LEAST_LETTERS = 6


def choice_box() -> QComboBox:
    """Return an empty list to choose from, which fits into a narrow dock."""
    box = QComboBox()
    box.setMinimumContentsLength(_LEAST_LETTERS)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return box


class ChoiceEditor(Editor):
    """A list to choose from; the values keep their types.

    magicgui's looks values up by equality, to which True and 1 are the same.
    """

    def __init__(self, param: ParamDescription) -> None:
        self._choices = list(param.choices or [])
        words = [say_choice(choice) for choice in self._choices]
        words = [
            repr(choice) if words.count(word) > 1 else word
            for choice, word in zip(self._choices, words, strict=True)
        ]
        if None not in self._choices and (
            param.optional or param.initial is inspect.Parameter.empty
        ):
            self._choices.insert(0, None)
            words.insert(0, say_choice(None) if param.optional else "choose…")
        self.native: QComboBox = choice_box()
        self.native.addItems(words)

    @property
    def value(self) -> Any:
        """What is chosen."""
        index = self.native.currentIndex()
        return self._choices[index] if index >= 0 else None

    @value.setter
    def value(self, value: Any) -> None:
        index = find_choice(self._choices, value)
        if index is None:
            raise ValueError(f"there is no {say_choice(value)}: choose from the list.")
        self.native.setCurrentIndex(index)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.currentIndexChanged.connect(lambda _: callback())


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
