"""Forms registered for plans whose signature says too little."""

from collections.abc import Callable
from typing import Any

import pytest
from bluesky import plans as bp
from bluesky.protocols import Readable
from ophyd.sim import SynAxis

from napari_skylight.plans.spec import (
    UnresolvableAnnotationError,
    create_plan_spec,
    register_form,
)


@pytest.mark.parametrize(
    ("plan", "fields"),
    [
        (bp.count, ["detectors", "num", "delay"]),
        (bp.scan, ["detectors", "axes", "num"]),
        (bp.rel_scan, ["detectors", "axes", "num"]),
        (bp.list_scan, ["detectors", "axes"]),
        (bp.rel_list_scan, ["detectors", "axes"]),
        (bp.grid_scan, ["detectors", "axes", "snake_axes"]),
        (bp.rel_grid_scan, ["detectors", "axes", "snake_axes"]),
    ],
)
def test_blueskys_own_plans_have_a_form(plan: Callable[..., Any], fields: list[str]) -> None:
    spec = create_plan_spec(plan, {"x": SynAxis(name="x")})
    assert spec.name == plan.__name__
    assert spec.docs
    assert [p.name for p in spec.parameters if p.has_field] == fields
    assert spec.parameters[0].choices == ["x"]
    assert spec.parameters[0].device_proto is Readable


def test_their_axes_have_a_motor_and_a_range() -> None:
    def axis(plan: Callable[..., Any]) -> list[str]:
        spec = create_plan_spec(plan, {"x": SynAxis(name="x")})
        (axes,) = [param for param in spec.parameters if param.name == "axes"]
        assert axes.required
        assert axes.element is not None
        assert axes.element.parts[0].choices == ["x"]
        return [part.label for part in axes.element.parts]

    assert axis(bp.scan) == ["Motor", "Start", "Stop"]
    assert axis(bp.list_scan) == ["Motor", "Points"]
    assert axis(bp.grid_scan) == ["Motor", "Start", "Stop", "Points"]


def test_a_scan_without_a_motor_names_the_missing_device() -> None:
    class Meter:
        def read(self) -> Any: ...
        def describe(self) -> Any: ...

        name, parent = "meter", None

    with pytest.raises(UnresolvableAnnotationError) as info:
        create_plan_spec(bp.scan, {"meter": Meter()})
    assert info.value.in_words("Scan") == "Scan needs a device that can be moved: connect one."


def test_a_form_can_be_registered_and_removed() -> None:
    def loose(*args):  # type: ignore[no-untyped-def]
        """Do things."""
        yield

    def form(x: int, y: float = 2.0) -> None: ...

    undo = register_form(loose, form)
    spec = create_plan_spec(loose, {})
    assert (spec.name, spec.docs) == ("loose", "Do things.")
    assert [p.annotation for p in spec.parameters] == [int, float]
    undo()
    with pytest.raises(TypeError):
        create_plan_spec(loose, {})
