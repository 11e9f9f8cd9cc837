"""The list of runs: of this session, and of earlier ones below."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QIcon, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeView

from napari_skylight.session import RunRecord, SessionState
from napari_skylight.widgets._display_text import duration, frames, plain_tip, status_of, time_of
from napari_skylight.widgets._layout import LEAST_HEIGHT

_HEADERS = ("Time", "Plan", "Frames", "Duration", "Status")
_TIME, _PLAN, _FRAMES, _DURATION, _STATUS = range(len(_HEADERS))
_ROOT = QModelIndex()
_ALL_COLUMNS = 360
"""Pixels from which all columns of the table fit."""


class RunsTable(QTreeView):
    """A line for each run; the arrow keys move from run to run."""

    def __init__(self, model: RunsModel) -> None:
        super().__init__()
        self.setModel(model)
        self.setObjectName("runs")
        self.setAccessibleName("Runs")
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setMinimumHeight(LEAST_HEIGHT)
        self.setAllColumnsShowFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        header = self.header()
        header.setResizeContentsPrecision(0)  # of visible rows only
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(header.count() - 1, QHeaderView.ResizeMode.Stretch)

    def select(self, row: int | None) -> None:
        """Select a row; None selects nothing."""
        self.setCurrentIndex(QModelIndex() if row is None else self.model().index(row, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Hide the duration in a narrow dock; the details have it."""
        super().resizeEvent(event)
        self.setColumnHidden(_DURATION, event.size().width() < _ALL_COLUMNS)


class RunsModel(QAbstractTableModel):
    """A row for each run, newest first: those of this session, then those of earlier ones.

    `icon` is called with a state or an exit status.
    """

    def __init__(self, icon: Callable[[str], QIcon], parent: QObject) -> None:
        super().__init__(parent)
        self._icon = icon
        self._present: Sequence[RunRecord] = ()
        self._earlier: Sequence[RunRecord] = ()
        self._state = SessionState.IDLE

    def record(self, index: QModelIndex) -> RunRecord | None:
        """Return the run in the row of `index`."""
        return self._record(index.row()) if index.isValid() else None

    def row_of(self, record: RunRecord) -> int | None:
        """Return the row of a run, None if it is not listed."""
        numbers = (each.number for part in (self._present, self._earlier) for each in part)
        return next((row for row, each in enumerate(numbers) if each == record.number), None)

    def show_runs(
        self, present: Sequence[RunRecord], earlier: Sequence[RunRecord], state: SessionState
    ) -> bool:
        """Show runs, newest first; return False if rows were lost, with the selection.

        Runs of this session that stay keep their rows.
        """
        self._state = state
        before = [record.number for record in self._present]
        now = [record.number for record in present]
        new = len(now) - len(before)
        if earlier is not self._earlier or new < 0 or now[new:] != before:
            self.beginResetModel()
            self._present, self._earlier = present, earlier
            self.endResetModel()
            return False
        old = self._present
        if new:
            self.beginInsertRows(_ROOT, 0, new - 1)
            self._present = present
            self.endInsertRows()
        self._present = present
        for row, record in enumerate(old):
            if record is not present[row + new]:  # only a run that has not ended is replaced
                self._emit_changed(row + new, row + new)
        return True

    def restyle(self) -> None:
        """Draw the icons in new colours."""
        if rows := self.rowCount():
            self._emit_changed(0, rows - 1)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # type: ignore[override]  # noqa: N802
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._present) + len(self._earlier)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:  # type: ignore[override]  # noqa: N802
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(  # noqa: N802
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return the title of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # type: ignore[override]
        """Return a cell's text, tooltip, icon or alignment."""
        record, column = self._record(index.row()), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(record, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(record, column))
        if role == Qt.ItemDataRole.DecorationRole and column == _STATUS:
            return self._icon(record.run.exit_status or self._state)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (_FRAMES, _DURATION):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _record(self, row: int) -> RunRecord:
        own = len(self._present)
        return self._present[row] if row < own else self._earlier[row - own]

    def _text(self, record: RunRecord, column: int) -> str:
        run = record.run
        if column == _TIME:
            return time_of(run)
        if column == _PLAN:
            return run.title
        if column == _FRAMES:
            return str(record.acquired) if record.acquired or not record.files else ""
        if column == _DURATION:
            return duration(run.seconds)
        return status_of(run, self._state)

    def _tip(self, record: RunRecord, column: int) -> str:
        if column == _TIME:
            return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.run.started))
        if column == _FRAMES:
            parts = [f"{frames(record.acquired)}, {record.stashed} stashed"]
            parts += [f"{record.dropped} dropped"] if record.dropped else []
            return ", ".join(parts)
        return self._text(record, column)

    def _emit_changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, 0), self.index(last, len(_HEADERS) - 1))
