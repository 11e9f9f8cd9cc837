"""Parameters that are devices: which can be chosen, and how many."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from inspect import Parameter
from typing import Annotated, Any, Optional, Protocol, Union, runtime_checkable

import pytest
from bluesky.protocols import Movable
from bluesky.utils import MsgGenerator

from napari_skylight.plans.spec import (
    ChoicesOf,
    ParamKind,
    UnresolvableAnnotationError,
    create_plan_spec,
    find_problems,
    resolve_arguments,
)
from napari_skylight.protocols import Camera, FrameCaches


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


SHUTTERS = {"front": FakeShutter("front"), "back": FakeShutter("back"), "lamp": object()}


def params(plan: Callable[..., Any], devices: dict[str, Any]) -> list[Any]:
    return create_plan_spec(plan, devices).parameters


def only(plan: Callable[..., Any], devices: dict[str, Any]) -> Any:
    (param,) = params(plan, devices)
    return param


def test_a_union_can_include_devices() -> None:
    def plan(shutter: Shutter | Sequence[Shutter] | float | None = None) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, SHUTTERS)
    (shutter,) = spec.parameters
    assert [each.choices for each in shutter.alternatives] == [
        None,
        ["front", "back"],
        ["front", "back"],
    ]
    for value, made in (
        ("front", SHUTTERS["front"]),
        (["back"], [SHUTTERS["back"]]),
        (SHUTTERS["back"], SHUTTERS["back"]),
        (2.5, 2.5),
        (None, None),
    ):
        assert find_problems(spec, {"shutter": value}) == {}
        assert resolve_arguments(spec, {"shutter": value}, SHUTTERS) == {"shutter": made}
    assert find_problems(spec, {"shutter": "side"}) == {
        "shutter": "Shutter is 'side': enter a number, front or back."
    }


def test_a_union_of_devices_none_of_which_is_connected_names_one() -> None:
    def plan(shutter: Shutter | Camera) -> MsgGenerator[None]:
        yield

    with pytest.raises(UnresolvableAnnotationError, match="no Shutter is connected"):
        create_plan_spec(plan, {})


def test_a_protocol_gives_the_names_of_the_devices_that_match() -> None:
    def plan(shutter: Shutter) -> MsgGenerator[None]:
        yield

    shutter = only(plan, SHUTTERS)
    assert shutter.choices == ["front", "back"]
    assert not shutter.multiselect
    assert shutter.device_proto is Shutter
    assert shutter.initial == "front"


def test_a_device_class_gives_the_names_of_its_instances() -> None:
    def plan(shutter: FakeShutter) -> MsgGenerator[None]:
        yield

    assert only(plan, SHUTTERS).choices == ["front", "back"]
    assert only(plan, SHUTTERS).device_proto is FakeShutter


def test_the_caller_can_choose_how_devices_match() -> None:
    def plan(shutter: Shutter) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(
        plan, SHUTTERS, matches=lambda device, _: getattr(device, "name", "") == "back"
    )
    assert spec.parameters[0].choices == ["back"]


@pytest.mark.parametrize(
    "annotation",
    [
        Sequence[Shutter],
        list[Shutter],
        tuple[Shutter, ...],
        set[Shutter],
        AbstractSet[Shutter],
        frozenset[Shutter],
        Annotated[Sequence[Shutter], "those to open"],
        Sequence[Shutter] | None,
    ],
)
def test_a_collection_of_devices_allows_several_choices(annotation: Any) -> None:
    def plan(shutters: Any) -> MsgGenerator[None]:
        yield

    plan.__annotations__["shutters"] = annotation
    shutters = only(plan, SHUTTERS)
    assert shutters.choices == ["front", "back"]
    assert shutters.multiselect
    assert shutters.device_proto is Shutter
    assert shutters.initial == ["front"]


def test_args_of_devices_allow_several_choices() -> None:
    def plan(*shutters: Shutter) -> MsgGenerator[None]:
        yield

    shutters = only(plan, SHUTTERS)
    assert shutters.kind is ParamKind.VAR_POSITIONAL
    assert shutters.choices == ["front", "back"]
    assert shutters.multiselect


@pytest.mark.parametrize("annotation", [Optional[Shutter], Shutter | None, Union[None, Shutter]])  # noqa: UP007, UP045
def test_an_optional_device_is_one_of_the_devices_or_none(annotation: Any) -> None:
    def plan(front: Any = None, other: Any = None) -> MsgGenerator[None]:
        yield

    plan.__annotations__ |= {"front": annotation, "other": annotation}
    front, other = params(plan, SHUTTERS)
    for param in (front, other):
        assert param.choices == ["front", "back"]
        assert param.device_proto is Shutter
        assert param.optional
        assert param.default is None
    assert front.initial == "front"
    assert other.initial is None


class Motor:
    name = "motor"

    def set(self, value: float) -> Any: ...


def test_a_device_to_be_moved_has_no_initial_choice() -> None:
    def plan(axis: Movable[Any], motor: Movable[Any]) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, {"motor": Motor()})
    axis, motor = spec.parameters
    assert axis.choices == ["motor"]
    assert axis.initial is Parameter.empty
    assert motor.initial == "motor"  # it has the parameter's name
    assert find_problems(spec, spec.defaults()) == {"axis": "Axis: choose one."}


def test_a_generic_protocol_is_matched_by_its_origin() -> None:
    def plan(motor: Movable[float]) -> MsgGenerator[None]:
        yield

    assert only(plan, {"motor": Motor()}).choices == ["motor"]


def test_a_required_device_that_nothing_matches_is_refused_by_name() -> None:
    def plan(shutter: Shutter) -> MsgGenerator[None]:
        yield

    with pytest.raises(
        UnresolvableAnnotationError, match=r"plan needs shutter \(Shutter\)"
    ) as info:
        create_plan_spec(plan, {})
    assert str(info.value) == "plan needs shutter (Shutter): no Shutter is connected."
    assert (info.value.plan_name, info.value.param_name) == ("plan", "shutter")
    assert info.value.annotation is Shutter
    assert info.value.in_words("Blink") == "Blink needs a shutter: connect one."


def test_the_message_for_users_names_no_types() -> None:
    class LightSource:
        pass

    def words(annotation: Any) -> str:
        def plan(device: Any) -> MsgGenerator[None]:
            yield

        plan.__annotations__["device"] = annotation
        with pytest.raises(UnresolvableAnnotationError) as info:
            create_plan_spec(plan, {})
        return info.value.in_words("Live view")

    assert words(Sequence[Camera]) == "Live view needs a camera: connect one."
    assert words(Movable[Any]) == ("Live view needs a device that can be moved: connect one.")
    assert words(LightSource) == "Live view needs a light source: connect one."
    assert words(dict) == (
        "plan needs device (dict): no field can show that. Give it another type, a protocol marked "
        "@runtime_checkable, or a default."
    )


def test_an_optional_device_that_nothing_matches_gets_no_field() -> None:
    def plan(shutter: Shutter | None = None) -> MsgGenerator[None]:
        yield

    shutter = only(plan, {})
    assert shutter.choices is None
    assert not shutter.has_field


def test_the_frame_caches_are_filled_in_without_a_field() -> None:
    def plan(caches: FrameCaches) -> MsgGenerator[None]:
        yield

    caches = only(plan, {"caches": FakeCaches()})
    assert caches.hidden
    assert caches.choices is None
    assert caches.device_proto is FrameCaches


def offered(device: Any, setting: str) -> list[str]:
    return [f"{device.name} {setting} 1", "shared"]


def test_choices_are_those_of_a_setting_of_the_devices() -> None:
    def plan(
        tints: Annotated[Sequence[str], ChoicesOf(Shutter, "tint")] = (),
        tint: Annotated[str | None, ChoicesOf(Shutter, "tint")] = None,
    ) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, SHUTTERS, choices=offered)
    tints, tint = spec.parameters
    assert tints.choices == tint.choices == ["front tint 1", "shared", "back tint 1"]
    assert (tints.multiselect, tint.multiselect) == (True, False)
    assert tints.has_field
    assert tints.device_proto is None
    assert spec.defaults() == {"tints": (), "tint": None}
    assert find_problems(spec, {"tints": ["shared", "dim"]}) == {
        "tints": "Tints: there is no dim; choose from front tint 1, shared, back tint 1."
    }
    values = resolve_arguments(spec, {"tints": ["shared"], "tint": None}, SHUTTERS)
    assert values == {"tints": ["shared"], "tint": None}


@pytest.mark.parametrize("devices", [{}, {"lamp": object()}, SHUTTERS])
def test_a_parameter_with_no_choices_has_no_field(devices: dict[str, Any]) -> None:
    def plan(
        tints: Annotated[Sequence[str], ChoicesOf(Shutter, "tint")] = ("clear",),
    ) -> MsgGenerator[None]:
        yield

    spec = create_plan_spec(plan, devices)
    assert not spec.parameters[0].has_field
    assert spec.defaults() == {}


def test_a_required_choice_with_none_to_choose_is_typed() -> None:
    def plan(tint: Annotated[str, ChoicesOf(Shutter, "tint")]) -> MsgGenerator[None]:
        yield

    tint = only(plan, SHUTTERS)
    assert tint.has_field
    assert tint.choices is None
