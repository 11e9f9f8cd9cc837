"""Editors for a value that may be missing, or of one of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QBoxLayout, QCheckBox, QVBoxLayout, QWidget

from napari_skylight.plans.spec import (
    ParamDescription,
    find_alternative,
    find_choice,
    say_choice,
    say_kind,
)
from napari_skylight.widgets._tab_order import stops_of
from napari_skylight.widgets.forms._choice_editors import choice_box
from napari_skylight.widgets.forms._editor import Editor


class OptionalEditor(Editor):
    """A box to tick, and the editor of the value when it is ticked."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self.hint, self.wide = editor.hint, editor.wide
        self.native: QWidget = QWidget() if editor.wide else _Row(editor.native)
        self._box = QCheckBox()
        self._box.toggled.connect(self._on_box_toggled)
        self._box.clicked.connect(self._on_box_clicked)
        sideways, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        layout = QBoxLayout(down if editor.wide else sideways, self.native)
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
        if value is not None:
            self._editor.value = value
        self._box.setChecked(value is not None)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self._box.toggled.connect(lambda _: callback())
        self._editor.on_change(callback)

    def mark(self, at_fault: bool) -> bool:
        """Outline the parts at fault, if there are parts."""
        return self._editor.mark(at_fault)

    def _on_box_toggled(self, on: bool) -> None:
        self._box.setText("" if on and not self.wide else "set" if on else "not set")
        self._editor.native.setVisible(on)

    def _on_box_clicked(self, on: bool) -> None:
        for stop in islice(stops_of(self._editor.native), on):
            stop.setFocus(Qt.FocusReason.TabFocusReason)


class UnionEditor(Editor):
    """A list of choices and kinds of values, and the editor of the kind that is chosen.

    For ``float | Literal["auto"]``: a list of "a number" and "auto", and a number field.

    Parameters
    ----------
    param : ParamDescription
        Has alternatives.
    path : str
        The field's name in the form.
    make_editor : callable
        Makes the editor of an alternative.
    """

    def __init__(
        self, param: ParamDescription, path: str, make_editor: Callable[[ParamDescription], Editor]
    ) -> None:
        self._param = param
        self._entries = list(_entries(param, make_editor))
        self._editors = [each.editor for each in self._entries if each.editor is not None]
        self.wide = any(editor.wide for editor in self._editors)
        self.hint = "\n".join(dict.fromkeys(filter(None, (each.hint for each in self._editors))))
        self.native = QWidget()
        self._box = choice_box()
        self._box.setObjectName(f"param:{path}.kind")
        self._box.setAccessibleName(param.label)
        self._box.addItems([each.text for each in self._entries])
        layout = QVBoxLayout(self.native)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._box)
        for entry in self._entries:
            if entry.editor is not None:
                entry.editor.native.setObjectName(f"param:{path}.{entry.text}")
                layout.addWidget(entry.editor.native)
        self._box.currentIndexChanged.connect(self._show_chosen)
        self._show_chosen()

    @property
    def value(self) -> Any:
        """The choice, or the value in the editor of the chosen kind.

        Raises
        ------
        ValueError
            If that editor is empty although there is None to choose.
        """
        entry = self._entries[self._box.currentIndex()]
        value = entry.choice if entry.editor is None else entry.editor.value
        if value is None and entry.editor is not None and self._param.optional:
            raise ValueError(f"fill it in, or choose {say_choice(None)}.")
        return value

    @value.setter
    def value(self, value: Any) -> None:
        meant = None if value is None else find_alternative(self._param, value)
        places = [n for n, entry in enumerate(self._entries) if entry.param is meant]
        if meant is None and value is not None:
            raise ValueError(f"{value!r} is of no kind in the list.")
        if not places:  # None, where a value is needed: nothing to show
            return
        editor = self._entries[places[0]].editor
        found = find_choice([self._entries[place].choice for place in places], value)
        if editor is not None:
            editor.value = value
        self._box.setCurrentIndex(places[found or 0])

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change."""
        self._box.currentIndexChanged.connect(lambda _: callback())
        for editor in self._editors:
            editor.on_change(callback)

    def mark(self, at_fault: bool) -> bool:
        """Outline the parts at fault of the chosen kind, if it has parts."""
        chosen = self._entries[self._box.currentIndex()].editor
        marked = [editor.mark(at_fault and editor is chosen) for editor in self._editors]
        return any(marked)

    def _show_chosen(self) -> None:
        chosen = self._entries[self._box.currentIndex()].editor
        for editor in self._editors:
            editor.native.setVisible(editor is chosen)


class _Entry(NamedTuple):
    """A line in the list of a `UnionEditor`: a choice, or the editor of a kind of value."""

    text: str
    param: ParamDescription | None = None
    editor: Editor | None = None
    choice: Any = None


def _entries(
    param: ParamDescription, make_editor: Callable[[ParamDescription], Editor]
) -> Iterator[_Entry]:
    if param.optional:
        yield _Entry(say_choice(None))
    for each in param.alternatives:
        if each.choices is None or each.multiselect:
            yield _Entry(say_kind(each.shown), each, make_editor(each))
            continue
        for choice in each.choices:
            if choice is not None:
                yield _Entry(say_choice(choice), each, choice=choice)


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
