"""The last problem, with its traceback behind a button."""

from __future__ import annotations

import traceback

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy

from napari_skylight.session import Session
from napari_skylight.widgets._colours import ThemedWidget, red
from napari_skylight.widgets._dialogs import TextDialog
from napari_skylight.widgets._display_text import breakable, text_label
from napari_skylight.widgets._signal_links import Links

_LINES, _LETTERS = 6, 200


class ErrorLine(ThemedWidget):
    """Shows the session's problem, or what is wrong in the form."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._form_problem = ""
        self._whole = ""
        self._mark = text_label("!")
        self._text = text_label(name="error", wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._details = QPushButton("Details")
        self._details.setObjectName("details")
        self._details.setToolTip("Show the traceback")
        self._details.clicked.connect(self._on_details_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        top = Qt.AlignmentFlag.AlignTop
        layout.addWidget(self._mark, 0, top)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._details, 0, top)
        self._links = Links(self)
        self._links.connect(session.reported, self._refresh)
        self._links.connect(session.problem_updated, self._refresh)
        self._refresh()

    def cut_links(self) -> None:
        """Stop listening to the session."""
        self._links.cut()

    def set_form_problem(self, problem: str) -> None:
        """Show why the plan was not started; an empty text clears it."""
        self._form_problem = problem
        self._refresh()

    def _apply_theme(self) -> None:
        self._mark.setStyleSheet(f"color: {red(self).name()}; font-weight: bold;")

    def _refresh(self) -> None:
        problem = self._session.problem
        if problem in (each.problem for each in self._session.recordings.last):
            problem = ""  # it is said there
        self._whole = self._form_problem or problem
        text = _brief(self._whole)
        self._text.setText(text)
        behind = not self._form_problem and self._session.last_exception is not None
        self._details.setVisible(behind or text != self._whole)
        self.setVisible(bool(text))

    def _on_details_clicked(self) -> None:
        error = None if self._form_problem else self._session.last_exception
        text = self._whole if error is None else "".join(traceback.format_exception(error))
        dialog = TextDialog("Details", text.rstrip(), self.window(), fixed=error is not None)
        dialog.show()
        if error is not None:
            dialog.show_end()  # where the message is


def _brief(text: str) -> str:
    """Return the first lines of a text, with places to wrap long words such as paths."""
    lines = text.strip().splitlines()
    brief = "\n".join(lines[:_LINES])
    if len(brief) > _LETTERS or len(lines) > _LINES:
        brief = f"{brief[:_LETTERS].rpartition(' ')[0] or brief[:_LETTERS]} …"
    return breakable(brief)
