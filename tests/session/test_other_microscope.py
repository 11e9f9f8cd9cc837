"""Values used last on another microscope, in another version of a plan, or on another day."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import pytest
from bluesky.protocols import Movable
from bluesky.utils import MsgGenerator
from ophyd.sim import SynAxis
from pydantic import BaseModel, ConfigDict
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton

from napari_skylight import Session, attach
from napari_skylight._compat import app_model
from napari_skylight.devices import Microscope, sim
from napari_skylight.engine.actions import Action
from napari_skylight.plans.spec import ChoicesOf, ParameterError
from napari_skylight.plugin import _attachments, _commands
from napari_skylight.protocols import Camera, Focus, Light, Stage
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeLight, wait_until
from napari_skylight.widgets import PlanControl


@dataclass(frozen=True)
class Move:
    motor: Movable[Any]
    to: float = 0.0


class Step(NamedTuple):
    motor: Movable[Any]
    to: float


class Place(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    stage: Stage
    name: str = ""


PARAMETERS: dict[str, tuple[Any, Any, Any]] = {
    # annotation, default, value on the first microscope
    "light": (Light | None, None, "light"),
    "stage": (Stage | None, None, "stage"),
    "focus": (Focus | None, None, "focus"),
    "motor": (Movable[Any] | None, None, "stage.x"),
    "motors": (Sequence[Movable[Any]], (), ["stage.x", "focus"]),
    "lights": (list[Light] | None, None, ["light"]),
    "moves": (Sequence[tuple[Movable[Any], float]], (), [("stage.x", 3.0)]),
    "move": (Move | None, None, {"motor": "stage.x", "to": 1.0}),
    "record": (Move | None, None, Move("stage.x", 1.0)),
    "step": (Step | None, None, ("stage.y", 2.0)),
    "place": (Place | None, None, {"stage": "stage", "name": "home"}),
    "channels": (Annotated[Sequence[str], ChoicesOf(Light, "channel")], (), ("DAPI",)),
    "channel": (Annotated[str | None, ChoicesOf(Light, "channel")], None, "GFP"),
}


def plan_of(parameters):
    """Return a plan with these parameters that keeps what it was called with."""
    names = ", ".join(f"{name}=DEFAULT_{name}" for name in parameters)
    pairs = ", ".join(f"{name}={name}" for name in parameters)
    body = f"    called.update(cameras=cameras, {pairs})\n    yield from ()\n"
    source = f"def plan(cameras, {names}):\n{body}"
    called: dict[str, Any] = {}
    scope = {"called": called} | {f"DEFAULT_{name}": each[1] for name, each in parameters.items()}
    exec(source, scope)
    plan = scope["plan"]
    plan.__annotations__ = {name: each[0] for name, each in parameters.items()}
    plan.__annotations__ |= {"cameras": Sequence[Camera], "return": MsgGenerator[None]}
    plan.called = called
    return plan


def texts_in(value):
    if isinstance(value, str):
        return [value]
    if isinstance(value, Move | Place):
        value = [getattr(value, "motor", None), getattr(value, "stage", None)]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts_in(each)]
    return []


def full():
    return sim.microscope()


def camera_only():
    return Microscope("Camera", (FakeCamera("camera"),))


def other_names():
    return Microscope("Other", (FakeCamera("kinetix"), FakeLight("lamp"), SynAxis(name="wheel")))


@pytest.fixture
def switched(session, home):
    """Start a plan on the first microscope; return the session with the second one open."""
    sessions = []

    def switch(plan, values, second, restart, as_objects=False):
        first = Session(home)
        sessions.append(first)
        first.add_plan(plan, "probe")
        first.open_microscope(full).result(timeout=20)
        if as_objects:
            values = {name: first.devices[device] for name, device in values.items()}
        first.start("probe", values).result(timeout=10)
        if restart:
            first.close()
            first = Session(home)
            sessions.append(first)
            first.add_plan(plan, "probe")
        first.open_microscope(second).result(timeout=20)
        plan.called.clear()
        return first

    yield switch
    for each in sessions:
        each.close()


VALUES = {name: each[2] for name, each in PARAMETERS.items()}


@pytest.fixture
def script():
    return lambda session: session.start("probe").result(timeout=10)


@pytest.fixture
def run_button(qtbot):
    """Click *Run* in a dock *Plan control* that shows the plan used last."""

    def run(session):
        dock = PlanControl(session)
        qtbot.addWidget(dock, before_close_func=lambda made: made.close_links())
        dock.show()
        button = dock.findChild(QAbstractButton, "run")
        qtbot.waitUntil(button.isEnabled, timeout=5000)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    return run


@pytest.fixture
def palette(make_napari_viewer, monkeypatch):
    """Run *Start live view*, here for the plan of the test, as napari's command palette does."""
    # the palette executes commands by their id
    monkeypatch.setattr(_commands, "LIVE_VIEW", "probe")
    viewers = []

    def run(session):
        if not viewers:
            viewers.append(make_napari_viewer(show=False))
            attach(viewers[0], session)
        app_model().commands.execute_command("napari-skylight.start_live_view").result()

    yield run
    for viewer in viewers:
        viewer.close()
    _attachments.close_session()


