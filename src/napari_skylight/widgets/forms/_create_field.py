"""Makes the field of a parameter, with the editor for its kind of value."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from magicgui.widgets import create_widget

from napari_skylight.plans.spec import ParamDescription, field_type
from napari_skylight.widgets.forms._choice_editors import ChecksEditor, ChoiceEditor
from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._field import Field
from napari_skylight.widgets.forms._list_editor import ListEditor
from napari_skylight.widgets.forms._nested_editors import PartsEditor, RowsEditor
from napari_skylight.widgets.forms._number_field import NumberField
from napari_skylight.widgets.forms._optional_editor import OptionalEditor, UnionEditor
from napari_skylight.widgets.forms._plain_editors import (
    DurationEditor,
    LiteralEditor,
    MagicEditor,
    MomentEditor,
    NumberEditor,
    PathEditor,
    is_moment,
)

_log = logging.getLogger("napari_skylight.widgets")


def create_field(param: ParamDescription, path: str = "", help_text: str = "") -> Field:
    """Return the field of `param`, with the editor for its kind of value.

    A value that no editor can show is edited as a Python literal.

    Parameters
    ----------
    param : ParamDescription
    path : str
        The field's name in the form, the parameter's by default: "x", "roi.width", "points.0".
    help_text : str
        What the parameter means, where `param` does not say.
    """
    path = path or param.name
    try:
        editor = _with_initial(create_editor(param, path), param)
    except Exception as error:  # noqa: BLE001 - a widget may raise anything; show the other fields
        _log.debug("No editor for %s", path, exc_info=True)
        editor = _with_initial(LiteralEditor(f"{error}"), param)
    return Field(param, editor, path, help_text)


def _with_initial(editor: Editor, param: ParamDescription) -> Editor:
    if param.initial is not inspect.Parameter.empty:
        editor.value = param.initial
    return editor


def create_editor(param: ParamDescription, path: str) -> Editor:
    """Return an empty editor for the kind of value that `param` takes."""
    if param.multiselect:
        return ChecksEditor(param.choices or [])
    if param.choices is not None:
        return ChoiceEditor(param)
    if param.alternatives:
        return UnionEditor(param, path, lambda each: create_editor(each, path))
    editor = _structured_editor(param, path) or _plain_editor(param)
    return OptionalEditor(editor) if param.optional else editor


def _structured_editor(param: ParamDescription, path: str) -> Editor | None:
    element = param.element
    if element is not None:
        kind, special = (
            element.shown,
            any((element.optional, element.choices, element.alternatives, _options(element))),
        )
        if kind in (int, float, str) and not special:
            return ListEditor(kind, element.unit)
        return RowsEditor(param, element, path, create_field)
    return PartsEditor(param, path, create_field) if param.record is not None else None


def _plain_editor(param: ParamDescription) -> Editor:
    shown, options = field_type(param.shown), _options(param)
    if shown is Path:
        return PathEditor(options)
    if options:
        return MagicEditor(create_widget(annotation=shown or Any, label="", options=dict(options)))
    if shown in (int, float):
        return NumberEditor(
            NumberField(whole=shown is int, bounds=param.bounds, unit=param.unit, zero=param.zero)
        )
    if shown is timedelta:
        return DurationEditor(param.bounds)
    if is_moment(shown):
        return MomentEditor(shown)
    return MagicEditor(create_widget(annotation=shown, label=""))


def _options(param: ParamDescription) -> Mapping[str, Any]:
    """Return the options for magicgui: a dict in ``Annotated``."""
    return next((item for item in param.metadata if isinstance(item, Mapping)), {})
