"""Editors for choices, values that may be missing, and values of one of several kinds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QBoxLayout, QCheckBox, QComboBox, QVBoxLayout, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.plans.spec import (
    ParamDescription,
    find_alternative,
    find_choice,
    say_choice,
    say_kind,
)
from napari_skylight.widgets._display_text import plain_caption
from napari_skylight.widgets._layout import stops_of
from napari_skylight.widgets.forms._field import Editor

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

    def read(self) -> Any:
        index = self._box.currentIndex()
        return self._choices[index] if index >= 0 else None

    def show(self, value: Any) -> None:
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

    def read(self) -> list[Any]:
        pairs = zip(self._choices, self._boxes, strict=True)
        return [choice for choice, box in pairs if box.isChecked()]

    def show(self, value: Any) -> None:
        ticked = {find_choice(self._choices, item) for item in value or ()}
        for index, box in enumerate(self._boxes):
            box.setChecked(index in ticked)


class OptionalEditor(Editor):
    """A check box and, if it is ticked, the editor of the value."""

    def __init__(self, editor: Editor) -> None:
        super().__init__(QWidget() if editor.wide else _Row(editor.native))
        self._editor = editor
        self.hint, self.wide = editor.hint, editor.wide
        self._box = QCheckBox()
        sideways, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        layout = QBoxLayout(down if editor.wide else sideways, self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(editor.native, 1)
        self._on_box_toggled(False)
        self._box.toggled.connect(self._on_box_toggled)
        self._box.clicked.connect(self._on_box_clicked)
        editor.on_change(self._report_change)

    def mark(self, at_fault: bool) -> bool:
        return self._editor.mark(at_fault)

    def read(self) -> Any:
        if not self._box.isChecked():
            return None
        value = self._editor.read()
        if value is None:
            raise ValueError("fill it in, or untick it.")
        return value

    def show(self, value: Any) -> None:
        if value is not None:
            self._editor.show(value)
        self._box.setChecked(value is not None)

    def _on_box_toggled(self, on: bool) -> None:
        self._box.setText("" if on and not self.wide else "set" if on else "not set")
        self._editor.native.setVisible(on)
        self._report_change()

    def _on_box_clicked(self, on: bool) -> None:
        for stop in islice(stops_of(self._editor.native), on):
            stop.setFocus(Qt.FocusReason.TabFocusReason)


class UnionEditor(Editor):
    """A list of choices and kinds of values, and the editor of the chosen kind.

    For ``float | Literal["auto"]``: a list of "a number" and "auto", and a number field.
    """

    def __init__(
        self, param: ParamDescription, path: str, make_editor: Callable[[ParamDescription], Editor]
    ) -> None:
        super().__init__(QWidget())
        self._param = param
        self._entries = list(_entries(param, make_editor))
        self._editors = [each.editor for each in self._entries if each.editor is not None]
        self.wide = any(editor.wide for editor in self._editors)
        self.hint = "\n".join(dict.fromkeys(filter(None, (each.hint for each in self._editors))))
        self._box = choice_box([each.text for each in self._entries])
        self._box.setObjectName(f"param:{path}.kind")
        self._box.setAccessibleName(param.label)
        layout = QVBoxLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._box)
        for entry in self._entries:
            if entry.editor is not None:
                entry.editor.native.setObjectName(f"param:{path}.{entry.text}")
                layout.addWidget(entry.editor.native)
                entry.editor.on_change(self._report_change)
        self._on_index_changed()
        self._box.currentIndexChanged.connect(self._on_index_changed)

    def mark(self, at_fault: bool) -> bool:
        chosen = self._chosen().editor
        marked = [editor.mark(at_fault and editor is chosen) for editor in self._editors]
        return any(marked)

    def _chosen(self) -> _Entry:
        return self._entries[self._box.currentIndex()]

    def read(self) -> Any:
        _, _, editor, choice = self._chosen()
        value = choice if editor is None else editor.read()
        if value is None and editor is not None and self._param.optional:
            raise ValueError(f"fill it in, or choose {say_choice(None)}.")
        return value

    def show(self, value: Any) -> None:
        meant = None if value is None else find_alternative(self._param, value)
        if meant is None and value is not None:
            raise ValueError(f"{value!r} is of no kind in the list.")
        places = [n for n, entry in enumerate(self._entries) if entry.param is meant]
        if not places:  # None, where a value is needed: nothing to show
            return
        editor = self._entries[places[0]].editor
        if editor is not None:
            editor.show(value)
        shown = getattr(value, "name", value) if meant is not None and meant.device_proto else value
        found = find_choice([self._entries[place].choice for place in places], shown)
        self._box.setCurrentIndex(places[found or 0])

    def _on_index_changed(self) -> None:
        chosen = self._chosen().editor
        for editor in self._editors:
            editor.native.setVisible(editor is chosen)
        self._report_change()


class _Entry(NamedTuple):
    """A line in the list of a `UnionEditor`: a choice, or a kind of value with its editor."""

    text: str
    param: ParamDescription | None = None
    editor: Editor | None = None
    choice: Any = None


def _entries(
    param: ParamDescription, make_editor: Callable[[ParamDescription], Editor]
) -> Iterator[_Entry]:
    if param.optional:
        yield _Entry(say_choice(None))
    for each in param.alternatives:
        if each.choices is None or each.multiselect:
            yield _Entry(say_kind(each.shown), each, make_editor(each))
            continue
        for choice in each.choices:
            if choice is not None:
                yield _Entry(say_choice(choice), each, choice=choice)


class _Row(QWidget):
    """As high as `tallest` even when that is hidden, so that the rows below do not move."""

    def __init__(self, tallest: QWidget) -> None:
        super().__init__()
        self._tallest = tallest

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._measure()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._measure()

    def _measure(self) -> None:
        self._tallest.ensurePolished()
        self.setMinimumHeight(self._tallest.sizeHint().height())
