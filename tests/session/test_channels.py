"""The live view of several channels: each frame is of the channel it is shown and kept as."""

import asyncio
import threading
import time

import numpy as np
import pytest

from napari_skylight.devices import mmcore, sim
from napari_skylight.engine import Status
from napari_skylight.plans import _acquisition
from napari_skylight.protocols import HasChannels
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeLight, FakeStreamingCamera, wait_until

COLOURS = ("blue", "green", "red")
BETWEEN = 99


class Wheel:
    """A filter wheel that takes a moment to turn; nothing is in the way of the light meanwhile."""

    parent = None

    def __init__(self, name):
        self.name = name
        self.place = 0  # of COLOURS
        self.gate = threading.Event()
        self.gate.set()
        self.history = []

    async def set_place(self, place):
        self.place = BETWEEN
        await asyncio.sleep(0.002)
        await asyncio.to_thread(self.gate.wait, 5)
        self.place = place
        self.history.append(COLOURS[place])

    def set(self, value):
        status = Status()
        if value not in COLOURS:
            status.set_exception(ValueError(f"There is no {value}."))
            return status
        task = asyncio.ensure_future(self.set_place(COLOURS.index(value)))
        task.add_done_callback(lambda _: status.set_finished())
        return status

    def read(self):
        where = COLOURS[self.place] if self.place != BETWEEN else "between"
        return {self.name: {"value": where, "timestamp": time.time()}}

    def describe(self):
        key = {"source": "", "dtype": "string", "shape": [], "choices": list(COLOURS)}
        return {self.name: key}


class WheelLight(FakeLight):
    """A light with a filter wheel."""

    def __init__(self, name="light"):
        super().__init__(name)
        self.channel = Wheel(f"{name}-channel")

    def children(self):
        yield "channel", self.channel


@pytest.fixture
def light(session):
    light = WheelLight()
    session.add_device(light).result(timeout=5)
    return light


def add_camera(session, light, camera):
    """Add a camera whose every pixel says which channel the light is in."""
    camera.transform = lambda frame: np.full_like(frame, light.channel.place)
    session.add_device(camera).result(timeout=5)
    return camera


@pytest.fixture
def camera(session, light):
    return add_camera(session, light, FakeCamera(seconds=0.002))


def live(session, camera, channel):
    return session.caches.live(camera, channel)


def stack(session, camera, channel):
    return session.caches.stack(camera, channel=channel)


def counts(session, camera, channels=COLOURS):
    return [live(session, camera, each).counts.stashed for each in channels]


def start(session, camera, channels=COLOURS, **values):
    before = min(counts(session, camera, channels))
    session.start("live_view", {"channels": channels, **values})
    wait_until(lambda: min(counts(session, camera, channels)) > before + 1)


def assert_true(cache, channel):
    """Check that every frame in `cache` is of `channel`, by its pixels and by what it says."""
    taken = cache.reader().take("camera")
    assert len(taken.frames) > 0
    assert (taken.data == COLOURS.index(channel)).all()
    assert {frame.metadata["light-channel"] for frame in taken.frames} == {channel}


def test_a_light_with_channels_is_told(light):
    assert isinstance(light, HasChannels)
    assert isinstance(sim.Light(), HasChannels)
    assert not isinstance(FakeLight(), HasChannels)


def test_each_channel_has_its_own_live_picture(session, camera, light, documents):
    start(session, camera)
    assert light.on
    session.stop().result(timeout=5)
    for channel in COLOURS:
        assert_true(live(session, camera, channel), channel)
    assert max(counts(session, camera)) - min(counts(session, camera)) <= 1
    assert live(session, camera, "").counts.acquired == 0
    assert not light.on
    assert documents.named("start")[0]["channels"] == list(COLOURS)
    assert documents.events("snapshots") == []


