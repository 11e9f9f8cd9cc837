"""Forms of odd plans, and odd values."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QCheckBox, QLabel

from napari_skylight.plans.spec import Wording


class Options(TypedDict, total=False):
    gain: int


@dataclass
class Broken:
    part: "int +" = 3  # noqa: F722 - that it is no expression is the point


@pytest.fixture
def runs_with(person, session):
    """Show the form of a plan with `x` among its parameters; return the values it is run with."""
    kept = []

    def show(annotation, default):
        def plan(x=default, y: int = 2) -> MsgGenerator[None]:
            kept.append(x)
            yield from bps.null()

        plan.__annotations__["x"] = annotation
        session.add_plan(plan)
        person.chooses("plan", "Plan")
        return kept

    return show


@pytest.mark.parametrize("annotation", ["not an expression", "1/0", "Missing", Options, Broken])
def test_a_parameter_without_a_field_leaves_the_others(runs_with, person, annotation):
    default = {} if annotation is Options else 3
    kept = runs_with(annotation, default)
    assert person.has("param:y")
    person.runs()
    assert kept == [default]


@pytest.mark.parametrize("default", [1, 1.0])
@pytest.mark.parametrize("typed", ["1e400", "9" * 400, "1.7e308"])
def test_huge_numbers_do_no_harm(runs_with, person, typed, default):
    runs_with(type(default), default)
    person.types("param:x", typed)
    person.qtbot.keyClick(person.find("param:x"), Qt.Key.Key_Up)
    person.runs()


def test_a_range_to_a_huge_number_is_reported(runs_with, person):
    kept = runs_with(list[int], [1])
    person.types("param:x", "0:1e400")
    person.clicks("run")
    person.sees("error", "1e400")
    assert not kept


@pytest.mark.parametrize("items", [["item"] * 10_000, [123_456] * 10_000])
def test_thousands_of_items_can_be_pasted(runs_with, person, items):
    kept = runs_with(list[type(items[0])], [])
    QApplication.clipboard().setText(", ".join(map(str, items)))
    person.find("param:x").setFocus()
    person.qtbot.keyClick(person.find("param:x"), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    person.runs()
    assert kept == [items]


def test_a_long_text_is_not_cut_off(runs_with, person, session):
    kept = runs_with(str, "")
    session.choose("plan", {"x": "a" * 40_000})
    person.find("param:x").setFocus()
    person.qtbot.keyClick(person.find("param:x"), Qt.Key.Key_End)
    person.qtbot.keyClicks(person.find("param:x"), "b")
    person.runs()
    assert kept == ["a" * 40_000 + "b"]


def test_the_first_of_thousands_of_rows_are_shown_and_all_are_used(runs_with, person, session):
    points = [(float(number), 0.0) for number in range(3000)]
    kept = runs_with(list[tuple[float, float]], [])
    session.choose("plan", {"x": points})
    assert person.text("param:x.rest") == "and 2900 more, used as they are"
    assert not person.find("param:x.add").isEnabled()
    person.clicks("field:x.0.remove")
    assert person.text("param:x.rest") == "and 2899 more, used as they are"
    person.runs()
    assert kept == [points[1:]]
    session.choose("plan", {"x": points[:2]})
    assert not person.has("param:x.rest")
    assert person.find("param:x.add").isEnabled()


def test_markup_and_ampersands_are_shown_literally(person, session):
    def plan(
        x: Annotated[int, Wording(label="Signal & noise")] = 1,
        y: list[Literal["R&D", "<b>"]] = ["R&D"],  # noqa: B006 - nobody changes it
    ) -> MsgGenerator[None]:
        """Do <b>this</b>.

        Parameters
        ----------
        x : int
            <h1>Big</h1> & long
        """
        yield from bps.null()

    session.add_plan(plan)
    person.chooses("plan", "Plan")
    assert "&lt;h1&gt;Big" in person.find("param:x").toolTip()
    assert "&lt;b&gt;this" in person.find("description").toolTip()
    assert person.find("description").textFormat() == Qt.TextFormat.PlainText
    boxes = person.find("field:y").findChildren(QCheckBox)
    assert [box.text() for box in boxes] == ["R&&D", "<b>"]
    labels = [label.text() for label in person.dock.findChildren(QLabel)]
    assert "Signal && noise" in labels  # a single & would be hidden


def test_a_tooltip_fits_on_the_screen(person, session):
    def plan(x: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    plan.__doc__ = "Do it.\n\nParameters\n----------\nx : int\n    " + "word " * 2000
    session.add_plan(plan, "wordy")
    person.chooses("plan", "Wordy")
    tip = person.find("param:x").toolTip()
    assert tip.endswith("…")
    assert len(tip.splitlines()) < 20
