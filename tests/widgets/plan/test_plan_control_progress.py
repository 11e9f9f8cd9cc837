"""What the dock says while a plan runs: how far it is, what it waits for, and how it ended."""

import re
import threading
import time

import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis, SynGauss
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPlainTextEdit, QPushButton

from napari_skylight.engine import Status
from napari_skylight.testing import FakeStreamingCamera


class Telling(Status):
    """A status that says how far its device is."""

    def watch(self, watcher):
        watcher(name="stage", current=3.2, initial=0.0, target=10.0, unit="mm", time_remaining=8.0)


class Slow:
    """A device that is not done before it is let go of."""

    parent = None

    def __init__(self, name, status):
        self.name = name
        self.status = status

    def set(self, _value):
        return self.status


@pytest.fixture
def slow(session):
    def make(name, status=None):
        device = Slow(name, status or Status())
        session.add_device(device).result(timeout=5)
        return device

    return make


def add(session, name, messages):
    def plan() -> MsgGenerator[None]:
        """Do as the test wants."""
        yield from messages()

    session.add_plan(plan, name)


def test_a_plan_that_knows_its_length_shows_a_bar(person, session, camera):
    camera.seconds = 0.15
    person.chooses("plan", "Snap")
    person.types("param:frames", "20")
    assert not person.has("bar")
    person.clicks("run")
    person.waits(lambda: bool(re.match(r"\d+ of 20, 0:0\d left", person.text("progress"))))
    bar = person.find("bar")
    assert bar.isVisible()
    assert bar.value() == 50 * int(person.text("progress").partition(" ")[0])
    assert person.text("elapsed").startswith("0:0")
    person.sees("rates", " fps")
    person.clicks("run")
    person.sees("state", "Finished: ")
    assert not person.has("bar")
    assert not person.has("progress")


@pytest.mark.usefixtures("camera")
def test_a_live_view_shows_time_and_rate_and_no_bar(person):
    person.clicks("run")
    person.sees("rates", " fps")
    assert person.text("elapsed").startswith("0:0")
    assert not person.has("bar")
    assert person.text("waiting") == ""


def test_what_is_waited_for_is_said_and_how_far_it_is(person, session, slow):
    stage = slow("stage", Telling())
    add(session, "move", lambda: bps.mv(stage, 10))
    person.chooses("plan", "Move")
    person.clicks("run")
    person.sees("waiting", "Waiting for stage")
    assert person.text("progress") == "3.2 of 10 mm, 0:08 left"
    assert person.find("bar").value() == 320
    assert person.find("waiting").toolTip() == "Waiting for stage\nstage: 3.2 of 10 mm"
    stage.status.set_finished()
    person.sees("state", "Finished after 0:0")
    assert person.text("waiting") == ""


def test_a_cleanup_that_hangs_is_named_and_can_be_halted(person, session, slow):
    light = slow("lamp")
    started = Status()

    def work() -> MsgGenerator[None]:
        started.set_finished()
        yield from bps.sleep(60)

    add(session, "hang", lambda: bpp.finalize_wrapper(work(), bps.mv(light, 0)))
    person.chooses("plan", "Hang")
    person.clicks("run")
    person.waits(lambda: started.done)
    person.clicks("run")
    person.sees("state", "Stopping…")
    person.sees("waiting", "Still waiting for lamp")
    assert not person.find("run").isEnabled()
    assert "abort or halt it" in person.find("run").toolTip()
    person.clicks("ends")
    menu = person.find("ends_menu")
    halt = menu.actions()[1]
    assert halt.text().startswith("Halt: ")
    halt.trigger()
    person.sees("state", "Aborted after 0:0")
    assert not menu.isVisible()
    assert person.text("run") == "Run"
    assert person.find("run").isEnabled()


def test_a_plan_that_does_not_stop_is_told_of_harder_ways(person, session):
    started = Status()

    def work() -> MsgGenerator[None]:
        started.set_finished()
        yield from bps.sleep(60)

    add(session, "linger", lambda: bpp.finalize_wrapper(work(), bps.sleep(60)))
    person.chooses("plan", "Linger")
    person.clicks("run")
    person.waits(lambda: started.done)
    person.clicks("run")
    person.sees("waiting", "beside Stop: abort or halt")
    session.halt().result(timeout=5)
    person.sees("state", "Aborted")
    assert person.text("waiting") == ""


