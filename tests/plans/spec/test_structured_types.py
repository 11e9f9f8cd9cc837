"""Parameters with parts, items or alternatives: description, checks and values."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType

import numpy as np
import pytest
from annotated_types import Ge, Len, Unit
from bluesky.protocols import Movable
from bluesky.utils import MsgGenerator
from numpy.typing import NDArray
from ophyd.sim import SynAxis
from pydantic import BaseModel, ConfigDict, Field

from napari_skylight.plans.spec import (
    PlanSpec,
    Spread,
    UnresolvableAnnotationError,
    check_arguments,
    collect_arguments,
    create_plan_spec,
    find_problems,
    register_form,
    resolve_arguments,
)

X, Y = SynAxis(name="x"), SynAxis(name="stage.y")
DEVICES: dict[str, Any] = {"x": X, "stage.y": Y}


@dataclass
class Roi:
    width: Annotated[int, Ge(1), Unit("px")]
    height: int = 4
    scratch: object = None
    made: int = field(default=0, init=False)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True)
    gain: float = Field(1.0, ge=0, le=4, title="Gain factor", description="How much.")
    name: str = Field("a", alias="called")
    rois: list[Roi] = Field(default_factory=list)


class Axis(NamedTuple):
    motor: Movable[Any]
    stop: float
    start: float = 0.0


@dataclass
class Tree:
    name: str
    twigs: "list[Tree]" = field(default_factory=list)


class Colour(enum.Enum):
    RED = 1


def spec_of(annotation: Any, default: Any = ...) -> PlanSpec:
    def plan(x: Any = default) -> MsgGenerator[None]:
        yield

    if default is ...:
        plan.__defaults__ = None
    plan.__annotations__["x"] = annotation
    return create_plan_spec(plan, DEVICES)


def problem(annotation: Any, value: Any) -> str:
    return find_problems(spec_of(annotation), {"x": value}).get("x", "")


def made(annotation: Any, value: Any) -> Any:
    return resolve_arguments(spec_of(annotation), {"x": value}, DEVICES)["x"]


def test_a_dataclass_has_parts() -> None:
    (x,) = spec_of(Roi).parameters
    assert x.record is Roi
    assert [(part.name, part.has_field) for part in x.parts] == [
        ("width", True),
        ("height", True),
        ("scratch", False),
    ]
    width, height, _ = x.parts
    assert (width.unit, width.bounds.low, width.required) == ("px", 1, True)
    assert height.default == 4


def test_a_model_gives_limits_labels_and_help() -> None:
    (x,) = spec_of(Model).parameters
    gain, called, rois = x.parts
    assert (gain.label, gain.help, gain.default) == ("Gain factor", "How much.", 1.0)
    assert (gain.bounds.low, gain.bounds.high) == (0, 4)
    assert called.name == "called"
    assert rois.default == []
    assert rois.element is not None
    assert rois.element.record is Roi
    assert made(Model, {"called": "b"}) == Model(called="b")


def test_a_field_of_pydantic_may_limit_a_plain_parameter() -> None:
    (x,) = spec_of(Annotated[float, Field(gt=0, description="How long.")]).parameters
    assert x.bounds.low == 0
    assert x.bounds.low_open
    assert x.help == ""
    assert problem(Annotated[float, Field(gt=0)], 0.0) == "X is 0: enter more than 0."


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (Roi, {"width": 0}, "X, width is 0 px: enter 1 px or more."),
        (Roi, Roi(0), "X, width is 0 px: enter 1 px or more."),
        (Roi, {"height": 1}, "X, width is empty: fill it in."),
        (Roi, {"width": 1, "depth": 1}, "X takes no depth: leave it out."),
        (Roi, 3, "X is 3: enter a Roi."),
        (list[Roi], [Roi(1), Roi(0)], "X, item 2, width is 0 px: enter 1 px or more."),
        (list[int], [1, "a"], "X, item 2 is 'a': enter a whole number."),
        (list[int], "1, 2", "X is '1, 2': enter whole numbers."),
        (
            Annotated[list[float], Ge(0)],
            [1.0, -1.0],
            "X, item 2 is -1: enter 0 or more.",
        ),
        (Annotated[list[int], Len(1, 2)], [1, 2, 3], "X: 3 values given, enter at most 2."),
        (Annotated[str, Len(2, 3)], "a", "X: 1 letter given, enter at least 2."),
        (tuple[int, str], (1, 2), "X, part 2 is 2: enter a text."),
        (tuple[int, str], (1,), "X is (1,): enter 2 values."),
        (Model, {"gain": 5}, "X, gain factor is 5: enter 4 or less."),
        (Axis, {"motor": "z", "stop": 1.0}, "X, motor: there is no z; choose from x, stage.y."),
        (Colour, "BLUE", "X: there is no BLUE; choose from RED."),
        (bool, 1, "X is 1: enter True or False."),
        (list[int], range(2**70), "X has more than 1000000 numbers: enter fewer."),
    ],
)
def test_the_part_at_fault_is_named(annotation: Any, value: Any, said: str) -> None:
    assert problem(annotation, value) == said


def test_each_of_args_is_checked() -> None:
    def plan(*xs: Annotated[float, Ge(0)]) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, {})
    assert find_problems(spec, {"xs": [1, -1]}) == {"xs": "Xs, item 2 is -1: enter 0 or more."}
    assert find_problems(spec, {"xs": [1, 2]}) == {}
    assert find_problems(spec, {}) == {}


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Roi, {"width": 2}, Roi(2)),
        (list[Roi], [{"width": 2}, Roi(3)], [Roi(2), Roi(3)]),
        (Axis, {"motor": "stage.y", "stop": 1.0}, Axis(Y, 1.0)),
        (Axis, ("x", 1.0, 2.0), Axis(X, 1.0, 2.0)),
        (tuple[Movable[Any], float], ("x", 1.0), (X, 1.0)),
        (tuple[int, ...], [1, 2], (1, 2)),
        (Colour, "RED", Colour.RED),
        (Literal[1, True], True, True),
        (range, {"start": 0, "stop": 4, "step": 2}, range(0, 4, 2)),
    ],
)
def test_records_are_built_from_their_parts(annotation: Any, value: Any, expected: Any) -> None:
    assert problem(annotation, value) == ""
    found = made(annotation, value)
    assert found == expected
    assert type(found) is type(expected)


def test_a_complete_record_stays_the_same_object() -> None:
    for annotation, value in ((Roi, Roi(1)), (list[float], range(3)), (Model, Model())):
        assert made(annotation, value) is value


def test_a_record_can_refuse_allowed_parts() -> None:
    @dataclass
    class Span:
        low: float
        high: float

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

    assert problem(Span, {"low": 2.0, "high": 1.0}) == "X: low is above high."
    assert problem(Span, {"low": 1.0, "high": 2.0}) == ""


def test_a_recursive_record_has_no_field_and_keeps_its_default() -> None:
    (x,) = spec_of(Tree).parameters
    assert [part.has_field for part in x.parts] == [True, False]


def test_a_part_that_no_field_shows_is_refused() -> None:
    @dataclass
    class Odd:
        thing: object

    with pytest.raises(UnresolvableAnnotationError, match="plan needs x"):
        spec_of(Odd)
    assert not spec_of(Odd, Odd(1)).parameters[0].has_field


def test_a_device_can_be_a_dataclass() -> None:
    @dataclass
    class Shutter:
        name: str

    front = Shutter("front")

    def plan(shutter: Shutter) -> MsgGenerator[None]:
        yield

    assert create_plan_spec(plan, {"front": front}).parameters[0].choices == ["front"]
    assert create_plan_spec(plan, {}).parameters[0].record is Shutter


def test_a_new_type_is_shown_as_its_supertype() -> None:
    milliseconds = NewType("milliseconds", float)
    assert spec_of(milliseconds).parameters[0].annotation is float


def test_a_union_is_shown_as_the_kind_of_its_default() -> None:
    for default, shown in ((3, int), ("auto", str)):
        (x,) = spec_of(int | str, default).parameters
        assert x.shown is shown
    assert problem(int | str, "a") == ""
    assert problem(int | str, [1]) == "X is [1]: enter a whole number or a text."


def test_a_union_checks_a_value_as_the_kind_that_it_is() -> None:
    unit = Annotated[float, Ge(0), Unit("ms")]
    (x,) = spec_of(unit | Literal["auto"], "auto").parameters
    assert [each.annotation for each in x.alternatives] == [float, Literal["auto"]]
    assert x.alternatives[0].unit == "ms"
    assert problem(unit | Literal["auto"], "auto") == ""
    assert problem(unit | Literal["auto"], -1.0) == "X is -1 ms: enter 0 ms or more."
    assert problem(unit | Literal["auto"], "often") == "X is 'often': enter a number or auto."
    assert problem(int | str | Callable[[], int], len) == ""
    assert made(Roi | Literal["all"], {"width": 2}) == Roi(2)
    assert made(Roi | Colour | int, "RED") is Colour.RED
    assert made(tuple[int, ...] | int, [1, 2]) == (1, 2)


def test_members_of_a_union_that_a_form_shows_alike_are_one() -> None:
    for union in (int | float, str | Path, list[int] | Sequence[float], float | Callable[[], int]):
        assert spec_of(union).parameters[0].alternatives == ()
    assert len(spec_of(Annotated[int | str, "both"]).parameters[0].alternatives) == 2


@pytest.mark.parametrize(
    ("annotation", "value", "array"),
    [
        (NDArray[np.float32], [1, 2], np.array([1, 2], np.float32)),
        (np.ndarray, [], np.array([], np.float64)),
        (NDArray[Any], [1, 2], np.array([1, 2])),
        (np.ndarray[tuple[int, int], np.dtype[np.int16]], [[1], [2]], np.array([[1], [2]], "i2")),
        (NDArray[np.bool_] | None, (True, False), np.array([True, False])),
        (NDArray[np.float64] | float, [1], np.array([1.0])),
    ],
)
def test_an_array_is_made_of_a_list(annotation: Any, value: Any, array: Any) -> None:
    assert problem(annotation, value) == ("X is empty: fill it in." if len(value) == 0 else "")
    found = made(annotation, value)
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()


def test_an_array_of_the_right_kind_stays_itself() -> None:
    array = np.zeros((2, 2))
    assert made(NDArray[np.float64], array) is array
    assert problem(np.ndarray[tuple[int, int], np.dtype[np.float64]], array) == ""


def test_an_array_that_cannot_be_made_is_refused() -> None:
    square = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    assert problem(square, [[1.0], [2.0, 3.0]]) == "X: enter as many values in each row."
    assert problem(NDArray[np.uint8], [1, 300]) == "X, item 2 is 300: enter 255 or less."
    assert problem(NDArray[np.float64], np.array(1.0)) == "X is array(1.): enter numbers."
    with pytest.raises(UnresolvableAnnotationError, match="no field can show that"):
        spec_of(NDArray[np.complex128])


def test_a_redefined_enum_is_matched_by_name() -> None:
    class Again(enum.Enum):
        RED = 7

    assert made(Annotated[Again, "Colour"], "RED") is Again.RED


def test_a_form_can_spread_the_parts_of_each_argument() -> None:
    def loose(*args):  # type: ignore[no-untyped-def]
        yield

    def form(*axes: Annotated[Axis, Spread(fewest=2)], fast: bool = False) -> None: ...

    undo = register_form(loose, form)
    spec = create_plan_spec(loose, DEVICES)
    values = {"axes": [("x", 1.0, 0.5), {"motor": "stage.y", "stop": 2.0}]}
    check_arguments(spec, values)
    resolved = resolve_arguments(spec, values, DEVICES)
    assert collect_arguments(spec, resolved) == ((X, 1.0, 0.5, Y, 2.0, 0.0), {})
    assert find_problems(spec, {"axes": values["axes"][:1]}) == {
        "axes": "Axes: 1 value given, enter at least 2."
    }
    undo()


def test_parts_of_devices_are_listed_if_the_device_does_not_match() -> None:
    def plan(motor: Movable[Any]) -> MsgGenerator[None]:
        yield

    offered = {"stage": object(), "stage.x": X, "focus": Y, "focus.velocity": SynAxis(name="v")}
    assert create_plan_spec(plan, offered).parameters[0].choices == ["stage.x", "focus"]
