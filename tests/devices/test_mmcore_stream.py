"""Micro-Manager's camera running free, over the real core and its DemoCamera."""

import threading
from itertools import pairwise

import numpy as np
import pytest
from pymmcore import CMMCore

from napari_skylight import Session
from napari_skylight.devices import mmcore
from napari_skylight.protocols import StreamingCamera
from napari_skylight.session import SessionState
from napari_skylight.testing import wait_until


class Watched(CMMCore):
    """A core that notes the number it put on each frame it handed out, by sequence."""

    def __init__(self):
        super().__init__()
        self.popped = []
        self.hold = threading.Event()
        self.hold.set()
        self.pretend_ended = False

    def startContinuousSequenceAcquisition(self, interval):
        self.popped.append([])
        super().startContinuousSequenceAcquisition(interval)

    def popNextImageMD(self, tags):
        assert self.hold.wait(10)
        image = super().popNextImageMD(tags)
        self.popped[-1].append(int(tags.GetSingleTag("ImageNumber").GetValue()))
        return image

    def isSequenceRunning(self):
        return super().isSequenceRunning() and not self.pretend_ended


@pytest.fixture
def cores(monkeypatch):
    made = []

    class Core(Watched):
        def __init__(self):
            super().__init__()
            made.append(self)

    monkeypatch.setattr("pymmcore.CMMCore", Core)
    return made


@pytest.fixture
def session(cores):
    with Session() as session:
        session.open_microscope(mmcore.microscope).result(timeout=20)
        session.set("camera.exposure", 5.0).result(timeout=5)
        yield session


@pytest.fixture
def core(session, cores):
    return cores[-1]  # the one before has checked the configuration


def live(session):
    return session.caches.live(session.devices["camera"])


def stack(session):
    return session.caches.stack(session.devices["camera"])


def start(session):
    before = live(session).counts.stashed
    session.start("live_view")
    wait_until(lambda: live(session).counts.stashed > before + 5)


def frames(cache):
    return cache.reader().take("camera")


def is_unbroken(numbers):
    return numbers == list(range(len(numbers)))


def test_it_is_a_streaming_camera(session):
    assert isinstance(session.devices["camera"], StreamingCamera)


@pytest.mark.parametrize("fast", [False, True])
def test_every_frame_the_core_made_is_drained(session, core, fast):
    if fast:  # no new picture for each frame: as fast as the core can
        session.start("snap").result(timeout=10)
        core.setProperty("Camera", "FastImage", "1")
        session.set("camera.exposure", 1.0).result(timeout=5)
        session.clear_stacks()
    start(session)
    count = stack(session).counts.stashed
    session.request("stash")
    wait_until(lambda: stack(session).counts.stashed >= count + 300)
    session.stop().result(timeout=5)
    (numbers,) = core.popped
    assert is_unbroken(numbers)
    assert len(numbers) == live(session).counts.stashed
    assert core.getRemainingImageCount() == 0
    assert not core.isSequenceRunning()
    kept = frames(stack(session))
    assert kept.data.dtype == np.uint16
    assert kept.frames[-1].metadata["camera-dropped"] == 0
    times = [frame.timestamp for frame in kept.frames]
    assert times == sorted(times)


def test_settings_are_applied_between_frames(session, core):
    start(session)
    session.request("stash")
    wait_until(lambda: stack(session).counts.stashed > 5)
    for exposure in (2.0, 8.0, 3.0):
        session.set("camera.exposure", exposure).result(timeout=5)
        count = stack(session).counts.stashed
        wait_until(lambda count=count: stack(session).counts.stashed > count + 5)
    session.request("stash", False)
    wait_until(lambda: not session.actions["stash"].state.on)
    session.set("camera.binning", 2).result(timeout=5)
    wait_until(lambda: frames(live(session)).data.shape == (256, 256))
    newest = frames(live(session)).frame
    assert newest.metadata["camera-pixel_size"] == 2.0
    assert session.state is SessionState.RUNNING
    session.stop().result(timeout=5)
    exposures = [frame.metadata["camera-exposure"] for frame in frames(stack(session)).frames]
    changes = [new for old, new in pairwise(exposures) if new != old]
    assert changes == [2.0, 8.0, 3.0]
    assert len(core.popped) == 5
    assert all(is_unbroken(numbers) for numbers in core.popped)
    assert sum(map(len, core.popped)) == live(session).counts.stashed


