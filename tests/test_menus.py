"""Plugins > napari-skylight: its entries, check marks and shortcuts, and the plan's actions."""

import gc
import weakref

import pytest
from bluesky.utils import MsgGenerator
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QPushButton
from superqt import QCollapsible

from napari_skylight import Action, attach, continuous
from napari_skylight._compat import app_model
from napari_skylight.engine.plan_stubs import wait_for_actions
from napari_skylight.plugin import _attachments
from napari_skylight.recording import FileNames
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets._dialogs import TextDialog

CTRL_ALT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
CTRL_ALT_SHIFT = CTRL_ALT | Qt.KeyboardModifier.ShiftModifier
CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def submenu(menu, name):
    """Return the menu called `name` in `menu`, opened as by the mouse on it."""
    found = [action.menu() for action in menu.actions() if action.menu() is not None]
    [opened] = [each for each in found if each.objectName() == name]
    opened.aboutToShow.emit()
    return opened


def plugin_menu(viewer):
    menu = viewer.window.plugins_menu
    menu.aboutToShow.emit()
    return submenu(menu, "napari/plugins/napari-skylight")


def plan_menu(viewer):
    return submenu(plugin_menu(viewer), "napari/plugins/napari-skylight/actions")


def texts(menu):
    return [each.text() for each in menu.actions() if each.text() and each.isVisible()]


def entry(menu, text):
    [found] = [each for each in menu.actions() if each.text() == text]
    return found


@pytest.fixture
def state(plugin_session, qtbot):
    """Wait for a state, and until the menus have heard of it."""

    def wait(state):
        qtbot.waitUntil(lambda: plugin_session.state is state, timeout=5000)
        offered = state.busy and bool(plugin_session.actions)
        qtbot.waitUntil(lambda: offered == ("napari-skylight.action_1" in our_entries()))

    return wait


LINES = {
    "Start live view": "Ctrl+Alt+L",
    "Stop": "Ctrl+Alt+.",
    "Stop motion": "",
    "Pause": "Ctrl+Alt+Shift+P",
    "Snapshot": "Ctrl+Alt+Shift+S",
    "Stash frames": "",
    "Clear stash": "",
    "Record": "Ctrl+Alt+R",
    "Plan control (napari-skylight)": "",
    "Devices (napari-skylight)": "",
    "Runs (napari-skylight)": "",
    "Open the simulated microscope": "",
    "Open Micro-Manager configuration...": "",
    "Open devices file...": "",
    "Reload plans": "",
    "Open plans folder": "",
    "Autoscale now": "Ctrl+Alt+A",
    "Show frame rates": "",
}


def test_the_entries_and_their_shortcuts(shown):
    menu = plugin_menu(shown)
    assert set(LINES) <= set(texts(menu))
    for text, keys in LINES.items():
        assert entry(menu, text).shortcut() == QKeySequence(keys), text
    assert _attachments.link_of(shown).autoscale_keys == LINES["Autoscale now"]


def test_no_shortcut_is_napari_s_own(shown, plugin_session, qtbot, state):
    plugin_session.start("live_view")
    state(SessionState.RUNNING)
    qtbot.waitUntil(lambda: "Actions of Live view" in texts(plugin_menu(shown)), timeout=5000)
    ours, theirs = set(), []
    for each in app_model().keybindings:
        own = each.command_id.startswith("napari-skylight")
        (ours.add if own else theirs.append)(str(each.keybinding))
    theirs += [str(keys) for bound in default_shortcuts.values() for keys in bound]
    assert {"Ctrl+Alt+L", "Ctrl+Alt+1", "Ctrl+Alt+3"} <= ours
    assert not ours & set(theirs)


def canvas(viewer, _dock):
    return viewer.window._qt_viewer.canvas.native


def field(_viewer, dock):
    return next(each for each in dock.findChildren(QAbstractSpinBox) if each.isVisible())


