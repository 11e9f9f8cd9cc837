"""Bluesky's own plans, filled in by keys and run on the simulated microscope."""

import functools

import pytest
from bluesky import plans as bp
from qtpy.QtCore import Qt

from napari_skylight.devices import sim
from napari_skylight.testing import Documents


@pytest.fixture
def documents(session):
    found = Documents()
    session.engine.subscribe(found)
    return found


@pytest.fixture
def microscope(session):
    small = functools.partial(sim.microscope, sensor=(32, 32), noise=False)
    return session.open_microscope(small).result(timeout=20)


@pytest.fixture
def shows(session, microscope, person):
    """Show the form of a plan, the stage its detector."""

    def show(plan):
        session.add_plan(plan)
        person.chooses("plan", session.plans.title(plan.__name__))
        person.ticks("param:detectors", "camera")
        person.ticks("param:detectors", "stage")
        return person

    return show


def fill(person, axis, motor, **texts):
    person.chooses(f"param:axes.{axis}.motor", motor)
    for name, text in texts.items():
        person.types(f"param:axes.{axis}.{name}", text)


def positions(documents, *keys):
    keys = keys or ("stage-x",)
    found = [tuple(round(e["data"][key], 6) for key in keys) for e in documents.named("event")]
    return [position[0] for position in found] if len(keys) == 1 else found


def test_count_reads_num_times(shows, documents):
    person = shows(bp.count)
    person.types("param:num", "3")
    person.runs()
    assert positions(documents) == [0, 0, 0]
    assert person.text("state").startswith("Finished")


def test_scan_moves_a_part_of_a_device(shows, documents):
    person = shows(bp.scan)
    fill(person, 0, "stage.x", start="-5", stop="1e1")
    person.types("param:num", "4")
    person.runs()
    assert positions(documents) == [-5, 0, 5, 10]


def test_scan_moves_several_motors_together(shows, documents):
    person = shows(bp.scan)
    fill(person, 0, "stage.x", start="0", stop="4")
    person.qtbot.keyClick(person.find("param:axes.add"), Qt.Key.Key_Space)
    fill(person, 1, "stage.y", start="10", stop="14")
    person.types("param:num", "3")
    person.runs()
    assert positions(documents, "stage-x", "stage-y") == [(0, 10), (2, 12), (4, 14)]


def test_relative_scan_starts_at_the_motor_position(shows, documents, session):
    session.set("stage.x", 100.0).result(timeout=10)
    person = shows(bp.rel_scan)
    fill(person, 0, "stage.x", start="-1", stop="1")
    person.types("param:num", "3")
    person.runs()
    assert positions(documents) == [99, 100, 101]


@pytest.mark.parametrize(
    ("plan", "start", "expected"),
    [(bp.list_scan, 0.0, [1, 5, 7, 9]), (bp.rel_list_scan, 50.0, [51, 55, 57, 59])],
)
def test_list_scan_takes_a_list_and_a_range(shows, documents, session, plan, start, expected):
    session.set("stage.x", start).result(timeout=10)
    person = shows(plan)
    fill(person, 0, "stage.x", points="1, 5:11:2")
    person.runs()
    assert positions(documents) == expected


@pytest.mark.parametrize(
    ("plan", "start", "x", "y"),
    [
        (bp.grid_scan, 0.0, (1, 2), (10, 20)),
        (bp.rel_grid_scan, 50.0, (51, 52), (60, 70)),
    ],
)
def test_grid_scan_covers_a_grid(shows, documents, session, plan, start, x, y):
    for axis in ("stage.x", "stage.y"):
        session.set(axis, start).result(timeout=10)
    person = shows(plan)
    fill(person, 0, "stage.y", start="10", stop="20", num="2")
    person.clicks("param:axes.add")
    fill(person, 1, "stage.x", start="1", stop="2", num="2")
    person.runs()
    snake = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
    assert positions(documents, "stage-x", "stage-y") == snake


def test_every_axis_but_the_last_can_be_removed(shows, documents):
    person = shows(bp.scan)
    assert not person.has("field:axes.0.remove")
    fill(person, 0, "focus", start="0", stop="1")
    person.clicks("param:axes.add")
    person.clicks("field:axes.0.remove")
    assert not person.has("field:axes.1.remove")
    fill(person, 1, "stage.x", start="0", stop="1")
    person.types("param:num", "2")
    person.runs()
    assert positions(documents) == [0, 1]


def test_a_missing_part_of_an_axis_is_outlined_and_reported(shows, documents):
    person = shows(bp.scan)
    fill(person, 0, "stage.x", start="0", stop="")
    person.clicks("run")
    assert person.text("error") == "Axes, item 1, stop is empty: fill it in."
    assert person.find("param:axes.0.stop").toolTip().startswith("Stop is empty: fill it in.")
    assert not person.find("param:axes.0.start").toolTip().startswith("Start is")
    person.types("param:axes.0.stop", "1")
    assert person.text("error") == "Points is empty: fill it in."
    assert documents.named("start") == []
