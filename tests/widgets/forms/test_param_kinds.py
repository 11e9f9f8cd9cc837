"""Records, unions, arrays, lists and numbers of any size, entered by keys and clicks."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pytest
from annotated_types import Ge, Gt, Le, Len, MultipleOf, Unit
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, Field, model_validator
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QCheckBox, QLineEdit


@dataclass
class Roi:
    """A part of the picture.

    Parameters
    ----------
    width : int
        How wide it is.
    """

    width: Annotated[int, Ge(1), Unit("px")]
    corner: tuple[int, int] = (0, 0)
    tags: list[str] = field(default_factory=list)


class Channel(BaseModel):
    name: str = "GFP"
    exposure: Annotated[float, Unit("ms")] = Field(10.0, gt=0, le=100, description="How long.")
    low: int = Field(0, title="Darkest")
    high: int = 255

    @model_validator(mode="after")
    def _in_order(self):
        if self.low > self.high:
            raise ValueError("the darkest is above the brightest")
        return self


class Point(NamedTuple):
    x: float
    y: float


@runtime_checkable
class Shutter(Protocol):
    def open(self) -> None: ...


class FakeShutter:
    parent = None

    def __init__(self, name):
        self.name = name

    def open(self): ...


@dataclass
class Exposed:
    shutter: Shutter
    times: int = 1


@pytest.fixture
def tries(person, session):
    """Show the form of a plan with one parameter `x`; return the values it is called with."""

    def show(annotation, default=...):
        got = []

        def plan(x=default) -> MsgGenerator[None]:
            got.append(x)
            yield from bps.null()

        if default is ...:
            plan.__defaults__ = None
        plan.__annotations__["x"] = annotation
        session.add_plan(plan, "tried")
        person.chooses("plan", "Tried")
        return got

    return show


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (float, 1e-9),
        (float, 1 / 3),
        (float, float("inf")),
        (float, 3),
        (int, 2**60 + 1),
        (list[float], (0.1 + 0.2, 1e-12)),
        (Sequence[float], range(3)),
        (Roi, Roi(3, (1, 2), ["a, b"])),
        (Roi | None, Roi(3)),
        (Channel, Channel(exposure=1 / 3)),
        (list[Channel], [Channel(), Channel(name="RFP")]),
        (list[Path], [Path("a"), Path("b")]),
        (Point, Point(1, 2)),
        (list[tuple[float, float]], [(0.1, 0.2)]),
        (slice, slice(None, 5)),
        (datetime.datetime, datetime.datetime(2026, 1, 2, 3, 4, 5, 678, datetime.UTC)),
        (int | str, "auto"),
        (Annotated[Any, {"widget_type": "LineEdit"}], "any"),
    ],
)
def test_an_untouched_default_reaches_the_plan_as_the_same_object(
    tries, person, annotation, default
):
    got = tries(annotation, default)
    person.runs()
    assert got[0] is default
    assert person.dock.minimumSizeHint().width() <= 300


@pytest.mark.parametrize(
    ("annotation", "typed", "value"),
    [
        (int, "1e3", 1000),
        (int, str(2**70), 2**70),
        (float, "1e-9", 1e-9),
        (float, "12,5", 12.5),
        (int, "1 000", 1000),
        (Annotated[float, Unit("mm")], "5 mm", 5.0),
        (float, "inf", float("inf")),
        (float, "-Inf", float("-inf")),
        (list[int], "1, 4:8:2, 0:2", [1, 4, 6, 0, 1]),
        (list[float], "0:0.3:0.1", [0.0, 0.1, 0.2]),
        (list[float], "1:0:-0.5, 1e-3", [1.0, 0.5, 0.001]),
        (list[str], 'a, "b, c", "say ""d""" ,""', ["a", "b, c", 'say "d"', ""]),
        (tuple[float, ...], "0:2", (0.0, 1.0)),
    ],
)
def test_a_typed_value_reaches_the_plan_exactly(tries, person, annotation, typed, value):
    got = tries(annotation)
    person.types("param:x", typed)
    person.runs()
    assert got == [value]
    assert repr(got) == repr([value])


