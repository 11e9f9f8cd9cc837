"""Editors for values with parts or items: a field for each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_skylight.plans.spec import ParamDescription, values_of
from napari_skylight.widgets._display_text import meanings_of, text_label
from napari_skylight.widgets._layout import stops_of
from napari_skylight.widgets.forms._field import Editor, Field, PartError

MakeField = Callable[[ParamDescription, str], Field]

INDENT = 12  # of the fields below a heading or label, in pixels

_COLUMNS = 2  # number fields beside each other in a narrow dock
_MOST_ROWS = 100  # Qt takes minutes to lay out thousands


class _NestedEditor(Editor):
    """An editor that consists of fields."""

    def mark(self, at_fault: bool) -> bool:
        for field in self._inner():
            field.set_problem(field.find_problem() if at_fault else "")
        return any(field.problem for field in self._inner())

    def _inner(self) -> Iterable[Field]:
        raise NotImplementedError


def _value_of(field: Field, label: str = "") -> Any:
    """Return the value of a part; raise `PartError` if it is missing or not allowed."""
    value, problem = field.read(label)
    if not problem and value is inspect.Parameter.empty:
        problem = field.find_problem(label)
    if problem:
        raise PartError(problem[:1].lower() + problem[1:])
    return value


class PartsEditor(_NestedEditor):
    """A field for each part; the value is a mapping, or a tuple for a tuple."""

    def __init__(self, param: ParamDescription, path: str, make_field: MakeField) -> None:
        super().__init__(QWidget())
        assert param.record is not None
        self._record = param.record
        self._names = [part.name for part in param.parts]
        meanings = meanings_of(self._record.__doc__ or "")
        self._fields = {
            part.name: make_field(
                replace(part, help=part.help or meanings.get(part.name, "")),
                f"{path}.{part.name}",
            )
            for part in param.parts
            if part.has_field
        }
        fields = list(self._fields.values())
        for field in fields:
            field.changed.connect(self._report_change)
        self.wide = self._record is not tuple or any(field.wide for field in fields)
        if self._record is tuple:
            _lay_out_beside(self.native, fields)
        else:
            field_rows(self.native, fields)

    def read(self) -> Any:
        values = {name: _value_of(field) for name, field in self._fields.items()}
        return tuple(values.values()) if self._record is tuple else values

    def show(self, value: Any) -> None:
        if value is None:
            return
        for name, part in values_of(self._record, value, self._names).items():
            if name in self._fields:
                self._fields[name].value = part

    def _inner(self) -> Iterable[Field]:
        return self._fields.values()


class RowsEditor(_NestedEditor):
    """A field for each item of a list, with buttons to add and remove items."""

    def __init__(
        self,
        param: ParamDescription,
        element: ParamDescription,
        path: str,
        make_field: MakeField,
    ) -> None:
        super().__init__(QWidget())
        self._element, self._path, self._make_field = element, path, make_field
        self._fewest = param.bounds.fewest
        self._made = 0
        self._rows: list[_Row] = []
        self._rest: list[Any] = []
        self._is_showing = False
        self._layout = QVBoxLayout(self.native)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._add = QPushButton("Add")
        self._add.setObjectName(f"param:{path}.add")
        self._add.setAccessibleName(f"Add an item to {param.label}")
        self._add.clicked.connect(self._on_add_clicked)
        self._note = text_label(name=f"param:{path}.rest", wrap=True)
        self._layout.addWidget(self._note)
        self._layout.addWidget(self._add, 0, Qt.AlignmentFlag.AlignLeft)
        for _ in range(self._fewest):
            self._append()
        self._show_numbers()
        self.wide = element.record is not None or element.element is not None

    def read(self) -> list[Any]:
        values = [_value_of(row.field, f"item {n}") for n, row in enumerate(self._rows, 1)]
        return values + self._rest

    def show(self, value: Any) -> None:
        items = [] if value is None else list(value)
        most = max(_MOST_ROWS, self._fewest)
        items, self._rest = items[:most], items[most:]
        self._is_showing = True
        try:
            while len(self._rows) > max(len(items), self._fewest):
                self._remove(self._rows[-1])
            while len(self._rows) < len(items):
                self._append()
            self._show_numbers()
            for row, item in zip(self._rows, items, strict=False):
                row.field.value = item
        finally:
            self._is_showing = False
            self._report_change()

    def _report_change(self, *_: Any) -> None:
        if not self._is_showing:  # a callback reads every row: call it once, at the end
            super()._report_change()

    def _inner(self) -> Iterable[Field]:
        return [row.field for row in self._rows]

    def _append(self) -> _Row:
        field = self._make_field(self._element, f"{self._path}.{self._made}")
        self._made += 1
        row = _Row(field)
        field.changed.connect(self._report_change)
        row.remove.clicked.connect(lambda: self._on_remove_clicked(row))
        self._layout.insertWidget(len(self._rows), row)
        self._rows.append(row)
        return row

    def _remove(self, row: _Row) -> None:
        self._rows.remove(row)
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _show_numbers(self) -> None:
        for number, row in enumerate(self._rows, 1):
            row.remove.setToolTip(f"Remove item {number}")
            row.remove.setAccessibleName(f"Remove item {number}")
            row.remove.setVisible(len(self._rows) > self._fewest)
        self._note.setText(f"and {len(self._rest)} more, used as they are" if self._rest else "")
        self._note.setVisible(bool(self._rest))
        self._add.setEnabled(not self._rest)  # it adds at the end, which is not shown

    def _on_add_clicked(self) -> None:
        row = self._append()
        self._show_numbers()
        for stop in islice(stops_of(row), 1):
            stop.setFocus(Qt.FocusReason.TabFocusReason)
        self._report_change()

    def _on_remove_clicked(self, row: _Row) -> None:
        self._add.setFocus(Qt.FocusReason.OtherFocusReason)
        self._remove(row)
        if self._rest:
            self._append().field.value = self._rest.pop(0)
        self._show_numbers()
        self._report_change()


class _Row(QWidget):
    """The field of an item and the button that removes it."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self.remove = QToolButton()
        self.remove.setText("✕")
        self.remove.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.remove.setObjectName(f"{field.objectName()}.remove")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(field, 1)
        beside = Qt.AlignmentFlag.AlignTop if field.wide else Qt.AlignmentFlag.AlignVCenter
        layout.addWidget(self.remove, 0, beside)


def field_rows(rows: QWidget, fields: Iterable[Field]) -> None:
    """Lay out `fields` in `rows`: each beside its label, a wide one below it."""
    layout = QFormLayout(rows)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setVerticalSpacing(2)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for field in fields:
        if not field.wide:
            layout.addRow(field.label, field)
            continue
        layout.addRow(field.label)
        indented = QHBoxLayout()
        indented.setContentsMargins(INDENT, 0, 0, 0)
        indented.addWidget(field)
        layout.addRow(indented)


def _lay_out_beside(box: QWidget, fields: list[Field]) -> None:
    layout = QGridLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    roomy = any(field.wide or field.param.unit for field in fields)
    columns = 1 if roomy else _COLUMNS
    for index, field in enumerate(fields):
        layout.addWidget(field, index // columns, index % columns)
