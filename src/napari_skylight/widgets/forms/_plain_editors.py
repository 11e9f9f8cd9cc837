"""What one plain value is edited with: magicgui's widgets, and a number field of our own."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
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
    """Return whether values of `kind` are for a `MomentEditor`."""
    return kind in _FORMATS


class MagicEditor(Editor):
    """A value widget of magicgui."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.native = widget.native
        if isinstance(self.native, QCheckBox):
            self.native.setText("")  # the form has the label
        if isinstance(self.native, QLineEdit):
            take_any_length(self.native)

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
            raise ValueError(f"enter a duration, not {self.native.text()}.") from None

    @value.setter
    def value(self, value: timedelta | None) -> None:
        self.native.set_number(None if value is None else value.total_seconds())


class LiteralEditor(Editor):
    """A line of text such as ``{"a": 1}``.

    Parameters
    ----------
    reason : str
        Why there is no better one.
    """

    def __init__(self, reason: str) -> None:
        self.native: QLineEdit = take_any_length(QLineEdit())
        self.native.setPlaceholderText("as in Python")
        self.hint = f"Shown as text: {reason} Write it as in Python."

    @property
    def value(self) -> Any:
        """What the text stands for; None when it is empty."""
        text = self.native.text().strip()
        try:
            return ast.literal_eval(text) if text else None
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise ValueError(f"enter 3, 'text' or [1, 2], as in Python; not {text}.") from None

    @value.setter
    def value(self, value: Any) -> None:
        self.native.setText("" if value is None else repr(value))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self.native.textChanged.connect(lambda _: callback())