@pytest.mark.parametrize("annotation", [float | Literal["auto"], Literal["auto"] | float])
def test_a_number_or_a_word_can_be_either(tries, person, annotation):
    got = tries(annotation, "auto")
    assert person.text("param:x.kind") == "auto"
    assert not person.has("param:x.a number")
    person.runs()
    person.chooses("param:x.kind", "a number")
    person.clicks("run")
    assert person.text("error") == "X is empty: fill it in."
    person.types("param:x.a number", "2.5")
    person.runs()
    person.chooses("param:x.kind", "auto")
    person.runs()
    assert got == ["auto", 2.5, "auto"]


def test_each_kind_of_a_union_has_its_limits_and_unit(tries, person):
    got = tries(Annotated[float, Gt(0), Unit("ms")] | Literal["auto"] | None, 5.0)
    assert person.text("param:x.a number") == "5 ms"
    person.types("param:x.a number", "0")
    person.clicks("run")
    assert person.text("error") == "X is 0 ms: enter more than 0 ms."
    person.chooses("param:x.kind", "none")
    person.runs()
    assert got == [None]
    person.chooses("param:x.kind", "a number")
    person.types("param:x.a number", "")
    person.clicks("run")
    assert person.text("error") == "X: fill it in, or choose none."


def test_a_number_or_a_word_is_remembered_as_what_it_was(tries, person, session):
    tries(int | str | list[float], [1.0, 2.5])
    assert person.text("param:x.numbers") == "1, 2.5"
    person.chooses("param:x.kind", "a text")
    person.types("param:x.a text", "7")
    person.runs()
    got = tries(int | str | list[float], 3)
    assert person.text("param:x.kind") == "a text"
    person.runs()
    assert got == ["7"]


def test_a_union_fits_into_a_narrow_dock(tries, person):
    tries(Annotated[float, Unit("ms")] | Literal["as long as it takes, and no longer"], 1.0)
    assert person.dock.minimumSizeHint().width() <= 300


@pytest.mark.parametrize(
    ("annotation", "typed", "array"),
    [
        (NDArray[np.float64], "1, 2.5", np.array([1.0, 2.5])),
        (NDArray[np.uint8] | None, "0:3", np.array([0, 1, 2], np.uint8)),
        (np.ndarray, "1", np.array([1.0])),
        (ArrayLike, "1, 2", np.array([1.0, 2.0])),
        (NDArray[np.str_], "a, b", np.array(["a", "b"])),
    ],
)
def test_an_array_is_typed_as_a_list(tries, person, annotation, typed, array):
    got = tries(annotation)
    for box in person.find("param:x").findChildren(QCheckBox):
        person.qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    line = person.find("param:x")
    line = line if isinstance(line, QLineEdit) else line.findChild(QLineEdit)
    person.qtbot.keyClicks(line, typed)
    person.runs()
    (made,) = got
    assert made.dtype == array.dtype
    assert made.tolist() == array.tolist()


def test_an_array_that_is_the_default_is_that_array(tries, person):
    default = np.linspace(0, 1, 3)
    got = tries(NDArray[np.float64], default)
    assert person.text("param:x") == "0, 0.5, 1"
    person.runs()
    assert got[0] is default


def test_an_array_of_two_dimensions_has_a_line_for_each_row(tries, person):
    got = tries(np.ndarray[tuple[int, int], np.dtype[np.float64]], np.eye(2))
    assert person.text("param:x.1") == "0, 1"
    person.types("param:x.1", "2")
    person.clicks("run")
    assert person.text("error") == "X: enter as many values in each row."
    person.types("param:x.1", "2, 3")
    person.runs()
    assert got[0].tolist() == [[1.0, 0.0], [2.0, 3.0]]


