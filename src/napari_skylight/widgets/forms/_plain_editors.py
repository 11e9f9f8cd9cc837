"""Editors for one plain value: magicgui's widgets, a number field, a Python literal."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeGuard

from magicgui.widgets import create_widget
from qtpy.QtWidgets import QCheckBox, QDateTimeEdit, QLineEdit

from napari_skylight.plans.spec import Bounds
from napari_skylight.widgets.forms._editor import Editor
from napari_skylight.widgets.forms._line_edits import take_any_length
from napari_skylight.widgets.forms._number_field import NumberField

_FORMATS = {datetime: "yyyy-MM-dd HH:mm:ss", date: "yyyy-MM-dd", time: "HH:mm:ss"}


def is_moment(kind: Any) -> TypeGuard[type]:
    """Return whether a `MomentEditor` shows values of `kind`."""
    return kind in _FORMATS


class MagicEditor(Editor):
    """A value widget of magicgui."""

    def __init__(self, widget: Any) -> None:
        super().__init__(widget.native)
        self._widget = widget
        if isinstance(self.native, QCheckBox):
            self.native.setText("")  # the form has the label
        if isinstance(self.native, QLineEdit):
            take_any_length(self.native)
        widget.changed.connect(self._report_change)

    def _read(self) -> Any:
        return self._widget.value

    def _show(self, value: Any) -> None:
        self._widget.value = value


class PathEditor(MagicEditor):
    """A file name, with ~ for the user's folder."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(create_widget(annotation=Path, label="", options=dict(options)))
        self._widget.choose_btn.text = "…"
        self._widget.choose_btn.native.setToolTip("Choose from the files there are")

    def _read(self) -> Path | None:
        text = self._widget.line_edit.value.strip()
        return Path(text).expanduser() if text else None

    def _show(self, value: Path | None) -> None:
        self._widget.line_edit.value = "" if value is None else str(value)


class MomentEditor(MagicEditor):
    """A date, a time of day or both, to the second; the time zone of the value shown is kept."""

    def __init__(self, kind: type) -> None:
        super().__init__(create_widget(annotation=kind, label=""))
        assert isinstance(self.native, QDateTimeEdit)
        self.native.setDisplayFormat(_FORMATS[kind])
        self._has_zone = kind is not date
        self._zone: Any = None

    def _read(self) -> Any:
        value = self._widget.value
        return value.replace(tzinfo=self._zone) if self._has_zone else value

    def _show(self, value: Any) -> None:
        if self._has_zone:
            self._zone, value = value.tzinfo, value.replace(tzinfo=None)
        self._widget.value = value


class NumberEditor(Editor):
    """A number with its unit."""

    def __init__(self, field: NumberField) -> None:
        super().__init__(field)
        self._field = field
        field.changed.connect(self._report_change)

    def _read(self) -> Any:
        return self._field.number_or_none()

    def _show(self, value: Any) -> None:
        self._field.set_number(value)


class DurationEditor(NumberEditor):
    """A `datetime.timedelta` in seconds; magicgui's widget takes a time of day."""

    def __init__(self, bounds: Bounds) -> None:
        low, high = (
            limit.total_seconds() if isinstance(limit, timedelta) else None
            for limit in (bounds.low, bounds.high)
        )
        seconds = Bounds(low, high, bounds.low_open, bounds.high_open)
        super().__init__(NumberField(whole=False, bounds=seconds, unit="s"))

    def _read(self) -> timedelta | None:
        seconds = super()._read()
        try:
            return None if seconds is None else timedelta(seconds=seconds)
        except (ValueError, OverflowError):  # nan and inf are numbers but not durations
            raise ValueError(f"enter a duration, not {self._field.text()}.") from None

    def _show(self, value: timedelta | None) -> None:
        super()._show(None if value is None else value.total_seconds())


class LiteralEditor(Editor):
    """A Python literal such as ``{"a": 1}``, for values without a better editor.

    Parameters
    ----------
    reason : str
        Why there is no better one.
    """

    def __init__(self, reason: str) -> None:
        self._line: QLineEdit = take_any_length(QLineEdit())
        super().__init__(self._line)
        self._line.setPlaceholderText("as in Python")
        self._line.textChanged.connect(self._report_change)
        self.hint = f"Shown as text, entered as in Python: {reason}"

    def _read(self) -> Any:
        text = self._line.text().strip()
        try:
            return ast.literal_eval(text) if text else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(f"enter 3, 'text' or [1, 2], as in Python; not {text}.") from None

    def _show(self, value: Any) -> None:
        self._line.setText("" if value is None else repr(value))
