"""Micro-Manager's shutter as a light: never left open, whatever becomes of a plan."""

import asyncio

import mm_test_adapters
import pytest
from bluesky import plan_stubs as bps
from pymmcore import CMMCore

from napari_skylight.devices import mmcore
from napari_skylight.engine import RunEngine
from napari_skylight.protocols import Light
from napari_skylight.testing import wait_until


class Orders:
    """What the core was told (True: open, or on), and the channels that are jammed."""

    def __init__(self):
        self.shutter = []
        self.auto_shutter = []
        self.jammed = ()


@pytest.fixture
def orders(monkeypatch):
    orders = Orders()

    class Core(CMMCore):
        def setShutterOpen(self, *args):
            orders.shutter.append(args[-1])
            super().setShutterOpen(*args)

        def setAutoShutter(self, state):
            orders.auto_shutter.append(state)
            super().setAutoShutter(state)

        def setConfig(self, group, preset):
            if preset in orders.jammed:
                raise RuntimeError("the filter wheel is jammed")
            super().setConfig(group, preset)

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    return orders


@pytest.fixture
def microscope(orders):
    microscope = mmcore.microscope()
    orders.auto_shutter.clear()  # those of the configuration
    yield microscope
    microscope.close()


@pytest.fixture
def light(microscope):
    return microscope.devices[3]


@pytest.fixture
def engine():
    with RunEngine() as engine:
        yield engine


def is_on(light):
    return asyncio.run(light.read())["light"]["value"]


async def done(answer):
    return await answer


def lit(light):
    yield from bps.abs_set(light, True, wait=True)
    while True:
        yield from bps.checkpoint()
        yield from bps.sleep(0.01)


def test_it_is_a_light_with_a_channel(light):
    assert isinstance(light, Light)
    assert [name for name, _ in light.children()] == ["channel"]


def test_it_goes_on_and_off(light):
    for on in (True, False):
        light.set(on).wait(5)
        assert is_on(light) is on


def test_it_stays_as_it_was_set_while_frames_are_taken(microscope, light, orders):
    camera = microscope.devices[0]
    for on in (True, False):
        light.set(on).wait(5)
        camera.trigger().wait(5)
        assert is_on(light) is on
    assert orders.auto_shutter == [False]
    light.stop()
    assert not is_on(light)
    assert orders.auto_shutter == [False, True]


def test_closing_the_microscope_closes_the_shutter(orders, microscope):
    microscope.devices[3].set(True).wait(5)
    microscope.close()
    assert orders.shutter == [True, False]
    assert orders.auto_shutter == [False, True]


@pytest.mark.parametrize("way_out", ["stop", "abort", "halt"])
def test_it_is_off_however_a_plan_is_ended(engine, light, way_out):
    run = engine(lit(light))
    wait_until(lambda: is_on(light))
    getattr(engine, way_out)().result(timeout=5)
    assert not is_on(light)
    assert run.exception(timeout=5) is not None


def test_it_is_off_when_a_plan_fails(engine, light):
    def failing():
        yield from bps.abs_set(light, True, wait=True)
        raise ZeroDivisionError

    assert isinstance(engine(failing()).exception(timeout=5), ZeroDivisionError)
    assert not is_on(light)


def test_a_pause_takes_the_light_and_resume_gives_it_back(engine, light):
    engine(lit(light))
    wait_until(lambda: is_on(light))
    engine.request_pause()
    wait_until(lambda: engine.state == "paused")
    assert not is_on(light)
    engine.resume()
    wait_until(lambda: is_on(light))
    engine.request_pause()
    wait_until(lambda: engine.state == "paused")
    engine.halt().result(timeout=5)
    assert not is_on(light)


def test_a_second_pause_keeps_what_the_first_found(light):
    light.set(True).wait(5)

    async def pause_twice():
        await light.pause()
        await light.pause()
        await light.resume()

    asyncio.run(pause_twice())
    assert is_on(light)


def test_a_later_plan_that_only_reads_it_does_not_bring_it_back(engine, light):
    def looking():
        while True:
            yield from bps.checkpoint()
            yield from bps.rd(light)
            yield from bps.sleep(0.01)

    run = engine(lit(light))
    wait_until(lambda: is_on(light))
    engine.halt().result(timeout=5)
    assert run.exception(timeout=5) is not None
    engine(looking())
    wait_until(lambda: engine.state == "running")
    engine.request_pause()
    wait_until(lambda: engine.state == "paused")
    resumed = engine.resume()
    wait_until(lambda: engine.state == "running")
    assert not is_on(light)
    engine.halt().result(timeout=5)
    assert resumed.exception(timeout=5) is not None


def test_a_channel_is_changed_in_the_dark(light, orders):
    light.channel.set("FITC").wait(5)
    assert orders.shutter == []
    light.set(True).wait(5)
    light.channel.set("Cy5").wait(5)
    assert orders.shutter == [True, False, True]
    assert asyncio.run(light.channel.read())["light-channel"]["value"] == "Cy5"
    assert is_on(light)


def test_its_choices_are_the_presets(light):
    key = asyncio.run(light.channel.describe())["light-channel"]
    assert key["choices"] == ["Cy5", "DAPI", "FITC", "Rhodamine"]
    with pytest.raises(
        ValueError, match="Channel GFP is not one of the light's Cy5, DAPI, FITC or Rh"
    ):
        light.channel.set("GFP").wait(5)


def test_a_channel_that_fails_leaves_the_light_as_it_was(light, orders):
    light.set(True).wait(5)
    orders.jammed = ("FITC",)
    with pytest.raises(RuntimeError, match=r"channel FITC could not be set.*wheel is jammed"):
        light.channel.set("FITC").wait(5)
    assert is_on(light)


def test_a_channel_may_change_the_shutter(tmp_path):
    with open(f"{mm_test_adapters.device_adapter_path()}/MMConfig_demo.cfg") as file:
        text = file.read()
    path = tmp_path / "two_shutters.cfg"
    path.write_text(
        text.replace("Core,ChannelGroup,Channel", "Core,ChannelGroup,Channel-Multiband")
    )
    microscope = mmcore.microscope(path)
    light = microscope.devices[3]
    light.set(True).wait(5)
    light.channel.set("FITC").wait(5)  # by the LED's shutter rather than that of the white light
    assert is_on(light)
    asyncio.run(done(light.stop()))
    assert not is_on(light)
    microscope.close()
