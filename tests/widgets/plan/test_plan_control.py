"""The dock, driven as a person does."""

import re
import threading

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QPlainTextEdit

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
    person.sees("state", "Finished: ")
    assert re.fullmatch(r"Finished: \d+ frames in 0:0\d", person.text("state"))
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
    person.sees("state", "Finished")


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
    person.sees("state", "Finished")


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
    person.sees("state", "Finished")
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


def test_two_quick_clicks_on_a_toggle_switch_it_on_and_off(person, session):
    person.clicks("run")
    person.sees("state", "Running")
    answers = threading.Event()  # the plan can answer no click before
    session.engine.loop.call_soon_threadsafe(answers.wait, 10)
    person.clicks("action:stash")
    assert not person.find("action:stash").isChecked()
    person.clicks("action:stash")
    answers.set()
    person.waits(lambda: person.text("action:stash") == "Stash: off")
    assert not person.find("action:stash").isChecked()


def test_a_full_stack_is_said_and_the_plan_goes_on(person, session, camera):
    session.caches.stack_bytes = 5 * camera.shape[0] * camera.shape[1] * 2
    person.clicks("run")
    person.sees("state", "Running")
    person.clicks("action:stash")
    person.sees("error", "is full with 5 frames")
    person.sees("counts", "dropped")
    assert person.find("counts").toolTip().startswith("Dropped: lost by the camera")
    person.waits(lambda: person.text("action:stash") == "Stash: off")
    assert person.text("state") == "Running"


@pytest.mark.parametrize("fault", ["full", "another shape"])
def test_each_refused_click_is_said_again(person, session, camera, fault, caplog):
    reported = []
    session.reported.connect(reported.append)
    session.caches.stack_bytes = 2 * camera.shape[0] * camera.shape[1] * 2
    person.clicks("run")
    person.sees("state", "Running")
    person.clicks("action:snapshot")
    person.sees("counts", "1 in stack")
    if fault == "full":
        person.clicks("action:snapshot")
        person.sees("counts", "2 in stack")
    else:
        person.clicks("run")
        person.sees("run", "Run")
        camera.shape = (5, 7)
        person.clicks("run")
        person.sees("state", "Running")
    reported.clear()
    for number, words in enumerate(("", "2 frames were refused. ", "3 frames were refused. ")):
        person.clicks("action:snapshot")
        start = words or ("'camera" if fault == "full" else "Nothing was added")
        person.waits(lambda start=start: person.text("error").startswith(start))
        assert fault in person.text("error")
        person.sees("counts", f"{number + 1} dropped")
    assert len(reported) == 1  # one notification and one entry in the log
    assert len([each for each in caplog.messages if fault in each]) == 1
    person.clicks("run")
    person.sees("run", "Run")
    person.clicks("run")
    person.sees("state", "Running")
    person.waits(lambda: not person.has("error"))
    person.clicks("action:snapshot")
    person.sees("error", "4 frames were refused. ")
    assert len([each for each in reported if each]) == 2
    person.clicks("action:clear")
    person.waits(lambda: not person.has("error"))


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
    person.sees("error", "The sample is upside down.")
    assert person.text("state") == "Failed after 0:00"
    assert not person.has("counts")  # nothing to count, and that it failed has been said
    assert person.text("run") == "Run"
    person.clicks("details")
    (shown,) = person.dock.window().findChildren(QPlainTextEdit)
    assert "in stumble" in shown.toPlainText()
    assert shown.toPlainText().endswith("The sample is upside down.")
    assert shown.verticalScrollBar().value() == shown.verticalScrollBar().maximum()
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
    person.sees("run", "Run")
    camera.fail_read = None
    person.clicks("run")
    person.sees("state", "Running")
    person.waits(lambda: not person.has("error"))


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
    person.sees("state", "Finished: 7 frames in 0:00")
    person.sees("counts", "7 in stack (")
    assert not person.has("action:snapshot")


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
    assert person.text("no_form").split() == person.find("run").toolTip().split()


