"""What a value is edited with: magicgui's widgets, and the few kinds it has no fitting one for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import GenericAlias
from typing import Any, Protocol, get_args, get_origin

from magicgui.widgets import ComboBox, create_widget
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.plans.spec import Bounds, ParamDescription, ParamKind, field_type
from napari_skylight.widgets._number_box import NumberBox

__all__ = ["Editor", "create_editor"]


class Editor(Protocol):
    """A widget and its value."""

    @property
    def native(self) -> QWidget:
        """The widget."""
        ...

    @property
    def value(self) -> Any:
        """The value; None when there is none.

        Raises
        ------
        ValueError
            If what stands there makes no sense, in plain words.
        """
        ...

    @value.setter
    def value(self, value: Any) -> None: ...

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        ...


def create_editor(param: ParamDescription) -> Editor:
    """Return an editor for the values of `param`, showing what a form starts with."""
    options = _options(param)
    shown = field_type(param.annotation)
    editor: Editor
    if param.multiselect:
        editor = ChecksEditor(param.choices or [])
    elif param.choices is not None:
        editor = _choice_editor(param)
    elif param.kind is ParamKind.VAR_POSITIONAL:
        editor = _plain_editor(GenericAlias(list, (shown,)), param, options)
    elif param.optional:
        editor = OptionalEditor(_plain_editor(_not_none(shown), param, options))
    else:
        editor = _plain_editor(shown, param, options)
    if param.initial is not inspect.Parameter.empty:
        editor.value = param.initial
    return editor


def _plain_editor(shown: Any, param: ParamDescription, options: Mapping[str, Any]) -> Editor:
    if options:
        return MagicEditor(create_widget(annotation=shown, label="", options=dict(options)))
    if shown in (int, float):
        return NumberEditor(shown, param.bounds, param.unit)
    if get_origin(shown) is list and get_args(shown)[0] in (int, float, str):
        return ListEditor(get_args(shown)[0])
    if shown is Path:
        return PathEditor()
    if shown is timedelta:
        return DurationEditor()
    # what these consist of stands below each other: side by side it is wider than the dock
    options = {"layout": "vertical"} if shown in (range, slice) else {}
    editor = MagicEditor(create_widget(annotation=shown, label="", options=options))
    if shown is datetime:
        editor.native.setDisplayFormat("yyyy-MM-dd HH:mm:ss")  # type: ignore[attr-defined]
    return editor


def _choice_editor(param: ParamDescription) -> Editor:
    choices = [(_words(choice), choice) for choice in param.choices or []]
    if param.optional and None not in (param.choices or []):
        choices.insert(0, (_words(None), None))
    return MagicEditor(ComboBox(choices=choices))


def _words(choice: Any) -> str:
    return "none" if choice is None else str(choice)


def _options(param: ParamDescription) -> Mapping[str, Any]:
    """Return what the plan asks of magicgui, given as a dict in ``Annotated``."""
    return next((item for item in param.metadata if isinstance(item, Mapping)), {})


def _not_none(shown: Any) -> Any:
    members = [member for member in get_args(shown) if member is not type(None)]
    return members[0] if type(None) in get_args(shown) else shown


class MagicEditor:
    """A value widget of magicgui."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.native: QWidget = widget.native
        if isinstance(self.native, QCheckBox):
            self.native.setText("")  # the form has the label

    @property
    def value(self) -> Any:
        """What the widget says."""
        return self.widget.value

    @value.setter
    def value(self, value: Any) -> None:
        self.widget.value = value

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.widget.changed.connect(lambda *_: callback())


class PathEditor(MagicEditor):
    """A file name; None when it is empty."""

    def __init__(self) -> None:
        super().__init__(create_widget(annotation=Path, label=""))
        self.widget.choose_btn.text = "…"
        self.widget.choose_btn.native.setToolTip("Choose a file")

    @property
    def value(self) -> Path | None:
        """The path as it was typed or chosen."""
        text = self.widget.line_edit.value.strip()
        return Path(text) if text else None

    @value.setter
    def value(self, value: Path | None) -> None:
        self.widget.line_edit.value = "" if value is None else str(value)


class NumberEditor:
    """A number with its unit, between its limits."""

    def __init__(self, kind: type, bounds: Bounds, unit: str) -> None:
        self.native = NumberBox(whole=kind is int, bounds=bounds, unit=unit)

    @property
    def value(self) -> float:
        """The number: an int where only whole ones are meant."""
        return self.native.number()

    @value.setter
    def value(self, value: float) -> None:
        self.native.setValue(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.valueChanged.connect(lambda _: callback())


class DurationEditor:
    """A `datetime.timedelta`, in seconds: magicgui has the time of day for it."""

    def __init__(self) -> None:
        self.native = NumberBox(whole=False, bounds=Bounds(), unit="s")

    @property
    def value(self) -> timedelta:
        """The duration."""
        return timedelta(seconds=self.native.number())

    @value.setter
    def value(self, value: timedelta) -> None:
        self.native.setValue(value.total_seconds())

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.valueChanged.connect(lambda _: callback())


class ListEditor:
    """Numbers or words with commas between them."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.native = QLineEdit()
        self.native.setPlaceholderText("one, two, …" if kind is str else "1, 2, …")

    @property
    def value(self) -> list[Any]:
        """The items, in order."""
        return [self._item(text.strip()) for text in self.native.text().split(",") if text.strip()]

    @value.setter
    def value(self, value: Any) -> None:
        self.native.setText(", ".join(map(str, value)))

    def _item(self, text: str) -> Any:
        try:
            return self._kind(text)
        except ValueError:
            number = "a whole number" if self._kind is int else "a number"
            raise ValueError(f"{text} is not {number}.") from None

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.textChanged.connect(lambda _: callback())


class ChecksEditor:
    """Several of a few choices, each with its box to tick."""

    def __init__(self, choices: list[Any]) -> None:
        self.native = QWidget()
        layout = QFlowLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        self._boxes = {choice: QCheckBox(str(choice)) for choice in choices}
        for box in self._boxes.values():
            layout.addWidget(box)

    @property
    def value(self) -> list[Any]:
        """The choices that are ticked, in the order they are offered."""
        return [choice for choice, box in self._boxes.items() if box.isChecked()]

    @value.setter
    def value(self, value: Any) -> None:
        for choice, box in self._boxes.items():
            box.setChecked(choice in (value or ()))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        for box in self._boxes.values():
            box.toggled.connect(lambda _: callback())


class OptionalEditor:
    """A box to tick, and the editor of the value when it is ticked."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.native = QWidget()
        self._box = QCheckBox()
        self._box.toggled.connect(self._on_box_toggled)
        layout = QHBoxLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(editor.native, 1)
        self._on_box_toggled(False)

    @property
    def value(self) -> Any:
        """What the editor says, or None."""
        return self._editor.value if self._box.isChecked() else None

    @value.setter
    def value(self, value: Any) -> None:
        self._box.setChecked(value is not None)
        if value is not None:
            self._editor.value = value

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self._box.toggled.connect(lambda _: callback())
        self._editor.on_change(callback)

    def _on_box_toggled(self, on: bool) -> None:
        self._box.setText("" if on else "not set")
        self._editor.native.setVisible(on)