@pytest.mark.parametrize("before", COLOURS)
@pytest.mark.parametrize("way", ["stop", "abort"])
def test_the_channel_set_before_comes_back(session, camera, light, before, way):
    light.channel.place = COLOURS.index(before)
    start(session, camera, channels=["red", "blue"])
    getattr(session, way)().result(timeout=5)
    assert light.channel.history[-1] == before
    assert set(light.channel.history[:-1]) == {"red", "blue"}


def test_a_snapshot_is_a_frame_of_each_channel_of_each_camera_in_order(
    session, camera, light, documents
):
    other = add_camera(session, light, FakeCamera("other", shape=(8, 9), seconds=0.001))
    start(session, camera, cameras=["camera", "other"])
    session.request("snapshot")
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 6)
    session.stop().result(timeout=5)
    data = [event["data"] for event in documents.events("snapshots")]
    assert [each["light-channel"] for each in data] == [*COLOURS, *COLOURS]
    for name in ("camera", "other"):
        assert [each[name][0, 0] for each in data] == [0, 1, 2, 0, 1, 2]
    for channel in COLOURS:
        assert_true(stack(session, camera, channel), channel)
        assert stack(session, camera, channel).counts.kept == 2
        assert stack(session, other, channel).counts.kept == 2


def test_stash_keeps_every_frame_by_its_channel(session, camera, light, documents):
    start(session, camera)
    session.request("stash", True)
    wait_until(lambda: min(stack(session, camera, each).counts.kept for each in COLOURS) > 3)
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 3)
    shown = counts(session, camera)
    wait_until(lambda: min(counts(session, camera)) > max(shown) + 2)
    session.request("stash", False)
    wait_until(lambda: not session.actions["stash"].state.on)
    kept = [stack(session, camera, each).counts.kept for each in COLOURS]
    assert max(kept) - min(kept) <= 1
    settled = counts(session, camera)
    wait_until(lambda: min(counts(session, camera)) > max(settled) + 2)
    session.request("clear")
    wait_until(lambda: stack(session, camera, "red").counts.kept == 0)
    assert stack(session, camera, "red").counts.stashed == kept[2]


def test_a_stash_is_of_the_channels_frames_alone(session, camera, light):
    start(session, camera)
    session.request("stash", True)
    wait_until(lambda: min(stack(session, camera, each).counts.kept for each in COLOURS) > 3)
    session.stop().result(timeout=5)
    for channel in COLOURS:
        assert_true(stack(session, camera, channel), channel)


def test_pauses_in_the_middle_of_it(session, camera, light, documents):
    start(session, camera)
    session.request("stash", True)
    for turn in range(8):
        before = counts(session, camera)
        enough = sum(before) + turn
        wait_until(lambda enough=enough: sum(counts(session, camera)) > enough)
        if turn % 2:
            session.request("snapshot")
        session.pause()
        wait_until(lambda: session.state is SessionState.PAUSED)
        assert not light.on
        session.resume()
        wait_until(lambda: session.state is SessionState.RUNNING)
    wait_until(lambda: len(documents.events("snapshots")) == 12)
    session.stop().result(timeout=5)
    for channel in COLOURS:
        assert_true(stack(session, camera, channel), channel)
    channels = [event["data"]["light-channel"] for event in documents.events("snapshots")]
    assert channels == [*COLOURS] * 4


def test_a_click_is_answered_after_the_exposure_under_way(session, camera, light):
    start(session, camera)
    shown = []  # by the time of each event
    session.engine.subscribe(lambda *_: shown.append(sum(counts(session, camera))), "event")
    light.channel.gate.clear()
    before = sum(counts(session, camera))
    session.request("snapshot")
    light.channel.gate.set()
    wait_until(lambda: len(shown) == 3)
    assert shown[-1] - before <= 3


def test_cameras_do_not_stream_meanwhile(session, light):
    camera = add_camera(session, light, FakeStreamingCamera())
    start(session, camera)
    assert not camera.streaming
    session.stop().result(timeout=5)
    session.start("live_view", {"channels": ["green"]})
    wait_until(lambda: camera.streaming)
    assert light.channel.history[-1] == "green"


