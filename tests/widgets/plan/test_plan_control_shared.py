"""The dock as a part of the whole: other docks, other threads, themes, its own end."""

import gc
import threading
import weakref

import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator
from qtpy.QtCore import QEvent, QPoint, QTimer
from qtpy.QtGui import QPalette
from qtpy.QtWidgets import QApplication

from napari_skylight.devices import Microscope
from napari_skylight.engine import Status, plan_stubs
from napari_skylight.engine.actions import Action, continuous
from napari_skylight.session import SessionState
from napari_skylight.widgets import PlanControl

pytestmark = pytest.mark.usefixtures("camera")


def test_a_second_run_is_refused_in_words(open_dock, session):
    person = open_dock()
    person.dock.close_links()
    session.start("live_view")
    assert person.text("run") == "Run"
    person.clicks("run")
    assert session.problem == "Live view is running."
    assert session.state.busy


def test_the_dock_shows_a_run_that_another_started(person, session):
    session.start("snap", {"frames": 100_000})
    person.sees("state", "Running")
    assert person.text("plan") == "Snap"
    assert person.find("param:frames").text() == "100000"
    assert not person.find("param:frames").isEnabled()
    person.clicks("run")
    person.sees("state", "Finished")


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
    first.sees("state", "Finished")
    second.sees("state", "Finished")
    assert first.text("counts").partition("\n")[0] == second.text("counts").partition("\n")[0]


def test_a_plan_chosen_elsewhere_is_shown_with_its_values_in_every_dock(open_dock, session):
    docks = [open_dock(), open_dock()]
    docks[0].chooses("plan", "Snap")  # in one of them its form is there already
    session.choose("snap", {"frames": 7})
    for person in docks:
        assert person.text("plan") == "Snap"
        assert person.find("param:frames").text() == "7"
    docks[1].runs()
    assert session.run.values["frames"] == 7


def test_a_line_says_what_is_connected(open_dock, session):
    person = open_dock()
    assert person.text("microscope").startswith("No microscope is connected.")
    session.open_microscope(lambda: Microscope("Bench 3", ())).result(timeout=5)
    person.sees("microscope", "Bench 3")


def test_frames_the_screen_left_out_are_counted(open_dock):
    person = open_dock(lambda: 0, lambda: 7)
    assert "skipped" not in person.text("counts")
    person.clicks("run")
    person.sees("counts", "\n7 skipped on screen")
    person.sees("rates", "shown 0.0")
    assert person.find("counts").toolTip().startswith("Skipped: a newer frame")


def test_nothing_ticks_while_nothing_runs(person):
    def ticking():
        return [timer for timer in person.dock.findChildren(QTimer) if timer.isActive()]

    assert not ticking()
    person.clicks("run")
    person.sees("state", "Running")
    assert len(ticking()) == 1
    person.clicks("run")
    person.sees("state", "Finished")
    person.waits(lambda: not ticking())


SIGNALS = ("state_changed", "run_changed", "reported", "plans_changed", "devices_changed")


def listeners(session):
    return [len(getattr(session, name)) for name in SIGNALS]


def test_a_deleted_dock_leaves_nothing_behind(open_dock, session):
    before = listeners(session)  # the session's own
    person = open_dock()
    person.clicks("run")
    person.sees("state", "Running")
    assert all(listeners(session))
    gone = weakref.ref(person.dock)
    person.dock.close_links()
    assert listeners(session) == before
    assert not any(len(action.changed) for action in session.actions.values())
    person.dock.deleteLater()
    del person.dock
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert gone() is None


def test_a_dock_deleted_while_signals_arrive_does_no_harm(session, qtbot):
    before = listeners(session)
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
    assert listeners(session) == before


def test_the_dock_fits_in_300_pixels(person, session):
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


