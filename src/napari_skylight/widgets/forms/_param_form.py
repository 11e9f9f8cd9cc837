"""The form of a plan, and the choice of the editor for each parameter."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from magicgui.widgets import create_widget
from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_skylight.plans.spec import (
    ParamDescription,
    ParamKind,
    PlanSpec,
    field_type,
    find_problem,
)
from napari_skylight.widgets._colours import fold_style, is_new_theme
from napari_skylight.widgets._display_text import meanings_of
from napari_skylight.widgets.forms._choice_editors import (
    ChecksEditor,
    ChoiceEditor,
    OptionalEditor,
    UnionEditor,
)
from napari_skylight.widgets.forms._field import Editor, Field
from napari_skylight.widgets.forms._nested_editors import (
    INDENT,
    PartsEditor,
    RowsEditor,
    field_rows,
)
from napari_skylight.widgets.forms._number_field import NumberField
from napari_skylight.widgets.forms._plain_editors import (
    MOMENT_FORMATS,
    DurationEditor,
    ListEditor,
    LiteralEditor,
    MagicEditor,
    MomentEditor,
    NumberEditor,
    PathEditor,
)

_log = logging.getLogger("napari_skylight.widgets")


def create_field(param: ParamDescription, path: str = "", help_text: str = "") -> Field:
    """Return the field of `param`, with the editor for its kind of value.

    A value that no editor can show is edited as a Python literal. `path` is the field's name in the
    form, the parameter's by default: "x", "roi.width", "points.0".
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
        editor.show(param.initial)
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
    if element is None:
        return PartsEditor(param, path, create_field) if param.record is not None else None
    special = element.optional or element.choices or element.alternatives or _options(element)
    if element.shown in (int, float, str) and not special:
        return ListEditor(element.shown, element.unit)
    return RowsEditor(param, element, path, create_field)


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
    if shown in MOMENT_FORMATS:
        return MomentEditor(shown)
    return MagicEditor(create_widget(annotation=shown, label=""))


def _options(param: ParamDescription) -> Mapping[str, Any]:
    """Return the options for magicgui: a dict in ``Annotated``."""
    return next((item for item in param.metadata if isinstance(item, Mapping)), {})


_LABEL_WIDTH = 100  # longer labels wrap, to leave half of a narrow dock to the values


class ParamForm(QWidget):
    """The fields of a plan: devices first; keyword-only parameters with defaults folded away."""

    changed = Signal()

    def __init__(self, spec: PlanSpec) -> None:
        super().__init__()
        self.spec = spec
        meanings = meanings_of(spec.docs)
        self.fields = {
            param.name: create_field(param, help_text=meanings.get(param.name, ""))
            for param in sorted(spec.parameters, key=lambda each: each.device_proto is None)
            if param.has_field
        }
        daily = [field for field in self.fields.values() if not _is_seldom(field.param)]
        seldom = [field for field in self.fields.values() if _is_seldom(field.param)]
        if not daily:
            daily, seldom = seldom, []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(_rows(daily))
        self.more = _Fold(f"More ({len(seldom)})", _rows(seldom)) if seldom else None
        if self.more is not None:
            layout.addWidget(self.more)
        self._seldom = frozenset(seldom)
        for field in self.fields.values():
            field.changed.connect(self._on_field_changed)

    def values(self) -> dict[str, Any]:
        """Return the values by parameter name, without those that are missing or malformed."""
        read = {name: field.read()[0] for name, field in self.fields.items()}
        return {name: value for name, value in read.items() if value is not inspect.Parameter.empty}

    def problems(self) -> dict[str, str]:
        """Return a message for each value that is not allowed, by parameter name."""
        found = {name: field.find_problem() for name, field in self.fields.items()}
        return {name: problem for name, problem in found.items() if problem}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show `values` in the fields; leave out those that are not allowed."""
        for name, value in values.items():
            field = self.fields.get(name)
            if field is None or find_problem(field.param, value):
                continue
            try:
                field.value = value
            except Exception:  # noqa: BLE001 - a widget may raise anything; show the other values
                _log.debug("%s cannot show %r", name, value, exc_info=True)

    def mark(self, problems: Mapping[str, str]) -> None:
        """Outline the fields with problems, and no others."""
        for name, field in self.fields.items():
            field.set_problem(problems.get(name, ""))
        if self.more is not None and any(field.problem for field in self._seldom):
            self.more.expand(animate=False)

    @property
    def is_unfolded(self) -> bool:
        return self.more is not None and self.more.isExpanded()

    @property
    def marked(self) -> dict[str, str]:
        """The problems shown, by parameter name."""
        return {name: field.problem for name, field in self.fields.items() if field.problem}

    def set_locked(self, locked: bool) -> None:
        for field in self.fields.values():
            field.set_locked(locked)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._align()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._align()

    def _align(self) -> None:
        """Give all labels the same right edge, indented ones too."""
        if not self.fields:
            return
        indents = {field: INDENT * (field in self._seldom) for field in self.fields.values()}
        widths = {
            field: field.label.fontMetrics().horizontalAdvance(field.label.text()) + 1
            for field in indents
        }
        widest = min(_LABEL_WIDTH, max(indents[field] + width for field, width in widths.items()))
        for field, width in widths.items():
            room = widest - indents[field]
            field.label.setWordWrap(width > room)
            field.label.setMinimumWidth(room)

    def _on_field_changed(self) -> None:
        if self.marked:  # show no new problems while the user is typing
            problems = self.problems()
            self.mark({name: problems.get(name, "") for name in self.marked})
        self.changed.emit()


class _Fold(QCollapsible):
    """A heading without a frame that shows and hides `content`, without animation."""

    def __init__(self, title: str, content: QWidget) -> None:
        super().__init__(title)
        self.setObjectName("more")
        self.setDuration(0)
        for layout, indent in ((self.layout(), 0), (self.content().layout(), INDENT)):
            assert layout is not None
            layout.setContentsMargins(indent, 0, 0, 0)
            layout.setSpacing(0)
        self.toggleButton().setAutoDefault(True)
        self.addWidget(content)
        self._draw_arrows()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        super().changeEvent(event)
        if is_new_theme(event):
            self.toggleButton().setStyleSheet(fold_style(self))
            self._draw_arrows()

    def _draw_arrows(self) -> None:
        # superqt draws them in the current text colour
        self.setExpandedIcon("▾")
        self.setCollapsedIcon("▸")


def _is_seldom(param: ParamDescription) -> bool:
    return param.kind is ParamKind.KEYWORD_ONLY and param.has_default


def _rows(fields: Iterable[Field]) -> QWidget:
    rows = QWidget()
    field_rows(rows, fields)
    return rows
