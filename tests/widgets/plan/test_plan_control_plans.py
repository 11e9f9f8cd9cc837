"""Plans that change while they run, and plans that no form can show."""

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from qtpy.QtCore import Qt

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, continuous
from napari_skylight.testing import FakeCamera


def sweep_plan(step=0.5):
    mark = Action(name="mark", description="Mark this place.")
    fan = Action(name="fan", togglable=True, toggle_states=("turning", "still"))

    @continuous(pausable=True)
    def sweep(speed: float = step, *, mark: Action = mark, fan: Action = fan) -> MsgGenerator[None]:
        """Go to and fro."""
        latches = {**mark.event_map, **fan.event_map}
        while True:
            yield from bps.checkpoint()
            event = yield from plan_stubs.wait_for_actions(
                latches,
                timeout=0.05,
                wait_for={"mark": "set", "fan": "reset" if fan.state.on else "set"},
            )
            if event is not None and event[0] == "mark":
                event[1].reset()

    return sweep


def other_plan():
    def sweep(turns: int = 3) -> MsgGenerator[None]:
        """Turn."""
        yield from bps.sleep(60)

    return sweep


@pytest.fixture
def running(person, session):
    """The dock, with the plan "Sweep" running, and what takes that plan away."""
    remove = session.add_plan(sweep_plan())
    person.chooses("plan", "Sweep")
    person.types("param:speed", "2.5")
    person.clicks("run")
    person.sees("state", "Running")
    return person, remove


def works(person):
    """Whether form and buttons are those of "Sweep", locked, and do their work."""
    assert person.text("plan") == "Sweep"
    assert person.find("param:speed").text() == "2.5"
    assert not person.find("param:speed").isEnabled()
    assert person.text("description") == "Go to and fro."
    person.clicks("action:mark")
    person.waits(lambda: person.text("action:mark") == "Mark")
    person.clicks("action:fan")
    person.sees("action:fan", "Fan: turning")


def test_a_plan_taken_away_while_it_runs_keeps_its_form_and_buttons(running, session):
    person, remove = running
    remove()
    works(person)
    person.clicks("pause")
    person.sees("state", "Paused")
    person.clicks("pause")
    person.sees("state", "Running")
    person.clicks("run")
    person.sees("state", "Finished")
    person.waits(lambda: person.find("plan").findText("Sweep") == -1)
    assert person.text("plan") != "Sweep"
    assert not person.has("action:mark")


def test_a_plan_replaced_while_it_runs_is_shown_when_the_run_is_over(running, session):
    person, remove = running
    remove()
    session.add_plan(other_plan())
    works(person)
    person.clicks("run")
    person.sees("state", "Finished")
    person.waits(lambda: person.has("param:turns"))
    assert person.find("param:turns").isEnabled()
    assert not person.has("param:speed")
    assert not person.has("action:mark")


def test_a_dock_opened_later_shows_a_plan_that_was_taken_away(running, open_dock):
    _, remove = running
    remove()
    second = open_dock()
    works(second)
    second.clicks("run")
    second.sees("state", "Finished")


def test_a_device_that_goes_while_a_plan_runs_changes_nothing_in_the_form(person, session, camera):
    session.add_device(FakeCamera("side camera")).result(timeout=5)
    person.waits(lambda: len(session.spec("live_view").parameters[0].choices) == 2)
    person.clicks("run")
    person.sees("counts", "frames")
    form = person.find("param:cameras")
    session.add_device(FakeCamera("third")).result(timeout=5)
    person.clicks("action:snapshot")
    person.sees("counts", "in stack")
    assert person.find("param:cameras") is form
    person.clicks("run")
    person.sees("state", "Finished")
    person.ticks("param:cameras", "third")


@pytest.mark.parametrize(
    ("annotation", "kept"),
    [(int, 7.5), (float, 3), (bool, "yes"), (str, [1, 2]), (int, {"a": 1}), (int, np.ones(3))],
)
def test_values_of_a_plan_whose_annotation_changed_do_no_harm(person, session, annotation, kept):
    default = annotation(3)

    def sweep(x: annotation = default) -> MsgGenerator[None]:
        yield from bps.null()

    session.remember("sweep", {"x": kept, "gone": 4})
    session.add_plan(sweep)
    person.chooses("plan", "Sweep")
    assert person.has("param:x")
    person.clicks("run")
    person.sees("state", "Finished")
    assert session.run.exit_status == "success"


def test_a_form_that_cannot_be_built_says_why(person, session, monkeypatch, caplog):
    def odd(x: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    def fails(*_):
        raise ZeroDivisionError("The default cannot be worked out.")

    session.add_plan(odd)
    monkeypatch.setattr("napari_skylight.widgets.plan._plan_control.ParamForm", fails)
    person.chooses("plan", "Odd")
    assert person.text("no_form") == "The default cannot be worked out."
    assert not person.find("run").isEnabled()
    assert person.find("run").toolTip() == "The default cannot be worked out."
    assert not person.has("param:cameras")
    (record,) = [each for each in caplog.records if each.name == "napari_skylight"]
    assert record.exc_info[0] is ZeroDivisionError
    monkeypatch.undo()
    person.chooses("plan", "Live view")
    person.chooses("plan", "Odd")
    assert person.find("run").isEnabled()


def test_no_plan_at_all_is_said(person, session):
    for name in list(session.plans):
        session.plans.remove(name)
    person.sees("no_form", "There is no plan to choose.")
    assert not person.find("run").isEnabled()


@pytest.mark.usefixtures("camera")
def test_the_tab_key_goes_from_top_to_bottom(person):
    def stops(first):
        seen = []
        widget = person.find(first)
        while widget not in seen:
            seen.append(widget)
            widget.setFocus()
            person.qtbot.keyClick(widget, Qt.Key.Key_Tab)
            widget = person.dock.focusWidget()
        return [widget.objectName() for widget in seen]

    person.chooses("plan", "Snap")
    top = stops("plan")
    assert top.index("plan") < top.index("param:frames") < top.index("run")
    person.chooses("plan", "Live view")
    person.clicks("run")
    person.sees("state", "Running")
    names = stops("run")
    wanted = ["run", "ends", "pause", "action:snapshot", "action:stash", "action:clear"]
    assert [name for name in names if name in wanted] == wanted
