"""The signals of one device, a row for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from napari_skylight.session import Setting, SettingInfo, SettingState
from napari_skylight.widgets._colours import ThemedWidget, muted, red
from napari_skylight.widgets._display_text import plain_caption, plain_tip, text_label
from napari_skylight.widgets._layout import order_tabs
from napari_skylight.widgets.devices._signal_editors import (
    NumberEditor,
    SettingEditor,
    TextEditor,
    create_setting_editor,
)

_LABEL, _EDITOR, _NOW = range(3)
_WIDEST_NOW = "no answer"
_USUAL_LABEL = "Exposure"
"""As wide as most labels: with it, the editors of several devices are in one column."""


class SignalRows(ThemedWidget):
    """Rows in the order of `settings`, each shown once the device has described its signal."""

    entered = Signal(str, object)
    """The path of a signal, and the value that the user has entered."""

    rows_added = Signal()

    refused = Signal(QWidget)
    """The label that says why a value was refused."""

    def __init__(self, settings: Sequence[Setting]) -> None:
        super().__init__()
        self._order = [setting.path for setting in settings]
        self._rows: dict[str, _Row] = {}
        self._hidden: Collection[str] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(_EDITOR, 1)
        self._grid.setHorizontalSpacing(4)

    def show_states(self, states: Mapping[str, SettingState]) -> None:
        """Show `states`, by path; other rows do not change."""
        known = len(self._rows)
        for path in self._order:
            state = states.get(path)
            if state is None:
                continue
            if path not in self._rows and state.info is not None:
                self._add(path, state.setting, state.info)
            if path in self._rows:
                row = self._rows[path]
                was_refused = not row.refusal.isHidden()
                row.show(state)
                if not was_refused and not row.refusal.isHidden():
                    self.refused.emit(row.refusal)
        if len(self._rows) > known:
            rows = [self._rows[path] for path in self._order if path in self._rows]
            order_tabs([row.editor for row in rows if row.editor is not None])
            self.rows_added.emit()
            self._apply_theme()

    def hide_rows(self, paths: Collection[str]) -> None:
        """Hide the rows of `paths`, and show all others."""
        self._hidden = paths
        for path, row in self._rows.items():
            row.set_visible(path not in paths)

    def _add(self, path: str, setting: Setting, info: SettingInfo) -> None:
        row = self._rows[path] = _Row(setting, info, self)
        place = 2 * self._order.index(path)
        for column, widget in enumerate(row.widgets):
            self._grid.addWidget(widget, place, column)
        self._grid.addWidget(row.refusal, place + 1, 0, 1, len(row.widgets))
        if isinstance(row.editor, QCheckBox):  # no wider than the part that can be clicked
            self._grid.setAlignment(row.editor, Qt.AlignmentFlag.AlignLeft)
        row.entered.connect(self.entered)
        row.refused.connect(self.refused)
        row.set_visible(path not in self._hidden)

    def _apply_theme(self) -> None:
        advance = self.fontMetrics().horizontalAdvance
        self._grid.setColumnMinimumWidth(_LABEL, advance(_USUAL_LABEL))
        self._grid.setColumnMinimumWidth(_NOW, advance(_WIDEST_NOW))  # nothing moves when it fills
        for row in self._rows.values():
            row.now.setStyleSheet(f"color: {muted(self).name()};")
            row.refusal.setStyleSheet(f"color: {red(self).name()};")


class _Row(QObject):
    """The label of a signal, its editor, its value while it changes, and why it was refused.

    A read-only signal has its value in place of the editor.
    """

    entered = Signal(str, object)
    refused = Signal(QWidget)

    def __init__(self, setting: Setting, info: SettingInfo, parent: QObject) -> None:
        super().__init__(parent)
        self.editor: SettingEditor | None = None
        self._is_visible = True
        self.now = text_label(name=f"now:{setting.path}")
        self.refusal = text_label(name=f"refusal:{setting.path}", wrap=True)
        self.refusal.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._refused_at: object = None  # the value that the device had then
        self._problem = ""  # of what the user typed: nothing was set
        self._reading = text_label(name=f"reading:{setting.path}")
        self._state = SettingState(setting, info)
        label = text_label(plain_caption(setting.label), wrap=True)
        if setting.settable:
            self.editor = create_setting_editor(info)
            self.editor.setObjectName(f"setting:{setting.path}")
            self.editor.setAccessibleName(setting.label)
            self.editor.entered.connect(self._on_entered)
            self.editor.left.connect(self._show_value)
            if isinstance(self.editor, NumberEditor):
                self.editor.refused.connect(self._on_refused)
            elif isinstance(self.editor, TextEditor):
                self.editor.textEdited.connect(self._on_text_edited)
            label.setBuddy(self.editor)
        else:
            self._reading.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.widgets: tuple[QLabel, QWidget, QLabel] = (
            label,
            self._reading if self.editor is None else self.editor,
            self.now,
        )

    def show(self, state: SettingState) -> None:
        """Show the signal as it is now."""
        if state.refusal != self._state.refusal:
            self._refused_at = state.value
        self._state = state
        info = state.info
        if info is None:
            return
        if state.pending:
            self.now.setText(_on_its_way(info, state.value))
        else:
            self.now.setText("no answer" if state.trouble else "")
        tip = "\n".join(filter(None, (state.trouble, _limits_in_words(info))))
        for widget in self.widgets:
            widget.setToolTip(plain_tip(tip))
        self._show_value()
        self._show_refusal()

    def set_visible(self, visible: bool) -> None:
        """Show or hide the row."""
        self._is_visible = visible
        for widget in self.widgets:
            widget.setVisible(visible)
        self._show_refusal()

    def _show_refusal(self) -> None:
        """Show why a value was refused, until the user types or the signal has another value."""
        is_old = self._state.value != self._refused_at
        text = self._problem or ("" if is_old else self._state.refusal)
        self.refusal.setText(text)
        self.refusal.setVisible(self._is_visible and bool(text))

    def _on_refused(self, problem: str) -> None:
        self._problem, self._refused_at = problem, object()  # an older refusal is hidden
        self._show_refusal()
        if problem:
            self.refused.emit(self.refusal)

    def _on_text_edited(self, _text: str) -> None:
        self._on_refused("")

    def _on_entered(self, value: object) -> None:
        self._state = replace(self._state, refusal="")  # the same one may come again
        self.entered.emit(self._state.setting.path, value)

    def _show_value(self) -> None:
        """Show the true value, unless another one is being entered or set."""
        state = self._state
        if state.info is None:
            return
        if self.editor is None:
            self._reading.setText(state.info.said(state.value) or "–")
        elif not self.editor.edited and not (state.pending and self.editor.keeps_what_is_entered):
            self.editor.show_value(state.info, state.value)


def _on_its_way(info: SettingInfo, value: object) -> str:
    """Return the value of a signal that changes, with no more digits than can be read."""
    if not isinstance(value, float):
        return "setting…"
    digits = 1 if abs(value) >= 10 else 3
    return f"{value:.{digits if info.digits is None else min(digits, info.digits)}f}"


def _limits_in_words(info: SettingInfo) -> str:
    if info.low is not None and info.high is not None:
        return f"{info.low:.10g} to {info.high:.10g} {info.unit}".strip()
    if info.low is not None:
        return f"{info.low:.10g} {info.unit}".strip() + " or more"
    if info.high is not None:
        return f"{info.high:.10g} {info.unit}".strip() + " or less"
    return ""