@pytest.fixture(params=["script", "run_button", pytest.param("palette", marks=pytest.mark.gl)])
def start(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("restart", [False, True], ids=["one session", "a restart"])
@pytest.mark.parametrize("second", [camera_only, other_names])
def test_no_name_of_a_device_that_is_gone_reaches_the_plan(
    switched, start, second, restart, caplog
):
    caplog.set_level(logging.INFO, "napari_skylight")
    plan = plan_of(PARAMETERS)
    session = switched(plan, VALUES, second, restart)
    caplog.clear()

    def started():
        start(session)
        wait_until(lambda: plan.called and not session.state.busy)
        assert session.problem == ""

    started()
    assert [device.name for device in plan.called.pop("cameras")] == list(session.devices)[:1]
    assert texts_in(plan.called) == []
    assert plan.called["stage"] is None
    assert plan.called["move"] is None
    assert plan.called["light"] is None
    lines = [each.message for each in caplog.records if "dropped" in each.message]
    assert len(lines) == 1
    assert "Light: there is no light" in lines[0]
    plan.called.clear()
    started()
    assert len([each for each in caplog.records if "dropped" in each.message]) == 1


@pytest.mark.parametrize("restart", [False, True], ids=["one session", "a restart"])
def test_the_same_microscope_opened_again_gets_the_same_values(switched, restart):
    plan = plan_of(PARAMETERS)
    session = switched(plan, VALUES, full, restart)
    session.start("probe").result(timeout=10)
    stage = session.devices["stage"]
    assert plan.called["light"] is session.devices["light"]
    assert plan.called["motor"] is stage.x
    assert plan.called["motors"] == [stage.x, session.devices["focus"]]
    assert plan.called["moves"] == [(stage.x, 3.0)]
    assert plan.called["move"] == plan.called["record"] == Move(stage.x, 1.0)
    assert plan.called["step"] == Step(stage.y, 2.0)
    assert plan.called["place"].stage is stage
    assert list(plan.called["channels"]) == ["DAPI"]


def test_devices_given_as_objects_are_dropped_with_their_microscope(switched):
    plan = plan_of(PARAMETERS | {"anything": (Any, None, "stage")})
    session = switched(
        plan,
        {"light": "light", "stage": "stage", "anything": "stage"},
        full,
        False,
        as_objects=True,
    )
    before = session.remembered("probe")
    assert "anything" not in before
    session.start("probe").result(timeout=10)
    assert plan.called["light"] is session.devices["light"]
    assert plan.called.get("anything") is None


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_script_that_names_a_missing_device_gets_a_clear_error(session, camera, name):
    plan = plan_of(PARAMETERS)
    session.add_plan(plan, "probe")
    with pytest.raises(ParameterError) as caught:
        session.start("probe", {name: VALUES[name]})
    assert list(caught.value.problems) == [name]
    assert caught.value.problems[name].startswith(name.capitalize())
    assert session.state is SessionState.IDLE


def test_a_script_may_pass_a_device_that_is_not_connected(session, camera):
    plan = plan_of({"light": PARAMETERS["light"], "lights": PARAMETERS["lights"]})
    session.add_plan(plan, "probe")
    lamp = FakeLight("lamp")
    session.start("probe", {"light": lamp, "lights": [lamp]}).result(timeout=10)
    assert plan.called == {"cameras": [camera], "light": lamp, "lights": [lamp]}


VERSIONS = [
    (Light | None, None, 5),
    (Stage | None, None, ["a", "b"]),
    (Action, Action(name="mark"), 3),
    (int, 1, "three"),
    (Movable[Any] | None, None, {"a": 1}),
    (Camera, None, 4),
]


@pytest.mark.parametrize(("annotation", "default", "value"), VERSIONS)
def test_a_value_of_another_version_of_the_plan_is_dropped(home, annotation, default, value):
    home.mkdir()
    kept = {"format": 1, "last_plan": "probe", "plans": {"probe": {"value": value, "gone": 1}}}
    (home / "choices.json").write_text(json.dumps(kept))
    plan = plan_of({"value": (annotation, default, None)})
    with Session(home) as session:
        session.add_device(FakeCamera("camera")).result(timeout=5)
        session.add_plan(plan, "probe")
        session.start("probe").result(timeout=10)
        assert plan.called["value"] in (default, session.devices["camera"])


def test_live_view_runs_on_a_microscope_with_less(session):
    session.open_microscope(full).result(timeout=20)
    values = {"cameras": ["camera"], "light": "light", "stage": "stage", "focus": "focus"}
    session.start("live_view", {**values, "channels": ["DAPI", "GFP"]})
    wait_until(lambda: any(cache.counts.stashed for cache in session.caches))
    session.stop().result(timeout=5)
    wait_until(lambda: not session.state.busy)
    session.open_microscope(camera_only).result(timeout=20)
    session.start("live_view")
    live = session.caches.live(session.devices["camera"])
    wait_until(lambda: live.counts.stashed > 3)
    session.stop().result(timeout=5)
    assert session.problem == ""