def test_the_whole_docstring_is_behind_the_i(person):
    person.clicks("info")
    (shown,) = person.dock.window().findChildren(QPlainTextEdit)
    text = shown.toPlainText()
    assert text.startswith("Show the cameras live until stopped.")
    assert "\nCameras: The cameras to show.\n" in text
    assert not any(raw in text for raw in ("---", "*", "Sequence[", "Parameters", "aches:"))
    shown.window().close()


def test_the_docstring_is_shown_once_however_often_it_is_asked_for(person):
    for _ in range(3):
        person.clicks("info")
    dialogs = person.dock.window().findChildren(QDialog)
    assert [dialog.isVisible() for dialog in dialogs].count(True) == 1
    for dialog in dialogs:
        dialog.close()


def test_a_run_that_kept_no_frames_counts_none(person, session):
    def wait() -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(wait)
    person.chooses("plan", "Wait")
    person.clicks("run")
    person.sees("state", "Finished")
    assert person.text("state") == "Finished after 0:00"
    assert not person.has("counts")


def test_counts_follow_a_stack_that_is_cleared_afterwards(person, session):
    person.chooses("plan", "Snap")
    person.types("param:frames", "3")
    person.clicks("run")
    person.sees("state", "Finished")
    person.sees("counts", "3 in stack (")
    for _ in range(2):  # it is announced once each time
        session.clear_stacks()
        person.waits(lambda: "in stack" not in person.text("counts"))
        session.caches.stack(session.devices["camera"]).stash(
            {"camera": {"value": np.zeros((4, 4), np.uint8), "timestamp": 0.0}}
        )
        person.sees("counts", "1 in stack (")


def test_a_bad_form_says_only_what_is_wrong_with_it(person, session, camera):
    camera.fail_read = OSError("The camera does not answer.")
    person.clicks("run")
    person.sees("state", "Failed")
    person.sees("error", "The camera does not answer.")
    person.ticks("param:cameras", "camera")
    person.clicks("run")
    assert person.text("error") == "Cameras: choose at least one."
    assert (person.text("state"), person.text("elapsed")) == ("Idle", "")
    assert not person.has("counts")
    person.ticks("param:cameras", "camera")
    assert not person.has("error")
    assert person.text("state") == "Idle"


def test_values_refused_elsewhere_are_told_until_they_are_changed(person, session):
    person.chooses("plan", "Snap")
    with pytest.raises(ValueError, match="Frames is 0: enter 1") as info:
        session.start("snap", {"frames": 0})
    session.report(info.value)
    person.sees("error", "Frames is 0: enter 1")
    person.types("param:frames", "2")
    assert not person.has("error")


def test_the_form_and_the_session_remember_the_same(person, session):
    session.remember("snap", {"frames": 4})
    person.chooses("plan", "Snap")
    assert person.find("param:frames").text() == "4"
    person.types("param:frames", "6")
    assert session.remembered("snap")["frames"] == 6


def test_an_untouched_scan_moves_nothing(person, session):
    x = SynAxis(name="x")
    x.set(10)
    session.add_device(x).result(timeout=5)
    session.add_plan(bp.scan)
    person.chooses("plan", "Scan")
    motor = "axes.0.motor"
    numbers = {"axes.0.start": "10", "axes.0.stop": "12", "num": "3"}
    assert person.text(f"param:{motor}") == "choose…"
    for name in numbers:
        assert person.text(f"param:{name}") == ""
    person.clicks("run")
    assert person.text("error") == "Axes, item 1, motor: choose one."
    assert all(marked(person, name) for name in (motor, *numbers))
    person.chooses(f"param:{motor}", "x")
    assert person.text("error") == "Axes, item 1, start is empty: fill it in."
    assert session.run is None
    for name, text in numbers.items():
        person.types(f"param:{name}", text)
    assert not person.has("error")
    person.clicks("run")
    person.sees("state", "Finished")
    assert x.position == 12


def marked(person, name):
    return "choose" in (tip := person.find(f"param:{name}").toolTip()) or "fill it in" in tip