@pytest.mark.parametrize(
    ("annotation", "typed", "problem"),
    [
        (int, "1.5", "X: '1.5' is not a whole number."),
        (float, "1e", "X: '1e' is not a number."),
        (Annotated[float, Unit("µm")], "5 mm", "X: '5 mm' is not a number in µm."),
        (
            Annotated[int, Unit("px")],
            "1,024",
            "X: '1,024' may be 1.024 or 1024: enter one of these.",
        ),
        (Annotated[float, Ge(0), Unit("s")], "nan", "X is nan s: enter 0 s or more."),
        (Annotated[float, MultipleOf(0.1)], "0.25", "X is 0.25: enter a multiple of 0.1."),
        (Annotated[float, Le(1e-7)], "2e-7", "X is 2e-7: enter 1e-7 or less."),
        (list[float], "0:1:0", "X: 0:1:0 has no end: enter numbers and a step other than 0."),
        (list[float], "0:", "X: 0: is not a range: write start:stop or start:stop:step."),
        (list[int], "0:1e9", "X: 0:1e9 has 1000000000 numbers: enter at most 10000."),
        (
            list[Annotated[int, Ge(0), Unit("px")]],
            "1,-2",
            "X, item 2 is -2 px: enter 0 px or more.",
        ),
        (Annotated[list[int], Len(2, 3)], "1", "X: 1 value given, enter at least 2."),
        (Annotated[list[int], Len(2, 3)], "1:9", "X: 8 values given, enter at most 3."),
        (list[str], 'a"b', 'X: put quotes around all of a"b.'),
        (NDArray[np.uint8], "1, 256", "X, item 2 is 256: enter 255 or less."),
    ],
)
def test_a_malformed_value_is_reported_before_the_run(tries, person, annotation, typed, problem):
    got = tries(annotation)
    person.types("param:x", typed)
    person.clicks("run")
    assert person.text("error") == problem
    assert person.find("param:x").toolTip().startswith(problem[:20])
    assert got == []


def test_each_of_args_is_checked(person, session):
    got = []

    def plan(*xs: Annotated[float, Gt(0), Unit("mm")]) -> MsgGenerator[None]:
        got.append(xs)
        yield from bps.null()

    session.add_plan(plan)
    person.chooses("plan", "Plan")
    person.runs()
    person.types("param:xs", "1, 0")
    person.clicks("run")
    assert person.text("error") == "Xs, item 2 is 0 mm: enter more than 0 mm."
    person.types("param:xs", "1, 2.5")
    assert not person.has("error")
    person.runs()
    assert got == [(), (1.0, 2.5)]


def test_the_arrows_go_step_by_step_without_rounding(tries, person):
    got = tries(Annotated[float, Ge(0), Le(1), MultipleOf(0.1)], 0.25)
    number = person.find("param:x")
    for _ in range(2):
        person.qtbot.keyClick(number, Qt.Key.Key_Up)
    person.runs()
    for _ in range(20):
        person.qtbot.keyClick(number, Qt.Key.Key_Up)
    person.runs()
    assert got == [0.4, 1.0]
    assert number.text() == "1"


def test_parts_are_filled_in_one_by_one(tries, person):
    got = tries(Roi)
    assert person.find("param:x.width").toolTip() == "How wide it is."
    person.clicks("run")
    assert person.text("error") == "X, width is empty: fill it in."
    assert person.find("field:x.width").problem
    assert not person.find("field:x.corner").problem
    person.types("param:x.width", "0")
    assert person.text("error") == "X, width is 0 px: enter 1 px or more."
    person.types("param:x.width", "5")
    assert not person.has("error")
    person.types("param:x.corner.2", "7")
    person.types("param:x.tags", "a, b")
    person.runs()
    assert got == [Roi(5, (0, 7), ["a", "b"])]


def test_a_model_is_filled_in_and_validates_its_parts(tries, person):
    got = tries(Channel)
    assert person.find("param:x.exposure").text() == "10 ms"
    assert person.find("param:x.exposure").toolTip() == "How long."
    person.types("param:x.exposure", "1e3")
    person.clicks("run")
    assert person.text("error") == "X, exposure is 1000 ms: enter 100 ms or less."
    person.types("param:x.exposure", "20")
    person.types("param:x.low", "300")
    person.clicks("run")
    assert person.text("error") == "X: the darkest is above the brightest."
    assert person.find("field:x").problem
    person.types("param:x.low", "3")
    assert not person.has("error")
    person.runs()
    assert got == [Channel(exposure=20, low=3)]


