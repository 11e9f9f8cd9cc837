"""The form: the field of each kind of parameter, and the values that reach the plan."""

import datetime
import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import pytest
from annotated_types import Ge, Gt, Le
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPushButton,
)
from superqt import QCollapsible

from napari_skylight.plans.spec import Unit, Wording
from napari_skylight.testing import FakeCamera


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@runtime_checkable
class Shutter(Protocol):
    def open(self) -> None: ...


class FakeShutter:
    parent = None

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> None: ...


class Tried:
    """A plan with a parameter `x` of the given annotation, which records its values."""

    def __init__(self, annotation: Any, default: Any = ...) -> None:
        self.values: list[Any] = []
        kept = self.values

        if default is ...:

            def plan(x) -> MsgGenerator[None]:
                kept.append(x)
                yield from bps.null()

        else:

            def plan(x=default) -> MsgGenerator[None]:
                kept.append(x)
                yield from bps.null()

        plan.__annotations__["x"] = annotation
        self.plan = plan


@pytest.fixture
def tries(person, session):
    """Show the form of a plan with one parameter `x`."""

    def show(annotation, default=...):
        tried = Tried(annotation, default)
        session.add_plan(tried.plan, "tried")
        person.chooses("plan", "Tried")
        return tried

    return show


def test_a_device_or_a_number_can_be_either(tries, person, session):
    session.add_device(FakeShutter("front")).result(timeout=5)
    tried = tries(float | Shutter, 1.0)
    person.chooses("param:x.kind", "front")
    person.runs()
    person.chooses("param:x.kind", "a number")
    person.runs()
    assert [getattr(value, "name", value) for value in tried.values] == ["front", 1.0]


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (int, 3),
        (float, 2.5),
        (str, "cells"),
        (bool, True),
        (Path, Path("/data/a.tif")),
        (Colour, Colour.BLUE),
        (Literal[1, 2, 4], 4),
        (Literal["a", "b"] | None, None),
        (Sequence[Literal["a", "b"]], ["b"]),
        (list[float], [0.5, -1.0]),
        (Sequence[int], [1, 2]),
        (tuple[int, ...], (1, 2)),
        (set[str], {"a"}),
        (tuple[int, str], (7, "b")),
        (range, range(2, 8, 2)),
        (datetime.timedelta, datetime.timedelta(seconds=90)),
        (datetime.date, datetime.date(2026, 1, 2)),
        (int | None, None),
        (float | None, 1.5),
        (int | float, 0.25),
        (Annotated[float, {"widget_type": "FloatSlider", "max": 5.0}], 2.0),
    ],
)
def test_a_default_reaches_the_plan_unchanged(tries, person, annotation, default):
    tried = tries(annotation, default)
    person.runs()
    assert tried.values == [default]
    assert type(tried.values[0]) is type(default)
    assert person.dock.minimumSizeHint().width() <= 300


@pytest.mark.parametrize(
    ("annotation", "typed", "value"),
    [
        (int, "12", 12),
        (int, "-3", -3),
        (float, "0.125", 0.125),
        (float, "-2.5", -2.5),
        (Annotated[float, Unit("ms")], "7.5", 7.5),
        (str, "two cells", "two cells"),
        (list[float], "0, 0.5,-1", [0.0, 0.5, -1.0]),
        (list[str], "a, b c", ["a", "b c"]),
        (tuple[int, ...], "3,4", (3, 4)),
        (set[int], "3,4,4", {3, 4}),
    ],
)
def test_a_typed_value_reaches_the_plan(tries, person, annotation, typed, value):
    tried = tries(annotation)
    person.types("param:x", typed)
    person.runs()
    assert tried.values == [value]
    assert type(tried.values[0]) is type(value)


def test_a_path_is_typed_or_chosen(tries, person):
    tried = tries(Path)
    person.clicks("run")
    assert person.text("error") == "X is empty: fill it in."
    line = person.find("param:x").findChild(QLineEdit)
    person.qtbot.keyClicks(line, "/data/b.tif")
    assert not person.has("error")
    person.runs()
    assert tried.values == [Path("/data/b.tif")]


def test_an_empty_text_is_reported(tries, person):
    tried = tries(str)
    person.clicks("run")
    assert person.text("error") == "X is empty: fill it in."
    assert tried.values == []
    person.types("param:x", "a")
    assert not person.has("error")