def layer_list(viewer, _dock):
    return viewer.window._qt_viewer.layers


@pytest.mark.parametrize("where", [canvas, field, layer_list])
def test_keys_work_wherever_the_focus_is(shown, plan_control, plugin_session, qtbot, state, where):
    for fold in plan_control.findChildren(QCollapsible):
        fold.expand(animate=False)

    def press(key, modifiers=CTRL_ALT):
        focused = where(shown, plan_control)
        focused.setFocus()
        qtbot.keyClick(QApplication.focusWidget() or focused, key, modifiers)

    press(Qt.Key.Key_L)
    state(SessionState.RUNNING)
    stack = plugin_session.caches.stack(plugin_session.devices["camera"])
    press(Qt.Key.Key_S, CTRL_ALT_SHIFT)
    qtbot.waitUntil(lambda: stack.counts.kept == 1, timeout=5000)
    press(Qt.Key.Key_1)
    qtbot.waitUntil(lambda: stack.counts.kept == 2, timeout=5000)
    press(Qt.Key.Key_P, CTRL_ALT_SHIFT)
    state(SessionState.PAUSED)
    press(Qt.Key.Key_P, CTRL_ALT_SHIFT)
    state(SessionState.RUNNING)
    press(Qt.Key.Key_L)
    state(SessionState.IDLE)
    press(Qt.Key.Key_L)
    state(SessionState.RUNNING)
    press(Qt.Key.Key_Period)
    state(SessionState.IDLE)


def test_keys_work_in_a_window_of_the_dock(shown, plan_control, plugin_session, qtbot, state):
    plugin_session.start("live_view")
    state(SessionState.RUNNING)
    qtbot.mouseClick(plan_control.findChild(QPushButton, "info"), Qt.MouseButton.LeftButton)
    (dialog,) = shown.window._qt_window.findChildren(TextDialog)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow, timeout=5000)
    qtbot.keyClick(dialog.text, Qt.Key.Key_Period, CTRL_ALT)
    state(SessionState.IDLE)
    dialog.close()


def test_keys_work_with_the_menu_bar_hidden(shown, plugin_session, qtbot, state):
    shown.window._toggle_menubar_visible()
    for wanted in (SessionState.RUNNING, SessionState.IDLE):
        qtbot.keyClick(shown.window._qt_window, Qt.Key.Key_L, CTRL_ALT)
        state(wanted)
    qtbot.keyClick(shown.window._qt_window, Qt.Key.Key_L, CTRL_ALT)
    state(SessionState.RUNNING)
    stack = plugin_session.caches.stack(plugin_session.devices["camera"])
    qtbot.keyClick(shown.window._qt_window, Qt.Key.Key_1, CTRL_ALT)
    qtbot.waitUntil(lambda: stack.counts.kept == 1, timeout=5000)


def test_the_check_mark_follows_the_report_and_not_the_click(
    shown, plugin_session, camera, qtbot, state
):
    plugin_session.start("live_view")
    state(SessionState.RUNNING)
    stash = entry(plugin_menu(shown), "Stash frames")
    assert not stash.isChecked()
    plugin_session.pause()
    state(SessionState.PAUSED)
    stash.trigger()  # the plan cannot answer while it is paused
    assert not stash.isChecked()
    plugin_session.resume()
    qtbot.waitUntil(stash.isChecked, timeout=5000)
    plugin_session.request("stash", False)
    qtbot.waitUntil(lambda: not stash.isChecked(), timeout=5000)
    qtbot.waitUntil(lambda: "Stash: off" in texts(plan_menu(shown)), timeout=5000)


RECORD = Action(name="record", togglable=True, toggle_states=("every frame", "nothing"))
TAG = Action(name="tag")


