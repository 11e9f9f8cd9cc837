"""The simulated microscope as Bluesky devices: settings, limits, plans, threads."""

import asyncio
import threading

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import numpy as np
import pytest
from bluesky.utils import FailedStatus
from event_model import DocumentNames, schema_validators

from napari_skylight import protocols
from napari_skylight.devices.sim import Imager, Shot, microscope
from napari_skylight.engine import RunEngine


class Bench:
    """A connected microscope whose coroutines can be waited for from the test."""

    def __init__(self, engine, made):
        self.engine, self.made = engine, made
        self.camera, self.stage, self.focus, self.light = made.devices
        for device in made.devices:
            self.wait(device.connect())

    def wait(self, awaitable, timeout=10):
        async def finish():
            return await awaitable

        return asyncio.run_coroutine_threadsafe(finish(), self.engine.loop).result(timeout)

    def set(self, device, value):
        """Set and wait; raises what the status failed with."""

        async def finish():
            await device.set(value)

        return self.wait(finish())

    def frame(self):
        async def take():
            await self.camera.trigger()
            return await self.camera.read()

        return self.wait(take())

    def describe(self, device):
        (key,) = self.wait(device.describe()).values()
        return key


@pytest.fixture
def bench():
    made = microscope(sensor=(192, 256))
    with RunEngine() as engine:
        try:
            yield Bench(engine, made)
        finally:
            made.close()


def test_they_are_what_plans_ask_for(bench):
    assert isinstance(bench.camera, protocols.Camera)
    assert isinstance(bench.camera, protocols.HasExposure)
    assert isinstance(bench.stage, protocols.Stage)
    assert isinstance(bench.focus, protocols.Focus)
    assert isinstance(bench.light, protocols.Light)
    assert all(isinstance(device, protocols.HasChildren) for device in bench.made.devices)
    assert [device.name for device in bench.made.devices] == ["camera", "stage", "focus", "light"]
    assert bench.made.title == "Simulated microscope"


def test_nothing_but_its_settings_belongs_to_the_camera(bench):
    assert {name for name, _ in bench.camera.children()} == {
        "exposure", "gain", "binning", "roi_x", "roi_y", "roi_width", "roi_height", "bit_depth"
    }  # fmt: skip
    assert bench.stage.parent is bench.light.parent is None


def test_a_plan_makes_valid_documents(bench):
    documents = []

    def plan():
        yield from bps.mv(bench.light, True, bench.stage.x, 20, bench.focus, 1.5)
        yield from bp.count([bench.camera, bench.stage, bench.focus, bench.light], 2)

    bench.engine(plan(), lambda *document: documents.append(document)).result(timeout=20)
    for name, document in documents:
        schema_validators[DocumentNames[name]].validate(document)
    (descriptor,) = (document for name, document in documents if name == "descriptor")
    first, second = (document for name, document in documents if name == "event")
    assert descriptor["data_keys"]["camera"]["shape"] == [192, 256]
    assert descriptor["data_keys"]["camera"]["dtype_numpy"] == first["data"]["camera"].dtype.str
    assert set(descriptor["data_keys"]) == set(first["data"])
    assert descriptor["configuration"]["camera"]["data"]["camera-bit_depth"] == 16
    assert first["data"]["stage-x"] == pytest.approx(20)
    assert first["data"]["stage-y"] == 0
    assert first["data"]["focus"] == pytest.approx(1.5)
    assert first["data"]["light"] is True
    assert first["data"]["light-channel"] == "GFP"
    assert first["data"]["camera"].shape == (192, 256)
    assert (first["data"]["camera"] != second["data"]["camera"]).any()
    assert not np.shares_memory(first["data"]["camera"], second["data"]["camera"])


def test_the_light_goes_off_at_the_end_of_a_run(bench):
    bench.engine(bps.mv(bench.light, True)).result(timeout=5)
    assert bench.light.level == 0


def test_a_frame_is_what_the_imager_takes(bench):
    bench.set(bench.light, True)
    bench.set(bench.stage.y, 13)
    shot = Shot(roi_width=256, roi_height=192, y=13.0)
    np.testing.assert_array_equal(bench.frame()["camera"]["value"], Imager().take(shot, 0))
    np.testing.assert_array_equal(bench.frame()["camera"]["value"], Imager().take(shot, 1))


