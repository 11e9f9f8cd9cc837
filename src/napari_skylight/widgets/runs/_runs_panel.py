"""The Runs dock: the runs of the session, and the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QIcon, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from napari_skylight.frames import FrameReader
from napari_skylight.session import RunRecord, Session, SessionState
from napari_skylight.widgets._colours import ThemedWidget, amber, green, muted, red, shape_icon
from napari_skylight.widgets._display_text import (
    duration,
    frames,
    plain_tip,
    status_of,
    text_label,
    time_of,
)
from napari_skylight.widgets._layout import LEAST_HEIGHT, DockVisibility, ListAndDetails
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.log import LogView
from napari_skylight.widgets.runs._run_details import RunDetails

_HEADERS = ("Time", "Plan", "Frames", "Duration", "Status")
_TIME, _PLAN, _FRAMES, _DURATION, _STATUS = range(len(_HEADERS))
_ROOT = QModelIndex()
_REFRESH_MS = 1000
_ALL_COLUMNS = 360
"""Pixels from which all columns of the table fit."""
_NO_RUNS = "No runs yet. Press Run in Plan control."
_COLOURS = {
    "success": muted,
    "abort": amber,
    "fail": red,
    SessionState.PAUSING: amber,
    SessionState.PAUSED: amber,
    SessionState.STOPPING: amber,
}

# napari's themes do not show the keyboard focus, and set lists tight.
_STYLE = """
QTreeView, QListView, QPushButton, QComboBox, QPlainTextEdit {{ border: 1px solid transparent; }}
QTreeView:focus, QListView:focus, QPushButton:focus, QComboBox:focus,
QPlainTextEdit:focus {{ border: 1px solid {colour}; }}
QTreeView::item, QListView::item {{ padding: 2px; }}
QTabWidget::pane {{ border: 0px; }}
"""


class RunsPanel(ThemedWidget):
    """The runs of `session` on one tab, the log on another; `show_images` adds layers of a run.

    A visible panel is refreshed every second while a plan runs. Several may share one session.
    """

    def __init__(
        self, session: Session, show_images: Callable[[RunRecord], None] | None = None
    ) -> None:
        super().__init__()
        self._session = session
        self._icons: dict[str, QIcon] = {}
        self._readers: dict[str, FrameReader] = {}
        self._model = _RunsModel(self._icon, self)
        self._table = _Table(self._model)
        self._details = RunDetails(session, show_images)
        self._note = text_label(_NO_RUNS, name="no-runs", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._pages = QStackedWidget()
        self._log = LogView()
        self._tabs = QTabWidget()
        self._lay_out()
        self._is_visible = False
        DockVisibility(self).changed.connect(self._on_visibility_changed)
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._table.selectionModel().currentRowChanged.connect(self._show_details)
        self._links = Links(self)
        self._links.connect(session.runs.changed, self.refresh)
        self._links.connect(session.state_changed, self.refresh)
        self._links.connect(session.plans_changed, self.refresh)
        self._links.connect(session.caches.added, self._follow_stacks)
        self._follow_stacks()
        self.refresh()

    def close_links(self) -> None:
        """Stop listening to the session and the log, before the panel is deleted."""
        self._links.cut()
        self._timer.stop()
        self._log.close_links()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a size at which the usual texts can be read."""
        return super().sizeHint().expandedTo(QSize(320, 400))

    def _apply_theme(self) -> None:
        colour = muted(self).name()
        self._icons.clear()
        self._model.restyle()
        self._note.setStyleSheet(f"color: {colour};")
        self._tabs.setStyleSheet(_STYLE.format(colour=colour))

    def refresh(self) -> None:
        """Show the present state, and follow it while a plan runs."""
        busy = self._session.state.busy
        for reader in () if busy else self._readers.values():
            reader.arm()  # before reading the counts, so as to miss no change
        self._model.show_runs(tuple(self._session.runs), self._session.state)
        self._pages.setCurrentIndex(1 if self._model.rowCount() else 0)
        self._show_details()
        if busy and self._is_visible:
            self._timer.start()
        else:
            self._timer.stop()

    def _on_visibility_changed(self, visible: bool) -> None:
        self._is_visible = visible
        self._log.set_watched(visible)  # plans run faster without a log
        self.refresh()

    def _lay_out(self) -> None:
        self._pages.addWidget(self._note)
        self._pages.addWidget(ListAndDetails(self._table, self._details, below=2))
        runs = QWidget()
        inner = QVBoxLayout(runs)
        inner.setContentsMargins(0, 8, 0, 0)
        inner.addWidget(self._pages)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._tabs.setObjectName("tabs")
        self._tabs.addTab(runs, "Runs")
        self._tabs.addTab(self._log, "Log")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 8, 6, 8)
        layout.addWidget(self._tabs)

    def _follow_stacks(self) -> None:
        """Refresh when stashed frames are cleared."""
        for cache in self._session.caches:
            if cache.kind == "stack" and cache.name not in self._readers:
                self._readers[cache.name] = cache.reader()
                self._links.connect(cache.changed, self._on_stack_changed)

    def _on_stack_changed(self) -> None:
        if not self._session.state.busy:  # otherwise the timer refreshes
            self.refresh()

    def _show_details(self) -> None:
        self._details.show_record(self._model.record(self._table.currentIndex()))

    def _icon(self, state: str) -> QIcon:
        if state not in self._icons:
            self._icons[state] = shape_icon("dot", _COLOURS.get(state, green)(self))
        return self._icons[state]


class _Table(QTreeView):
    """A line for each run; the arrow keys move from run to run."""

    def __init__(self, model: _RunsModel) -> None:
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

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Hide the duration in a narrow dock; the details have it."""
        super().resizeEvent(event)
        self.setColumnHidden(_DURATION, event.size().width() < _ALL_COLUMNS)


class _RunsModel(QAbstractTableModel):
    """A row for each run, newest first; `icon` is called with a state or an exit status."""

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
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (_FRAMES, _DURATION):
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
