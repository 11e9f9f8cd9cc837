"""Problems as napari's notifications: once, with the traceback one click away."""

import logging

import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.utils.notifications import ErrorNotification
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QPushButton, QTextEdit

from napari_skylight import attach
from napari_skylight.plans.spec import ParameterError
from napari_skylight.plugin import _attachments, _commands
from napari_skylight.session import SessionState

DOCK = "Plan control"


def fail(session, camera, qtbot, problem="The camera's cable is loose."):
    session.start("live_view")
    qtbot.waitUntil(lambda: session.state is SessionState.RUNNING, timeout=5000)
    camera.fail_read = RuntimeError(problem)
    qtbot.waitUntil(lambda: session.state is SessionState.FAILED, timeout=5000)
    camera.fail_read = None


def test_a_problem_is_told_once_whoever_shows_the_session(
    qtbot, plugin_session, camera, make_napari_viewer, told
):
    for _ in range(2):
        viewer = make_napari_viewer(show=False)
        attach(viewer, plugin_session)
        for dock in (DOCK, "Devices"):
            viewer.window.add_plugin_dock_widget("napari-skylight", dock)
    fail(plugin_session, camera, qtbot)
    qtbot.waitUntil(lambda: len(told()) == 1, timeout=5000)
    [notification] = told()
    assert isinstance(notification, ErrorNotification)
    assert notification.message == "The camera's cable is loose."
    assert notification.exception is plugin_session.last_exception


def test_what_was_wrong_before_there_was_a_window_is_told(
    qtbot, plugin_session, make_napari_viewer, told
):
    plugin_session.report("The stage does not answer.")
    attach(make_napari_viewer(show=False), plugin_session)
    qtbot.waitUntil(lambda: len(told()) == 1, timeout=5000)


def test_a_broken_file_of_plans_is_told(qtbot, home, make_napari_viewer, told):
    (home / "plans").mkdir(parents=True)
    (home / "plans" / "mine.py").write_text("def (:\n")
    viewer = make_napari_viewer(show=False)
    session = attach(viewer)
    viewer.window.add_plugin_dock_widget("napari-skylight", DOCK)
    qtbot.waitUntil(lambda: len(told()) == 1, timeout=10_000)
    assert told()[0].message == session.problem == "mine.py, line 1: invalid syntax."
    assert session.plans_folder == home / "plans"


def test_the_same_problem_is_told_again_only_when_it_is_new(
    qtbot, shown, plugin_session, camera, told
):
    for _ in range(3):
        plugin_session.report("The stage does not answer.")
    plugin_session.report(None)
    plugin_session.report("The stage does not answer.")
    qtbot.waitUntil(lambda: len(told()) == 2, timeout=5000)
    for runs in (1, 2):
        fail(plugin_session, camera, qtbot)
        qtbot.waitUntil(lambda: len(told()) == 2 + runs, timeout=5000)  # noqa: B023


def test_the_traceback_is_one_click_away_and_the_focus_stays(qtbot, shown, plugin_session, camera):
    window = shown.window._qt_window
    canvas = shown.window._qt_viewer.canvas.native
    canvas.setFocus()
    fail(plugin_session, camera, qtbot)

    def button():
        found = canvas.findChildren(QPushButton)
        return next((each for each in found if each.text() == "View Traceback"), None)

    qtbot.waitUntil(lambda: button() is not None, timeout=5000)
    assert canvas.hasFocus()
    qtbot.mouseClick(button(), Qt.MouseButton.LeftButton)
    dialogs = [each for each in window.findChildren(QDialog) if each.findChild(QTextEdit)]
    assert "cable is loose" in dialogs[-1].findChild(QTextEdit).toPlainText()
    dialogs[-1].close()


def test_a_notification_names_the_plugin_as_its_source(qtbot, shown, plugin_session, told):
    _commands.stop(shown)  # not running: a message
    plugin_session.report("The stage does not answer.")
    plugin_session.report(RuntimeError("The camera's cable is loose."))
    qtbot.waitUntil(lambda: len(told()) == 3, timeout=5000)

    def labels():
        found = shown.window._qt_window.findChildren(NapariQtNotification)
        return [each.source_label.text() for each in found]

    qtbot.waitUntil(lambda: labels() == ["Source: napari-skylight"] * 3, timeout=5000)


def test_what_a_form_marks_is_told_of_a_command_alone(
    qtbot, session, light, make_napari_viewer, told
):
    viewer = make_napari_viewer(show=False)
    attach(viewer, session)
    with pytest.raises(ParameterError) as raised:
        session.start("live_view")
    session.report(raised.value)  # as the dock does, which has marked the field
    session.report(None)
    _commands.start_live_view(viewer)
    qtbot.waitUntil(lambda: len(told()) > 0, timeout=5000)
    assert [each.message for each in told()] == [session.problem]
    assert "camera" in session.problem
    viewer.close()
    qtbot.waitUntil(lambda: not _attachments.links(), timeout=5000)
    _attachments.close_session()


def test_a_problem_is_logged_once(qtbot, shown, plugin_session, camera, caplog):
    caplog.set_level(logging.WARNING, "napari_skylight")
    fail(plugin_session, camera, qtbot)
    ours = [each for each in caplog.records if each.name == "napari_skylight"]
    assert [each.getMessage() for each in ours] == ["The camera's cable is loose."]
    assert ours[0].exc_info[1] is plugin_session.last_exception


IDLE = [
    (_commands.stop, "Live view is not running."),
    (_commands.pause, "Live view is not running."),
    (_commands.snapshot, "Live view is not running."),
    (_commands.stash_frames, "Live view is not running."),
    (_commands.resume, "No plan is paused."),
]


@pytest.mark.parametrize(("command", "words"), IDLE)
def test_a_command_that_cannot_act_says_why(shown, told, command, words):
    command(shown)
    assert [each.message for each in told()] == [words]


def test_what_was_run_last_is_not_running(qtbot, shown, plugin_session, told):
    plugin_session.start("snap")
    qtbot.waitUntil(lambda: plugin_session.state is SessionState.IDLE, timeout=5000)
    _commands.stop(shown)
    assert [each.message for each in told()] == ["Snap is not running."]
