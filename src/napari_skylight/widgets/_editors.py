"""What a value is edited with: magicgui's widgets, and the few kinds it has no fitting one for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import GenericAlias
from typing import Any, Protocol, get_args, get_origin

from magicgui.widgets import ComboBox, create_widget
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_skylight.plans.spec import Bounds, ParamDescription, ParamKind, field_type
from napari_skylight.widgets._number_field import NumberField
from napari_skylight.widgets._several_editors import ChecksEditor, ListEditor

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
        return NumberEditor(shown, param)
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
    elif param.initial is inspect.Parameter.empty:
        choices.insert(0, ("choose…", None))
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
    """A number with its unit; None when it is empty."""

    def __init__(self, kind: type, param: ParamDescription) -> None:
        self.native = NumberField(
            whole=kind is int, bounds=param.bounds, unit=param.unit, zero=param.zero
        )

    @property
    def value(self) -> float | None:
        """The number: an int where only whole ones are meant."""
        return self.native.number_or_none()

    @value.setter
    def value(self, value: float | None) -> None:
        self.native.set_number(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.valueChanged.connect(lambda _: callback())


class DurationEditor:
    """A `datetime.timedelta`, in seconds: magicgui has the time of day for it."""

    def __init__(self) -> None:
        self.native = NumberField(whole=False, bounds=Bounds(), unit="s")

    @property
    def value(self) -> timedelta | None:
        """The duration; None when it is empty."""
        seconds = self.native.number_or_none()
        return None if seconds is None else timedelta(seconds=seconds)

    @value.setter
    def value(self, value: timedelta | None) -> None:
        self.native.set_number(None if value is None else value.total_seconds())

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.valueChanged.connect(lambda _: callback())


class OptionalEditor:
    """A box to tick, and the editor of the value when it is ticked."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.native = _Row(editor.native)
        self._box = QCheckBox()
        self._box.toggled.connect(self._on_box_toggled)
        self._box.clicked.connect(self._on_box_clicked)
        layout = QHBoxLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(editor.native, 1)
        self._on_box_toggled(False)

    @property
    def value(self) -> Any:
        """What the editor says, or None.

        Raises
        ------
        ValueError
            If the box is ticked and the editor empty.
        """
        if not self._box.isChecked():
            return None
        value = self._editor.value
        if value is None:
            raise ValueError("fill it in, or untick it.")
        return value

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

    def _on_box_clicked(self, on: bool) -> None:
        if on:
            self._editor.native.setFocus()


class _Row(QWidget):
    """As high as `tallest`, whether or not that is shown: what is below stays where it is."""

    def __init__(self, tallest: QWidget) -> None:
        super().__init__()
        self._tallest = tallest

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Measure it, as it is styled."""
        super().showEvent(event)
        self._measure()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Measure it again."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._measure()

    def _measure(self) -> None:
        self._tallest.ensurePolished()
        self.setMinimumHeight(self._tallest.sizeHint().height())
