"""A parameter in the form: label, editor and problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QVBoxLayout, QWidget

from napari_skylight.plans.spec import ParamDescription, container_of, find_problem
from napari_skylight.widgets._colours import red
from napari_skylight.widgets._display_text import plain_caption, plain_tip, text_label


class PartError(ValueError):
    """A part of a value is missing or not allowed; the message begins with the part's name."""


class Editor:
    """A widget and the value in it."""

    hint = ""
    """What can be entered, if the widget does not show it."""
    wide = False
    """Whether it needs the whole width of the form, below its label."""

    def __init__(self, native: QWidget) -> None:
        self.native = native
        self._callbacks: list[Callable[[], None]] = []

    def read(self) -> Any:
        """Return the value; None if the editor is empty.

        The `ValueError` for a text that is no such value says what to enter.
        """
        raise NotImplementedError

    def show(self, value: Any) -> None:
        """Show a value; an editor may refuse it with any error."""
        raise NotImplementedError

    def on_change(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def mark(self, at_fault: bool) -> bool:
        """Outline the fields at fault within the editor; return whether there are any."""
        return False

    def _report_change(self, *_: Any) -> None:
        for callback in self._callbacks:
            callback()


_NOTHING = object()


class Field(QWidget):
    """The editor of a parameter, outlined if its value is not allowed.

    `path` is the field's unique name in the form: "exposure", "roi.width".
    """

    changed = Signal()

    def __init__(
        self, param: ParamDescription, editor: Editor, path: str, help_text: str = ""
    ) -> None:
        super().__init__()
        self.param = param
        self._help = help_text or param.help
        self.problem = ""
        self._editor = editor
        self._given = param.initial if param.initial is not inspect.Parameter.empty else _NOTHING
        self._giving = False
        editor.on_change(self._on_editor_changed)
        native = editor.native
        self.setObjectName(f"field:{path}")
        native.setObjectName(f"param:{path}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(native)
        self.label = text_label(plain_caption(param.label))
        self.label.setBuddy(native)
        self.set_problem("")
        for child in (native, *native.findChildren(QWidget)):
            if isinstance(child, (QComboBox, QAbstractSpinBox)):
                child.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                child.installEventFilter(self)

    @property
    def wide(self) -> bool:
        """Whether it is laid out below its label, over the whole width."""
        return self._editor.wide

    @property
    def value(self) -> Any:
        """The value for the plan; `inspect.Parameter.empty` if there is none.

        A value that was set is returned as the same object until the user edits it.
        """
        untouched = self._given is not _NOTHING
        value = self._given if untouched else self._editor.read()
        if value is None and not self.param.optional:
            return inspect.Parameter.empty
        container = container_of(self.param.annotation)
        return value if untouched or container is None or value is None else container(value)

    @value.setter
    def value(self, value: Any) -> None:
        if self.param.device_proto is not None:
            value = _names(value)
        before, self._given, self._giving = self._given, value, True
        try:
            self._editor.show(value)
        except Exception:  # Qt and magicgui may raise anything; the former value stays
            self._given = before
            raise
        finally:
            self._giving = False

    def read(self, label: str = "") -> tuple[Any, str]:
        """Return the value and no problem, or `inspect.Parameter.empty` and the problem."""
        label = label or self.param.label
        try:
            value = self.value
        except ValueError as error:
            joint = ", " if isinstance(error, PartError) else ": "
            return inspect.Parameter.empty, f"{label}{joint}{error}"
        if value is inspect.Parameter.empty and not self.param.required:
            # the default is used without a field, not for an empty one
            return value, f"{label} is empty: fill it in."
        return value, ""

    def find_problem(self, label: str = "") -> str:
        """Return what is wrong with the value and what to enter, or an empty text."""
        value, problem = self.read(label)
        return problem or find_problem(self.param, value, label)

    def set_problem(self, problem: str) -> None:
        """Outline the field with `problem` as its tooltip; an empty text removes both."""
        self.problem = problem
        marked = self._editor.mark(bool(problem))
        self._outlined = bool(problem) and not marked
        tip = plain_tip("\n".join(filter(None, (problem, self._help, self._editor.hint))))
        self._editor.native.setToolTip(tip)
        self.label.setToolTip(tip)
        self.update()

    def set_locked(self, locked: bool) -> None:
        self._editor.native.setEnabled(not locked)

    def _on_editor_changed(self) -> None:
        if not self._giving:
            self._given = _NOTHING
        self.changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        if not self._outlined:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(red(self), 1.5))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 3, 3)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Leave the wheel to the scroll area unless the editor has the focus."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():  # type: ignore[attr-defined]
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))


def _names(value: Any) -> Any:
    """Return the names of devices given as objects."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_names(item) for item in value]
    return getattr(value, "name", value)
