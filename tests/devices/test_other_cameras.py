"""Cameras that know nothing of napari-skylight: ophyd's and ophyd-async's simulated ones.

A camera is a protocol and a 2-D reading, nothing else: the built-in plans run on these unchanged.
"""

import asyncio
import logging
import threading

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from ophyd.sim import DirectImage, SynSignal
from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
from ophyd_async.sim import PatternGenerator, SimBlobDetector

from napari_skylight import Session
from napari_skylight.devices import adapters, mmcore
from napari_skylight.devices.adapters import FileCamera, Luminance
from napari_skylight.frames import FileNotReadyError, read_newest
from napari_skylight.protocols import Camera, HasExposure, StreamingCamera
from napari_skylight.testing import Documents, FakeCamera, FakeStreamingCamera, wait_until

RAMP = np.arange(80.0).reshape(8, 10)


@pytest.fixture
def session():
    with Session() as session:
        yield session


@pytest.fixture
def pattern():
    return PatternGenerator()


@pytest.fixture
def detector(tmp_path, pattern):
    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    return SimBlobDetector(provider, pattern, name="blob")


@pytest.fixture
def cameras(detector):
    """Every kind of camera by name, not connected yet."""
    direct = DirectImage(func=RAMP.copy, name="direct")
    direct.trigger().wait(5)  # until its first frame it describes itself as one number
    microscope = mmcore.microscope()
    yield {
        "ophyd signal": SynSignal(func=RAMP.copy, name="ramp"),
        "ophyd device": direct,
        "ophyd-async detector": FileCamera(detector),
        "Micro-Manager": microscope.devices[0],
    }
    microscope.close()


SHAPES = {
    "ophyd signal": (8, 10),
    "ophyd device": (8, 10),
    "ophyd-async detector": (240, 320),
    "Micro-Manager": (512, 512),
}
kinds = pytest.mark.parametrize("kind", SHAPES)


def call(session, awaitable):
    async def wait():
        return await awaitable

    return asyncio.run_coroutine_threadsafe(wait(), session.engine.loop).result(timeout=10)


def images(events):
    return [value for event in events for value in event["data"].values() if np.ndim(value) == 2]


@kinds
def test_it_is_a_camera_and_gives_a_2d_image_in_valid_documents(session, cameras, kind):
    camera = cameras[kind]
    assert isinstance(camera, Camera)
    session.add_device(camera).result(timeout=10)
    documents = Documents()
    session.engine(bp.count([camera], num=2), documents).result(timeout=20)
    shapes = [image.shape for image in images(documents.events("primary"))]
    if kind == "ophyd-async detector":  # its images are in files, two data keys of them
        assert shapes == []
        assert len(documents.named("stream_datum")) == 4
    else:
        assert shapes == [SHAPES[kind]] * 2
    assert documents.named("stop")[0]["exit_status"] == "success"


@kinds
def test_snap_and_live_view_run_on_it(session, cameras, kind):
    camera = cameras[kind]
    session.add_device(camera).result(timeout=10)
    session.start("snap", {"cameras": [camera.name], "frames": 2}).result(timeout=20)
    assert session.caches.stack(camera).counts.kept == 2
    run = session.start("live_view", {"cameras": [camera.name]})
    wait_until(lambda: session.caches.live(camera).counts.stashed >= 3)
    session.stop().result(timeout=10)
    wait_until(run.done)
    live = session.caches.live(camera)
    frames = [live.reader().take(key) for key in live.keys]
    assert [frame.data.shape for frame in frames] == [SHAPES[kind]]


def test_the_detector_itself_has_the_protocol_but_reads_no_image(session, detector):
    """Why `FileCamera` is needed: it neither describes itself unprepared nor reads any image."""
    assert isinstance(detector, Camera)
    call(session, detector.connect())
    with pytest.raises(RuntimeError, match="Prepare not run"):
        call(session, detector.describe())
    documents = Documents()
    session.engine(bp.count([detector]), documents).result(timeout=20)
    assert images(documents.events("primary")) == []
    assert documents.named("stream_datum")


def test_ophyds_device_is_no_image_before_its_first_frame():
    direct = DirectImage(func=RAMP.copy, name="direct")
    assert direct.describe()["direct_img"]["shape"] == []
    direct.trigger().wait(5)
    assert direct.describe()["direct_img"]["shape"] == [8, 10]


def test_a_file_camera_gives_the_newest_frame(session, detector, pattern):
    camera = FileCamera(detector)
    session.add_device(camera).result(timeout=10)
    sums = []

    def plan():
        yield from bps.stage(camera)
        for x in (0.0, 1.0, 2.0):
            pattern.set_x(x)
            yield from bps.trigger(camera, wait=True)
            reading = yield from bps.read(camera)
            image = reading["blob"]["value"]
            assert image.sum() == reading["blob-sum"]["value"]
            sums.append(int(image.sum()))
        yield from bps.unstage(camera)

    session.engine(plan()).result(timeout=20)
    assert len(set(sums)) == 3


