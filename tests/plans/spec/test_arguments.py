"""The values of a form, checked and passed to a plan."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from inspect import Parameter
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import pytest
from annotated_types import Ge, Gt, Le
from bluesky import RunEngine
from bluesky import plans as bp
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis, SynGauss

from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec import (
    ParamDescription,
    ParameterError,
    ParamKind,
    PlanSpec,
    Unit,
    check_arguments,
    collect_arguments,
    create_plan_spec,
    find_problems,
    resolve_arguments,
)
from napari_skylight.protocols import FrameCaches


@runtime_checkable
class Shutter(Protocol):
    def open(self) -> None: ...


class FakeShutter:
    def __init__(self, name: str) -> None:
        self.name = name

    def open(self) -> None: ...


class FakeCaches:
    name = "caches"

    def live(self, camera: Any) -> Any: ...
    def stack(self, camera: Any, name: str = "snapshots") -> Any: ...

    def recorder(self, camera: Any, channel: str = "") -> Any: ...


FRONT, BACK = FakeShutter("front"), FakeShutter("back")
DEVICES: dict[str, Any] = {"front": FRONT, "back": BACK}


def spec_of(*params: tuple[str, ParamKind] | tuple[str, ParamKind, Any]) -> PlanSpec:
    described = [
        ParamDescription(name, kind, int, default[0] if default else Parameter.empty)
        for name, kind, *default in params
    ]
    return PlanSpec("plan", "", described)


def test_each_kind_of_parameter_is_passed_its_way() -> None:
    spec = spec_of(
        ("a", ParamKind.POSITIONAL_ONLY),
        ("b", ParamKind.POSITIONAL_OR_KEYWORD),
        ("c", ParamKind.VAR_POSITIONAL),
        ("d", ParamKind.KEYWORD_ONLY),
        ("e", ParamKind.VAR_KEYWORD),
    )
    values = {"e": {"f": 6}, "d": 5, "c": [3, 4], "b": 2, "a": 1}
    assert collect_arguments(spec, values) == ((1, 2, 3, 4), {"d": 5, "f": 6})


@pytest.mark.parametrize(
    ("value", "args"), [(99, (99,)), ("ab", ("ab",)), ((1, 2), (1, 2)), ([], ()), (None, ())]
)
def test_args_are_spread(value: Any, args: tuple[Any, ...]) -> None:
    assert collect_arguments(spec_of(("c", ParamKind.VAR_POSITIONAL)), {"c": value}) == (args, {})


def test_kwargs_must_be_a_mapping() -> None:
    with pytest.raises(TypeError, match="Mapping"):
        collect_arguments(spec_of(("kw", ParamKind.VAR_KEYWORD)), {"kw": "no"})


def test_a_value_missing_in_the_middle_takes_its_default() -> None:
    def plan(a: int, b: int = 2, c: int = 3, *d: int) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, {})
    assert collect_arguments(spec, {"a": 1, "c": 30}) == ((1, 2, 30), {})
    assert collect_arguments(spec, {"a": 1, "d": [7]}) == ((1, 2, 3, 7), {})
    assert collect_arguments(spec, {"a": 1, "d": []}) == ((1,), {})
    assert collect_arguments(spec, {"a": 1}) == ((1,), {})


def test_a_value_missing_in_the_middle_without_default_is_refused() -> None:
    both = spec_of(("a", ParamKind.POSITIONAL_OR_KEYWORD), ("b", ParamKind.POSITIONAL_OR_KEYWORD))
    assert collect_arguments(both, {"a": 1}) == ((1,), {})
    with pytest.raises(TypeError, match="plan needs a"):
        collect_arguments(both, {"b": 1})


def test_names_become_devices() -> None:
    def plan(
        one: Shutter,
        several: Sequence[Shutter],
        group: AbstractSet[Shutter],
        pair: tuple[Shutter, ...],
        maybe: Shutter | None = None,
        *more: Shutter,
    ) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, DEVICES)
    resolved = resolve_arguments(
        spec,
        {
            "one": "back",
            "several": ["back", "front"],
            "group": {"front"},
            "pair": ("front", "back"),
            "maybe": None,
            "more": ["back"],
        },
        DEVICES,
    )
    assert resolved == {
        "one": BACK,
        "several": [BACK, FRONT],
        "group": {FRONT},
        "pair": (FRONT, BACK),
        "maybe": None,
        "more": [BACK],
    }
    assert resolve_arguments(spec, {"one": FRONT, "several": [FRONT]}, DEVICES) == {
        "one": FRONT,
        "several": [FRONT],
    }
    assert resolve_arguments(spec, {"one": "nowhere"}, DEVICES) == {"one": None}


def test_choices_keep_their_type() -> None:
    def plan(
        binning: Literal[1, 2] = 1, several: Sequence[Literal[1, 2]] = (1,)
    ) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, {})
    assert resolve_arguments(spec, {"binning": "2", "several": ["1", 2]}, {}) == {
        "binning": 2,
        "several": [1, 2],
    }


def test_actions_are_added_as_the_objects_declared() -> None:
    snap, several = Action(name="snap"), (Action(name="a"), Action(name="b"))

    def plan(
        x: int = 1, snap: Action = snap, several: Sequence[Action] = several
    ) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, {})
    resolved = resolve_arguments(spec, {}, {})
    assert resolved["snap"] is snap
    assert resolved["several"] is several
    args, _ = collect_arguments(spec, resolved)
    assert args[0] == 1
    assert args[1] is snap
    other = Action(name="other")
    assert resolve_arguments(spec, {"snap": other}, {})["snap"] is other


def test_the_frame_caches_are_added() -> None:
    def plan(caches: FrameCaches, frames: int = 1) -> MsgGenerator[None]:
        yield

    def modest(caches: FrameCaches | None = None) -> MsgGenerator[None]:
        yield

    caches = FakeCaches()
    spec = create_plan_spec(plan, {})
    assert resolve_arguments(spec, {}, {"caches": caches})["caches"] is caches
    with pytest.raises(ValueError, match="needs the frame caches"):
        resolve_arguments(spec, {}, {})
    assert resolve_arguments(create_plan_spec(modest, {}), {}, {}) == {"caches": None}


def problems(plan: Any, values: dict[str, Any]) -> dict[str, str]:
    return find_problems(create_plan_spec(plan, DEVICES), values)


def test_missing_values_are_reported_by_parameter() -> None:
    def plan(
        shutter: Shutter,
        shutters: Sequence[Shutter],
        label: str,
        n: int,
        points: list[float],
        note: str = "",
    ) -> MsgGenerator[None]:
        yield

    assert problems(plan, {}) == {
        "shutter": "Shutter: choose one.",
        "shutters": "Shutters: choose at least one.",
        "label": "Label is empty: fill it in.",
        "n": "N is empty: fill it in.",
        "points": "Points is empty: fill it in.",
    }
    empty = {"shutter": None, "shutters": [], "label": " ", "n": None, "points": []}
    assert problems(plan, empty) == problems(plan, {})
    good = {"shutter": "front", "shutters": ["front"], "label": "x", "n": 1, "points": [1.0]}
    assert problems(plan, good) == {}
    assert problems(plan, good | {"shutter": FRONT}) == {}


def test_values_beyond_limits_are_reported_by_parameter() -> None:
    def plan(
        exposure: Annotated[float, Gt(0), Le(100), Unit("ms")] = 10,
        frames: Annotated[int, Ge(1)] | None = None,
        binning: Literal[1, 2] = 1,
        shutters: Sequence[Shutter] = (),
    ) -> MsgGenerator[None]:
        yield

    assert problems(plan, {"exposure": 120.0}) == {
        "exposure": "Exposure is 120 ms: enter 100 ms or less."
    }
    assert problems(plan, {"exposure": 0}) == {
        "exposure": "Exposure is 0 ms: enter more than 0 ms."
    }
    assert problems(plan, {"exposure": "fast"}) == {
        "exposure": "Exposure is 'fast': enter a number."
    }
    assert problems(plan, {"frames": 1.5}) == {"frames": "Frames is 1.5: enter a whole number."}
    assert problems(plan, {"frames": 0}) == {"frames": "Frames is 0: enter 1 or more."}
    assert problems(plan, {"frames": True}) == {"frames": "Frames is True: enter a whole number."}
    assert problems(plan, {"binning": 3}) == {
        "binning": "Binning: there is no 3; choose from 1, 2."
    }
    assert problems(plan, {"shutters": ["side"]}) == {
        "shutters": "Shutters: there is no side; choose from front, back."
    }
    assert problems(plan, {"speed": 1}) == {"speed": "Plan takes no speed: leave it out."}
    good = {"exposure": 100, "frames": None, "binning": "2", "shutters": []}
    assert problems(plan, good) == {}


def test_checking_raises_with_every_problem() -> None:
    def plan(label: str, frames: Annotated[int, Ge(1)] = 1) -> MsgGenerator[None]:
        yield

    with pytest.raises(ParameterError, match=r"Label is empty.*Frames is 0: enter 1") as info:
        check_arguments(create_plan_spec(plan, {}), {"frames": 0})
    assert set(info.value.problems) == {"label", "frames"}
    check_arguments(create_plan_spec(plan, {}), {"label": "x"})


@pytest.mark.parametrize(
    ("plan", "values", "events"),
    [
        (bp.count, {"num": 3}, 3),
        (bp.scan, {"axes": [("x", 0.0, 1.0)], "num": 4}, 4),
        (bp.scan, {"axes": [("x", 0.0, 1.0), ("y", 2.0, 3.0)], "num": 4}, 4),
        (bp.rel_scan, {"axes": [{"motor": "x", "start": -1.0, "stop": 1.0}], "num": 4}, 4),
        (bp.list_scan, {"axes": [("x", [0.0, 2.0])]}, 2),
        (bp.rel_list_scan, {"axes": [("x", [0.0, 2.0]), ("y", [1.0, 0.0])]}, 2),
        (bp.grid_scan, {"axes": [("x", 0.0, 1.0, 2), ("y", 0.0, 1.0, 3)]}, 6),
        (bp.rel_grid_scan, {"axes": [("x", 0.0, 1.0, 2)]}, 2),
    ],
)
def test_blueskys_own_plans_run_from_their_form(
    plan: Any, values: dict[str, Any], events: int
) -> None:
    x, y = SynAxis(name="x"), SynAxis(name="y")
    detector = SynGauss("det", x, "x", center=0, Imax=1)
    devices = {"det": detector, "x": x, "y": y}
    spec = create_plan_spec(plan, devices)
    chosen = {**spec.defaults(), **values}
    check_arguments(spec, chosen)
    args, kwargs = collect_arguments(spec, resolve_arguments(spec, chosen, devices))
    documents: list[str] = []
    RunEngine(context_managers=[])(plan(*args, **kwargs), lambda name, _: documents.append(name))
    assert documents.count("event") == events


def test_a_range_too_long_for_the_memory_is_refused() -> None:
    def plan(*args: int, kinds: Sequence[Literal[1, 2]] = ()) -> MsgGenerator[None]:
        yield

    endless = range(10**12)
    found = find_problems(create_plan_spec(plan, {}), {"args": endless, "kinds": endless})
    assert found.keys() == {"args", "kinds"}