@continuous
def watch(record: Action = RECORD, tag: Action = TAG) -> MsgGenerator[None]:
    """Do nothing but take requests."""
    while True:
        wanted = {"record": "reset" if record.state.on else "set", "tag": "set"}
        events = record.event_map | tag.event_map
        found = yield from wait_for_actions(events, timeout=0.1, wait_for=wanted)
        if found is not None and found[0] == "tag":
            found[1].reset()


def test_the_actions_of_the_plan_come_and_go(shown, plugin_session, qtbot, state):
    plugin_session.add_plan(watch)
    assert not any(text.startswith("Actions") for text in texts(plugin_menu(shown)))
    plugin_session.start("watch")
    state(SessionState.RUNNING)
    qtbot.waitUntil(lambda: "Actions of Watch" in texts(plugin_menu(shown)), timeout=5000)
    menu = plan_menu(shown)
    assert texts(menu) == ["Record: nothing", "Tag"]
    record = entry(menu, "Record: nothing")
    record.trigger()
    qtbot.waitUntil(lambda: record.text() == "Record: every frame", timeout=5000)
    assert record.isChecked()
    qtbot.keyClick(shown.window._qt_window, Qt.Key.Key_1, CTRL_ALT)
    qtbot.waitUntil(lambda: not record.isChecked(), timeout=5000)
    plugin_session.stop()
    state(SessionState.IDLE)
    qtbot.waitUntil(lambda: texts(plan_menu(shown)) == [], timeout=5000)
    assert not any(text.startswith("Actions") for text in texts(plugin_menu(shown)))


def test_a_toggle_asked_for_twice_is_as_before(shown, plugin_session, qtbot, state):
    plugin_session.start("live_view")
    state(SessionState.RUNNING)
    plugin_session.pause()
    state(SessionState.PAUSED)
    for _ in range(2):
        qtbot.keyClick(shown.window._qt_window, Qt.Key.Key_2, CTRL_ALT)
    stash = plugin_session.actions["stash"]
    assert stash.pending == 2
    plugin_session.resume()
    qtbot.waitUntil(lambda: not stash.pending, timeout=5000)
    assert not stash.state.on


def commands_for(viewer, qtbot, text):
    """Type `text` into napari's command palette; return what is listed, and the palette."""
    window = viewer.window._qt_window
    qtbot.keyClick(window, Qt.Key.Key_P, CTRL_SHIFT)
    palette = window._command_palette
    assert palette.isVisible()
    qtbot.keyClicks(palette._line, text)
    return [found.title for found in palette._list.iter_command()], palette


WORDS = [
    *("Start live view", "Stop", "Pause", "Resume", "Snapshot", "Clear stash"),
    *(
        "Plan control",
        "Devices",
        "Runs",
        "Plot",
        "Stash frames",
        "Autoscale now",
        "Show frame rates",
    ),
    *("Reload plans", "Open plans folder", "Stop motion"),
]


def test_the_palette_finds_every_command_once(shown, qtbot):
    for word in WORDS:
        found, palette = commands_for(shown, qtbot, f"skylight > {word.lower()}")
        assert found.count(f"{word} (napari-skylight)") == 1
        qtbot.keyClick(palette._line, Qt.Key.Key_Escape)


def test_a_command_runs_from_the_palette(shown, plugin_session, qtbot, state):
    _, palette = commands_for(shown, qtbot, "start live view")
    qtbot.keyClick(palette._line, Qt.Key.Key_Return)
    state(SessionState.RUNNING)
    _, palette = commands_for(shown, qtbot, "skylight > stop")
    qtbot.keyClick(palette._line, Qt.Key.Key_Return)
    state(SessionState.IDLE)


def test_the_palette_has_the_actions_of_the_plan(shown, plugin_session, qtbot, state):
    plugin_session.add_plan(watch)
    plugin_session.start("watch")
    state(SessionState.RUNNING)
    found, palette = commands_for(shown, qtbot, "skylight > record")
    assert found == ["Record (napari-skylight)"]  # not twice
    qtbot.keyClick(palette._line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: plugin_session.actions["record"].state.on, timeout=5000)