def test_a_frame_carries_the_settings_it_was_taken_with(bench):
    bench.set(bench.camera.exposure, 50)

    async def change_meanwhile():
        taken = bench.camera.trigger()
        await asyncio.sleep(0)
        await bench.camera.exposure.set(1.0)
        await bench.camera.binning.set(2)
        await taken
        return await bench.camera.read()

    before, after = bench.wait(change_meanwhile()), bench.frame()
    assert (before["camera-exposure"]["value"], after["camera-exposure"]["value"]) == (50, 1)
    assert (before["camera-binning"]["value"], after["camera-binning"]["value"]) == (1, 2)
    assert before["camera-pixel_size"]["value"] == pytest.approx(0.325)
    assert after["camera-pixel_size"]["value"] == pytest.approx(0.65)
    assert (before["camera"]["value"].shape, after["camera"]["value"].shape) == (
        (192, 256),
        (96, 128),
    )


def test_an_exposure_left_behind_does_not_replace_a_newer_frame(bench):
    bench.frame()  # draws the cells

    async def overtake():
        await bench.camera.exposure.set(500.0)
        left_behind = bench.camera.trigger()
        await asyncio.sleep(0)
        await bench.camera.exposure.set(1.0)
        await bench.camera.trigger()
        assert not left_behind.done
        await left_behind
        return await bench.camera.read()

    assert bench.wait(overtake())["camera-exposure"]["value"] == 1


def test_a_trigger_lasts_the_exposure_and_does_not_block_the_loop(bench):
    bench.set(bench.camera.exposure, 100)
    bench.frame()

    async def take():
        loop = asyncio.get_running_loop()
        start, longest, last = loop.time(), 0.0, loop.time()
        taken = bench.camera.trigger()
        while not taken.done:
            await asyncio.sleep(0.001)
            longest, last = max(longest, loop.time() - last), loop.time()
        return loop.time() - start, longest

    lasted, longest = bench.wait(take())
    assert 0.1 <= lasted < 1
    assert longest < 0.09


def test_a_camera_without_a_frame_says_so(bench):
    with pytest.raises(RuntimeError, match=r"^camera has no frame yet: trigger it first\.$"):
        bench.wait(bench.camera.read())


