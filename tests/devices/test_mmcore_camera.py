"""Micro-Manager's camera, over the real core and its DemoCamera."""

import asyncio
import threading
import time

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from pymmcore import CMMCore

from napari_skylight.devices import mmcore
from napari_skylight.engine import RunEngine, StatusTimeoutError
from napari_skylight.protocols import Camera, HasChildren, HasExposure
from napari_skylight.testing import Documents, wait_until

GREY = {"8bit": np.uint8, "16bit": np.uint16, "32bit": np.float32}


@pytest.fixture
def camera():
    microscope = mmcore.microscope()
    yield microscope.devices[0]
    microscope.close()


def snap(camera):
    camera.trigger().wait(5)
    return camera.read()


def scalars(reading):
    return {
        name.removeprefix("camera-"): entry["value"]
        for name, entry in reading.items()
        if name != "camera"
    }


def with_pixel_type(kind, tmp_path):
    """Return the demo configuration with the camera giving pixels of another type."""
    text = mmcore_demo().replace("Camera,BitDepth,16\n", f"Camera,PixelType,{kind}\n")
    assert kind in text
    path = tmp_path / "pixels.cfg"
    path.write_text(text)
    return path


def mmcore_demo():
    import mm_test_adapters

    with open(f"{mm_test_adapters.device_adapter_path()}/MMConfig_demo.cfg") as file:
        return file.read()


def test_it_is_a_camera_with_an_exposure_and_settings(camera):
    for protocol in (Camera, HasExposure, HasChildren):
        assert isinstance(camera, protocol)
    names = [name for name, _ in camera.children()]
    assert names == ["exposure", "gain", "binning", "roi_x", "roi_y", "roi_width", "roi_height"]


def test_a_snap_gives_the_picture_of_the_demo_camera_with_its_settings(camera):
    before = time.time()
    reading = snap(camera)
    image = reading["camera"]["value"]
    assert (image.shape, image.dtype) == ((512, 512), np.uint16)
    assert image.std() > 100  # waves, not noise
    assert before <= reading["camera"]["timestamp"] <= time.time()
    assert scalars(reading) == {
        "exposure": 10.0,
        "gain": 0.0,
        "binning": 1,
        "pixel_size": 1.0,
        "roi_x": 0,
        "roi_y": 0,
    }


def test_what_it_describes_is_what_it_reads(camera):
    reading = snap(camera)
    keys = asyncio.run(camera.describe())
    assert set(keys) == set(reading)
    assert keys["camera"]["shape"] == [512, 512]
    assert keys["camera"]["dtype_numpy"] == "<u2"
    assert keys["camera-exposure"]["units"] == "ms"
    assert keys["camera-pixel_size"]["units"] == "µm"


def test_every_frame_is_an_array_of_its_own(camera):
    first, second = (snap(camera)["camera"]["value"] for _ in range(2))
    kept = first.copy()
    second[:] = 0
    assert np.array_equal(first, kept)


def test_the_exposure_lasts_as_long_as_it_says_and_blocks_nobody(camera):
    camera.exposure.set(200).wait(5)
    start = time.monotonic()
    status = camera.trigger()
    assert time.monotonic() - start < 0.1
    status.wait(5)
    assert 0.2 <= time.monotonic() - start < 1
    assert scalars(camera.read())["exposure"] == 200


def test_binning_shrinks_the_picture_and_grows_the_pixels(camera):
    camera.binning.set(4).wait(5)
    reading = snap(camera)
    assert reading["camera"]["value"].shape == (128, 128)
    assert scalars(reading)["binning"] == 4
    assert scalars(reading)["pixel_size"] == 4.0
    camera.binning.set("2").wait(5)  # as a form may give it
    assert snap(camera)["camera"]["value"].shape == (256, 256)


