"""The entries of Plugins > napari-skylight, which a manifest cannot declare.

They run the manifest's commands and have their titles. napari itself adds the toggles of the docks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from app_model.types import KeyBinding, KeyCode, KeyMod, SubmenuItem
from npe2 import PluginManager
from qtpy.QtCore import QObject
from qtpy.QtWidgets import QApplication, QMainWindow, QMenu

from napari_skylight._compat import PLUGIN, app_model
from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec import sentence_case
from napari_skylight.plugin._menu_entries import Entries, Entry
from napari_skylight.plugin._notices import LIVE_VIEW, ask
from napari_skylight.plugin._preferences import Preferences
from napari_skylight.session import Session, SessionState
from napari_skylight.widgets import Links, action_caption, plain_caption

MENU = f"napari/plugins/{PLUGIN}"
ACTIONS = f"{MENU}/actions"
RUN, ASK = "1_run", "2_ask"
OPEN, PLANS, SHOW = "4_open", "5_plans", "6_show"  # the docks are in napari's "3_…"
CTRL_ALT = KeyMod.CtrlCmd | KeyMod.Alt
CTRL_ALT_SHIFT = CTRL_ALT | KeyMod.Shift  # where napari has the key without Shift
DIGITS = tuple(KeyCode[f"Digit{digit}"] for digit in range(1, 10))
IN_MANIFEST = {"snapshot", "stash", "clear", "record"}
"""Actions that the manifest has as commands, already in the palette."""


class _Alternative(NamedTuple):
    """What an entry becomes while a condition holds."""

    when: Callable[[Session], bool]
    command: str
    title: str


class _Command(NamedTuple):
    """An entry for a command of the manifest."""

    command: str
    group: str
    keys: int = 0
    checked: Callable[[Session, Preferences], bool] | None = None
    alternative: _Alternative | None = None

    def now(self, session: Session) -> tuple[str, str]:
        """Return the command that the entry runs at present, and its title."""
        if self.alternative is not None and self.alternative.when(session):
            return self.alternative.command, self.alternative.title
        return self.command, _title(self.command)


def _is_live(session: Session) -> bool:
    return session.state.busy and session.run is not None and session.run.plan == LIVE_VIEW


def _is_paused(session: Session) -> bool:
    return session.state is SessionState.PAUSED


def _is_on(name: str, session: Session, _preferences: Preferences) -> bool:
    action = session.actions.get(name)
    return action is not None and action.state.on


def _shows_rates(_session: Session, preferences: Preferences) -> bool:
    return preferences.show_counts


LINES = (
    _Command(
        "start_live_view",
        RUN,
        CTRL_ALT | KeyCode.KeyL,
        alternative=_Alternative(_is_live, "stop", "Stop live view"),
    ),
    _Command("stop", RUN, CTRL_ALT | KeyCode.Period),
    _Command("stop_motion", RUN),
    _Command(
        "pause",
        RUN,
        CTRL_ALT_SHIFT | KeyCode.KeyP,
        alternative=_Alternative(_is_paused, "resume", "Resume"),
    ),
    _Command("snapshot", ASK, CTRL_ALT_SHIFT | KeyCode.KeyS),
    _Command("stash_frames", ASK, checked=partial(_is_on, "stash")),
    _Command("clear_stash", ASK),
    _Command("record", ASK, CTRL_ALT | KeyCode.KeyR, checked=partial(_is_on, "record")),
    _Command("save_stacks", ASK),
    _Command("open_simulated_microscope", OPEN),
    _Command("open_micro_manager", OPEN),
    _Command("open_devices_file", OPEN),
    _Command("open_images", OPEN),
    _Command("reload_plans", PLANS),
    _Command("open_plans_folder", PLANS),
    _Command("autoscale_now", SHOW, CTRL_ALT | KeyCode.KeyA),
    _Command("show_frame_rates", SHOW, checked=_shows_rates),
)


def keys_of(command: str) -> str:
    """Return the keys of a command as they are called on this system."""
    return next(
        KeyBinding.from_int(line.keys).to_text() for line in LINES if line.command == command
    )


class Menus(QObject):
    """The entries for one session: its commands, and the actions of the plan under way."""

    def __init__(self, session: Session, preferences: Preferences) -> None:
        super().__init__()
        self._session = session
        self._preferences = preferences
        self._lines = {f"{PLUGIN}.menu.{line.command}": line for line in LINES}
        entries = [self._entry(name, line) for name, line in self._lines.items()]
        submenu = SubmenuItem(submenu=ACTIONS, title="Actions", group=ASK, order=len(LINES))
        self._entries = Entries(MENU, entries, submenu)
        self._actions: dict[str, Action] = {}
        self._action_entries = Entries(ACTIONS, ())
        self._links = Links(self)
        self._links.connect(session.state_changed, self.refresh)
        self._links.connect(session.run_changed, self.refresh)
        self._links.connect(preferences.changed, self.refresh)
        self._action_links = Links(self)
        self.refresh()

    def close(self) -> None:
        """Remove all entries."""
        self._links.cut()
        self._action_links.cut()
        self._action_entries.remove()
        self._entries.remove()

    def add_window(self, window: QMainWindow) -> None:
        """Add the entries to a window, whose menus exist by now."""
        self._entries.add_to(window)
        self._action_entries.add_to(window)
        self._show_menus()

    def refresh(self) -> None:
        """Show the state of the session."""
        if list(map(id, self._actions.values())) != list(map(id, self._session.actions.values())):
            self._change_actions()
        self._show()

    def _show(self) -> None:
        for name, line in self._lines.items():
            _, title = line.now(self._session)
            checked = line.checked is not None and line.checked(self._session, self._preferences)
            self._entries.show(name, title, checked)
        for name, action in self._actions.items():
            self._action_entries.show(name, action_caption(action), action.state.on)

    # ---- the commands ------------------------------------------------------------------------

    def _entry(self, name: str, line: _Command) -> Entry:
        run = partial(self._run, line)
        checkable = line.checked is not None
        return Entry(name, _title(line.command), run, line.group, line.keys, checkable)

    def _run(self, line: _Command) -> None:
        command, _ = line.now(self._session)
        app_model().commands.execute_command(f"{PLUGIN}.{command}").result()
        self._show()  # the click has toggled the check mark; the session decides

    # ---- the actions of the plan -------------------------------------------------------------

    def _change_actions(self) -> None:
        """Replace the entries by those of the running plan."""
        self._action_links.clear()
        self._action_entries.remove()
        self._actions = {}
        entries = []
        for number, action in enumerate(self._session.actions.values()):
            name = f"{PLUGIN}.action_{number + 1}"
            self._actions[name] = action
            self._action_links.connect(action.changed, self.refresh)
            entries.append(
                Entry(
                    name,
                    sentence_case(action.name),
                    partial(self._ask, action.name),
                    ASK,
                    CTRL_ALT | DIGITS[number] if number < len(DIGITS) else 0,
                    checkable=action.togglable,
                    in_palette=action.name not in IN_MANIFEST,
                )
            )
        self._action_entries = Entries(ACTIONS, entries)
        for window in self._entries.windows:
            self._action_entries.add_to(window)
        self._show_menus()

    def _show_menus(self) -> None:
        """Show the menu of the plan's actions in all windows, unless it is empty."""
        run = self._session.run
        for menu in QApplication.topLevelWidgets():
            if isinstance(menu, QMenu) and menu.objectName() == ACTIONS:
                menu.menuAction().setVisible(bool(self._actions))
                if not self._actions:
                    menu.close()  # it would be empty
                if run is not None:
                    menu.setTitle(plain_caption(f"Actions of {run.title}"))

    def _ask(self, action: str) -> None:
        ask(self._session, action)
        self._show()  # not refresh: the palette still needs the command it runs


def _title(command: str) -> str:
    return PluginManager.instance().get_command(f"{PLUGIN}.{command}").title
