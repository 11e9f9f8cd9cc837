"""Run, Stop, Pause and Resume."""

from __future__ import annotations

from qtpy.QtCore import QEvent, Signal
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_skylight.session import SessionState
from napari_skylight.widgets._colours import red
from napari_skylight.widgets._icons import Shape, shape_icon

__all__ = ["RunButtons"]


class RunButtons(QWidget):
    """Two buttons: Run, which is Stop while a plan is under way, and Pause, which is Resume."""

    run_clicked = Signal()
    stop_clicked = Signal()
    pause_clicked = Signal()
    resume_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._state = SessionState.IDLE
        self._pausable = True
        self._reason = ""
        self.run = _button("run")
        self.run.clicked.connect(self._on_run_clicked)
        self.pause = _button("pause")
        self.pause.clicked.connect(self._on_pause_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.run, 3)
        layout.addWidget(self.pause, 2)

    def show_state(self, state: SessionState, *, pausable: bool, reason: str) -> None:
        """Show what the session does.

        Parameters
        ----------
        state : SessionState
        pausable : bool
            Whether the plan can pause.
        reason : str
            Why the plan cannot run, empty when it can.
        """
        self._state, self._pausable, self._reason = state, pausable, reason
        self._refresh()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Take over the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._refresh()

    def _refresh(self) -> None:
        state = self._state
        text, stop = self.palette().color(QPalette.ColorRole.WindowText), red(self)
        if state.busy:
            ending = state is SessionState.STOPPING
            _dress(self.run, "Stop", "stop", stop, "The plan is stopping." if ending else "")
        else:
            _dress(self.run, "Run", "run", text, self._reason)
        if state is SessionState.PAUSED:
            _dress(self.pause, "Resume", "run", text)
        elif not self._pausable:
            _dress(self.pause, "Pause", "pause", text, "This plan cannot pause.")
        else:
            reason = "" if state is SessionState.RUNNING else _NO_PAUSE.get(state, "No plan runs.")
            _dress(self.pause, "Pause", "pause", text, reason)

    def _on_run_clicked(self) -> None:
        (self.stop_clicked if self._state.busy else self.run_clicked).emit()

    def _on_pause_clicked(self) -> None:
        paused = self._state is SessionState.PAUSED
        (self.resume_clicked if paused else self.pause_clicked).emit()


_NO_PAUSE = {
    SessionState.PAUSING: "The plan is pausing.",
    SessionState.STOPPING: "The plan is stopping.",
}


def _button(name: str) -> QPushButton:
    button = QPushButton()
    button.setObjectName(name)
    button.setAutoDefault(True)  # Enter presses it, as the space bar does
    return button


def _dress(button: QPushButton, text: str, shape: Shape, colour: QColor, reason: str = "") -> None:
    """Give a button its text and shape; a `reason` why not disables it."""
    button.setText(text)
    button.setEnabled(not reason)
    button.setToolTip(reason)
    button.setStyleSheet(f":enabled {{ color: {colour.name()}; }}")
    button.setIcon(shape_icon(shape, colour))