@pytest.fixture
def blocking(person, session):
    """A plan that blocks the engine's thread; return the event that releases it."""
    blocked, release = threading.Event(), threading.Event()

    def work() -> MsgGenerator[None]:
        blocked.set()
        release.wait(30)
        yield from bps.sleep(60)

    add(session, "block", work)
    person.chooses("plan", "Block")
    person.clicks("run")
    person.waits(blocked.is_set)
    yield release
    release.set()


@pytest.mark.parametrize("click", ["stop", "abort", "halt", "pause"])
def test_a_plan_that_blocks_the_engine_is_said_not_to_answer(person, blocking, click):
    assert not person.has("blocked")
    if click in ("abort", "halt"):
        entry = person.find("ends_menu").actions()[click == "halt"]
        entry.trigger()
    else:
        person.clicks({"stop": "run"}.get(click, click))
    clicked = time.monotonic()
    person.waits(lambda: person.has("blocked"))
    assert time.monotonic() - clicked < 2
    words = "The plan has not answered yet: it blocks the engine."
    assert person.text("blocked").startswith(words)
    assert person.text("state") == "Running"
    blocking.set()
    person.waits(lambda: not person.has("blocked"))
    person.sees("state", {"pause": "Paused", "stop": "Finished"}.get(click, "Aborted"))


@pytest.mark.usefixtures("camera")
def test_a_plan_that_answers_is_not_said_to_block(person, session):
    person.clicks("run")
    person.sees("rates", " fps")
    session.pause()
    person.sees("state", "Paused")
    session.resume()
    person.sees("state", "Running")
    session.stop().result(timeout=5)
    person.sees("state", "Finished")
    assert not person.has("blocked")


def test_the_images_of_a_plan_that_stashes_none_are_counted_as_frames(person, session, camera):
    session.start("count", {"detectors": ["camera"], "num": 3}).result(timeout=5)
    person.sees("state", "Finished: 3 frames in 0:00")


def test_the_last_values_of_the_newest_run_are_shown(person, session, camera):
    axis = SynAxis(name="axis")
    gauss = SynGauss("gauss", axis, "axis", 0, 1)
    session.engine(bp.scan([gauss], axis, -1, 1, 3)).result(timeout=5)
    person.sees("counts", "axis 1.000, gauss 0.607")
    person.clicks("run")
    person.sees("counts", "frames")
    assert "gauss" not in person.text("counts")


def test_points_are_counted_where_no_frames_are_shown(person, session, camera):
    session.add_device(SynGauss("gauss", SynAxis(name="axis"), "axis", 0, 1)).result(timeout=5)
    session.start("count", {"detectors": ["gauss"], "num": 3}).result(timeout=5)
    person.sees("state", "Finished: 3 points in 0:00")


def test_frames_a_stream_lost_are_counted_as_dropped(open_dock, session):
    camera = FakeStreamingCamera()
    session.add_device(camera).result(timeout=5)
    person = open_dock()
    person.clicks("run")
    person.sees("counts", "frames")
    assert "dropped" not in person.text("counts")
    camera.lose = 7
    person.sees("counts", "7 dropped")
    assert person.find("counts").toolTip().startswith("Dropped: lost by the camera")


def test_the_counts_of_a_run_that_failed_stay(person, camera):
    person.clicks("run")
    person.sees("counts", "frames")
    camera.fail_read = OSError("The camera does not answer.")
    person.sees("state", "Failed after 0:0")
    assert re.match(r"\d+ frames", person.text("counts"))


def test_a_long_message_is_told_in_brief_and_whole_behind_details(person, session):
    path = "data/" + "a_rather_long_folder_name" * 8
    session.report(f"The file {path} cannot be read, for a reason. " + "It is a long story. " * 30)
    person.sees("error", "The file")
    text = person.text("error")
    assert text.endswith(" …")
    assert len(text) < 260
    assert person.dock.minimumSizeHint().width() <= 300
    assert person.dock.minimumSizeHint().height() <= 500
    person.clicks("details")
    (shown,) = person.dock.window().findChildren(QPlainTextEdit)
    assert path in shown.toPlainText()
    QTest.mouseClick(button(shown.window(), "Copy"), Qt.MouseButton.LeftButton)
    assert QApplication.clipboard().text() == shown.toPlainText()
    shown.window().close()


def button(window, text):
    return next(each for each in window.findChildren(QPushButton) if each.text() == text)
