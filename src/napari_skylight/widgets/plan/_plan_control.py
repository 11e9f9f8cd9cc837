"""The Plan control dock: choose a plan, fill in its form, run it, act inside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_skylight.plans.spec import ParameterError, PlanSpec, UnresolvableAnnotationError
from napari_skylight.session import RunInfo, Session, in_words
from napari_skylight.widgets._colours import ThemedWidget, muted
from napari_skylight.widgets._display_text import description_of, summary_of, text_label
from napari_skylight.widgets._layout import FormArea, Separator, order_tabs
from napari_skylight.widgets._signal_links import Links
from napari_skylight.widgets.forms import ParamForm
from napari_skylight.widgets.plan._buttons import ActionButtons, RunButtons
from napari_skylight.widgets.plan._error_line import ErrorLine
from napari_skylight.widgets.plan._plan_chooser import PlanChooser
from napari_skylight.widgets.plan._recording_panel import Ask, RecordingPanel
from napari_skylight.widgets.plan._recording_rows import Open
from napari_skylight.widgets.plan._run_status import RunStatus
from napari_skylight.widgets.plan._save_row import SaveRow

_log = logging.getLogger("napari_skylight")

_UNBROKEN = str.maketrans(" -", "\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}")
_MENU = "File ▸ Acquire ▸ napari-skylight".translate(_UNBROKEN)

# napari's themes do not show the keyboard focus; they draw a border only around disabled widgets,
# which moves everything below; and disabled text is hard to read.
_STYLE = """
QPushButton, QComboBox {{ border: 1px solid transparent; }}
QPushButton:focus {{ border: 1px solid {colour}; }}
QLabel:disabled, QComboBox:disabled, QCheckBox:disabled, QLineEdit:disabled,
QAbstractSpinBox:disabled {{ color: {colour}; }}
"""


class PlanControl(ThemedWidget):
    """Runs the plans of `session`, and shows what the session reports; several may share it.

    `shown` returns how many frames of the live caches the viewer has shown, and `skipped` how many
    of the run it has not; `save` asks where to save the stacks, `record_to` where to record to, and
    `open_file` opens a file.
    """

    def __init__(
        self,
        session: Session,
        shown: Callable[[], int] | None = None,
        skipped: Callable[[], int] = lambda: 0,
        save: Callable[[], None] | None = None,
        record_to: Ask | None = None,
        open_file: Open | None = None,
    ) -> None:
        super().__init__()
        self._session = session
        self._spec = PlanSpec("", "")
        self._form: ParamForm | None = None
        self._no_form = ""
        self._settled = False  # the last plan may be loaded later
        self._shown: tuple[Any, ...] = ()
        self._run_shown = 0.0  # start time of the run shown last
        self._is_kept = False  # a running plan keeps its form
        self._chooser = PlanChooser()
        self._form_area = FormArea()
        self._form_rule = Separator()
        self._buttons = RunButtons()
        self._actions = ActionButtons(session.request)
        self._status = RunStatus(session, shown, skipped)
        self._saving = SaveRow(session, save, open_file)
        self._recording = RecordingPanel(session, record_to, open_file)
        self._error = ErrorLine(session)
        self._microscope = text_label(name="microscope", wrap=True)
        self._parts: tuple[QWidget, ...] = (
            *(self._chooser, self._form_area, self._buttons, self._actions),
            *(self._recording, self._status, self._saving, self._error),
        )
        self._lay_out()
        self._chooser.chosen.connect(self._on_plan_chosen)
        self._form_area.rearranged.connect(self._order_tabs)
        self._status.refreshed.connect(self._saving.refresh)
        self._status.refreshed.connect(self._recording.refresh)
        self._buttons.run_clicked.connect(self._on_run_clicked)
        self._buttons.stop_clicked.connect(session.stop)
        self._buttons.abort_clicked.connect(session.abort)
        self._buttons.halt_clicked.connect(session.halt)
        self._buttons.pause_clicked.connect(session.pause)
        self._buttons.resume_clicked.connect(session.resume)
        self._links = Links(self)
        self._links.connect(session.plans_changed, self._on_plans_changed)
        self._links.connect(session.plan_chosen, self._on_choice_made)
        self._links.connect(session.devices_changed, self._show_plan)
        self._links.connect(session.microscope_changed, self._on_microscope_changed)
        self._links.connect(session.run_changed, self._on_run_changed)
        self._links.connect(session.state_changed, self._on_state_changed)
        self._on_plans_changed()
        self._on_microscope_changed()
        self._on_state_changed()

    def close_links(self) -> None:
        """Stop listening to the session, before the panel is deleted."""
        self._links.cut()
        self._status.cut_links()
        self._saving.cut_links()
        self._recording.cut_links()
        self._error.cut_links()
        self._actions.show_actions(())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width at which no line of the usual plans wraps."""
        return super().sizeHint().expandedTo(QSize(320, 0))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Put the focus on Run at first."""
        super().showEvent(event)
        if self.focusWidget() is None:
            self._buttons.run.setFocus(Qt.FocusReason.OtherFocusReason)

    def _apply_theme(self) -> None:
        colour = muted(self).name()
        self._microscope.setStyleSheet(f"color: {colour};")
        for part in self._parts:
            part.setStyleSheet(_STYLE.format(colour=colour))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for part in self._parts:
            if part is self._form_area:
                layout.addWidget(self._form_rule)
            elif part in (self._buttons, self._status):
                layout.addWidget(Separator())
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self._microscope)

    # ---- what the session reports ------------------------------------------------------------

    def _on_plans_changed(self) -> None:
        plans, run = self._session.plans, self._run_now()
        titles = {name: plans.title(name) for name in plans}
        if run is not None:  # it may have been removed meanwhile
            titles.setdefault(run.plan, run.title)
        self._chooser.set_plans(titles)
        if not self._settled and self._session.last_plan in plans:
            self._chooser.plan = self._session.last_plan
        self._show_plan()

    def _on_microscope_changed(self) -> None:
        microscope = self._session.microscope
        if microscope is None:
            text = f"No microscope is connected.\nConnect one: {_MENU}"
        else:
            text = f"{microscope.title}\nAnother: {_MENU}"
        self._microscope.setText(text)

    def _on_choice_made(self) -> None:
        self._settled = True
        self._chooser.plan = self._session.last_plan
        self._show_plan()
        if self._form is not None:
            self._form.set_values(self._session.remembered(self._chooser.plan))

    def _run_now(self) -> RunInfo | None:
        """Return the present run."""
        return self._session.run if self._session.state.busy else None

    def _on_run_changed(self) -> None:
        run = self._run_now()
        if run is None or run.started == self._run_shown:
            return
        self._settled = True
        self._run_shown = run.started
        if self._chooser.plan != run.plan:
            self._on_plans_changed()  # it may have been removed
            self._chooser.plan = run.plan
        self._show_plan()
        if self._form is not None:
            self._form.set_values(run.values)
        self._error.set_form_problem("")

    def _on_state_changed(self) -> None:
        self._on_run_changed()
        if self._is_kept and self._run_now() is None:
            self._on_plans_changed()
        self._show_state()

    # ---- what the user does ------------------------------------------------------------------

    def _on_plan_chosen(self) -> None:
        self._settled = True
        self._error.set_form_problem("")
        self._show_plan()
        if self._form is not None:
            self._session.remember(self._chooser.plan, self._form.values())

    def _on_form_changed(self) -> None:
        if self._form is not None:
            self._session.remember(self._chooser.plan, self._form.values())
            self._show_recording()
            self._error.set_form_problem(next(iter(self._form.marked.values()), ""))
            if isinstance(self._session.last_exception, ParameterError):
                self._session.report(None)

    def _on_run_clicked(self) -> None:
        if self._form is None:
            return
        try:
            if not self._has_problems(self._form):
                self._session.start(self._chooser.plan, self._form.values())
        except Exception as error:  # noqa: BLE001 - a plan may raise anything; it is reported
            self._session.report(error)

    def _has_problems(self, form: ParamForm) -> bool:
        """Mark wrong values in the form; return whether there are any."""
        problems = form.problems()
        form.mark(problems)
        self._error.set_form_problem(next(iter(problems.values()), ""))
        if problems:
            # those of the last run would be misleading
            self._session.report(None)
            self._status.forget_run()
            self._form_area.ensureWidgetVisible(form.fields[next(iter(problems))])
        return bool(problems)

    # ---- the form ----------------------------------------------------------------------------

    def _show_plan(self) -> None:
        """Show the chosen plan: description, form with its last values, actions."""
        plan, run = self._chooser.plan, self._run_now()
        run = run if run is not None and run.plan == plan else None
        self._is_kept = run is not None and self._form is not None and _same(self._spec, run.spec)
        if self._is_kept:
            return
        spec, self._no_form = PlanSpec(plan, ""), ""
        try:
            spec = self._session.spec(plan) if run is None else run.spec
            if not self._shows(plan, spec, run):
                values = self._session.remembered(plan) if run is None else run.values
                self._show_form(ParamForm(spec), values)
        except UnresolvableAnnotationError as error:
            self._show_no_form(error.in_words(self._session.plans.title(plan)))
        except Exception as error:  # noqa: BLE001 - a plan's annotations may raise anything
            self._show_no_form(in_words(error) if plan else "There is no plan to choose.", error)
        self._spec = spec
        for part in (self._form_rule, self._form_area):
            part.setVisible(self._form is None or bool(self._form.fields))
        self._chooser.set_docs(summary_of(spec.docs), description_of(spec))
        self._actions.show_actions(spec.actions)
        self._show_recording()
        self._order_tabs()
        self._show_state()

    def _show_recording(self) -> None:
        self._recording.show_plan(self._spec, {} if self._form is None else self._form.values())

    def _order_tabs(self) -> None:
        order_tabs(self._parts)

    def _shows(self, plan: str, spec: PlanSpec, run: RunInfo | None) -> bool:
        """Return whether the form already is that of `spec`, with the same choices."""
        source = self._session.plans.get(plan) if run is None else run.started
        shown = (plan, source, [param.choices for param in spec.parameters])
        same = self._form is not None and shown == self._shown
        self._shown = shown
        return same

    def _show_form(self, form: ParamForm, values: Mapping[str, Any]) -> None:
        form.set_values(values)
        form.changed.connect(self._on_form_changed)
        if form.more is not None and self._form is not None and self._form.is_unfolded:
            form.more.expand(animate=False)
        self._form = form
        self._form_area.setWidget(form)

    def _show_no_form(self, reason: str, error: Exception | None = None) -> None:
        self._form, self._no_form = None, reason
        self._form_area.setWidget(text_label(reason, name="no_form", wrap=True))
        if error is not None:
            _log.warning("There is no form for %s.", self._chooser.plan, exc_info=error)

    def _show_state(self) -> None:
        state = self._session.state
        self._chooser.set_locked(state.busy)
        if self._form is not None:
            self._form.set_locked(state.busy)
        pausable = self._spec.pausable or not self._spec.togglable
        self._buttons.show_state(state, pausable=pausable, reason=self._no_form)


def _same(spec: PlanSpec, other: PlanSpec) -> bool:
    """Return whether two plans have equal fields and identical actions."""
    names = [[param.name for param in each.parameters] for each in (spec, other)]
    actions = [list(map(id, each.actions)) for each in (spec, other)]
    return names[0] == names[1] and actions[0] == actions[1]
