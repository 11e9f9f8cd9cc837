"""Editors return every value they show unchanged."""

import enum
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest
from annotated_types import Unit
from bluesky.utils import MsgGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import BaseModel

from napari_skylight.plans.spec import create_plan_spec, find_problems, resolve_arguments
from napari_skylight.widgets.forms._param_form import ParamForm, create_editor, create_field
from napari_skylight.widgets.forms._plain_editors import ListEditor

WORDS = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" ,\"'"))
NUMBERS = st.floats(allow_nan=False)
WHOLE = st.integers() | st.integers(-(2**200), 2**200)
STEPS = WHOLE.filter(bool)


class Colour(enum.Enum):
    RED = 1
    BLUE = "1"


@dataclass
class Roi:
    x: int
    size: tuple[float, float]
    label: str | None = None


class Channel(BaseModel):
    name: str
    exposure: Annotated[float, Unit("ms")] = 1.0


class Point(NamedTuple):
    x: float
    y: float


ROIS = st.builds(Roi, WHOLE, st.tuples(NUMBERS, NUMBERS), st.none() | WORDS)
CHANNELS = st.builds(Channel, name=WORDS, exposure=NUMBERS)
SECONDS = st.integers(-(10**9), 10**9).map(lambda n: timedelta(milliseconds=n))
MOMENTS = st.datetimes(datetime(1800, 1, 1), datetime(9000, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, fold=0)
)
KINDS = {
    "int": (int, WHOLE),
    "float": (float, NUMBERS),
    "str": (str, WORDS),
    "bool": (bool, st.booleans()),
    "path": (Path, WORDS.map(str.strip).filter(lambda t: t and t[0] != "~").map(Path)),
    "enum": (Colour, st.sampled_from(Colour)),
    "literal": (Literal[1, True, "1", 0, "a"], st.sampled_from([1, True, "1", 0, "a"])),
    "datetime": (datetime, MOMENTS),
    "date": (date, MOMENTS.map(datetime.date)),
    "time": (time, MOMENTS.map(datetime.time)),
    "timedelta": (timedelta, SECONDS),
    "optional": (float | None, st.none() | NUMBERS),
    "number or word": (float | Literal["auto", "off"], NUMBERS | st.sampled_from(["auto", "off"])),
    "kinds": (bool | int | str | Roi | None, st.none() | st.booleans() | WHOLE | WORDS | ROIS),
    "arrays": (list[NDArray[np.int16]] | NDArray[np.float64] | None, st.none()),
    "unions": (list[int | Literal["auto"]], st.lists(WHOLE | st.just("auto"), max_size=3)),
    "tuple": (tuple[int, str, bool], st.tuples(WHOLE, WORDS, st.booleans())),
    "ints": (list[int], st.lists(WHOLE)),
    "floats": (tuple[float, ...], st.lists(NUMBERS).map(tuple)),
    "texts": (list[str], st.lists(WORDS)),
    "set": (frozenset[str], st.frozensets(WORDS)),
    "choices": (list[Colour], st.just([Colour.RED]) | st.just(list(Colour))),
    "points": (list[tuple[float, float]], st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3)),
    "optionals": (list[int | None], st.lists(st.none() | WHOLE, max_size=3)),
    "range": (range, st.builds(range, WHOLE, WHOLE, STEPS)),
    "slice": (slice, st.builds(slice, *[st.none() | WHOLE] * 2, st.none() | STEPS)),
    "dataclass": (Roi, ROIS),
    "model": (Channel, CHANNELS),
    "named tuple": (Point, st.builds(Point, NUMBERS, NUMBERS)),
    "models": (list[Channel], st.lists(CHANNELS, max_size=2)),
}
ODD = st.sampled_from([np.zeros(3), np.zeros((2, 2)), np.array(1.0), {}, {"x": 1}, b"x", object()])


def spec_of(annotation: Any) -> Any:
    def plan(x: Any) -> MsgGenerator[None]:
        yield

    plan.__annotations__["x"] = annotation
    return create_plan_spec(plan, {})


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_editor_returns_the_value_shown(qapp, kind, data):
    annotation, values = KINDS[kind]
    value = data.draw(values)
    spec = spec_of(annotation)
    (param,) = spec.parameters
    editor = create_editor(param, "x")
    editor.show(value)
    found = editor.read()
    if isinstance(value, (tuple, frozenset)) and isinstance(found, list):
        found = type(value)(found)
    (made,) = resolve_arguments(spec, {"x": found}, {}).values()
    assert made == value
    assert type(made) is type(value)
    if kind != "set":
        assert repr(made) == repr(value)  # -0.0 and 0.0, True and 1


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=10, deadline=None)
@given(st.data())
def test_an_untouched_field_returns_the_same_object(qapp, kind, data):
    annotation, values = KINDS[kind]
    value = data.draw(values)
    spec = spec_of(annotation)
    field = create_field(spec.parameters[0])
    field.value = value
    assert field.value is value
    problems = find_problems(spec, {"x": value})
    assert all("is empty: fill it in." in problem for problem in problems.values())
    assert field.find_problem() == problems.get("x", "")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_value_kept_for_another_type_does_no_harm(qapp, kind, data):
    annotation, _ = KINDS[kind]
    value = data.draw(data.draw(st.sampled_from([ODD, *(values for _, values in KINDS.values())])))
    spec = spec_of(annotation)
    form = ParamForm(spec)
    form.set_values({"x": value})
    shown = form.values()
    if not form.problems():
        resolve_arguments(spec, shown, {})
    if not find_problems(spec, {"x": value}):
        resolve_arguments(spec, {"x": value}, {})


def test_items_beyond_the_rows_are_used_too(qapp):
    form = ParamForm(spec_of(list[int | None]))
    form.set_values({"x": [1, 2]})
    form.set_values({"x": range(100_000)})
    assert form.values() == {"x": range(100_000)}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf"), 1e-9, 1 / 3, 5e-324])
def test_odd_numbers_are_kept(qapp, odd):
    (param,) = spec_of(float).parameters
    editor = create_editor(param, "x")
    editor.show(odd)
    assert repr(editor.read()) == repr(odd)


def read(kind, text):
    editor = ListEditor(kind)
    editor.native.setText(text)
    return editor.read()


def written(kind, values):
    editor = ListEditor(kind)
    editor.show(values)
    return editor.native.text()


@given(st.lists(NUMBERS))
def test_numbers_in_a_line_are_read_as_written(qapp, numbers):
    assert read(float, written(float, numbers)) == numbers


@given(st.lists(WORDS))
def test_texts_in_a_line_are_read_as_written(qapp, texts):
    assert read(str, written(str, texts)) == texts


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9).filter(bool))
def test_a_range_in_a_line_is_that_of_python(qapp, start, stop, step):
    text = f"{start}:{stop}:{step}"
    assert read(int, text) == list(range(start, stop, step))
    assert written(int, range(start, stop, step)) == text


@given(st.integers(-50, 50), st.integers(0, 90), st.integers(1, 9))
def test_a_range_of_tenths_is_not_rounded(qapp, start, count, step):
    text = f"{start / 10}:{(start + count * step) / 10}:{step / 10}"
    assert read(float, text) == [(start + n * step) / 10 for n in range(count)]
