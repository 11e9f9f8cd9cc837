"""Which runs are listed: a search, and choices of plan, date and status."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.session import RunRecord, SessionState
from napari_skylight.widgets._display_text import outcome_text, status_of

_DAY = 86400.0
_ANY_PLAN, _ANY_TIME, _ANY_STATUS = "Any plan", "Any time", "Any status"
_DAYS = {_ANY_TIME: None, "Today": 0, "Last 7 days": 7, "Last 30 days": 30, "Last year": 365}
_STATUSES = "", "success", "fail", "abort", "interrupted"


@dataclass(frozen=True)
class RunFilter:
    """What a run must have to be listed; the empty filter lists all."""

    words: tuple[str, ...] = ()
    """In lower case; each in the plan, date, status, uid or metadata of a run."""
    plan: str = ""
    since: float = 0.0
    """In seconds since the epoch."""
    status: str = ""

    def accepts(self, record: RunRecord) -> bool:
        """Return whether a run is listed."""
        run = record.run
        if self.plan and run.title != self.plan:
            return False
        if run.started < self.since or (self.status and run.exit_status != self.status):
            return False
        if not self.words:
            return True
        text = _searched(record)
        return all(word in text for word in self.words)


class FilterBar(QWidget):
    """The search for runs, and a button that shows the `choices` of plan, date and status.

    `choices` is a widget to be placed elsewhere.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._search = QLineEdit()
        self._search.setObjectName("run-search")
        self._search.setPlaceholderText("Search runs")
        self._search.setToolTip("Plan, date as 2026-01-31, status, uid, or metadata such as sample")
        self._search.setClearButtonEnabled(True)
        self._open = QPushButton()
        self._open.setObjectName("filter-runs")
        self._open.setText("Filter")
        self._open.setToolTip("Choose plan, date and status")
        self._open.setCheckable(True)
        self._plan = _combo("filter-plan", "Plan", [_ANY_PLAN])
        self._date = _combo("filter-date", "Date", _DAYS)
        titles = [outcome_text(each) or _ANY_STATUS for each in _STATUSES]
        self._status = _combo("filter-status", "Status", titles)
        self.choices = QWidget()
        self._lay_out()
        self._open.toggled.connect(self.choices.setVisible)
        self._search.textChanged.connect(self._on_changed)
        for combo in (self._plan, self._date, self._status):
            combo.currentIndexChanged.connect(self._on_changed)

    def filter(self) -> RunFilter:
        """Return what is chosen."""
        plan, days = self._plan.currentText(), _DAYS[self._date.currentText()]
        now = time.localtime()
        midnight = time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1))
        return RunFilter(
            tuple(self._search.text().lower().split()),
            "" if self._plan.currentIndex() <= 0 else plan,
            0.0 if days is None else midnight - days * _DAY,
            _STATUSES[self._status.currentIndex()],
        )

    def offer_plans(self, titles: Iterable[str]) -> None:
        """Offer the plans with these titles, beside those offered before."""
        offered = {self._plan.itemText(place) for place in range(self._plan.count())}
        for title in sorted(set(titles) - offered):
            self._plan.addItem(title)

    def _on_changed(self, _value: object) -> None:
        self.changed.emit()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._search, 1)
        layout.addWidget(self._open)
        flow = QFlowLayout(self.choices)
        flow.setContentsMargins(0, 0, 0, 0)
        for combo in (self._plan, self._date, self._status):
            flow.addWidget(combo)
        self.choices.hide()


def _combo(name: str, title: str, items: Iterable[str]) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(title)
    combo.addItems(list(items))
    return combo


def _searched(record: RunRecord) -> str:
    """Return the text of a run that a search looks at."""
    run = record.run
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    status = status_of(run, SessionState.RUNNING)
    starts = [str(dict(each.start)) for each in record.documents]
    parts = [run.title, run.plan, began, status, *run.uids, record.text, *starts]
    return " ".join(parts).lower()
