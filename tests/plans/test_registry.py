"""The list of plans to choose from."""

import functools

import pytest
from bluesky.utils import MsgGenerator

from napari_skylight.plans import PlanRegistry


def live_view(x: int = 1) -> MsgGenerator[None]:
    yield


def snap() -> MsgGenerator[None]:
    yield


def test_plans_are_kept_by_name_in_order() -> None:
    plans = PlanRegistry()
    plans.add(snap)
    plans.add(live_view)
    plans.add(functools.partial(live_view, x=2), "slow_view")
    assert list(plans) == ["snap", "live_view", "slow_view"]
    assert plans["snap"] is snap
    assert len(plans) == 3
    assert plans.title("live_view") == "Live view"


def test_adding_returns_its_undo() -> None:
    plans = PlanRegistry()
    changes: list[list[str]] = []
    plans.changed.connect(lambda: changes.append(list(plans)))
    undo = plans.add(snap)
    undo()
    undo()
    assert changes == [["snap"], []]


def test_a_plan_of_the_same_name_takes_the_place_of_the_first() -> None:
    plans = PlanRegistry()
    undo_first = plans.add(snap)
    plans.add(live_view)
    plans.add(live_view, "snap")
    assert list(plans) == ["snap", "live_view"]
    assert plans["snap"] is live_view
    undo_first()
    assert plans["snap"] is live_view


def test_what_is_no_plan_is_refused() -> None:
    plans = PlanRegistry()
    with pytest.raises(TypeError, match="is not a plan"):
        plans.add(print)
    with pytest.raises(TypeError, match="no return type annotation"):
        plans.add(lambda: (yield))
    assert len(plans) == 0


def test_a_plan_that_is_not_there_is_named() -> None:
    plans = PlanRegistry()
    with pytest.raises(KeyError, match="no plan called snap"):
        plans["snap"]
    with pytest.raises(KeyError, match="no plan called snap"):
        plans.remove("snap")
    with pytest.raises(KeyError, match="no plan called snap"):
        plans.origin("snap")


def test_a_plan_from_elsewhere_does_not_take_the_place_of_the_first() -> None:
    plans = PlanRegistry()
    plans.add(snap, origin="built in")
    with pytest.raises(ValueError, match=r"already \(built in\): give the one from mine.py"):
        plans.add(live_view, "snap", origin="from mine.py")
    assert plans["snap"] is snap
    assert plans.origin("snap") == "built in"
