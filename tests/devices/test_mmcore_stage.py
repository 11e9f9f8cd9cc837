"""Micro-Manager's stage and focus, over the real core and its demo devices."""

import asyncio

import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from pymmcore import CMMCore

from napari_skylight.devices import mmcore
from napari_skylight.engine import RunEngine
from napari_skylight.protocols import Focus, Stage
from napari_skylight.testing import Documents, wait_until

STEP = 0.015  # of the demo stage, in µm
FAR = 1e6


@pytest.fixture
def microscope():
    microscope = mmcore.microscope()
    yield microscope
    microscope.close()


@pytest.fixture
def stage(microscope):
    return microscope.devices[1]


@pytest.fixture
def focus(microscope):
    return microscope.devices[2]


def position(stage):
    reading = asyncio.run(stage.read())
    return [reading[key]["value"] for key in ("stage-x", "stage-y")]


def wait_until_still(stage):
    places = [position(stage)]

    def is_still():
        places.append(position(stage))
        return places[-1] == places[-2]

    wait_until(is_still)
    return places[-1]


async def stopped(device, success=True):
    await device.stop(success=success)


def test_they_are_a_stage_and_a_focus(stage, focus):
    assert isinstance(stage, Stage)
    assert isinstance(focus, Focus)
    for device in (stage, focus):
        for key in asyncio.run(device.describe()).values():
            assert key["units"] == "µm"


def test_a_move_ends_where_it_was_to(stage, focus):
    stage.x.set(100).wait(5)
    stage.y.set(-50).wait(5)
    assert position(stage) == pytest.approx([100, -50], abs=STEP)
    focus.set(7.5).wait(5)
    assert asyncio.run(focus.read())["focus"]["value"] == 7.5
    assert asyncio.run(focus.locate()) == {"setpoint": 7.5, "readback": 7.5}
    with pytest.raises(ValueError, match="focus must be a number, not 'far'"):
        focus.set("far").wait(5)
    assert asyncio.run(focus.locate()) == {"setpoint": 7.5, "readback": 7.5}


def test_axes_asked_for_together_move_together(stage):
    x, y = stage.x.set(2000), stage.y.set(2000)
    wait_until(lambda: min(position(stage)) > 10)
    assert not x.done
    assert not y.done
    x.wait(5)
    y.wait(5)
    assert position(stage) == pytest.approx([2000, 2000], abs=STEP)


def test_another_axis_set_on_the_way_moves_at_once(stage):
    first = stage.x.set(1000)
    wait_until(lambda: position(stage)[0] > 10)
    second = stage.y.set(300)
    wait_until(lambda: position(stage)[1] > 10)
    assert not first.done
    first.wait(5)
    second.wait(5)
    assert position(stage) == pytest.approx([1000, 300], abs=STEP)


@pytest.mark.parametrize("axis", ["stage", "focus"])
def test_a_target_set_on_the_way_replaces_the_one_before(stage, focus, axis):
    axis = focus if axis == "focus" else stage.x
    first = axis.set(FAR)
    second = axis.set(5.0)
    second.wait(5)
    first.wait(5)
    assert asyncio.run(axis.locate())["readback"] == pytest.approx(5.0, abs=STEP)


def test_a_stage_that_cannot_stop_moves_to_the_new_target_next(monkeypatch):
    class Core(CMMCore):
        def stop(self, _label):
            raise RuntimeError("unsupported command")

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    microscope = mmcore.microscope()
    stage = microscope.devices[1]
    first = stage.x.set(1000)
    wait_until(lambda: position(stage)[0] > 10)
    stage.x.set(900).wait(5)
    first.wait(5)
    assert position(stage)[0] == pytest.approx(900, abs=STEP)
    microscope.close()


@pytest.mark.parametrize("success", [True, False])
def test_stop_ends_a_move_where_it_is(stage, success):
    status = stage.x.set(FAR)
    wait_until(lambda: position(stage)[0] > 10)
    asyncio.run(stopped(stage.x, success))
    here = position(stage)
    assert status.exception(1) is None if success else "stopped" in str(status.exception(1))
    assert here == position(stage)
    stage.x.set(0).wait(20)
    assert position(stage)[0] == pytest.approx(0, abs=STEP)


def test_a_move_that_takes_too_long_is_stopped(stage, monkeypatch):
    monkeypatch.setattr("napari_skylight.devices.mmcore._stage.MOVE_SECONDS", 0.2)
    status = stage.x.set(FAR)
    with pytest.raises(TimeoutError, match=r"Moving stage-x to 1000000\.0 µm"):
        status.wait(5)
    here = wait_until_still(stage)
    assert 0 < here[0] < FAR / 2


def test_a_stage_that_cannot_stop_outlives_a_move_that_takes_too_long(monkeypatch):
    class Core(CMMCore):
        def stop(self, _label):
            raise RuntimeError("unsupported command")

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    monkeypatch.setattr("napari_skylight.devices.mmcore._stage.MOVE_SECONDS", 0.2)
    microscope = mmcore.microscope()
    stage = microscope.devices[1]
    moves = [stage.x.set(2000), stage.y.set(5)]
    monkeypatch.setattr("napari_skylight.devices.mmcore._stage.MOVE_SECONDS", 20)
    retries = []  # at once, before the thread of the core sees that the first move timed out
    moves[0].add_callback(lambda _: retries.append(stage.x.set(0)))
    for status in moves:
        assert isinstance(status.exception(5), TimeoutError | RuntimeError)
    wait_until(lambda: retries)
    retries[0].wait(20)
    assert position(stage)[0] == pytest.approx(0, abs=STEP)
    microscope.close()


def test_a_move_that_fails_tells_why_and_the_next_one_works(monkeypatch):
    mishaps = [RuntimeError("the axis is blocked")]

    class Core(CMMCore):
        def setXYPosition(self, *args):
            if mishaps:
                raise mishaps.pop()
            super().setXYPosition(*args)

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    microscope = mmcore.microscope()
    stage = microscope.devices[1]
    x, y = stage.x.set(30), stage.y.set(40)
    errors = [str(status.exception(5)) for status in (x, y)]
    assert "Moving stage-x to 30 µm failed. Micro-Manager says: the axis is blocked" in errors
    stage.x.set(30).wait(5)
    assert position(stage)[0] == pytest.approx(30, abs=STEP)
    microscope.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "left"])
def test_only_a_number_is_a_position(stage, value):
    with pytest.raises(ValueError, match=r"stage-x .*number"):
        stage.x.set(value).wait(5)
    assert position(stage) == [0, 0]


def test_a_grid_is_scanned(stage, microscope):
    documents = Documents()
    camera = microscope.devices[0]
    with RunEngine() as engine:
        plan = bp.grid_scan([camera], stage.y, 0, 60, 2, stage.x, 0, 90, 3)
        engine(plan, documents).result(timeout=30)
    seen = [(e["data"]["stage-y"], e["data"]["stage-x"]) for e in documents.events("primary")]
    wanted = [(y, x) for y in (0, 60) for x in (0, 45, 90)]
    assert sorted(seen) == [pytest.approx(place, abs=STEP) for place in wanted]


def test_stopping_the_plan_stops_the_stage(stage):
    with RunEngine() as engine:
        run = engine(bps.mv(stage.x, FAR))
        wait_until(lambda: position(stage)[0] > 10)
        engine.halt().result(timeout=5)
        assert run.exception(timeout=5) is not None
        here = position(stage)
    assert here[0] < FAR / 2
    assert position(stage) == here
