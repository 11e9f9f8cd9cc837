"""The list model of the log view."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QIcon

from napari_skylight._log_records import MOST_RECORDS, LogEntry
from napari_skylight.widgets._display_text import plain_tip

_ROOT = QModelIndex()


class LogModel(QAbstractListModel):
    """The records from a level on that contain a text, oldest first; `icon` is for a level."""

    def __init__(self, icon: Callable[[int], QIcon], parent: QObject) -> None:
        super().__init__(parent)
        self._icon = icon
        self._all: deque[LogEntry] = deque(maxlen=MOST_RECORDS)
        self._shown: list[LogEntry] = []
        self._level = logging.INFO
        self._text = ""

    @property
    def count(self) -> int:
        """The number of records, shown or not."""
        return len(self._all)

    @property
    def newest(self) -> int:
        """The number of the newest record; 0 if there is none."""
        return self._all[-1].number if self._all else 0

    def entry(self, row: int) -> LogEntry:
        return self._shown[row]

    def row_of(self, number: int) -> int:
        """Return the row of the record with this number; -1 if it is not shown."""
        return next((row for row, each in enumerate(self._shown) if each.number == number), -1)

    def set_filter(self, level: int, text: str) -> None:
        """Show the records from `level` on that contain `text`."""
        self._level, self._text = level, text.strip().casefold()
        self.beginResetModel()
        self._shown = [each for each in self._all if self._is_wanted(each)]
        self.endResetModel()

    def update_entries(self, new: list[LogEntry], oldest: int) -> None:
        """Add `new` records and remove those before the number `oldest`."""
        self._all.extend(new)
        while self._all and self._all[0].number < oldest:
            self._all.popleft()
        gone = sum(each.number < oldest for each in self._shown)
        if gone:
            self.beginRemoveRows(_ROOT, 0, gone - 1)
            del self._shown[:gone]
            self.endRemoveRows()
        wanted = [each for each in new if each.number >= oldest and self._is_wanted(each)]
        if wanted:
            start = len(self._shown)
            self.beginInsertRows(_ROOT, start, start + len(wanted) - 1)
            self._shown += wanted
            self.endInsertRows()

    def restyle(self) -> None:
        """Redraw the icons in the colours of the theme."""
        if self._shown:
            self.dataChanged.emit(self.index(0), self.index(len(self._shown) - 1))

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # type: ignore[override]  # noqa: N802
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # type: ignore[override]
        """Return the line, icon or tooltip of a record."""
        entry = self._shown[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return line_of(entry)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._icon(entry.level)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(entry.message)
        return None

    def _is_wanted(self, entry: LogEntry) -> bool:
        texts = (entry.message, entry.logger, entry.details)
        return entry.level >= self._level and any(self._text in each.casefold() for each in texts)


def level_word(level: int) -> str:
    for limit, word in ((logging.ERROR, "Error"), (logging.WARNING, "Warning")):
        if level >= limit:
            return word
    return "Info" if level >= logging.INFO else "Debug"


def line_of(entry: LogEntry) -> str:
    """Return a record on one line, with its time and cause."""
    word = f"{level_word(entry.level)}: " if entry.level >= logging.WARNING else ""
    first = entry.message.strip().partition("\n")[0]
    cause = entry.details.strip().rpartition("\n")[2]
    if cause and not cause.endswith(first):  # unless the message says it
        first += f": {cause}"
    return f"{time.strftime('%H:%M:%S', time.localtime(entry.time))}  {word}{first}"


def text_of(entry: LogEntry) -> str:
    """Return a record in full."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.time))
    head = f"{when}  {level_word(entry.level)}  {entry.logger}  ({entry.thread})"
    return "\n".join(filter(None, (head, entry.message, entry.details)))
