"""The registry of plans."""

import functools

import pytest
from bluesky.utils import MsgGenerator

from napari_skylight.plans import PlanRegistry


def live_view(x: int = 1) -> MsgGenerator[None]:
    yield


def snap() -> MsgGenerator[None]:
    yield


def test_plans_keep_the_order_of_addition() -> None:
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


def test_a_plan_of_the_same_name_replaces_the_first() -> None:
    plans = PlanRegistry()
    undo_first = plans.add(snap)
    plans.add(live_view)
    plans.add(live_view, "snap")
    assert list(plans) == ["snap", "live_view"]
    assert plans["snap"] is live_view
    undo_first()
    assert plans["snap"] is live_view


def test_something_other_than_a_plan_is_refused() -> None:
    plans = PlanRegistry()
    with pytest.raises(TypeError, match="is not a plan"):
        plans.add(print)
    with pytest.raises(TypeError, match="no return type annotation"):
        plans.add(lambda: (yield))
    assert len(plans) == 0


def test_an_unknown_plan_is_named_in_the_error() -> None:
    plans = PlanRegistry()
    with pytest.raises(KeyError, match="no plan called snap"):
        plans["snap"]
    with pytest.raises(KeyError, match="no plan called snap"):
        plans.remove("snap")
    with pytest.raises(KeyError, match="no plan called snap"):
        plans.origin("snap")


def test_a_plan_of_another_origin_does_not_replace_the_first() -> None:
    plans = PlanRegistry()
    plans.add(snap, origin="built in")
    with pytest.raises(ValueError, match=r"already \(built in\): give the one from mine.py"):
        plans.add(live_view, "snap", origin="from mine.py")
    assert plans["snap"] is snap
    assert plans.origin("snap") == "built in"
