"""The buttons that act inside the running plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qtpy.QtWidgets import QPushButton, QWidget
from superqt.utils import QFlowLayout

from napari_skylight.engine.actions import Action
from napari_skylight.widgets._display_text import action_caption, plain_caption, plain_tip
from napari_skylight.widgets._signal_links import Links

Request = Callable[[str, bool], bool]


class ActionButtons(QWidget):
    """One button per action of the chosen plan.

    Parameters
    ----------
    request : callable
        ``request(name, state)`` requests an action of the running plan.
    """

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
