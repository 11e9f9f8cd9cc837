"""The dock, driven as a person does."""

import gc
import threading
import weakref

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QApplication, QPlainTextEdit

from napari_skylight.devices import Microscope
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera

pytestmark = pytest.mark.usefixtures("camera")


def kept(session):
    return sum(cache.counts.kept for cache in session.caches if cache.kind == "stack")


def test_at_first_live_view_is_ready_to_run(person):
    assert person.text("plan") == "Live view"
    assert person.text("description") == "Show the cameras live until stopped."
    assert person.text("run") == "Run"
    assert person.find("run").isEnabled()
    assert not person.find("pause").isEnabled()
    assert person.dock.focusWidget() is person.find("run")
    assert person.text("state") == "Idle"
    assert not person.has("error")
    assert not person.find("action:snapshot").isEnabled()


def test_one_click_runs_and_another_stops(person, session):
    person.clicks("run")
    person.sees("state", "Running")
    person.sees("counts", "frames")
    assert person.text("run") == "Stop"
    assert person.text("elapsed").startswith("0:0")
    assert not person.find("plan").isEnabled()
    assert not person.find("param:cameras").isEnabled()
    person.sees("rates", " fps")
    person.clicks("run")
    person.sees("state", "Idle")
    person.sees("counts", "Finished: ")
    assert person.text("run") == "Run"
    assert person.text("elapsed") == ""
    assert person.text("rates") == ""
    assert person.find("param:cameras").isEnabled()
    assert session.run.exit_status == "success"
    assert not person.has("error")


def test_the_keyboard_alone_runs_and_stops(person):
    run = person.find("run")
    person.qtbot.keyClick(run, Qt.Key.Key_Return)
    person.sees("state", "Running")
    person.qtbot.keyClick(run, Qt.Key.Key_Space)
    person.sees("state", "Idle")


def test_pause_and_resume(person, camera):
    person.clicks("run")
    person.sees("counts", "frames")
    person.clicks("pause")
    person.sees("state", "Paused")
    assert person.text("pause") == "Resume"
    assert person.text("run") == "Stop"
    before = camera.frames
    person.clicks("pause")
    person.sees("state", "Running")
    assert person.text("pause") == "Pause"
    person.waits(lambda: camera.frames > before)


def test_a_paused_plan_can_be_stopped(person):
    person.clicks("run")
    person.sees("counts", "frames")
    person.clicks("pause")
    person.sees("state", "Paused")
    person.clicks("run")
    person.sees("state", "Idle")
    person.sees("counts", "Finished: ")


def test_every_snapshot_click_is_one_frame_and_waiting_ones_are_counted(person, session, camera):
    camera.seconds = 0.2
    person.clicks("run")
    person.sees("state", "Running")
    for _ in range(3):
        person.clicks("action:snapshot")
    assert person.text("action:snapshot").startswith("Snapshot (")
    person.waits(lambda: person.text("action:snapshot") == "Snapshot")
    person.waits(lambda: kept(session) == 3)
    person.sees("counts", "3 in stack (")
    person.clicks("run")
    person.sees("state", "Idle")
    assert kept(session) == 3


def test_a_toggle_shows_what_the_engine_says(person, session):
    assert person.text("action:stash") == "Stash: off"
    person.clicks("run")
    person.sees("state", "Running")
    person.clicks("action:stash")
    person.sees("action:stash", "Stash: on")
    assert person.find("action:stash").isChecked()
    person.waits(lambda: kept(session) > 3)
    person.clicks("action:stash")
    person.sees("action:stash", "Stash: off")
    assert not person.find("action:stash").isChecked()


def test_two_quick_clicks_on_a_toggle_switch_it_on_and_off(person, session, camera):
    camera.seconds = 0.2
    person.clicks("run")
    person.sees("state", "Running")
    person.clicks("action:stash")
    assert not person.find("action:stash").isChecked()
    person.clicks("action:stash")
    person.waits(lambda: person.text("action:stash") == "Stash: off")
    assert not person.find("action:stash").isChecked()