def test_a_toggle_clicked_in_two_docks_while_it_waits_is_switched_twice(open_dock, session):
    fan = Action(name="fan", togglable=True)
    ready = Status()

    @continuous
    def blow(*, fan: Action = fan) -> MsgGenerator[None]:
        """Be busy until ready, then take what was asked for."""
        while not ready.done:
            yield from bps.sleep(0.01)
        while True:
            wait_for = "reset" if fan.state.on else "set"
            yield from plan_stubs.wait_for_actions(fan.event_map, wait_for=wait_for)

    session.add_plan(blow)
    first, second = open_dock(), open_dock()
    first.chooses("plan", "Blow")
    first.clicks("run")
    first.sees("state", "Running")
    second.sees("state", "Running")
    first.clicks("action:fan")
    second.sees("action:fan", "Fan: Off …")
    second.clicks("action:fan")  # it will be on: so this asks for off
    ready.set_finished()
    for person in (first, second):
        person.waits(lambda person=person: person.text("action:fan") == "Fan: Off")
        assert not person.find("action:fan").isChecked()
    second.clicks("action:fan")
    first.sees("action:fan", "Fan: On")


def test_clicks_that_wait_are_counted_in_every_dock(open_dock, camera):
    first, second = open_dock(), open_dock()
    camera.seconds = 0.5
    first.clicks("run")
    second.sees("state", "Running")
    for _ in range(2):
        first.clicks("action:snapshot")
        second.clicks("action:snapshot")
    first.sees("action:snapshot", "Snapshot (")
    second.sees("action:snapshot", "Snapshot (")
    camera.seconds = 0.002
    for person in (first, second):
        person.waits(lambda person=person: person.text("action:snapshot") == "Snapshot")
        person.sees("counts", "4 in stack")


def test_progress_and_failure_are_the_same_in_every_dock(open_dock, session, camera):
    first, second = open_dock(), open_dock()
    camera.seconds = 0.15
    session.start("snap", {"frames": 100})
    for person in (first, second):
        person.sees("progress", " of 100, 0:")
        assert person.has("bar")
    third = open_dock()  # when it is under way
    third.sees("progress", " of 100, 0:")
    camera.fail_read = OSError("The camera does not answer.")
    for person in (first, second, third):
        person.sees("state", "Failed after 0:0")
        person.sees("error", "The camera does not answer.")
        assert not person.has("bar")
        assert person.find("run").isEnabled()
    assert len({person.text("counts") for person in (first, second, third)}) == 1


def test_a_dock_opened_when_a_run_is_over_says_how_it_ended(open_dock, session):
    session.start("snap", {"frames": 3}).result(timeout=10)
    session.start("snap", {"frames": 4}).result(timeout=10)
    person = open_dock()
    assert person.text("state") == "Finished: 4 frames in 0:00"
    assert person.text("counts").startswith("7 in stack (")


class Stuck:
    """A device that is never done."""

    name = "shutter"
    parent = None

    def set(self, _value):
        return Status()


def stick() -> MsgGenerator[None]:
    """Wait, and wait again in the cleanup."""
    shutter = Stuck()
    yield from bpp.finalize_wrapper(bps.mv(shutter, 1), bps.mv(shutter, 0))


@pytest.mark.parametrize("state", ["running", "paused", "waiting", "stopping", "failed"])
def test_every_state_fits_in_300_pixels(person, session, camera, state):
    session.add_plan(stick)
    if state in ("waiting", "stopping"):
        person.chooses("plan", "Stick")
    person.dock.resize(300, 600)
    person.dock.setStyleSheet("QWidget { font-size: 12px; }")  # napari's
    person.clicks("run")
    if state == "paused":
        person.sees("rates", "fps")
        person.clicks("pause")
        person.sees("state", "Paused")
    elif state == "failed":
        camera.fail_read = OSError("/dev/" + "long" * 30 + " does not answer. " * 9)
        person.sees("state", "Failed")
    elif state != "running":
        person.sees("waiting", "Waiting for shutter")
        if state == "stopping":
            person.clicks("run")
            person.sees("waiting", "Still waiting for shutter")
    for name in ("run", "ends", "pause", "state", "elapsed", "rates", "details"):
        person.waits(lambda name=name: is_whole(person, name))
    assert person.dock.minimumSizeHint().width() <= 300
    assert person.dock.width() == 300
    session.halt().result(timeout=5)


def is_whole(person, name):
    """Whether all of a label or button can be seen, if it is there at all."""
    widget = person.find(name)
    right = widget.mapTo(person.dock, QPoint(widget.width(), 0)).x()
    wide_enough = widget.width() >= widget.sizeHint().width() and right <= person.dock.width()
    return wide_enough or not widget.isVisible()