def test_an_unfit_setting_leaves_the_stream_running(session, core):
    start(session)
    with pytest.raises(ValueError, match="above the camera's"):
        session.set("camera.exposure", 1e9).result(timeout=5)
    seen = live(session).counts.stashed
    wait_until(lambda: live(session).counts.stashed > seen + 5)
    assert len(core.popped) == 1


def test_pauses_lose_nothing(session, core):
    start(session)
    for _ in range(3):
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
        assert not core.isSequenceRunning()
        seen = live(session).counts.stashed
        session.resume()
        wait_until(lambda seen=seen: live(session).counts.stashed > seen + 5)
    session.stop().result(timeout=5)
    assert len(core.popped) == 4
    assert all(is_unbroken(numbers) for numbers in core.popped)
    assert sum(map(len, core.popped)) == live(session).counts.stashed


@pytest.mark.parametrize("way", ["stop", "abort", "halt"])
@pytest.mark.parametrize("paused", [False, True])
def test_the_sequence_ends_on_every_way_out(session, core, way, paused):
    start(session)
    if paused:
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
    getattr(session, way)().result(timeout=5)
    wait_until(lambda: not core.isSequenceRunning())
    session.start("snap").result(timeout=10)
    assert stack(session).counts.stashed == 1
    start(session)


def test_close_ends_the_sequence(session, core):
    start(session)
    session.close()
    assert not core.isSequenceRunning()


def test_a_snapshot_is_one_frame(session, core):
    start(session)
    session.request("snapshot")
    wait_until(lambda: stack(session).counts.stashed == 1)
    assert frames(stack(session)).data.shape == (1, 512, 512)


def test_an_overflow_of_the_cores_buffer_is_counted(session, core, caplog):
    core.setCircularBufferMemoryFootprint(5)
    start(session)
    core.hold.clear()
    counts = [0]

    def has_overflowed():
        counts.append(core.getRemainingImageCount())
        return counts[-1] < max(counts)

    wait_until(has_overflowed)
    core.hold.set()
    wait_until(lambda: frames(live(session)).frame.metadata["camera-dropped"] > 0)
    session.stop().result(timeout=5)
    (numbers,) = core.popped
    lost = numbers[-1] + 1 - len(numbers)
    assert lost > 0
    assert frames(live(session)).frame.metadata["camera-dropped"] == lost
    assert "Frames of the camera were lost" in caplog.text


def test_a_camera_that_stops_by_itself_fails_the_run(session, core):
    start(session)
    core.pretend_ended = True
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == "The camera stopped taking frames by itself."
    wait_until(lambda: not super(Watched, core).isSequenceRunning())


def test_a_camera_that_does_not_start_fails_the_run(session, core, monkeypatch):
    def refuse(_interval):
        raise RuntimeError("the cable is loose")

    monkeypatch.setattr(core, "startContinuousSequenceAcquisition", refuse)
    session.start("live_view")
    wait_until(lambda: session.state is SessionState.FAILED)
    assert "did not start. Micro-Manager says: the cable is loose" in session.problem
    monkeypatch.undo()


@pytest.mark.parametrize("stream", [True, False], ids=["free", "asked for"])
def test_a_colour_camera(stream, session, core, tmp_path):
    core.setProperty("Camera", "PixelType", "32bitRGB")
    session.start("live_view", {"stream": stream})
    wait_until(lambda: live(session).counts.stashed > 5)
    session.request("stash", True)
    session.request("snapshot")
    wait_until(lambda: stack(session).counts.kept > 5)
    session.stop().result(timeout=5)
    assert session.state is SessionState.IDLE
    newest = live(session).reader().take("camera").data
    assert (newest.shape, newest.dtype) == ((512, 512, 3), np.uint8)
    kept = stack(session).reader().take("camera")
    assert kept.data.shape == (stack(session).counts.kept, 512, 512, 3)
    times = [frame.timestamp for frame in kept.frames]
    assert len(set(times)) >= len(times) - 1  # each its own; the snapshot may be there twice