def test_a_file_camera_says_what_its_files_hold(session, detector):
    camera = FileCamera(detector)
    session.add_device(camera).result(timeout=10)
    assert (camera.name, camera.hints) == ("blob", {"fields": ["blob"]})
    assert list(camera.children()) == list(detector.children())
    keys = call(session, camera.describe())
    assert keys["blob"]["shape"] == [1, 240, 320]
    assert {key["external"] for key in keys.values()} == {"STREAM:"}
    with pytest.raises(RuntimeError, match="trigger it first"):
        camera.read()


def test_a_file_camera_needs_no_staging(session, detector):
    camera = FileCamera(detector)
    session.add_device(camera).result(timeout=10)

    def plan():
        yield from bps.trigger(camera, wait=True)
        reading = yield from bps.read(camera)
        yield from bps.unstage(camera)
        return reading["blob"]["value"].shape

    assert session.engine(plan()).result(timeout=20).plan_result == (240, 320)


def test_a_file_cameras_thread_ends_with_the_run(session, detector):
    camera = FileCamera(detector)
    session.add_device(camera).result(timeout=10)
    session.engine(bp.count([camera])).result(timeout=20)
    wait_until(lambda: not any(t.name.startswith("skylight-files") for t in threading.enumerate()))


def test_a_file_camera_refuses_files_that_nothing_reads(session, tmp_path):
    class OtherDetector(SimBlobDetector):
        async def collect_asset_docs(self, index=None):
            async for kind, document in super().collect_asset_docs(index):
                yield kind, {**document, "mimetype": "image/mrc"}

    provider = StaticPathProvider(UUIDFilenameProvider(), tmp_path)
    camera = FileCamera(OtherDetector(provider, name="blob"))
    session.add_device(camera).result(timeout=10)
    error = session.engine(bp.count([camera])).exception(timeout=20)
    assert "nothing can read images of the type image/mrc" in str(error.__cause__)


def test_a_file_camera_waits_for_a_late_file(session, detector, monkeypatch):
    attempts = []

    def late(*args):
        attempts.append(args)
        if len(attempts) == 1:
            raise FileNotReadyError("it holds 0 of 1 images yet")
        return read_newest(*args)

    monkeypatch.setattr(adapters, "read_newest", late)
    session.add_device(detector).result(timeout=10)
    session.start("snap", {"cameras": ["blob"]}).result(timeout=20)
    assert session.caches.stack(detector).counts.kept == 1
    assert len(attempts) == 3  # of two data keys


COLOURS = np.zeros((8, 10, 3))
COLOURS[0], COLOURS[1, :, 0], COLOURS[2, :, 1], COLOURS[3, :, 2] = 1, 1, 1, 1


@pytest.mark.parametrize(
    ("dtype", "largest", "white", "red", "green", "blue"),
    [
        (np.uint8, 255, 255, 54, 182, 18),
        (np.uint16, 65535, 65535, 13933, 46871, 4732),
        (np.float32, 1.0, 1.0, 0.2126, 0.7152, 0.0722),
    ],
)
def test_a_plan_gets_the_luminance_of_a_colour_camera(
    session, caplog, dtype, largest, white, red, green, blue
):
    caplog.set_level(logging.INFO, "napari_skylight")
    colour = FakeCamera(shape=(8, 10, 3), dtype=dtype)
    colour.transform = lambda _frame: (COLOURS * largest).astype(dtype)
    documents = Documents()

    def plan():
        yield from bp.count([Luminance(colour)], num=2)

    session.engine(plan(), documents).result(timeout=10)
    for image in images(documents.events("primary")):
        assert (image.shape, image.dtype) == ((8, 10), dtype)
        np.testing.assert_allclose(image[:5, 0], [white, red, green, blue, 0], rtol=1e-6)
    assert len(images(documents.events("primary"))) == 2
    assert documents.events("primary")[0]["data"]["camera-pixel_size"] == 0.5
    lines = [each.message for each in caplog.records if "luminance" in each.message]
    assert lines == [f"camera gives colour: its luminance is used, 10 × 8 {np.dtype(dtype)}."]


def test_the_luminance_streams_and_is_shown_as_grey(session):
    colour = FakeStreamingCamera(shape=(16, 24, 3))
    camera = Luminance(colour)
    assert isinstance(camera, StreamingCamera)
    assert not isinstance(Luminance(FakeCamera()), StreamingCamera | HasExposure)
    session.add_device(camera).result(timeout=5)
    session.start("live_view")
    live = session.caches.live(camera)
    wait_until(lambda: colour.streaming and live.counts.stashed > 3)
    session.stop().result(timeout=5)
    taken = live.reader().take("camera")
    assert taken.data.shape == (16, 24)
    assert (taken.data == taken.frame.number).all()


def test_a_grey_camera_stays_as_it_is(session):
    camera = Luminance(FakeCamera())
    session.add_device(camera).result(timeout=5)
    session.start("snap").result(timeout=5)
    taken = session.caches.stack(camera).reader().take("camera")
    assert taken.data.shape == (1, 16, 24)
    assert (taken.data == 1).all()
