"""A device of the tree: its name, and its signals below it when it is expanded."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_skylight.session import Setting, SettingsWatch
from napari_skylight.widgets._colours import ThemedWidget, fold_style
from napari_skylight.widgets._display_text import plain_caption, text_label
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.devices._signal_rows import SignalRows

_INDENT = 6


class DeviceSection(ThemedWidget):
    """Shows what its device reports, by a `watch` that is started and stopped elsewhere."""

    toggled = Signal(str, bool)
    """The user has expanded or collapsed the device of this name."""

    moved = Signal(str, int)
    """The user goes from the device of this name to the next (1) or the one before (-1)."""

    refused = Signal(QWidget)
    """The label that says why a value was refused."""

    rows_added = Signal()

    updated = Signal()
    """The watch has new states; may come often."""

    def __init__(self, name: str, watch: SettingsWatch) -> None:
        super().__init__()
        self.name = name
        self.watch = watch
        self.header = _Header(name)
        self._content: QWidget | None = None
        self._rows: SignalRows | None = None
        self._links = Links(self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(self.header)
        self.header.toggled.connect(self._on_toggled)
        self.header.moved.connect(self._on_moved)

    def _apply_theme(self) -> None:
        self.header.setStyleSheet(fold_style(self))

    @property
    def is_expanded(self) -> bool:
        """Whether the signals are shown."""
        return self.header.isChecked()

    def cut_links(self) -> None:
        """Stop listening to the watch."""
        self._links.cut()

    def expand(self, expanded: bool) -> None:
        """Show or hide the signals."""
        with QSignalBlocker(self.header):
            self.header.setChecked(expanded)
        self.header.show_arrow()
        if expanded and self._content is None:
            self._content = self._create_content()
            self._layout.addWidget(self._content)
        if self._content is not None:
            self._content.setVisible(expanded)

    def search(self, matches: Callable[[Setting], bool]) -> None:
        """Show the signals that match alone."""
        if self._rows is not None:
            self._rows.hide_rows({each.path for each in self.watch.settings if not matches(each)})

    def refresh(self) -> None:
        """Show the states that have changed."""
        if self._rows is not None:
            self._rows.show_states(self.watch.take())

    def _create_content(self) -> QWidget:
        if not self.watch.settings:
            note = text_label(f"{self.name} has no signals.", name=f"note:{self.name}", wrap=True)
            note.setContentsMargins(_INDENT, 0, 0, 4)
            return note
        self._rows = rows = SignalRows(self.watch.settings)
        rows.setContentsMargins(_INDENT, 0, 0, 4)
        rows.entered.connect(self._on_value_entered)
        rows.refused.connect(self.refused)
        rows.rows_added.connect(self.rows_added)
        self._links.connect(self.watch.changed, self._on_watch_changed)
        rows.show_states(self.watch.states)
        return rows

    def _on_value_entered(self, path: str, value: object) -> None:
        self.watch.set(path, value)
        self.refresh()

    def _on_moved(self, step: int) -> None:
        self.moved.emit(self.name, step)

    def _on_watch_changed(self) -> None:
        self.updated.emit()

    def _on_toggled(self, expanded: bool) -> None:
        self.toggled.emit(self.name, expanded)


class _Header(QPushButton):
    """The name of a device: Right expands it, Left collapses it, Up and Down go to the next."""

    moved = Signal(int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(f"device:{name}")
        self.setAccessibleName(name)
        self.setCheckable(True)
        self.setAutoDefault(True)
        self._name = plain_caption(name)
        self.show_arrow()

    def show_arrow(self) -> None:
        """Show whether the device is expanded."""
        self.setText(f"{'▾' if self.isChecked() else '▸'} {self._name}")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Move through the tree with the arrow keys."""
        key = event.key()
        if key in (Qt.Key.Key_Right, Qt.Key.Key_Left):
            self.setChecked(key == Qt.Key.Key_Right)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.moved.emit(1 if key == Qt.Key.Key_Down else -1)
        else:
            super().keyPressEvent(event)
