"""The buttons that run, stop and pause a plan, and those of its actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qtpy.QtCore import QPoint, Signal
from qtpy.QtGui import QColor, QKeyEvent, QMouseEvent, QPalette
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.engine.actions import Action
from napari_skylight.session import SessionState
from napari_skylight.widgets._colours import Shape, ThemedWidget, dim, red, shape_icon
from napari_skylight.widgets._display_text import action_caption, plain_caption, plain_tip
from napari_skylight.widgets._signal_links import Links

_ABORT = "Abort: clean up, and mark the run as aborted"
_HALT = "Halt: end without the plan's own cleanup; devices are still stopped"
_IS_STOPPING = "The plan is stopping. If it hangs, abort or halt it: menu beside this button."
_NO_PAUSE = {
    SessionState.PAUSING: "The plan is pausing.",
    SessionState.STOPPING: "The plan is stopping.",
}

Request = Callable[[str, bool], bool]


class RunButtons(ThemedWidget):
    """Run, which is Stop while a plan runs; Pause, which is Resume; a menu with Abort and Halt."""

    run_clicked = Signal()
    stop_clicked = Signal()
    abort_clicked = Signal()
    halt_clicked = Signal()
    pause_clicked = Signal()
    resume_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._state = SessionState.IDLE
        self._pausable = True
        self._reason = ""
        self.run = _Button("run")
        self.run.clicked.connect(self._on_run_clicked)
        self.ends = _Button("ends")
        self.ends.setAccessibleName("Abort or halt")
        self.ends.setFixedWidth(26)
        self.ends.clicked.connect(self._on_ends_clicked)
        self.pause = _Button("pause")
        self.pause.clicked.connect(self._on_pause_clicked)
        self._menu = QMenu(self)
        self._menu.setObjectName("ends_menu")
        self._menu.addAction(_ABORT).triggered.connect(self.abort_clicked)
        self._menu.addAction(_HALT).triggered.connect(self.halt_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.run, 3)
        layout.addWidget(self.ends)
        layout.addWidget(self.pause, 2)

    def show_state(self, state: SessionState, *, pausable: bool, reason: str) -> None:
        """Show the session's `state`, and the `reason` why the plan cannot run, if any."""
        self._state, self._pausable, self._reason = state, pausable, reason
        self._refresh()

    def _apply_theme(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        state = self._state
        text, stop = self.palette().color(QPalette.ColorRole.WindowText), red(self)
        if state.busy:
            ending = state is SessionState.STOPPING
            self.run.show_as("Stop", "stop", stop, _IS_STOPPING if ending else "")
            self.ends.show_as("", "menu", stop)
            self.ends.setToolTip("Abort or halt the plan")
        else:
            self._menu.close()
            self.run.show_as("Run", "run", text, self._reason)
            self.ends.show_as("", "menu", text, "Abort and halt: no plan runs.")
        if state is SessionState.PAUSED:
            self.pause.show_as("Resume", "run", text)
        elif not self._pausable:
            self.pause.show_as("Pause", "pause", text, "This plan cannot pause.")
        else:
            reason = "" if state is SessionState.RUNNING else _NO_PAUSE.get(state, "No plan runs.")
            self.pause.show_as("Pause", "pause", text, reason)

    def _on_run_clicked(self) -> None:
        (self.stop_clicked if self._state.busy else self.run_clicked).emit()

    def _on_ends_clicked(self) -> None:
        self._menu.popup(self.ends.mapToGlobal(QPoint(0, self.ends.height())))

    def _on_pause_clicked(self) -> None:
        paused = self._state is SessionState.PAUSED
        (self.resume_clicked if paused else self.pause_clicked).emit()


class _Button(QPushButton):
    """A button on which a double click or a held key counts once: it may have changed by then."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAutoDefault(True)  # Enter presses it, as the space bar does
        self._focus_went_to: QWidget | None = None

    def show_as(self, text: str, shape: Shape, colour: QColor, reason: str = "") -> None:
        """Set text and icon; disable the button if there is a `reason`."""
        self.setText(text)
        self._enable(not reason)
        self.setToolTip(plain_tip(reason))
        self.setStyleSheet(f":enabled {{ color: {colour.name()}; }}")
        self.setIcon(shape_icon(shape, dim(self) if reason else colour))

    def _enable(self, enabled: bool) -> None:
        """Enable or disable it; give the focus back unless the user has moved it."""
        window = self.window()
        had_focus = window.focusWidget() is self  # also in an inactive window
        self.setEnabled(enabled)
        if not enabled and had_focus:
            self._focus_went_to = window.focusWidget()
        elif enabled and self._focus_went_to is not None:
            if window.focusWidget() is self._focus_went_to:
                self.setFocus()
            self._focus_went_to = None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Ignore the second press of a double click."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Ignore the repeats of a held key."""
        if event is not None and not event.isAutoRepeat():
            super().keyPressEvent(event)


class ActionButtons(QWidget):
    """One button per action of the chosen plan; ``request(name, state)`` requests one."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request = request
        self._actions: tuple[Action, ...] = ()
        self._buttons: list[_ActionButton] = []
        self._row = QFlowLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)

    def show_actions(self, actions: Iterable[Action]) -> None:
        """Show buttons for `actions`; keep the present ones if they are for the same actions."""
        actions = tuple(actions)
        if list(map(id, actions)) == list(map(id, self._actions)):
            return
        self._actions = actions
        for button in self._buttons:
            button.cut_links()
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = [_ActionButton(action, self._request) for action in actions]
        for button in self._buttons:
            self._row.addWidget(button)
        self.setVisible(bool(actions))


class _ActionButton(QPushButton):
    """Shows the state of an action, and requests it when clicked."""

    def __init__(self, action: Action, request: Request) -> None:
        super().__init__()
        self._action = action
        self._request = request
        self.setObjectName(f"action:{action.name}")
        self.setCheckable(action.togglable)
        self.setAutoDefault(True)
        self.clicked.connect(self._on_clicked)
        self._links = Links(self)
        self._links.connect(action.changed, self._refresh)
        self._refresh()

    def cut_links(self) -> None:
        """Stop following the action."""
        self._links.cut()

    def _on_clicked(self) -> None:
        self._request(self._action.name, self._action.next_request)
        self._refresh()

    def _refresh(self) -> None:
        state = self._action.state
        self.setEnabled(state.offered)
        if self._action.togglable:
            self.setChecked(state.on)
        self.setText(plain_caption(action_caption(self._action)))
        hint = "" if state.offered else "Only while the plan runs."
        self.setToolTip(plain_tip("\n".join(filter(None, (self._action.description, hint)))))