def test_rows_are_added_and_removed(tries, person):
    got = tries(list[Channel], [Channel()])
    person.clicks("param:x.add")
    assert person.dock.focusWidget() is person.find("param:x.1.name")
    person.types("param:x.1.name", "RFP")
    person.types("param:x.1.exposure", "-1")
    person.clicks("run")
    assert person.text("error") == "X, item 2, exposure is -1 ms: enter more than 0 ms."
    assert person.find("field:x.1.exposure").problem
    assert not person.find("field:x.0.exposure").problem
    person.types("param:x.1.exposure", "5")
    person.runs()
    person.clicks("field:x.0.remove")
    person.runs()
    assert got == [[Channel(), Channel(name="RFP", exposure=5)], [Channel(name="RFP", exposure=5)]]


def test_a_range_has_a_start_a_stop_and_a_step(tries, person):
    got = tries(range)
    person.types("param:x.stop", "8")
    person.types("param:x.step", "0")
    person.clicks("run")
    assert person.text("error") == "X: enter a step other than 0."
    person.types("param:x.step", "3")
    person.runs()
    assert got == [range(0, 8, 3)]


def test_parts_can_be_devices(tries, person, session):
    for name in ("front", "back"):
        session.add_device(FakeShutter(name)).result(timeout=5)
    got = tries(list[Exposed])
    person.clicks("param:x.add")
    person.chooses("param:x.0.shutter", "back")
    person.types("param:x.0.times", "3")
    person.runs()
    assert got == [[Exposed(session.devices["back"], 3)]]


def test_an_optional_group_unfolds_when_it_is_ticked(tries, person):
    got = tries(Roi | None, None)
    assert not person.find("param:x.width").isVisible()
    box = person.find("param:x").findChild(QCheckBox)
    person.qtbot.keyClick(box, Qt.Key.Key_Space)
    person.qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    person.runs()
    person.qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    person.types("param:x.width", "4")
    person.runs()
    assert got == [None, Roi(4)]


def test_a_widget_that_does_not_exist_leaves_a_line_of_text(tries, person):
    got = tries(Annotated[int, {"widget_type": "Nowhere"}], 2)
    assert "Shown as text" in person.find("param:x").toolTip()
    person.runs()
    person.types("param:x", "[1")
    person.clicks("run")
    assert person.text("error").startswith("X: enter 3, 'text' or [1, 2], as in Python")
    person.types("param:x", "3")
    person.runs()
    assert got == [2, 3]


@pytest.mark.parametrize(
    ("before", "after", "default"),
    [(str, int, 1), (list[str], Roi, Roi(1)), (Roi, Channel, Channel()), (float, Path, Path("a"))],
)
def test_values_of_another_type_are_dropped(tries, person, session, before, after, default):
    first = {str: "a", float: 2.5, Roi: Roi(2)}.get(before, ["a"])
    tries(before, first)
    person.runs()
    got = tries(after, default)
    person.runs()
    assert got == [default]


def test_tab_goes_through_the_form_as_it_is_laid_out(tries, person):
    tries(list[tuple[float, float]], [(1.0, 2.0)])
    person.dock.activateWindow()
    person.waits(person.dock.isActiveWindow)
    person.clicks("param:x.add")
    added = person.find("param:x.1.1")
    person.waits(lambda: person.find("field:x.0.remove").nextInFocusChain() is added)
    person.find("param:x.0.1").setFocus()
    names = []
    for _ in range(7):
        stop = QApplication.focusWidget()
        names.append(stop.objectName())
        person.qtbot.keyClick(stop, Qt.Key.Key_Tab)
    first = ["param:x.0.1", "param:x.0.2", "field:x.0.remove"]
    second = ["param:x.1.1", "param:x.1.2", "field:x.1.remove"]
    assert names == [*first, *second, "param:x.add"]
    assert QApplication.focusWidget() is person.find("run")


def test_long_labels_leave_room_for_the_values(person, session):
    def plan(how_long_to_wait_after_the_light_is_on: float = 1.0, n: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(plan)
    person.chooses("plan", "Plan")
    assert person.dock.minimumSizeHint().width() <= 300


def test_locked_values_can_be_read(tries, person):
    tries(list[Channel], [Channel()])
    form = person.find("field:x")
    form.set_locked(True)
    inner = form.findChildren(QAbstractSpinBox)
    assert inner
    assert not any(widget.isEnabled() for widget in inner)
    form.set_locked(False)
    assert all(widget.isEnabled() for widget in inner)
