"""Plans whose own signature says too little for a form."""

from collections.abc import Callable
from typing import Any

import pytest
from bluesky import plans as bp
from bluesky.protocols import Readable

from napari_skylight.plans.spec import create_plan_spec, register_form


class FakeMotor:
    parent = None

    def __init__(self, name: str) -> None:
        self.name = name

    def set(self, value: float) -> Any: ...
    def read(self) -> Any: ...
    def describe(self) -> Any: ...


@pytest.mark.parametrize(
    ("plan", "fields"),
    [
        (bp.count, ["detectors", "num", "delay"]),
        (bp.scan, ["detectors", "motor", "start", "stop", "num"]),
        (bp.rel_scan, ["detectors", "motor", "start", "stop", "num"]),
        (bp.list_scan, ["detectors", "motor", "points"]),
        (
            bp.grid_scan,
            ["detectors"]
            + [
                f"{axis}_{part}"
                for axis in ("slow", "fast")
                for part in ("motor", "start", "stop", "num")
            ]
            + ["snake_axes"],
        ),
    ],
)
def test_blueskys_own_plans_have_a_form(plan: Callable[..., Any], fields: list[str]) -> None:
    spec = create_plan_spec(plan, {"x": FakeMotor("x")})
    assert spec.name == plan.__name__
    assert spec.docs
    assert [p.name for p in spec.parameters if p.has_field] == fields
    assert spec.parameters[0].choices == ["x"]
    assert spec.parameters[0].device_proto is Readable


def test_their_numbers_are_told_for_what_they_are() -> None:
    def labels(plan: Callable[..., Any]) -> list[str]:
        spec = create_plan_spec(plan, {"x": FakeMotor("x")})
        return [param.label for param in spec.parameters if param.name.endswith("num")]

    assert labels(bp.count) == ["Readings"]
    assert labels(bp.scan) == ["Points"]
    assert labels(bp.grid_scan) == ["Slow points", "Fast points"]


def test_a_form_can_be_registered_and_taken_back() -> None:
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
