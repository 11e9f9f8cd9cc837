"""Which editor is for which kind of value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import create_widget

from napari_skylight.plans.spec import ParamDescription, field_type
from napari_skylight.widgets.forms._choice_editor import ChoiceEditor
from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._nested_editors import PartsEditor, RowsEditor
from napari_skylight.widgets.forms._number_field import NumberField
from napari_skylight.widgets.forms._optional_editor import OptionalEditor
from napari_skylight.widgets.forms._plain_editors import (
    DurationEditor,
    MagicEditor,
    MomentEditor,
    NumberEditor,
    PathEditor,
    is_moment,
)
from napari_skylight.widgets.forms._several_editors import ChecksEditor, ListEditor

if TYPE_CHECKING:
    from napari_skylight.widgets.forms._nested_editors import MakeField

__all__ = ["create_editor"]


def create_editor(param: ParamDescription, path: str, make_field: MakeField) -> Editor:
    """Return an editor for the values of `param`.

    Parameters
    ----------
    param : ParamDescription
    path : str
        Names the value among all those of the form: "x", "roi.width", "points.0".
    make_field : callable
        Makes the fields of which the editor consists, where the value has parts.
    """
    if param.multiselect:
        return ChecksEditor(param.choices or [])
    if param.choices is not None:
        return ChoiceEditor(param)
    editor = _structured_editor(param, path, make_field) or _plain_editor(param)
    return OptionalEditor(editor) if param.optional else editor


def _structured_editor(param: ParamDescription, path: str, make_field: MakeField) -> Editor | None:
    element = param.element
    if element is not None:
        kind, special = element.shown, element.optional or element.choices or _options(element)
        if kind in (int, float, str) and not special:
            return ListEditor(kind, element.unit)
        return RowsEditor(param, element, path, make_field)
    return PartsEditor(param, path, make_field) if param.record is not None else None


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
    """Return what the plan asks of magicgui, given as a dict in ``Annotated``."""
    return next((item for item in param.metadata if isinstance(item, Mapping)), {})