def test_a_region_is_counted_in_sensor_pixels_with_binning_too(camera):
    for side, pixels in (("width", 200), ("height", 100), ("x", 40), ("y", 60)):
        getattr(camera, f"roi_{side}").set(pixels).wait(5)
    for binning in (1, 2):
        camera.binning.set(binning).wait(5)
        reading = snap(camera)
        assert reading["camera"]["value"].shape == (100 // binning, 200 // binning)
        assert (scalars(reading)["roi_x"], scalars(reading)["roi_y"]) == (40, 60)
    camera.roi_x.set(100).wait(5)
    assert asyncio.run(camera.roi_x.read())["camera-roi_x"]["value"] == 100


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("exposure", 12000, "Exposure 12000 ms is above the camera's 10000 ms."),
        ("exposure", -1, "Exposure -1 ms is below the camera's 0 ms."),
        ("exposure", "long", "Exposure must be a number, not 'long'."),
        ("exposure", True, "Exposure must be a number, not True."),
        ("exposure", float("nan"), "Exposure must be a number, not nan."),
        ("gain", 9, "Gain 9 is above the camera's 8."),
        ("binning", 3, "Binning 3 is not one of the camera's 1, 2, 4 or 8."),
        ("roi_width", 600, "ROI width 600 px is above the camera's 512 px."),
        ("roi_x", 1, "ROI x 1 px is above the camera's 0 px."),
        ("roi_height", 1.5, "ROI height must be a whole number, not 1.5."),
    ],
)
def test_an_unfit_value_is_refused_in_plain_words_and_changes_nothing(
    camera, setting, value, message
):
    before = scalars(snap(camera))
    error = getattr(camera, setting).set(value).exception(5)
    assert isinstance(error, ValueError)
    assert str(error) == message
    assert scalars(snap(camera)) == before


def test_settings_say_what_they_take(camera):
    key = asyncio.run(camera.exposure.describe())["camera-exposure"]
    assert key["limits"] == {"control": {"low": 0.0, "high": 10000.0}}
    assert asyncio.run(camera.binning.describe())["camera-binning"]["choices"] == list("1248")
    assert asyncio.run(camera.gain.describe())["camera-gain"]["dtype"] == "integer"
    camera.gain.set(3).wait(5)
    assert asyncio.run(camera.gain.locate()) == {"setpoint": 3, "readback": 3}


@pytest.mark.parametrize("kind", GREY)
def test_grey_pixels_of_every_type(kind, tmp_path):
    microscope = mmcore.microscope(with_pixel_type(kind, tmp_path))
    try:
        camera = microscope.devices[0]
        image = snap(camera)["camera"]["value"]
        assert image.dtype == GREY[kind]
        assert asyncio.run(camera.describe())["camera"]["dtype_numpy"] == image.dtype.str
        assert image.max() > image.min()
        assert image.max() < 70000  # the floats are floats
    finally:
        microscope.close()


@pytest.mark.parametrize(("kind", "dtype"), [("32bitRGB", np.uint8), ("64bitRGB", np.uint16)])
def test_colour_frames_are_red_green_blue(kind, dtype, tmp_path):
    path = with_pixel_type(kind, tmp_path)
    path.write_text(path.read_text() + "\nProperty,Camera,Mode,Color Test Pattern\n")
    microscope = mmcore.microscope(path)
    try:
        camera = microscope.devices[0]
        image = snap(camera)["camera"]["value"]
        key = asyncio.run(camera.describe())["camera"]
        assert (key["shape"], key["dtype_numpy"]) == ([512, 512, 3], np.dtype(dtype).str)
        assert (image.shape, image.dtype) == ((512, 512, 3), dtype)
        bright = image[10, 250].max()
        assert bright > 0
        if kind == "64bitRGB":  # for which the adapter has no pattern
            assert image[10, 250].all()
            return
        np.testing.assert_array_equal(image[10, 250], [0, 0, bright])
        np.testing.assert_array_equal(image[130, 250], [bright, 0, 0])
        np.testing.assert_array_equal(image[500, 250], [bright] * 3)
    finally:
        microscope.close()


def test_reading_before_the_first_frame_says_what_to_do(camera):
    with pytest.raises(RuntimeError, match="trigger it first"):
        camera.read()


