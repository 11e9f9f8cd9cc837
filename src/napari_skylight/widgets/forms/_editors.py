"""What a value is edited with: magicgui's widgets, and the kinds it has no fitting one for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QCheckBox, QDateTimeEdit

from napari_skylight.plans.spec import Bounds, ParamDescription, field_type
from napari_skylight.widgets.forms._choice_editor import ChoiceEditor
from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._nested_editors import PartsEditor, RowsEditor
from napari_skylight.widgets.forms._number_field import NumberField
from napari_skylight.widgets.forms._optional_editor import OptionalEditor
from napari_skylight.widgets.forms._several_editors import ChecksEditor, ListEditor

if TYPE_CHECKING:
    from napari_skylight.widgets.forms._nested_editors import MakeField

__all__ = ["create_editor"]

_FORMATS = {datetime: "yyyy-MM-dd HH:mm:ss", date: "yyyy-MM-dd", time: "HH:mm:ss"}


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
    if shown in _FORMATS:
        return MomentEditor(shown)
    return MagicEditor(create_widget(annotation=shown, label=""))


def _options(param: ParamDescription) -> Mapping[str, Any]:
    """Return what the plan asks of magicgui, given as a dict in ``Annotated``."""
    return next((item for item in param.metadata if isinstance(item, Mapping)), {})


class MagicEditor(Editor):
    """A value widget of magicgui."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.native = widget.native
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

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(create_widget(annotation=Path, label="", options=dict(options)))
        self.widget.choose_btn.text = "…"
        self.widget.choose_btn.native.setToolTip("Choose from what is there")

    @property
    def value(self) -> Path | None:
        """The path as it was typed or chosen; ~ is the person's own folder."""
        text = self.widget.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    @value.setter
    def value(self, value: Path | None) -> None:
        self.widget.line_edit.value = "" if value is None else str(value)


class MomentEditor(MagicEditor):
    """A date, a time of day or both, to the second; a time zone that was given is kept."""

    def __init__(self, kind: type) -> None:
        super().__init__(create_widget(annotation=kind, label=""))
        assert isinstance(self.native, QDateTimeEdit)
        self.native.setDisplayFormat(_FORMATS[kind])
        self._has_zone = kind is not date
        self._zone: Any = None

    @property
    def value(self) -> Any:
        """What is shown."""
        value = self.widget.value
        return value.replace(tzinfo=self._zone) if self._has_zone else value

    @value.setter
    def value(self, value: Any) -> None:
        if self._has_zone:
            self._zone, value = value.tzinfo, value.replace(tzinfo=None)
        self.widget.value = value


class NumberEditor(Editor):
    """A number with its unit; None when it is empty."""

    def __init__(self, field: NumberField) -> None:
        self.native: NumberField = field

    @property
    def value(self) -> Any:
        """The number: an int where only whole ones are meant."""
        return self.native.number_or_none()

    @value.setter
    def value(self, value: Any) -> None:
        self.native.set_number(value)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.changed.connect(callback)


class DurationEditor(NumberEditor):
    """A `datetime.timedelta`, in seconds: magicgui has the time of day for it."""

    def __init__(self, bounds: Bounds) -> None:
        low, high = (
            limit.total_seconds() if isinstance(limit, timedelta) else None
            for limit in (bounds.low, bounds.high)
        )
        super().__init__(
            NumberField(
                whole=False,
                bounds=Bounds(low, high, bounds.low_open, bounds.high_open),
                unit="s",
            )
        )

    @property
    def value(self) -> timedelta | None:
        """The duration; None when it is empty."""
        seconds = self.native.number_or_none()
        try:
            return None if seconds is None else timedelta(seconds=seconds)
        except (ValueError, OverflowError):  # nan and inf are numbers, but no durations
            raise ValueError(f"{self.native.text()} is not a duration.") from None

    @value.setter
    def value(self, value: timedelta | None) -> None:
        self.native.set_number(None if value is None else value.total_seconds())
