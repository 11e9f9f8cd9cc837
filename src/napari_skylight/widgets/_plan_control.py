"""The dock of the daily work: choose a plan, fill in its form, run it, act inside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_skylight.plans.spec import ParameterError, PlanSpec, UnresolvableAnnotationError
from napari_skylight.session import Session
from napari_skylight.widgets._action_buttons import ActionButtons
from napari_skylight.widgets._colours import muted
from napari_skylight.widgets._error_line import ErrorLine
from napari_skylight.widgets._form_area import FormArea
from napari_skylight.widgets._label import text_label
from napari_skylight.widgets._links import Links
from napari_skylight.widgets._param_form import ParamForm
from napari_skylight.widgets._plan_chooser import PlanChooser
from napari_skylight.widgets._plan_docs import description_of, summary_of
from napari_skylight.widgets._rule import Rule
from napari_skylight.widgets._run_buttons import RunButtons
from napari_skylight.widgets._run_status import RunStatus

__all__ = ["PlanControl"]

_UNBROKEN = str.maketrans(" -", "\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}")
_MENU = "File ▸ Acquire ▸ napari-skylight".translate(_UNBROKEN)

# Napari's themes do not show which button the keyboard is on; they draw a border around what is
# disabled alone, so that everything below it moves; and what is disabled is hard to read.
_STYLE = """
QPushButton, QComboBox {{ border: 1px solid transparent; }}
QPushButton:focus {{ border: 1px solid {colour}; }}
QLabel:disabled, QComboBox:disabled, QCheckBox:disabled, QLineEdit:disabled,
QAbstractSpinBox:disabled {{ color: {colour}; }}
"""


class PlanControl(QWidget):
    """Everything needed to run plans of `session`.

    It shows what the session reports, whoever asked for it: several may show one session.

    Parameters
    ----------
    session : Session
    shown : callable, optional
        How many frames of the live caches the viewer has shown so far.
    """

    def __init__(self, session: Session, shown: Callable[[], int] | None = None) -> None:
        super().__init__()
        self._session = session
        self._spec = PlanSpec("", "")
        self._form: ParamForm | None = None
        self._no_form = ""
        self._settled = False  # until a plan is chosen: the last one may be loaded later
        self._shown: tuple[Any, ...] = ()
        self._chooser = PlanChooser()
        self._form_area = FormArea()
        self._buttons = RunButtons()
        self._actions = ActionButtons(session.request)
        self._status = RunStatus(session, shown)
        self._error = ErrorLine(session)
        self._microscope = text_label(name="microscope", wrap=True)
        self._parts: tuple[QWidget, ...] = (
            *(self._chooser, self._form_area, self._buttons, self._actions),
            *(self._status, self._error),
        )
        self._lay_out()
        self._chooser.chosen.connect(self._on_plan_chosen)
        self._buttons.run_clicked.connect(self._on_run_clicked)
        self._buttons.stop_clicked.connect(session.stop)
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
        """Hear nothing of the session any more; for whoever takes the dock down."""
        self._links.cut()
        self._status.cut_links()
        self._error.cut_links()
        self._actions.show_actions(())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return a width at which no line breaks in the daily work."""
        return super().sizeHint().expandedTo(QSize(320, 0))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Be ready to run with one key, at first."""
        super().showEvent(event)
        if self.focusWidget() is None:
            self._buttons.run.setFocus(Qt.FocusReason.OtherFocusReason)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Take over the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            colour = muted(self).name()
            self._microscope.setStyleSheet(f"color: {colour};")
            for part in self._parts:
                part.setStyleSheet(_STYLE.format(colour=colour))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(8)
        for part in self._parts:
            if part in (self._form_area, self._buttons, self._status):
                layout.addWidget(Rule())
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self._microscope)

    # ---- what the session says ---------------------------------------------------------------

    def _on_plans_changed(self) -> None:
        plans = self._session.plans
        self._chooser.set_plans({name: plans.title(name) for name in plans})
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

    def _on_run_changed(self) -> None:
        run = self._session.run
        if run is None or not self._session.state.busy or run.plan not in self._session.plans:
            return
        self._settled = True
        if self._chooser.plan != run.plan:
            self._chooser.plan = run.plan
            self._show_plan()
        elif self._form is not None:
            self._form.set_values(run.values)
        self._error.set_form_problem("")

    def _on_state_changed(self) -> None:
        self._on_run_changed()
        self._show_plan()

    # ---- what the person does ----------------------------------------------------------------

    def _on_plan_chosen(self) -> None:
        self._settled = True
        self._error.set_form_problem("")
        self._show_plan()
        if self._form is not None:
            self._session.remember(self._chooser.plan, self._form.values())

    def _on_form_changed(self) -> None:
        if self._form is not None:
            self._session.remember(self._chooser.plan, self._form.values())
            self._error.set_form_problem(next(iter(self._form.marked.values()), ""))
            if isinstance(self._session.last_exception, ParameterError):
                self._session.report(None)

    def _on_run_clicked(self) -> None:
        if self._form is None:
            return
        problems = self._form.problems()
        self._form.mark(problems)
        self._error.set_form_problem(next(iter(problems.values()), ""))
        if problems:
            # the last run's problem and ending would be taken for those of this one
            self._session.report(None)
            self._status.forget_run()
            self._form_area.ensureWidgetVisible(self._form.fields[next(iter(problems))])
            return
        try:
            self._session.start(self._chooser.plan, self._form.values())
        except Exception as error:  # noqa: BLE001 - whatever a plan raises is told, not thrown at Qt
            self._session.report(error)

    # ---- the form ----------------------------------------------------------------------------

    def _show_plan(self) -> None:
        """Show the chosen plan: its docs, its form with the values it had, its actions."""
        plan = self._chooser.plan
        spec, self._no_form = PlanSpec(plan, ""), ""
        try:
            spec = self._session.spec(plan)
            if not self._shows(plan, spec):
                self._show_form(plan, ParamForm(spec))
        except UnresolvableAnnotationError as error:
            self._show_no_form(error.in_words(self._session.plans.title(plan)))
        except (KeyError, TypeError, ValueError) as error:  # no plan, or none that a form can show
            self._show_no_form(str(error))
        self._spec = spec
        self._chooser.set_docs(summary_of(spec.docs), description_of(spec))
        # those of the run, should its file have been edited since
        self._actions.show_actions(tuple(self._session.actions.values()) or spec.actions)
        self._show_state()

    def _shows(self, plan: str, spec: PlanSpec) -> bool:
        """Return whether the form is that of `spec` already, with the same choices."""
        shown = (plan, self._session.plans[plan], [param.choices for param in spec.parameters])
        same = self._form is not None and shown == self._shown
        self._shown = shown
        return same

    def _show_form(self, plan: str, form: ParamForm) -> None:
        form.set_values(self._session.remembered(plan))
        form.changed.connect(self._on_form_changed)
        if form.more is not None and self._form is not None and self._form.is_unfolded:
            form.more.expand(animate=False)
        self._form = form
        self._form_area.setWidget(form)

    def _show_no_form(self, reason: str) -> None:
        self._form, self._no_form = None, reason
        self._form_area.setWidget(text_label(reason, name="no_form", wrap=True))

    def _show_state(self) -> None:
        state = self._session.state
        self._chooser.set_locked(state.busy)
        if self._form is not None:
            self._form.set_locked(state.busy)
        pausable = self._spec.pausable or not self._spec.togglable
        self._buttons.show_state(state, pausable=pausable, reason=self._no_form)