def test_a_full_stack_is_said_and_the_plan_goes_on(person, session, camera):
    session.caches.stack_bytes = 5 * camera.shape[0] * camera.shape[1] * 2
    person.clicks("run")
    person.sees("state", "Running")
    person.clicks("action:stash")
    person.sees("error", "is full with 5 frames")
    person.sees("counts", "dropped")
    person.waits(lambda: person.text("action:stash") == "Stash: off")
    assert person.text("state") == "Running"


def test_nothing_starts_while_a_field_is_empty(person, session):
    person.ticks("param:cameras", "camera")
    person.clicks("run")
    assert person.text("error") == "Cameras: choose at least one."
    assert person.find("param:cameras").toolTip().startswith("Cameras: choose at least one.")
    assert not person.has("details")
    assert session.run is None
    person.ticks("param:cameras", "camera")
    assert not person.has("error")
    assert not person.find("param:cameras").toolTip().startswith("Cameras: choose")
    person.clicks("run")
    person.sees("state", "Running")


def test_a_plan_that_raises_says_why_with_its_traceback_at_hand(person, session):
    def stumble() -> MsgGenerator[None]:
        yield from bps.null()
        raise ValueError("The sample is upside down.")

    session.add_plan(stumble)
    person.chooses("plan", "Stumble")
    person.clicks("run")
    person.sees("state", "Failed")
    person.sees("counts", "Failed: 0 frames in 0:00")
    person.sees("error", "The sample is upside down.")
    assert person.text("run") == "Run"
    person.clicks("details")
    (shown,) = person.dock.window().findChildren(QPlainTextEdit)
    assert "in stumble" in shown.toPlainText()
    assert not shown.window().isModal()
    shown.window().close()


