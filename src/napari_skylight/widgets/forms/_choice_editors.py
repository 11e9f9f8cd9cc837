"""Editors for one or several of a few choices."""

from __future__ import annotations

import inspect
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.plans.spec import ParamDescription, find_choice, say_choice
from napari_skylight.widgets._plain_text import plain_caption
from napari_skylight.widgets.forms._editor import Editor

_LEAST_LETTERS = 6


def choice_box(texts: list[str]) -> QComboBox:
    """Return a drop-down list that fits into a narrow dock."""
    box = QComboBox()
    box.setMinimumContentsLength(_LEAST_LETTERS)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.addItems(texts)
    return box


class ChoiceEditor(Editor):
    """A drop-down list; the values keep their types.

    magicgui's looks values up by equality and confuses True with 1.
    """

    def __init__(self, param: ParamDescription) -> None:
        choices = list(param.choices or [])
        texts = list(map(say_choice, choices))
        texts = [
            repr(choice) if texts.count(text) > 1 else text
            for choice, text in zip(choices, texts, strict=True)
        ]
        if None not in choices and (param.optional or param.initial is inspect.Parameter.empty):
            choices.insert(0, None)
            texts.insert(0, say_choice(None) if param.optional else "choose…")
        self._choices = choices
        self._box = choice_box(texts)
        super().__init__(self._box)
        self._box.currentIndexChanged.connect(self._report_change)

    def _read(self) -> Any:
        index = self._box.currentIndex()
        return self._choices[index] if index >= 0 else None

    def _show(self, value: Any) -> None:
        index = find_choice(self._choices, value)
        if index is None:
            raise ValueError(f"there is no {say_choice(value)}: choose from the list.")
        self._box.setCurrentIndex(index)


class ChecksEditor(Editor):
    """A check box for each choice; the value is a list in the order of the choices."""

    def __init__(self, choices: list[Any]) -> None:
        super().__init__(QWidget())
        self._choices = choices
        layout = QFlowLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        self._boxes = [QCheckBox(plain_caption(say_choice(choice))) for choice in choices]
        for box in self._boxes:
            layout.addWidget(box)
            box.toggled.connect(self._report_change)

    def _read(self) -> list[Any]:
        pairs = zip(self._choices, self._boxes, strict=True)
        return [choice for choice, box in pairs if box.isChecked()]

    def _show(self, value: Any) -> None:
        ticked = {find_choice(self._choices, item) for item in value or ()}
        for index, box in enumerate(self._boxes):
            box.setChecked(index in ticked)