def our_entries():
    app = app_model()
    ids = [command for command, _ in app.commands if command.startswith("napari-skylight.")]
    ids += [bound.command_id for bound in app.keybindings if "skylight" in bound.command_id]
    return sorted(ids)


def test_two_viewers_have_one_menu_and_the_last_takes_it_away(
    qtbot, session, camera, light, make_napari_viewer
):
    first, second = make_napari_viewer(show=False), make_napari_viewer(show=False)
    before = our_entries()
    attach(first, session)
    attached = our_entries()
    assert len(attached) > len(before)
    attach(second)
    assert our_entries() == attached
    assert "Stop" in texts(plugin_menu(first))
    assert "Stop" in texts(plugin_menu(second))
    second.close()
    qtbot.waitUntil(lambda: len(_attachments.links()) == 1, timeout=5000)
    entry(plugin_menu(first), "Start live view").trigger()
    qtbot.waitUntil(lambda: session.state is SessionState.RUNNING, timeout=5000)
    qtbot.waitUntil(lambda: "Actions of Live view" in texts(plugin_menu(first)), timeout=5000)
    first.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    assert our_entries() == before
    _attachments.close_session()


def use(viewer, qtbot):
    """Run a plan of a session of the plugin's own, by the menus; return a reference to it."""
    session = attach(viewer)
    session.add_device(FakeCamera(seconds=0.002)).result(timeout=5)
    entry(plugin_menu(viewer), "Start live view").trigger()
    qtbot.waitUntil(lambda: "Stash: off" in texts(plan_menu(viewer)), timeout=5000)
    stash = entry(plan_menu(viewer), "Stash: off")
    stash.trigger()
    qtbot.waitUntil(stash.isChecked, timeout=5000)
    return weakref.ref(session)


def test_nothing_holds_a_session_that_was_shown(qtbot, make_napari_viewer):
    viewer = make_napari_viewer(show=False)
    session = use(viewer, qtbot)
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    gc.collect()
    assert session() is None


def test_record_has_a_check_mark_while_live_view_records(
    shown, plugin_session, qtbot, state, tmp_path, told
):
    plugin_session.recordings.names = FileNames(folder=tmp_path)
    record = entry(plugin_menu(shown), "Record")
    record.trigger()
    assert [each.message for each in told()] == ["Live view is not running."]
    assert not record.isChecked()
    plugin_session.start("live_view")
    state(SessionState.RUNNING)
    qtbot.keyClick(shown.window._qt_window, Qt.Key.Key_R, CTRL_ALT)
    qtbot.waitUntil(lambda: record.isChecked(), timeout=5000)
    assert plugin_session.recordings.last
    record.trigger()
    qtbot.waitUntil(lambda: not record.isChecked(), timeout=5000)


def test_a_recording_that_ends_by_itself_is_notified_once(
    shown, plugin_session, qtbot, state, tmp_path, told
):
    recordings = plugin_session.recordings
    recordings.names = FileNames(folder=tmp_path)

    def is_written():
        return bool(recordings.last and recordings.last[-1].path and not recordings.last[-1].ended)

    for plan in ("live_view", "record"):
        told_before = told()
        plugin_session.start(plan)
        state(SessionState.RUNNING)
        plugin_session.request("record", True)
        qtbot.waitUntil(is_written, timeout=5000)
        path = recordings.last[-1].path
        path.rename(tmp_path / f"{plan}.away")
        qtbot.waitUntil(lambda: bool(recordings.last[-1].problem), timeout=5000)
        if plan == "live_view":  # which goes on
            plugin_session.stop().result(timeout=10)
        state(SessionState.IDLE if plan == "live_view" else SessionState.FAILED)
        QApplication.processEvents()
        (notice,) = told()[len(told_before) :]
        assert notice.message.startswith("The recording of camera ended after ")
        assert f"{path} is gone" in notice.message
