"""The Runs dock: the runs of this session and of earlier ones, and the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QSizePolicy, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from napari_skylight.frames import FrameReader
from napari_skylight.session import RunRecord, Session, SessionState
from napari_skylight.widgets._colours import ThemedWidget, amber, green, muted, red, shape_icon
from napari_skylight.widgets._display_text import text_label
from napari_skylight.widgets._layout import DockVisibility, ListAndDetails
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.log import LogView
from napari_skylight.widgets.runs._run_details import RunDetails
from napari_skylight.widgets.runs._run_filter import FilterBar, RunFilter
from napari_skylight.widgets.runs._runs_table import RunsModel, RunsTable

_REFRESH_MS = 1000
_LEAST_LIST = 44  # pixels: the header and a run
_NO_RUNS = "No runs yet. Press Run in Plan control."
_COLOURS = {
    "success": muted,
    "abort": amber,
    "fail": red,
    "interrupted": red,
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
    """The runs of `session` on one tab, the log on another.

    `show_images` adds layers of a run, and `open_file` those of an image file.

    A visible panel is refreshed every second while a plan runs. Several may share one session.
    """

    def __init__(
        self,
        session: Session,
        show_images: Callable[[RunRecord], None] | None = None,
        open_file: Callable[[Path], None] | None = None,
    ) -> None:
        super().__init__()
        self._session = session
        self._icons: dict[str, QIcon] = {}
        self._readers: dict[str, FrameReader] = {}
        self._model = RunsModel(self._icon, self)
        self._table = RunsTable(self._model)
        self._filter = FilterBar()
        self._earlier: Sequence[RunRecord] = ()
        self._filtered: tuple[Sequence[RunRecord], RunFilter] = (), RunFilter()
        self._details = RunDetails(session, show_images, open_file)
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
        self._links.connect(session.earlier_runs.changed, self.refresh)
        self._filter.changed.connect(self.refresh)
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
        self._list_runs()
        self._show_details()
        if busy and self._is_visible:
            self._timer.start()
        else:
            self._timer.stop()

    def _list_runs(self) -> None:
        present, earlier = tuple(self._session.runs), self._session.earlier_runs[:]
        chosen = self._filter.filter()
        if earlier is not self._filtered[0] or chosen != self._filtered[1]:
            self._filtered = earlier, chosen
            self._earlier = (
                tuple(filter(chosen.accepts, earlier)) if chosen != RunFilter() else earlier
            )
            self._filter.offer_plans({record.run.title for record in earlier})
        self._filter.offer_plans({record.run.title for record in present})
        selected = self._model.record(self._table.currentIndex())
        shown = tuple(filter(chosen.accepts, present))
        if not self._model.show_runs(shown, self._earlier, self._session.state) and selected:
            self._table.select(self._model.row_of(selected))
        self._pages.setCurrentIndex(1 if present or earlier else 0)

    def _on_visibility_changed(self, visible: bool) -> None:
        self._is_visible = visible
        self._log.set_watched(visible)  # plans run faster without a log
        self.refresh()

    def _on_tab_changed(self, place: int) -> None:
        self._filter.setVisible(place == 0)

    def _lay_out(self) -> None:
        self._pages.addWidget(self._note)
        runs = QWidget()
        column = QVBoxLayout(runs)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._filter.choices)
        column.addWidget(self._table, 1)
        self._table.setMinimumHeight(_LEAST_LIST)
        self._pages.addWidget(ListAndDetails(runs, self._details))
        page = QWidget()
        inner = QVBoxLayout(page)
        inner.setContentsMargins(0, 8, 0, 0)
        inner.addWidget(self._pages)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._tabs.setObjectName("tabs")
        self._tabs.addTab(page, "Runs")
        self._tabs.addTab(self._log, "Log")
        self._tabs.setCornerWidget(self._filter)
        self._tabs.currentChanged.connect(self._on_tab_changed)
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
