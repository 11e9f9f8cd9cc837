"""What is set while a live view runs holds for the frames taken with it, and for no other."""

import time
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from napari_skylight.devices import mmcore, sim
from napari_skylight.session import SessionState
from napari_skylight.testing import wait_until

KINDS = {
    "simulated": partial(sim.microscope, sensor=(256, 320), noise=False),
    "Micro-Manager": mmcore.microscope,
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["free", "asked for"])
def recorder(request, session, kind, record):
    """Record the frames of a live view of a whole microscope."""
    session.open_microscope(KINDS[kind]).result(timeout=30)
    session.set("camera.exposure", 4.0).result(timeout=5)
    recorder = record(session.caches.live(session.devices["camera"]))
    session.start("live_view", {"stream": request.param, "stage": "stage", "focus": "focus"})
    wait_until(lambda: len(recorder.frames) > 3)
    yield recorder
    assert session.state is SessionState.RUNNING
    session.stop().result(timeout=10)


def put(session, name, value):
    session.set(name, value).result(timeout=10)


def assert_same_settings_same_picture(frames):
    """Without noise, and with everything in its place, a frame is what its settings say."""
    first = {}
    for frame in frames:
        key = frame.data.shape, frame.data.dtype, *sorted(frame.metadata.items())
        same = first.setdefault(key, frame)
        assert np.array_equal(frame.data, same.data), "a frame of other settings than it says"


def test_exposure_and_gain(session, recorder, kind):
    for name, values in (("exposure", (8.0, 2.0, 6.0)), ("gain", (2, 4, 1))):
        for value in values:
            put(session, f"camera.{name}", value)
            wait_until(lambda name=name, value=value: recorder.last[name] == value)
            recorder.wait_for_frames()
        assert recorder.changes(name)[1:] == list(values)
    if kind == "simulated":
        assert_same_settings_same_picture(recorder.frames)
        brightness = {frame["exposure"]: frame.data.mean() for frame in recorder.frames}
        assert brightness[8.0] > brightness[6.0] > brightness[4.0]


def test_binning_and_the_part_of_the_sensor(session, recorder, kind):
    height, width = recorder.last.data.shape
    pixel_size = recorder.last["pixel_size"]
    narrow = width // 2
    for binning in (2, 4, 1):
        put(session, "camera.binning", binning)
        wait_until(lambda binning=binning: recorder.last["binning"] == binning)
        recorder.wait_for_frames()
    put(session, "camera.roi_width", narrow)
    wait_until(lambda: recorder.last.data.shape == (height, narrow))
    put(session, "camera.roi_x", 64)
    wait_until(lambda: recorder.last["roi_x"] == 64)
    put(session, "camera.binning", 2)
    wait_until(lambda: recorder.last["binning"] == 2)
    recorder.wait_for_frames()
    assert recorder.changes("binning") == [1, 2, 4, 1, 2]
    assert recorder.changes("roi_x") == [0, 64]
    for frame in recorder.frames:
        assert frame["pixel_size"] == pytest.approx(pixel_size * frame["binning"])
        whole = frame["roi_x"] == 0
        assert frame.sensor_pixels in [(height, narrow), *([(height, width)] if whole else [])]
    if kind == "simulated":
        assert_same_settings_same_picture(recorder.frames)


@pytest.mark.parametrize("kind", ["simulated"], indirect=True)  # DemoCamera's is no setting
def test_the_type_of_the_pixels(session, recorder):
    for bits in (8, 16):
        put(session, "camera.bit_depth", bits)
        recorder.wait_for_frames()
        assert recorder.last.data.dtype == (np.uint8 if bits == 8 else np.uint16)
    types = [frame.data.dtype for frame in recorder.frames]
    assert sum(old != new for old, new in pairwise(types)) == 2


def test_stage_focus_and_channel(session, recorder, kind):
    channels = next(p for p in session.spec("live_view").parameters if p.name == "channels").choices
    settled = []
    for x, focus, channel in ((12.0, 1.5, channels[2]), (-20.0, -0.5, channels[0])):
        put(session, "stage.x", x)
        put(session, "focus", focus)
        put(session, "light.channel", channel)
        recorder.wait_for_frames(5)  # one may have been on its way
        before = len(recorder.frames)
        recorder.wait_for_frames(10)
        for frame in recorder.frames[before:]:
            assert frame.metadata["stage-x"] == pytest.approx(x, abs=0.05)
            assert frame.metadata["focus"] == pytest.approx(focus, abs=0.05)
            assert frame.metadata["light-channel"] == channel
        settled += recorder.frames[before:]
    if kind == "simulated":
        assert not np.array_equal(settled[0].data, settled[-1].data)


@pytest.mark.parametrize("kind", ["simulated"], indirect=True)
def test_the_configuration_of_a_snapshot(session, recorder, documents):
    for count, velocity in enumerate((1000.0, 500.0, 250.0), start=1):
        put(session, "stage.x.velocity", velocity)
        recorder.wait_for_frames(100 if count > 1 else 1)  # at least 250 ms
        session.request("snapshot")
        wait_until(lambda count=count: len(documents.events("snapshots")) == count)
        uid = documents.events("snapshots")[-1]["descriptor"]
        (descriptor,) = (each for each in documents.named("descriptor") if each["uid"] == uid)
        assert descriptor["configuration"]["stage"]["data"]["stage-x-velocity"] == velocity


@pytest.mark.parametrize("kind", ["Micro-Manager"], indirect=True)
def test_what_another_client_of_the_core_changes(cores, session, recorder, documents):
    core = cores[-1]  # the one before has checked the configuration
    assert recorder.last["pixel_size"] == 1.0
    for objective, size in (
        ("Nikon 40X Plan Fluor ELWD", 0.25),
        ("Nikon 20X Plan Fluor ELWD", 0.5),
    ):
        core.setProperty("Objective", "Label", objective)
        changed = time.time()
        wait_until(lambda size=size: recorder.last["pixel_size"] == size)
        after = [frame for frame in recorder.frames if frame.time > changed]
        first = next(i for i, frame in enumerate(after) if frame["pixel_size"] == size)
        # by the camera's time stamps: 0.1 s, unless the machine is busy
        assert first < 2 or after[first].time - changed < 0.25
    session.request("snapshot")
    wait_until(lambda: documents.events("snapshots"))
    assert documents.events("snapshots")[0]["data"]["camera-pixel_size"] == 0.5
    core.setProperty("Camera", "Gain", 3)
    wait_until(lambda: recorder.last["gain"] == 3)
    assert recorder.changes("pixel_size") == [1.0, 0.25, 0.5]