def test_descriptions_follow_the_settings(bench):
    for child, value in (("roi_width", 100), ("roi_x", 30), ("binning", "2"), ("bit_depth", 8)):
        bench.set(getattr(bench.camera, child), value)
    key, reading = bench.wait(bench.camera.describe())["camera"], bench.frame()
    assert key["shape"] == [96, 50] == [*reading["camera"]["value"].shape]
    assert key["dtype_numpy"] == "|u1" == reading["camera"]["value"].dtype.str
    assert reading["camera-roi_x"]["value"] == 30
    assert set(bench.wait(bench.camera.describe())) == set(reading)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("camera.exposure", 12000, "Exposure 12000 ms is above the camera's 10000 ms."),
        ("camera.exposure", 0.01, "Exposure 0.01 ms is below the camera's 0.1 ms."),
        ("camera.exposure", "long", "Exposure must be a number, not 'long'."),
        ("camera.exposure", True, "Exposure must be a number, not True."),
        ("camera.roi_x", False, "ROI x must be a whole number, not False."),
        ("camera.exposure", None, "Exposure must be a number, not None."),
        ("camera.exposure", float("nan"), "Exposure must be a number, not nan."),
        ("camera.exposure", float("inf"), "Exposure must be a number, not inf."),
        ("camera.gain", 17, "Gain 17 is above the camera's 16."),
        ("camera.binning", 3, "Binning 3 is not one of the camera's 1, 2 or 4."),
        ("camera.bit_depth", 12, "Bit depth 12 is not one of the camera's 8 or 16."),
        ("camera.roi_x", 1, "ROI x 1 px is above the camera's 0 px."),
        ("camera.roi_height", 200, "ROI height 200 px is above the camera's 192 px."),
        ("camera.roi_width", 8, "ROI width 8 px is below the camera's 16 px."),
        ("camera.roi_width", 99.5, "ROI width must be a whole number, not 99.5."),
        ("stage.x", 5000, "Stage x 5000 µm is above the stage's 1000 µm."),
        ("stage.y", -1000.5, "Stage y -1000.5 µm is below the stage's -1000 µm."),
        ("focus", 51, "Focus 51 µm is above the focus drive's 50 µm."),
        ("light.intensity", 101, "Intensity 101% is above the light's 100%."),
        (
            "light.channel",
            "UV",
            "Channel UV is not one of the light's DAPI, GFP, RFP or Brightfield.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_refused_and_changes_nothing(bench, path, value, message):
    device = bench
    for part in path.split("."):
        device = getattr(device, part)
    before = bench.wait(device.locate())
    with pytest.raises(ValueError, match=r"\.$") as refused:
        bench.set(device, value)
    assert str(refused.value) == message
    assert bench.wait(device.locate()) == before


def test_a_plan_that_sets_too_much_fails_with_the_reason(bench):
    with pytest.raises(FailedStatus) as failed:
        bench.engine(bps.mv(bench.camera.exposure, 12000)).result(timeout=5)
    assert "above the camera's 10000 ms." in str(failed.value.__cause__)


def test_limits_and_choices_are_described(bench):
    def limits(device):
        return bench.describe(device)["limits"]["control"]

    assert limits(bench.camera.exposure) == {"low": 0.1, "high": 10_000}
    assert limits(bench.stage.x) == {"low": -1000, "high": 1000}
    assert limits(bench.focus) == {"low": -50, "high": 50}
    assert limits(bench.camera.roi_x) == {"low": 0, "high": 0}
    bench.set(bench.camera.roi_width, 200)
    assert limits(bench.camera.roi_x) == {"low": 0, "high": 56}
    assert bench.describe(bench.camera.exposure)["units"] == "ms"
    assert bench.describe(bench.stage.x)["units"] == "µm"
    assert bench.describe(bench.camera.binning)["choices"] == ["1", "2", "4"]
    assert bench.describe(bench.light.channel)["choices"] == ["DAPI", "GFP", "RFP", "Brightfield"]


def test_settings_read_back(bench):
    for device, value in (
        (bench.camera.exposure, 33.0),
        (bench.camera.bit_depth, 8),
        (bench.light.channel, "DAPI"),
        (bench.light.intensity, 0.0),
    ):
        bench.set(device, value)
        (reading,) = bench.wait(device.read()).values()
        assert reading["value"] == value


def test_the_stage_takes_its_time_and_tells_how_far_it_is(bench):
    async def move():
        loop = asyncio.get_running_loop()
        start, seen = loop.time(), []
        status = bench.stage.x.set(500)
        status.watch(lambda **update: seen.append(update))
        await asyncio.sleep(0.1)
        (underway,) = (await bench.stage.x.read()).values()
        await status
        return loop.time() - start, underway["value"], seen

    lasted, underway, seen = bench.wait(move())
    assert 0.5 <= lasted < 2
    assert 50 < underway < 500
    positions = [update["current"] for update in seen]
    assert positions == sorted(positions)
    assert (positions[0], positions[-1]) == (pytest.approx(0, abs=50), 500)
    assert {(update["initial"], update["target"], update["unit"]) for update in seen} == {
        (0, 500, "µm")
    }


def test_the_velocity_can_be_set(bench):
    bench.set(bench.focus.velocity, 20_000)

    async def there_and_back():
        loop = asyncio.get_running_loop()
        start = loop.time()
        await bench.focus.set(50)
        await bench.focus.set(-50)
        return loop.time() - start

    assert bench.wait(there_and_back()) < 1


@pytest.mark.parametrize("stopped", ["stage", "x"])
def test_a_stopped_stage_stays_where_it_is(bench, stopped):
    async def move_and_stop():
        status = bench.stage.x.set(1000)
        await asyncio.sleep(0.1)
        await (bench.stage if stopped == "stage" else bench.stage.x).stop()
        here = bench.stage.x.position
        with pytest.raises(RuntimeError, match=r"^Stage x was stopped at [\d.]+ µm\.$"):
            await status
        return here

    here = bench.wait(move_and_stop())
    assert 50 < here < 1000
    assert bench.stage.x.position == here
    assert bench.wait(bench.stage.x.locate()) == {"setpoint": here, "readback": here}


def test_a_move_stopped_as_wished_succeeds(bench):
    async def move_and_stop():
        status = bench.focus.set(50)
        await asyncio.sleep(0.02)
        await bench.focus.stop(success=True)
        await status

    bench.wait(move_and_stop())
    assert 0 < bench.focus.position < 50


def test_a_new_target_replaces_the_old_one(bench):
    async def change_of_mind():
        first = bench.stage.x.set(1000)
        await asyncio.sleep(0.02)
        await bench.stage.x.set(0)
        await first

    bench.wait(change_of_mind())
    assert bench.stage.x.position == 0


def test_positions_can_be_subscribed_to(bench):
    values, arrived = [], threading.Event()

    def note(reading):
        values.append(reading["stage-x"]["value"])
        if values[-1] == 50:
            arrived.set()

    async def subscribe():
        bench.stage.x.subscribe_reading(note)

    async def unsubscribe():
        bench.stage.x.clear_sub(note)

    bench.wait(subscribe())
    bench.set(bench.stage.x, 50)
    assert arrived.wait(timeout=5)
    bench.wait(unsubscribe())
    assert values[0] == 0


def test_frames_follow_the_moving_stage(bench):
    bench.set(bench.light, True)
    bench.set(bench.camera.exposure, 1.0)
    bench.frame()  # draws the cells

    async def moving():
        status = bench.stage.x.set(400)
        frames = []
        while not status.done:
            await bench.camera.trigger()
            frames.append((await bench.camera.read())["camera"]["value"].astype(float))
        return frames

    frames = bench.wait(moving(), timeout=30)
    assert len(frames) > 1
    assert np.abs(frames[0] - frames[-1]).mean() > 20


def test_without_light_it_is_dark(bench):
    assert bench.frame()["camera"]["value"].mean() == pytest.approx(100, abs=0.1)
    bench.set(bench.light, True)
    assert bench.frame()["camera"]["value"].mean() > 200
    bench.set(bench.light, False)
    assert bench.frame()["camera"]["value"].mean() == pytest.approx(100, abs=0.1)


def test_pause_takes_the_light_and_resume_gives_it_back(bench):
    light = bench.light
    bench.set(light, True)
    for _ in range(2):
        bench.wait(light.pause())
        assert bench.wait(light.read())["light"]["value"] is False
        assert light.level == 0
    bench.wait(light.resume())
    assert bench.wait(light.read())["light"]["value"] is True
    assert light.level == 0.5


def test_resume_gives_back_the_light_that_the_stop_before_the_pause_took(bench):
    light = bench.light
    bench.set(light, True)
    bench.wait(light.stop())  # as bluesky does when it pauses
    bench.wait(light.pause())
    assert light.level == 0
    bench.wait(light.resume())
    assert light.level == 0.5


def test_resume_gives_no_light_that_was_not_on(bench):
    light = bench.light
    bench.wait(light.pause())
    bench.wait(light.resume())
    assert light.level == 0
    for end in (light.stop, lambda: light.set(False)):
        bench.set(light, True)
        bench.wait(light.pause())
        bench.wait(asyncio.wait_for(_call(end), 5))
        bench.wait(light.resume())
        assert light.level == 0


async def _call(function):
    await function()


def test_the_light_is_on_or_off(bench):
    with pytest.raises(ValueError, match=r"True or False, not 'dim'"):
        bench.set(bench.light, "dim")


def test_closing_ends_the_thread_and_can_be_repeated():
    def working():
        return [t for t in threading.enumerate() if t.name.startswith("skylight-sim-camera")]

    made = microscope(sensor=(32, 32))
    with RunEngine() as engine:
        bench = Bench(engine, made)
        bench.frame()
        assert working()
        made.close()
        made.close()
        assert not working()
