"""One parameter in the form: its label, its editor, and why it is at fault."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from qtpy.QtCore import QEvent, QObject, QRectF, Qt, Signal
from qtpy.QtGui import QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QVBoxLayout, QWidget

from napari_skylight.plans.spec import ParamDescription, container_of
from napari_skylight.widgets._colours import red
from napari_skylight.widgets._editors import create_editor
from napari_skylight.widgets._label import text_label

__all__ = ["Field"]

_TIP_WIDTH = 60
"""In letters: Qt does not break the lines of a tooltip."""


class Field(QWidget):
    """The editor of a parameter, outlined when its value is at fault.

    Parameters
    ----------
    param : ParamDescription
    help_text : str
        What the parameter means.
    """

    changed = Signal()

    def __init__(self, param: ParamDescription, help_text: str = "") -> None:
        super().__init__()
        self.param = param
        self._help = help_text
        self.problem = ""
        self._editor = create_editor(param)
        editor = self._editor.native
        editor.setObjectName(f"param:{param.name}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(editor)
        self.label = text_label(param.label)
        self.label.setBuddy(editor)
        self.set_problem("")
        for child in (editor, *editor.findChildren(QWidget)):
            if isinstance(child, (QComboBox, QAbstractSpinBox)):
                child.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                child.installEventFilter(self)
        self._editor.on_change(self.changed.emit)

    @property
    def value(self) -> Any:
        """The value for the plan; `inspect.Parameter.empty` when there is none.

        Raises
        ------
        ValueError
            If what stands there makes no sense, in plain words.
        """
        value = self._editor.value
        if value is None and not self.param.optional:
            return inspect.Parameter.empty
        container = container_of(self.param.annotation)
        return value if container is None or value is None else container(value)

    @value.setter
    def value(self, value: Any) -> None:
        self._editor.value = value

    def set_problem(self, problem: str) -> None:
        """Outline the field and say why; an empty text takes it back."""
        self.problem = problem
        parts = (textwrap.fill(part, _TIP_WIDTH) for part in (problem, self._help))
        tip = "\n".join(filter(None, parts))
        self._editor.native.setToolTip(tip)
        self.label.setToolTip(tip)
        self.update()

    def set_locked(self, locked: bool) -> None:
        """Let the value be read only."""
        self._editor.native.setEnabled(not locked)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the outline."""
        if not self.problem:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(red(self), 1.5))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 3, 3)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Leave the wheel to the scroll area, unless the editor has been clicked."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():  # type: ignore[attr-defined]
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
