"""The choice of a plan, with its description."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout

from napari_skylight.widgets._colours import ThemedWidget, muted
from napari_skylight.widgets._dialogs import TextDialog
from napari_skylight.widgets._display_text import eliding_label, plain_tip, text_label


class PlanChooser(ThemedWidget):
    """The plans by title; a line that describes the chosen one, and (i) for its whole text."""

    chosen = Signal()
    """The user has chosen another plan."""

    def __init__(self) -> None:
        super().__init__()
        self._docs = ""
        self._plans = QComboBox()
        self._plans.setObjectName("plan")
        self._plans.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._plans.activated.connect(lambda _: self.chosen.emit())
        self._info = QPushButton("i")
        self._info.setObjectName("info")
        self._info.setToolTip("What this plan does")
        self._info.setFixedWidth(26)
        self._info.clicked.connect(self._on_info_clicked)
        self._description = eliding_label("description")
        label = text_label("Plan")
        label.setBuddy(self._plans)
        top = QHBoxLayout()
        top.addWidget(label)
        top.addWidget(self._plans, 1)
        top.addWidget(self._info)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._description)

    @property
    def plan(self) -> str:
        """The name of the chosen plan; empty if there is none."""
        return self._plans.currentData() or ""

    @plan.setter
    def plan(self, name: str) -> None:
        self._plans.setCurrentIndex(self._plans.findData(name))

    def set_plans(self, titles: Mapping[str, str]) -> None:
        """Offer plans by name and title; keep the choice if it is among them."""
        chosen = self.plan
        with QSignalBlocker(self._plans):
            self._plans.clear()
            for name, title in titles.items():
                self._plans.addItem(title, name)
            self._plans.setCurrentIndex(max(0, self._plans.findData(chosen)))

    def set_docs(self, summary: str, docs: str) -> None:
        """Show the description of the chosen plan."""
        self._docs = docs
        self._description.setText(summary)
        self._description.setToolTip(plain_tip(summary))
        self._description.setVisible(bool(summary))
        self._info.setEnabled(bool(docs))

    def set_locked(self, locked: bool) -> None:
        """Allow or forbid choosing another plan."""
        self._plans.setEnabled(not locked)

    def _apply_theme(self) -> None:
        self._description.setStyleSheet(f"color: {muted(self).name()};")

    def _on_info_clicked(self) -> None:
        TextDialog(self._plans.currentText(), self._docs, self.window()).show()
