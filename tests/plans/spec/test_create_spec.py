"""The PlanSpec made from a plan's signature."""

import enum
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, MultipleOf
from bluesky.protocols import Movable
from bluesky.utils import MsgGenerator

from napari_skylight.engine.actions import Action, continuous
from napari_skylight.plans.spec import (
    Bounds,
    ParamKind,
    Unit,
    UnresolvableAnnotationError,
    Wording,
    create_plan_spec,
    field_type,
)


class Plain:
    """A class without a field and without devices."""


def params(plan: Callable[..., Any]) -> list[Any]:
    return create_plan_spec(plan, {}).parameters


def only(plan: Callable[..., Any]) -> Any:
    (param,) = params(plan)
    return param


def test_a_plain_parameter_keeps_its_name_kind_type_and_default() -> None:
    def plan(a: int, /, b: float = 1.5, *c: int, d: str = "x", **e: Any) -> MsgGenerator[None]:
        """Do it."""
        yield

    spec = create_plan_spec(plan, {})
    assert (spec.name, spec.docs) == ("plan", "Do it.")
    assert [(p.name, p.kind, p.annotation) for p in spec.parameters] == [
        ("a", ParamKind.POSITIONAL_ONLY, int),
        ("b", ParamKind.POSITIONAL_OR_KEYWORD, float),
        ("c", ParamKind.VAR_POSITIONAL, int),
        ("d", ParamKind.KEYWORD_ONLY, str),
        ("e", ParamKind.VAR_KEYWORD, Any),
    ]
    empty = Parameter.empty
    assert [p.default for p in spec.parameters] == [empty, 1.5, empty, "x", empty]
    assert [p.has_default for p in spec.parameters] == [False, True, False, True, False]
    assert [p.has_field for p in spec.parameters] == [True, True, True, True, False]
    assert not spec.togglable
    assert not spec.pausable


def test_a_literal_gives_its_values_as_choices_of_their_own_type() -> None:
    def plan(
        binning: Literal[1, 2, 4] = 2, mode: Literal["a", "b"] | None = None
    ) -> MsgGenerator[None]:
        yield

    binning, mode = params(plan)
    assert binning.choices == [1, 2, 4]
    assert [type(c) for c in binning.choices] == [int, int, int]
    assert not binning.multiselect
    assert binning.device_proto is None
    assert mode.choices == ["a", "b", None]


@pytest.mark.parametrize("annotation", [Plain, Any, dict[str, int], Callable[[], None], "Nowhere"])
def test_a_required_parameter_that_no_field_shows_is_refused(annotation: Any) -> None:
    def plan(thing: Any) -> MsgGenerator[None]:
        yield

    plan.__annotations__["thing"] = annotation
    with pytest.raises(UnresolvableAnnotationError, match="plan needs thing") as info:
        create_plan_spec(plan, {})
    assert info.value.annotation == annotation


def test_a_parameter_without_a_field_keeps_its_default() -> None:
    default = Plain()

    def plan(thing: Plain = default, md: dict[str, Any] | None = None) -> MsgGenerator[None]:
        yield

    thing, md = params(plan)
    assert thing.hidden
    assert md.hidden
    assert thing.default is default


def test_a_default_stands_for_a_missing_type_hint() -> None:
    def plan(frames=3, label="x", points=(1, 2.5), names=["a"], mixed=[1, "a"]):  # type: ignore[no-untyped-def] # noqa: B006
        yield

    plan.__annotations__["return"] = MsgGenerator[None]
    frames, label, points, names, mixed = params(plan)
    assert (frames.annotation, label.annotation) == (int, str)
    assert frames.has_field
    assert (points.annotation, names.annotation) == (tuple[float, ...], list[str])
    assert points.has_field
    assert [kind.annotation for kind in mixed.element.alternatives] == [int, str]


def test_an_action_is_no_field_and_stays_the_object_declared() -> None:
    @dataclass
    class Record(Action):
        name: str = "record"

    snap, record = Action(name="snap"), Record()
    several = [Action(name="a"), Action(name="b")]

    def plan(
        x: int = 1,
        snap: Action = snap,
        record: Record = record,
        several: Sequence[Action] = several,
        maybe: Action | None = Action(name="maybe"),
        loose: Action = [Action(name="c")],  # type: ignore[assignment]
    ) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, {})
    _, p_snap, p_record, p_several, p_maybe, p_loose = spec.parameters
    assert p_snap.actions is snap
    assert p_record.actions is record
    assert p_several.actions is several
    assert isinstance(p_maybe.actions, Action)
    assert isinstance(p_loose.actions, list)
    assert not any(p.has_field or p.choices for p in spec.parameters[1:])
    assert [a.name for a in spec.actions] == ["snap", "record", "a", "b", "maybe", "c"]
    assert spec.defaults() == {"x": 1}


def test_an_action_under_another_annotation_is_refused() -> None:
    def plan(snap: int = Action(name="snap")) -> MsgGenerator[None]:  # type: ignore[assignment]
        yield

    with pytest.raises(TypeError, match="annotate it as Action"):
        create_plan_spec(plan, {})


def test_an_empty_sequence_is_no_action() -> None:
    def plan(points: Sequence[int] = ()) -> MsgGenerator[None]:
        yield

    assert only(plan).actions is None


def test_two_actions_of_one_name_are_refused() -> None:
    def plan(
        a: Action = Action(name="snap"), b: Action = Action(name="snap")
    ) -> MsgGenerator[None]:
        yield

    with pytest.raises(ValueError, match="two actions called snap"):
        create_plan_spec(plan, {})