def test_without_pixel_sizes_in_the_configuration_none_is_made_up(tmp_path):
    lines = mmcore_demo().splitlines()
    path = tmp_path / "no_pixel_size.cfg"
    path.write_text("\n".join(line for line in lines if "PixelSize" not in line))
    microscope = mmcore.microscope(path)
    try:
        camera = microscope.devices[0]
        assert "camera-pixel_size" not in snap(camera)
        assert "camera-pixel_size" not in asyncio.run(camera.describe())
    finally:
        microscope.close()


def test_an_objective_without_pixel_size_is_taken_as_one_micrometre(tmp_path, caplog):
    path = tmp_path / "other_objective.cfg"
    path.write_text(
        mmcore_demo().replace(
            "Objective,Label,Nikon 10X S Fluor\n", "Objective,Label,Objective-5\n", 1
        )
    )
    microscope = mmcore.microscope(path)
    try:
        camera = microscope.devices[0]
        camera.binning.set(2).wait(5)
        for _ in range(2):
            assert scalars(snap(camera))["pixel_size"] == 2.0
        warnings = [r for r in caplog.records if "Add a pixel size preset" in r.message]
        assert len(warnings) == 1
    finally:
        microscope.close()


def test_a_failed_snap_tells_why_and_the_next_one_works(monkeypatch):
    mishaps = [RuntimeError('Error in device "Camera": the cable is loose (37)')]

    class Core(CMMCore):
        def snapImage(self):
            if mishaps:
                raise mishaps.pop()
            super().snapImage()

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    microscope = mmcore.microscope()
    camera = microscope.devices[0]
    with pytest.raises(RuntimeError, match=r"camera took no frame.*the cable is loose"):
        camera.trigger().wait(5)
    assert snap(camera)["camera"]["value"].shape == (512, 512)
    microscope.close()


@pytest.fixture
def hung_camera(monkeypatch):
    """A camera whose first snap does not come back before `release` is set."""
    monkeypatch.setattr("napari_skylight.devices.mmcore._thread.PATIENCE_SECONDS", 0.2)
    release = threading.Event()
    hanging = threading.Event()

    class Core(CMMCore):
        def snapImage(self):
            if not hanging.is_set():
                hanging.set()
                assert release.wait(30)
            super().snapImage()

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    microscope = mmcore.microscope()
    status = microscope.devices[0].trigger()
    assert hanging.wait(5)
    yield microscope, status, release
    release.set()
    microscope.close()


def test_a_hung_snap_fails_in_time_and_the_next_one_works(hung_camera):
    microscope, status, release = hung_camera
    camera, *_, light = microscope.devices
    with pytest.raises(StatusTimeoutError, match=r"Taking a frame with the camera .* within"):
        status.wait(5)
    light.set(True).wait(0.2)  # the light does not wait for the camera
    light.set(False).wait(0.2)
    skipped = camera.trigger()
    with pytest.raises(StatusTimeoutError):
        skipped.wait(5)
    release.set()
    assert snap(camera)["camera"]["value"].shape == (512, 512)


def test_a_microscope_with_a_hung_camera_closes_all_the_same(hung_camera, caplog):
    microscope, _, release = hung_camera
    start = time.monotonic()
    microscope.close()
    assert time.monotonic() - start < 3
    assert "Micro-Manager is still busy" in caplog.text
    release.set()
    wait_until(lambda: "skylight-mmcore-camera" not in [t.name for t in threading.enumerate()])


def test_frames_and_settings_in_valid_documents(camera):
    documents = Documents()

    def plan():
        yield from bps.mv(camera.exposure, 5)
        yield from bp.count([camera, camera.roi_width], num=3)

    with RunEngine() as engine:
        engine(plan(), documents).result(timeout=20)
    events = documents.events("primary")
    assert [event["data"]["camera"].shape for event in events] == [(512, 512)] * 3
    assert {event["data"]["camera-exposure"] for event in events} == {5.0}
    assert documents.named("stop")[0]["exit_status"] == "success"


def test_a_plan_learns_why_a_setting_was_refused(camera):
    def plan():
        yield from bps.mv(camera.exposure, 12000)

    with RunEngine() as engine:
        error = engine(plan()).exception(timeout=20)
    assert "Exposure 12000 ms is above the camera's 10000 ms." in str(error.__cause__)