def test_a_malformed_list_is_reported(tries, person):
    tried = tries(list[int])
    person.types("param:x", "1, two")
    person.clicks("run")
    assert person.text("error") == "X: enter a whole number, not two."
    assert person.find("param:x").toolTip().startswith(person.text("error"))
    assert tried.values == []
    person.types("param:x", "1, 2")
    person.runs()
    assert tried.values == [[1, 2]]


def test_an_optional_value_has_a_check_box(tries, person):
    tried = tries(Annotated[float | None, Gt(0), Unit("ms")], None)
    field = person.find("param:x")
    spin, box = field.findChild(QAbstractSpinBox), field.findChild(QCheckBox)
    assert not spin.isVisible()
    assert box.text() == "not set"
    person.runs()
    person.qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    assert spin.isVisible()
    person.clicks("run")
    assert person.text("error") == "X: fill it in, or untick it."
    person.qtbot.keyClicks(spin, "7.5")
    assert not person.has("error")
    person.runs()
    assert tried.values == [None, 7.5]


def test_ticking_a_box_moves_nothing(tries, person):
    tries(Annotated[float | None, Gt(0), Unit("ms")], None)
    QApplication.processEvents()
    field = person.find("param:x")
    before = field.height(), person.find("run").mapTo(person.dock, QPoint(0, 0))
    person.qtbot.mouseClick(field.findChild(QCheckBox), Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert (field.height(), person.find("run").mapTo(person.dock, QPoint(0, 0))) == before


def test_units_limits_and_steps_are_those_of_the_annotation(tries, person):
    tries(Annotated[float, Gt(0), Le(100), Unit("ms")], 10.0)
    spin = person.find("param:x")
    assert spin.text() == "10 ms"
    person.types("param:x", "250")
    person.clicks("run")
    assert person.text("error") == "X is 250 ms: enter 100 ms or less."
    person.types("param:x", "0")
    assert person.text("error") == "X is 0 ms: enter more than 0 ms."
    person.types("param:x", "100")
    assert not person.has("error")
    person.qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert spin.number_or_none() == 100
    tries(Annotated[int, Ge(1)], 1)
    spin = person.find("param:x")
    person.qtbot.keyClick(spin, Qt.Key.Key_Down)
    assert spin.number_or_none() == 1
    person.qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert spin.number_or_none() == 2


@pytest.mark.parametrize("annotation", [int, float, Annotated[float, Unit("ms")]])
def test_a_number_without_a_default_starts_empty(tries, person, annotation):
    tried = tries(annotation)
    spin = person.find("param:x")
    assert spin.text() == ""
    assert spin.lineEdit().placeholderText()
    person.clicks("run")
    assert person.text("error") == "X is empty: fill it in."
    person.qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert not person.has("error")
    person.runs()
    assert tried.values == [0]


@pytest.mark.parametrize("default", [..., 5])
def test_a_deleted_number_stops_the_run(tries, person, default):
    tried = tries(int, default)
    for text in ("3", "", "-", ""):
        person.types("param:x", text)
    person.clicks("run")
    assert person.text("error") == "X is empty: fill it in."
    assert tried.values == []
    person.types("param:x", "4")
    person.runs()
    assert tried.values == [4]


def test_zero_can_be_shown_as_a_text(tries, person):
    tried = tries(Annotated[float, Ge(0), Unit("s"), Wording(zero="every frame")], 0.0)
    person.dock.activateWindow()
    person.waits(person.dock.isActiveWindow)
    assert person.text("param:x") == "every frame"
    person.runs()
    person.types("param:x", "1.5")
    person.find("run").setFocus()
    assert person.text("param:x") == "1.5 s"
    person.runs()
    person.types("param:x", "0")
    person.runs()
    assert tried.values == [0.0, 1.5, 0.0]
    person.find("run").setFocus()
    person.waits(lambda: person.text("param:x") == "every frame")


def test_folded_fields_are_aligned_with_the_others(person, session):
    session.add_device(FakeCamera()).result(timeout=5)
    person.waits(lambda: person.has("param:cameras"))
    person.qtbot.mouseClick(
        person.dock.findChild(QCollapsible, "more").findChild(QPushButton),
        Qt.MouseButton.LeftButton,
    )
    names = ["cameras", "exposure", "stash_every", "stream"]
    person.waits(
        lambda: all(not person.find(f"param:{n}").visibleRegion().isEmpty() for n in names)
    )
    edges = {person.find(f"param:{n}").mapTo(person.dock, QPoint(0, 0)).x() for n in names}
    assert len(edges) == 1


def test_devices_are_chosen_by_name(person, session):
    for name in ("front", "back"):
        session.add_device(FakeShutter(name)).result(timeout=5)
    got = []

    def choose(
        back: Shutter, several: Sequence[Shutter], front: Shutter | None = None, *more: Shutter
    ) -> MsgGenerator[None]:
        got.append((back, several, front, more))
        yield from bps.null()

    session.add_plan(choose)
    person.chooses("plan", "Choose")
    front, back = session.devices["front"], session.devices["back"]
    assert person.text("param:back") == "back"
    assert person.text("param:front") == "front"
    person.runs()
    assert got.pop() == (back, [front], front, (front,))
    person.chooses("param:front", "none")
    person.chooses("param:back", "front")
    person.ticks("param:several", "back")
    person.ticks("param:more", "front")
    person.runs()
    assert got.pop() == (front, [front, back], None, ())


def test_devices_come_first_and_keyword_only_defaults_are_folded(person, session):
    session.add_device(FakeShutter("front")).result(timeout=5)

    def plan(n: int, shutter: Shutter, *, label: str = "a", gain: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(plan)
    person.chooses("plan", "Plan")
    rows = [person.find(f"param:{name}") for name in ("shutter", "n")]
    tops = [row.mapTo(person.dock, QPoint(0, 0)).y() for row in rows]
    assert tops == sorted(tops)
    more = person.dock.findChild(QCollapsible, "more")
    assert more.text() == "More (2)"
    assert person.find("param:label").visibleRegion().isEmpty()
    person.qtbot.mouseClick(more.findChild(QPushButton), Qt.MouseButton.LeftButton)
    person.waits(lambda: not person.find("param:label").visibleRegion().isEmpty())


def test_a_folded_field_at_fault_is_unfolded(person, session):
    def plan(n: int = 1, *, points: list[int] = (1,)) -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(plan)
    person.chooses("plan", "Plan")
    person.find("param:points").setText("one")
    person.clicks("run")
    assert person.text("error") == "Points: enter a whole number, not one."
    person.waits(lambda: not person.find("param:points").visibleRegion().isEmpty())


@pytest.mark.parametrize(
    "docs",
    [
        "Go.\n\nParameters\n----------\nx, y : int\n    How far.\n",
        "Go.\n\nArgs:\n    x (int): How far.\n    y: How far.\n",
    ],
)
def test_the_docstring_is_in_the_tooltips(person, session, docs):
    def plan(x: int = 1, y: int = 2) -> MsgGenerator[None]:
        yield from bps.null()

    plan.__doc__ = docs
    session.add_plan(plan)
    person.chooses("plan", "Plan")
    assert person.find("param:x").toolTip() == "How far."
    assert person.find("param:y").toolTip() == "How far."
    assert person.text("description") == "Go."


def test_a_docstring_is_shown_without_markup(person, session):
    def plan(x: int = 1, *more: int) -> MsgGenerator[None]:
        """Go *far*.

        Parameters
        ----------
        x : int
            As **far** as ``y`` of :class:`Map` says,
            where 2*3 is 6.
        *more : int
            Further.
        """
        yield from bps.null()

    session.add_plan(plan)
    person.chooses("plan", "Plan")
    assert person.text("description") == "Go far."
    assert person.find("param:x").toolTip() == "As far as y of Map says, where 2*3 is 6."
    assert person.find("param:more").toolTip().startswith("Further.")


def test_the_wheel_changes_nothing_by_accident(tries, person):
    tries(Literal["a", "b"], "a")
    box = person.find("param:x")
    assert isinstance(box, QComboBox)
    person.find("run").setFocus()
    turn = QWheelEvent(
        QPointF(5, 5),
        QPointF(box.mapToGlobal(QPoint(5, 5))),
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, turn)
    assert box.currentText() == "a"


def test_without_a_camera_run_names_the_missing_device(person, session):
    assert person.text("plan") == "Live view"
    assert not person.find("run").isEnabled()
    assert person.text("no_form") == "Live view needs a camera: connect one."
    assert person.find("run").toolTip() == person.text("no_form")
    session.add_device(FakeCamera()).result(timeout=5)
    person.waits(lambda: person.find("run").isEnabled())
    person.clicks("run")
    person.sees("state", "Running")


def test_values_survive_devices_coming_and_going(person, session):
    session.add_device(FakeCamera()).result(timeout=5)
    person.waits(lambda: person.find("run").isEnabled())
    person.chooses("plan", "Snap")
    person.types("param:frames", "9")
    session.add_device(FakeCamera("side camera")).result(timeout=5)
    person.ticks("param:cameras", "side camera")
    assert person.find("param:frames").text() == "9"
