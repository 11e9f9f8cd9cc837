"""The log view: messages from a level on, filtered by a text."""

from __future__ import annotations

import logging

from qtpy.QtCore import QItemSelectionModel, Qt, QTimer, Signal
from qtpy.QtGui import (
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
    QTextCursor,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
)

from napari_skylight._log_records import LogCapture, LogEntry
from napari_skylight.widgets._colours import ThemedWidget, amber, faint, muted, red, shape_icon
from napari_skylight.widgets._display_text import text_label
from napari_skylight.widgets._layout import LEAST_HEIGHT, ListAndDetails
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.log._log_model import LogModel, level_word, text_of

_REDRAW_MS = 100
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
_LEVEL_TIP = (
    "The lowest level shown.\n"
    "Debug logs every message of every plan while it is chosen, which slows plans down."
)
_NOTHING = "Nothing has been logged yet."
_NONE_SHOWN = "No message matches. Choose a lower level or search for another text."


class LogView(ThemedWidget):
    """Shows the messages of the plugin, Bluesky and its devices; the selected one in full.

    Records are captured while there is a view, or another `LogCapture`; all views show the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self._capture = LogCapture()
        self._icons: dict[str, QIcon] = {}
        self._level = _level_box()
        self._search = QLineEdit()
        self._search.setObjectName("log-search")
        self._search.setPlaceholderText("Search")
        self._search.setClearButtonEnabled(True)
        self._copy = _button("Copy", "log-copy", "Copy the selected messages, or all shown")
        self._clear = _button("Clear", "log-clear", "Delete all messages")
        self._model = LogModel(self._icon, self)
        self._list = _List()
        self._list.setModel(self._model)
        self._full = _Full()
        self._full.hide()
        self._note = text_label(name="log-note", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedWidget()
        self._lay_out()
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(_REDRAW_MS)
        self._redraw.timeout.connect(self.refresh)
        self._level.currentIndexChanged.connect(self._on_filter_changed)
        self._search.textChanged.connect(self._on_filter_changed)
        self._copy.clicked.connect(self.copy)
        self._clear.clicked.connect(self._capture.records.clear)
        self._list.selectionModel().currentChanged.connect(self._on_current_changed)
        self._list.copied.connect(self.copy)
        self.destroyed.connect(self._capture.close)
        self._links = Links(self)
        self._links.connect(self._capture.records.changed, self._on_records_changed)
        self.refresh()

    def close_links(self) -> None:
        """End the capture, before the view is removed."""
        self._links.cut()
        self._redraw.stop()
        self._capture.close()

    def set_watched(self, watched: bool) -> None:
        """Capture at the chosen level while the dock is open, at Info while it is closed."""
        self._capture.level = self._level.currentData() if watched else logging.INFO

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self.refresh()

    def _apply_theme(self) -> None:
        self._icons.clear()
        self._model.restyle()
        self._note.setStyleSheet(f"color: {muted(self).name()};")

    def refresh(self) -> None:
        records = self._capture.records
        self._model.update_entries(records.since(self._model.newest), records.oldest)
        self._show_page()

    def copy(self) -> None:
        """Copy the selected messages, or all shown."""
        rows = sorted(index.row() for index in self._list.selectedIndexes())
        entries = [self._model.entry(row) for row in rows or range(self._model.rowCount())]
        QGuiApplication.clipboard().setText("\n".join(map(text_of, entries)))

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self._level)
        top.addWidget(self._search, 1)
        top.addWidget(self._copy)
        top.addWidget(self._clear)
        split = ListAndDetails(self._list, self._full)
        self._pages.addWidget(self._note)
        self._pages.addWidget(split)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self._pages, 1)

    def _on_records_changed(self) -> None:
        if self.isVisible() and not self._redraw.isActive():
            self._redraw.start()

    def _on_filter_changed(self) -> None:
        chosen = self._chosen()
        level = self._level.currentData()
        self._capture.level = level
        self._model.set_filter(level, self._search.text())
        row = -1 if chosen is None else self._model.row_of(chosen.number)
        if row >= 0:
            both = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self._list.selectionModel().setCurrentIndex(self._model.index(row), both)
        self._show_full()
        self._show_page()

    def _on_current_changed(self) -> None:
        self._show_full()
        self._list.scrollTo(self._list.currentIndex())

    def _chosen(self) -> LogEntry | None:
        index = self._list.currentIndex()
        return self._model.entry(index.row()) if index.isValid() else None

    def _show_full(self) -> None:
        entry = self._chosen()
        self._full.setVisible(entry is not None)
        self._full.show_text("" if entry is None else text_of(entry))

    def _show_page(self) -> None:
        shown = self._model.rowCount()
        self._note.setText(_NONE_SHOWN if self._model.count else _NOTHING)
        self._pages.setCurrentIndex(1 if shown else 0)
        for button in (self._copy, self._clear):
            button.setEnabled(bool(self._model.count if button is self._clear else shown))

    def _icon(self, level: int) -> QIcon:
        word = level_word(level)
        if word not in self._icons:
            colours = {"Error": red, "Warning": amber, "Info": muted}
            self._icons[word] = shape_icon("dot", colours.get(word, faint)(self))
        return self._icons[word]


class _List(QTreeView):
    """One line for each message; several can be selected."""

    copied = Signal()
    """Copying the selection was requested."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("log")
        self.setAccessibleName("Log")
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setMinimumHeight(LEAST_HEIGHT)
        self._follows = True
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._on_range_changed)

    def _on_scrolled(self, value: int) -> None:
        self._follows = value >= self.verticalScrollBar().maximum()

    def _on_range_changed(self, _least: int, most: int) -> None:
        if self._follows:
            self.verticalScrollBar().setValue(most)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Copy the selected messages in full rather than the line of one."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copied.emit()
        else:
            super().keyPressEvent(event)


class _Full(QPlainTextEdit):
    """A message in full, scrolled to its end, which names the error."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("log-full")
        self.setAccessibleName("Message")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setMinimumHeight(LEAST_HEIGHT)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))

    def show_text(self, text: str) -> None:
        """Show `text` from its end."""
        if text != self.toPlainText():
            self.setPlainText(text)
            self.moveCursor(QTextCursor.MoveOperation.End)
            self.moveCursor(QTextCursor.MoveOperation.StartOfBlock)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self.ensureCursorVisible()


def _level_box() -> QComboBox:
    box = QComboBox()
    box.setObjectName("log-level")
    box.setAccessibleName("Level")
    box.setToolTip(_LEVEL_TIP)
    for level in _LEVELS:
        box.addItem(level_word(level), level)
    box.setCurrentIndex(_LEVELS.index(logging.INFO))
    return box


def _button(text: str, name: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tip)
    return button