def test_what_a_plan_raises_when_it_is_called_is_said_too(person, session):
    def plan(n: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    def broken(n: int = 1) -> MsgGenerator[None]:
        raise RuntimeError("Not today.")

    broken.__wrapped__ = plan
    session.add_plan(broken, "broken")
    person.chooses("plan", "Broken")
    person.clicks("run")
    person.sees("error", "Not today.")
    assert person.text("state") == "Idle"


def test_a_camera_that_fails_is_said_and_the_next_run_works(person, camera):
    camera.fail_read = OSError("The camera does not answer.")
    person.clicks("run")
    person.sees("error", "The camera does not answer.")
    person.sees("state", "Failed")
    camera.fail_read = None
    person.clicks("run")
    person.sees("state", "Running")
    person.waits(lambda: not person.has("error"))


def test_a_second_run_is_refused_in_words(open_dock, session):
    person = open_dock()
    person.dock.close_links()
    session.start("live_view")
    assert person.text("run") == "Run"
    person.clicks("run")
    assert session.problem == "Live view is running."
    assert session.state.busy


def test_the_form_follows_the_devices(person, session):
    session.add_device(FakeCamera("side camera")).result(timeout=5)
    person.ticks("param:cameras", "side camera")
    person.clicks("run")
    person.sees("state", "Running")
    assert session.run.values["cameras"] == ["camera", "side camera"]


def test_each_plan_keeps_its_values(person, session):
    person.chooses("plan", "Snap")
    person.types("param:frames", "7")
    person.chooses("plan", "Live view")
    assert not person.has("param:frames")
    person.chooses("plan", "Snap")
    assert person.find("param:frames").text() == "7"
    person.runs()
    person.sees("counts", "Finished: 7 frames in 0:00")
    person.sees("counts", "7 in stack (")
    assert not person.has("action:snapshot")


def test_the_dock_shows_a_run_that_another_started(person, session):
    session.start("snap", {"frames": 100_000})
    person.sees("state", "Running")
    assert person.text("plan") == "Snap"
    assert person.find("param:frames").text() == "100000"
    assert not person.find("param:frames").isEnabled()
    person.clicks("run")
    person.sees("state", "Idle")


def test_a_run_may_be_started_on_any_thread(person, session):
    thread = threading.Thread(target=session.start, args=("live_view",))
    thread.start()
    thread.join(timeout=5)
    person.sees("state", "Running")


def test_a_dock_opened_later_shows_the_run_and_both_stay_in_step(open_dock):
    first = open_dock()
    first.clicks("run")
    first.sees("counts", "frames")
    second = open_dock()
    assert second.text("state") == "Running"
    assert second.text("run") == "Stop"
    second.clicks("action:stash")
    first.sees("action:stash", "on")
    second.sees("action:stash", "on")
    second.clicks("run")
    first.sees("state", "Idle")
    second.sees("state", "Idle")
    assert first.text("counts").partition("\n")[0] == second.text("counts").partition("\n")[0]


def test_plans_come_and_go(person, session):
    def sweep(steps: int = 3) -> MsgGenerator[None]:
        yield from bps.null()

    remove = session.add_plan(sweep)
    person.chooses("plan", "Sweep")
    remove()
    assert person.text("plan") == "Live view"
    assert person.find("plan").findText("Sweep") == -1


def test_a_plan_that_cannot_be_shown_says_so(person, session):
    def odd(thing: dict) -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(odd)
    person.chooses("plan", "Odd")
    assert not person.find("run").isEnabled()
    assert person.find("run").toolTip().startswith("odd needs thing (dict)")
    assert person.text("no_form") == person.find("run").toolTip()


def test_the_whole_docstring_is_behind_the_i(person):
    person.clicks("info")
    (shown,) = person.dock.window().findChildren(QPlainTextEdit)
    assert shown.toPlainText().startswith("Show the cameras live until stopped.")
    assert "Parameters" in shown.toPlainText()
    shown.window().close()


def test_a_line_says_what_is_connected(open_dock, session):
    person = open_dock()
    assert person.text("microscope").startswith("No microscope is connected.")
    session.open_microscope(lambda: Microscope("Bench 3", ())).result(timeout=5)
    person.sees("microscope", "Bench 3")


def test_frames_the_screen_left_out_are_counted(open_dock):
    person = open_dock(shown=lambda: 0)
    person.clicks("run")
    person.sees("counts", "skipped on screen")
    person.sees("rates", "shown 0.0")


def test_nothing_ticks_while_nothing_runs(person):
    def ticking():
        return [timer for timer in person.dock.findChildren(QTimer) if timer.isActive()]

    assert not ticking()
    person.clicks("run")
    person.sees("state", "Running")
    assert len(ticking()) == 1
    person.clicks("run")
    person.sees("state", "Idle")
    person.waits(lambda: not ticking())


SIGNALS = ("state_changed", "run_changed", "reported", "plans_changed", "devices_changed")


def test_a_deleted_dock_leaves_nothing_behind(open_dock, session):
    person = open_dock()
    person.clicks("run")
    person.sees("state", "Running")
    assert all(len(getattr(session, name)) for name in SIGNALS)
    gone = weakref.ref(person.dock)
    person.dock.close_links()
    assert not any(len(getattr(session, name)) for name in SIGNALS)
    assert not any(len(action.changed) for action in session.actions.values())
    person.dock.deleteLater()
    del person.dock
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None


def test_a_dock_deleted_while_signals_arrive_does_no_harm(session, qtbot):
    from napari_skylight.widgets import PlanControl

    dock = PlanControl(session)
    dock.show()
    started = threading.Event()

    def shout():
        for n in range(200):
            session.reported.emit(str(n))
            session.state_changed.emit(SessionState.IDLE)
            started.set()

    thread = threading.Thread(target=shout)
    thread.start()
    assert started.wait(timeout=5)
    dock.deleteLater()
    QApplication.sendPostedEvents(dock, QEvent.Type.DeferredDelete)
    thread.join(timeout=5)
    QApplication.processEvents()
    assert not any(len(getattr(session, name)) for name in SIGNALS)


def test_the_dock_fits_in_300_pixels(person, session):
    from bluesky import plans as bp

    session.add_plan(bp.grid_scan)
    session.add_plan(bp.count)
    for title in ("Live view", "Snap", "Grid scan", "Count"):
        person.chooses("plan", title)
        QApplication.processEvents()
        assert person.dock.minimumSizeHint().width() <= 300, title
        assert person.dock.minimumSizeHint().height() <= 600, title


def test_a_theme_changed_while_running_changes_the_colours(person):
    def themed(background, text):
        person.dock.setStyleSheet(f"QWidget {{ background-color: {background}; color: {text}; }}")
        QApplication.processEvents()
        return person.find("run").palette().color(QPalette.ColorRole.ButtonText).lightness()

    person.clicks("run")
    person.sees("state", "Running")
    assert themed("#202020", "#f0f0f0") > themed("#f0f0f0", "#202020")