def test_one_channel_is_set_and_the_rest_is_as_without(session, camera, light):
    light.channel.place = COLOURS.index("red")
    session.start("live_view", {"channels": ["green"]})
    wait_until(lambda: live(session, camera, "").counts.stashed > 3)
    session.stop().result(timeout=5)
    assert_true(live(session, camera, ""), "green")
    assert light.channel.history == ["green", "red"]


def test_without_channels_the_light_keeps_its_own_and_frames_say_which(session, camera, light):
    session.start("live_view")
    wait_until(lambda: live(session, camera, "").counts.stashed > 3)
    session.stop().result(timeout=5)
    assert_true(live(session, camera, ""), "blue")
    assert light.channel.history == []


@pytest.mark.parametrize("channels", [["green"], ["green", "red"]], ids=["one", "two"])
def test_a_channel_that_does_not_come_ends_the_run_with_the_light_off(
    session, camera, light, monkeypatch, channels
):
    monkeypatch.setattr(_acquisition, "CHANNEL_SECONDS", 0.3)
    light.channel.set = lambda _: Status()
    session.start("live_view", {"channels": channels})
    wait_until(lambda: session.state is SessionState.FAILED)
    assert "light did not go to blue within 0.3 s" in session.problem
    assert not light.on


def test_a_stop_ends_though_the_channel_does_not_come_back(session, camera, light, monkeypatch):
    start(session, camera)
    monkeypatch.setattr(_acquisition, "CHANNEL_SECONDS", 0.3)
    light.channel.set = lambda _: Status()
    session.stop().result(timeout=5)
    assert not light.on
    wait_until(lambda: session.state is SessionState.FAILED)


def test_channels_without_their_light_are_refused_in_words(session, camera, light):
    session.start("live_view", {"channels": ["red"], "light": None})
    wait_until(lambda: session.state is SessionState.FAILED)
    assert "choose a Light" in session.problem
    session.add_device(FakeLight("lamp")).result(timeout=5)
    session.start("live_view", {"channels": ["red"], "light": "lamp"})
    wait_until(lambda: "lamp has no channels: leave Channels unticked." in session.problem)
    wait_until(lambda: session.state is SessionState.FAILED)


def test_snap_takes_a_frame_of_each_channel(session, camera, light, documents):
    session.start("snap", {"channels": ["green", "red"], "frames": 2}).result(timeout=10)
    data = [event["data"] for event in documents.events("primary")]
    assert [each["light-channel"] for each in data] == ["green", "red"] * 2
    assert [each["camera"][0, 0] for each in data] == [1, 2] * 2
    assert_true(stack(session, camera, "green"), "green")
    assert stack(session, camera, "red").counts.kept == 2
    assert light.channel.history[-1] == "blue"


@pytest.mark.parametrize("kind", ["simulated", "Micro-Manager"])
def test_on_whole_microscopes(session, documents, kind):
    factory = mmcore.microscope if kind == "Micro-Manager" else sim.microscope
    session.open_microscope(factory).result(timeout=30)
    offered = next(p for p in session.spec("live_view").parameters if p.name == "channels").choices
    assert len(offered) >= 4
    channels = [offered[1], offered[0]]
    session.set("camera.exposure", 2.0).result(timeout=5)
    session.set("light.channel", offered[2]).result(timeout=5)
    camera = session.devices["camera"]
    start(session, camera, channels=channels)
    session.request("stash", True)
    wait_until(lambda: min(stack(session, camera, each).counts.kept for each in channels) > 1)
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 2)
    session.stop().result(timeout=10)
    read = [event["data"]["light-channel"] for event in documents.events("snapshots")]
    assert read == channels
    for channel in channels:
        frames = stack(session, camera, channel).reader().take("camera").frames
        said = [frame.metadata["light-channel"] for frame in frames]
        assert said == [channel] * len(frames)
        assert type(said[0]) is str
    light = session.devices["light"]
    read = asyncio.run_coroutine_threadsafe(light.channel.read(), session.engine.loop)
    assert read.result(timeout=5)["light-channel"]["value"] == offered[2]