def test_annotated_is_unwrapped_and_its_metadata_kept() -> None:
    def plan(
        exposure: Annotated[float, Gt(0), Le(100), Unit("ms")] = 10.0,
        gain: Annotated[int, Interval(ge=1, le=16)] | None = None,
        delay: Annotated[float | None, Ge(0), MultipleOf(0.5)] = None,
    ) -> MsgGenerator[None]:
        yield

    exposure, gain, delay = params(plan)
    assert exposure.annotation is float
    assert exposure.metadata == (Gt(0), Le(100), Unit("ms"))
    assert exposure.unit == "ms"
    assert exposure.bounds == Bounds(low=0, high=100, low_open=True)
    assert gain.annotation == int | None
    assert gain.bounds == Bounds(low=1, high=16)
    assert delay.bounds == Bounds(low=0, step=0.5)
    assert gain.unit == ""


def test_continuous_plans_are_marked() -> None:
    @continuous(pausable=True)
    def plan(x: int = 1) -> MsgGenerator[None]:
        yield

    for form in (plan, functools.partial(plan, x=2)):
        spec = create_plan_spec(form, {})
        assert spec.togglable
        assert spec.pausable


def test_a_method_has_no_self() -> None:
    class Bench:
        @continuous
        def look(self, x: int = 1) -> MsgGenerator[None]:
            """Look around."""
            yield

    for plan in (Bench.look, Bench().look):
        spec = create_plan_spec(plan, {})
        assert [p.name for p in spec.parameters] == ["x"]
        assert (spec.name, spec.docs, spec.togglable) == ("look", "Look around.", True)


def test_a_partial_shows_what_is_left() -> None:
    def plan(a: int, b: int, c: Annotated[int, Ge(1)] = 3) -> MsgGenerator[None]:
        """Do it."""
        yield

    spec = create_plan_spec(functools.partial(plan, 1, b=2), {})
    assert (spec.name, spec.docs) == ("plan", "Do it.")
    assert spec.defaults() == {"b": 2, "c": 3}
    assert spec.parameters[-1].bounds.low == 1


def test_an_object_that_can_be_called_is_a_plan() -> None:
    class Sweep:
        """Sweep the stage."""

        def __call__(self, steps: int = 5) -> MsgGenerator[None]:
            yield

    spec = create_plan_spec(Sweep(), {})
    assert (spec.name, spec.docs) == ("Sweep", "Sweep the stage.")
    assert spec.defaults() == {"steps": 5}


def test_a_wrapped_plan_is_a_plan() -> None:
    def plan(x: int = 1) -> MsgGenerator[None]:
        yield

    @functools.wraps(plan)
    def logged(*args: Any, **kwargs: Any) -> Any:
        return plan(*args, **kwargs)

    assert create_plan_spec(logged, {}).defaults() == {"x": 1}


def test_an_unresolvable_hint_affects_only_its_parameter() -> None:
    def plan(frames: "int" = 1, mode: "Nowhere" = None) -> "MsgGenerator[None]":  # type: ignore[name-defined] # noqa: F821
        yield

    frames, mode = params(plan)
    assert frames.annotation is int
    assert mode.hidden


def test_something_other_than_a_plan_is_refused_with_a_reason() -> None:
    def not_a_generator(x: int) -> int:
        return x

    def not_annotated(x: int):  # type: ignore[no-untyped-def]
        yield

    def wrongly_annotated(x: int) -> list[int]:
        yield x  # type: ignore[misc]

    with pytest.raises(TypeError, match=r"not_a_generator is not a plan.*generator function"):
        create_plan_spec(not_a_generator, {})  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"not_annotated has no return type annotation.*MsgGenerator"
    ):
        create_plan_spec(not_annotated, {})
    with pytest.raises(TypeError, match=r"wrongly_annotated returns .*MsgGenerator"):
        create_plan_spec(wrongly_annotated, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="int is not a plan"):
        create_plan_spec(3, {})  # type: ignore[arg-type]


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (int, int),
        (bool, bool),
        (Path, Path),
        (Colour, Colour),
        (int | None, int | None),
        (int | float, float),
        (str | Path, str),
        (float | Callable[[], float], float),
        (Sequence[int], list[int]),
        (tuple[int, ...], list[int]),
        (tuple[int, str], tuple[int, str]),
        (Annotated[int, Ge(0)], int),
        (Any, None),
        (dict[str, int], None),
        (Sequence[Plain], None),
        (tuple[int, Plain], None),
        (Movable, None),
    ],
)
def test_the_type_by_which_a_form_shows_an_annotation(annotation: Any, shown: Any) -> None:
    assert field_type(annotation) == shown


def test_units_and_names_are_words() -> None:
    def plan(stash_every: Annotated[float, Unit("s")] = 0.0) -> MsgGenerator[None]:
        yield

    stash_every = only(plan)
    assert stash_every.label == "Stash every"
    assert stash_every.unit == "s"
    assert stash_every.zero == ""


def test_a_plan_can_set_labels() -> None:
    def plan(
        num: Annotated[int, Wording("Readings")] = 1,
        every: Annotated[float, Unit("s"), Wording(zero="every frame")] = 0.0,
    ) -> MsgGenerator[None]:
        yield

    num, every = params(plan)
    assert (num.name, num.label, num.zero) == ("num", "Readings", "")
    assert (every.label, every.zero) == ("Every", "every frame")
