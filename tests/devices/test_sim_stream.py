"""The simulated camera running free."""

import threading
import time

import numpy as np
import pytest

from napari_skylight import Session
from napari_skylight.devices.sim import microscope
from napari_skylight.protocols import StreamingCamera
from napari_skylight.session import SessionState
from napari_skylight.testing import Documents, wait_until

THREAD = "skylight-sim-camera-stream"


@pytest.fixture
def session():
    with Session() as session:
        session.open_microscope(lambda: microscope(sensor=(128, 160))).result(timeout=20)
        session.set("camera.exposure", 2.0).result(timeout=5)
        session.start("snap").result(timeout=20)  # the cells are drawn with the first frame
        session.clear_stacks()
        yield session


def live(session):
    return session.caches.live(session.devices["camera"])


def stack(session):
    return session.caches.stack(session.devices["camera"])


def start(session, **values):
    before = live(session).counts.stashed
    session.start("live_view", values)
    wait_until(lambda: live(session).counts.stashed > before + 5)


def frames(cache):
    return cache.reader().take("camera")


def has_thread():
    return any(thread.name == THREAD for thread in threading.enumerate())


def test_it_is_a_streaming_camera(session):
    assert isinstance(session.devices["camera"], StreamingCamera)


def test_it_makes_frames_at_its_own_rate(session):
    start(session)
    assert has_thread()
    session.request("stash")
    wait_until(lambda: stack(session).counts.stashed >= 500)
    session.stop().result(timeout=5)
    kept = frames(stack(session))
    assert kept.frames[-1].metadata["camera-dropped"] == 0
    first, last = kept.frames[0], kept.frames[-1]
    rate = (last.number - first.number) / (last.timestamp - first.timestamp)
    assert 400 < rate < 600
    assert kept.data.dtype == np.uint16
    assert np.any(kept.data[0] != kept.data[1])


def test_the_chip_bounds_the_rate(session):
    session.set("camera.exposure", 0.1).result(timeout=5)
    start(session)
    seen, began = live(session).counts.stashed, time.monotonic()
    wait_until(lambda: live(session).counts.stashed > seen + 400)
    assert 400 / (time.monotonic() - began) < 1 / (128 * 3.9e-6) * 1.2


def test_a_frame_shows_what_a_single_one_does(session):
    session.start("snap", {"light": "light"}).result(timeout=10)
    single = frames(stack(session)).data[0].astype(float)
    start(session, light="light")
    session.stop().result(timeout=5)
    free = frames(live(session)).data.astype(float)
    assert np.corrcoef(single.ravel(), free.ravel())[0, 1] > 0.5
    assert free.mean() == pytest.approx(single.mean(), rel=0.02)


def test_settings_hold_for_the_frames_begun_after_them(session):
    start(session, light="light")
    session.request("stash")
    for exposure in (8.0, 3.0):
        count = stack(session).counts.stashed
        wait_until(lambda count=count: stack(session).counts.stashed > count + 20)
        session.set("camera.exposure", exposure).result(timeout=5)
    count = stack(session).counts.stashed
    wait_until(lambda: stack(session).counts.stashed > count + 20)
    session.stop().result(timeout=5)
    kept = frames(stack(session))
    exposures = np.array([frame.metadata["camera-exposure"] for frame in kept.frames])
    assert list(dict.fromkeys(exposures)) == [2.0, 8.0, 3.0]
    light = [kept.data[exposures == each].mean() - 100 for each in (2.0, 8.0, 3.0)]
    assert light[1] / light[0] == pytest.approx(4.0, rel=0.1)
    assert light[2] / light[0] == pytest.approx(1.5, rel=0.1)


def test_shape_and_type_can_change_while_it_runs(session):
    start(session)
    session.set("camera.binning", 2).result(timeout=5)
    wait_until(lambda: frames(live(session)).data.shape == (64, 80))
    assert frames(live(session)).frame.metadata["camera-binning"] == 2
    session.set("camera.roi_width", 64).result(timeout=5)
    wait_until(lambda: frames(live(session)).data.shape == (64, 32))
    session.set("camera.bit_depth", 8).result(timeout=5)
    wait_until(lambda: frames(live(session)).data.dtype == np.uint8)
    assert session.state is SessionState.RUNNING


def test_a_pause_holds_it_and_a_long_exposure_does_not_hold_the_pause(session):
    start(session)
    session.set("camera.exposure", 10_000.0).result(timeout=5)
    began = time.monotonic()
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    assert time.monotonic() - began < 2
    assert not has_thread()
    session.set("camera.exposure", 2.0).result(timeout=5)
    seen = live(session).counts.stashed
    session.resume()
    wait_until(lambda: live(session).counts.stashed > seen + 5)


@pytest.mark.parametrize("way", ["stop", "halt", "close"])
def test_its_thread_ends(session, way):
    start(session)
    ended = getattr(session, way)()
    if ended is not None:
        ended.exception(timeout=5)
    wait_until(lambda: not has_thread())


def test_snapshots_are_events_with_valid_documents(session):
    documents = Documents()
    session.engine.subscribe(documents)
    start(session)
    for count in (1, 2):
        session.request("snapshot")
        wait_until(lambda count=count: len(documents.events("snapshots")) == count)
    session.stop().result(timeout=5)
    (descriptor,) = documents.named("descriptor")
    first, second = documents.events("snapshots")
    assert set(first["data"]) == set(descriptor["data_keys"])
    assert first["data"]["camera"].shape == (128, 160)
    assert first["timestamps"]["camera"] < second["timestamps"]["camera"]
    assert documents.named("stop")[0]["exit_status"] == "success"


@pytest.mark.slow
def test_two_thousand_frames_of_512_at_500_a_second():
    with Session() as session:
        session.open_microscope(lambda: microscope(sensor=(512, 512))).result(timeout=20)
        session.set("camera.exposure", 2.0).result(timeout=5)
        session.start("snap").result(timeout=20)
        start(session)
        session.request("stash")
        wait_until(lambda: stack(session).counts.stashed >= 2000, timeout=30)
        session.stop().result(timeout=5)
        kept = frames(stack(session)).frames
        assert kept[-1].metadata["camera-dropped"] == 0
        assert kept[1999].timestamp - kept[1].timestamp < 4.4
