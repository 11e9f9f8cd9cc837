"""`supports` answers as `isinstance` does, for every object and at every time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, Mock, NonCallableMock

import pytest
from bluesky.plan_stubs import close_run, open_run
from bluesky.protocols import Readable, Stoppable, Triggerable
from hypothesis import given
from hypothesis import strategies as st

from napari_skylight.engine import RunEngine, plan_stubs
from napari_skylight.engine._calls import supports
from napari_skylight.protocols import HasCache
from napari_skylight.testing import Documents, FakeCamera

PROTOCOLS = [HasCache, Readable, Stoppable, Triggerable]
MEMBERS = ["clear", "describe", "name", "read", "stash", "stop", "trigger"]


def method(self: Any, *args: Any) -> None: ...


def missing(self: Any) -> Any:
    raise AttributeError


def broken(self: Any) -> Any:
    raise OSError("The device is off.")


class ByGetattr:
    """A proxy: every attribute is there, and none is found statically."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: None


class WithSlots:
    __slots__ = ("clear", "describe", "name", "read", "stash", "stop", "trigger")


values = st.sampled_from([method, None, 1, "text", staticmethod(method), property(method)])
class_values = values | st.sampled_from([property(missing), property(broken)])
bases = st.sampled_from([object, ByGetattr, WithSlots, *PROTOCOLS])
steps = st.lists(
    st.tuples(
        st.sampled_from(["set on class", "set on object", "delete on class", "delete on object"]),
        st.sampled_from(MEMBERS),
        values,
    ),
    max_size=6,
)


def outcome(check: Any, obj: Any, protocol: type) -> Any:
    try:
        return check(obj, protocol)
    except Exception as error:  # a broken property: the same error from both
        return type(error)


def same(objects: list[Any]) -> None:
    for obj in objects:
        for protocol in PROTOCOLS:
            assert outcome(supports, obj, protocol) == outcome(isinstance, obj, protocol)


@given(base=bases, on_class=st.dictionaries(st.sampled_from(MEMBERS), class_values), steps=steps)
def test_the_answer_equals_isinstance_for_every_object_of_a_changing_class(
    base: type, on_class: dict[str, Any], steps: list[tuple[str, str, Any]]
) -> None:
    def init(self: Any) -> None: ...

    device = type("Device", (base,), {**on_class, "__init__": init})
    device.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
    changed, untouched = device(), device()
    same([untouched, changed])
    for step, name, value in steps:
        target = device if step.endswith("class") else changed
        try:
            if step.startswith("set"):
                setattr(target, name, value)
            else:
                delattr(target, name)
        except Exception:  # a property without a setter, or nothing to delete
            continue
        same([changed, untouched, device()])


@pytest.mark.parametrize(
    "obj",
    [
        Mock(),
        MagicMock(spec=FakeCamera),
        NonCallableMock(spec=["read"]),
        SimpleNamespace(trigger=None),
        SimpleNamespace(trigger=method),
        FakeCamera(),
        FakeCamera,
        None,
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_mocks_namespaces_and_classes_are_answered_as_isinstance_does(obj: Any) -> None:
    same([obj])


class SometimesTriggered:
    """A camera whose objects differ: only some have a trigger."""

    parent = None

    def __init__(self, triggered: bool) -> None:
        self._camera = FakeCamera()
        self.name = self._camera.name
        for name in ("read", "describe", "read_configuration", "describe_configuration"):
            setattr(self, name, getattr(self._camera, name))
        if triggered:
            self.trigger = self._camera.trigger


def test_a_camera_without_a_trigger_is_read_after_one_of_its_class_with_a_trigger() -> None:
    documents = Documents()
    cameras = [SometimesTriggered(True), SometimesTriggered(False)]

    def plan() -> Any:
        yield from open_run()
        for camera, stream in zip(cameras, ("triggered", "not triggered"), strict=True):
            yield from plan_stubs.trigger_and_read([camera], stream)
        yield from close_run()

    with RunEngine() as engine:
        engine(plan(), documents).result(10)
    for stream, frame in (("triggered", 1), ("not triggered", 0)):
        assert [event["data"]["camera"].max() for event in documents.events(stream)] == [frame]
