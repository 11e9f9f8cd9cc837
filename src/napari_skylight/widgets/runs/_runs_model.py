"""The runs of a session, as a table that a view shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QIcon

from napari_skylight.session import RunInfo, RunRecord, SessionState
from napari_skylight.widgets._display_text import (
    duration,
    frames,
    outcome_text,
    plain_tip,
    state_text,
)

_HEADERS = ("Time", "Plan", "Frames", "Duration", "Status")
_TIME, _PLAN, _FRAMES, DURATION, _STATUS = range(len(_HEADERS))
_ROOT = QModelIndex()


class RunsModel(QAbstractTableModel):
    """A row for each run, newest first.

    Parameters
    ----------
    icon : callable
        Returns the icon of a state, or of an exit status.
    parent : QObject
    """

    def __init__(self, icon: Callable[[str], QIcon], parent: QObject) -> None:
        super().__init__(parent)
        self._icon = icon
        self._records: Sequence[RunRecord] = ()
        self._state = SessionState.IDLE

    def record(self, index: QModelIndex) -> RunRecord | None:
        """Return the run in the row of `index`."""
        return self._records[index.row()] if index.isValid() else None

    def show_runs(self, records: Sequence[RunRecord], state: SessionState) -> None:
        """Show `records`, newest first; records that stay keep their rows."""
        before, self._state = self._records, state
        newest = before[0].number if before else 0
        oldest = records[-1].number if records else newest + 1
        kept = [record for record in before if record.number >= oldest]
        if len(kept) < len(before):
            self.beginRemoveRows(_ROOT, len(kept), len(before) - 1)
            self._records = kept
            self.endRemoveRows()
        new = len(records) - len(kept)
        if new > 0:
            self.beginInsertRows(_ROOT, 0, new - 1)
            self._records = records
            self.endInsertRows()
        self._records = records
        for row, record in enumerate(kept):
            if record is not records[row + new]:  # only a run that has not ended is replaced
                self._emit_changed(row + new, row + new)

    def restyle(self) -> None:
        """Draw the icons in new colours."""
        if self._records:
            self._emit_changed(0, len(self._records) - 1)

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:  # type: ignore[override]  # noqa: N802
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._records)

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
        record, column = self._records[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(record, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(record, column))
        if role == Qt.ItemDataRole.DecorationRole and column == _STATUS:
            return self._icon(record.run.exit_status or self._state)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (_FRAMES, DURATION):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _text(self, record: RunRecord, column: int) -> str:
        run = record.run
        if column == _TIME:
            return time_of(run)
        if column == _PLAN:
            return run.title
        if column == _FRAMES:
            return str(record.acquired)
        if column == DURATION:
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


def time_of(run: RunInfo) -> str:
    """Return when a run started: the time, preceded by the date if it was not today."""
    started, now = time.localtime(run.started), time.localtime()
    day = "" if started[:3] == now[:3] else "%m-%d "
    return time.strftime(f"{day}%H:%M:%S", started)


def status_of(run: RunInfo, state: SessionState) -> str:
    """Return how a run ended and why, or its present state."""
    if run.ended is None:
        return state_text(state if state.busy else SessionState.RUNNING)
    word = outcome_text(run.exit_status)
    return f"{word}: {run.reason}" if run.reason else word
