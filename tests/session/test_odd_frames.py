"""Frames as odd as cameras give them, from the camera through the plan into the caches."""

import asyncio

import numpy as np
import pytest

from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until

SHAPE = (6, 10)


def read_only(frame):
    frame.flags.writeable = False
    return frame


def with_holes(frame):
    frame = frame.astype(np.float64)
    frame[0, :3] = np.nan, np.inf, -np.inf
    return frame


ODD = {
    "big-endian": lambda frame: frame.astype(">u2"),
    "every second pixel": lambda frame: np.repeat(np.repeat(frame, 2, 0), 2, 1)[::2, ::-2],
    "on its side": lambda frame: np.full(SHAPE[::-1], frame[0, 0], frame.dtype).T,
    "read-only": read_only,
    "float64": lambda frame: frame / 1.0,
    "big-endian float": lambda frame: frame.astype(">f8"),
    "not a number": with_holes,
    "signed": lambda frame: -frame.astype(np.int32),
    "all zeros": np.zeros_like,
    "true and false": lambda frame: frame % 2 == 0,
    "one pixel": lambda frame: frame[:1, :1],
    "with an axis too many": lambda frame: frame[np.newaxis],
}


@pytest.mark.parametrize("odd", ODD)
def test_what_a_camera_gives_is_what_is_kept(session, documents, odd):
    camera = FakeCamera(shape=SHAPE, seconds=0.001)
    given = {}

    def transform(frame):
        given[camera.frames] = ODD[odd](frame).copy()
        return ODD[odd](frame)

    camera.transform = transform
    session.add_device(camera).result(timeout=5)
    live, stack = session.caches.live(camera), session.caches.stack(camera)
    session.start("live_view")
    wait_until(lambda: live.counts.stashed > 3)
    session.request("stash", True)
    wait_until(lambda: stack.counts.kept > 3)
    session.request("snapshot")
    wait_until(lambda: len(documents.events("snapshots")) == 1)
    session.stop().result(timeout=5)
    assert session.state is SessionState.IDLE
    kept = stack.reader().take("camera").data
    assert kept.dtype.isnative
    # The frame that was read when the stop came may not have got into the stack.
    last = max(
        number
        for number, frame in given.items()
        if np.array_equal(frame.reshape(kept[-1].shape), kept[-1], equal_nan=True)
    )
    assert last >= max(given) - 1
    numbers = range(last + 1 - len(kept), last + 1)
    for frame, number in zip(kept, numbers, strict=True):
        np.testing.assert_array_equal(frame, given[number].reshape(frame.shape))
    newest = live.reader().take("camera").data
    assert newest.shape == kept.shape[1:]
    assert live.counts.refused == stack.counts.refused == 0


@pytest.mark.parametrize("dtype", [">u2", "<u2", "u1", "i4", "f4", "f8", ">f8", "?"])
@pytest.mark.parametrize("shape", [SHAPE, (1, 1), (1, 7)])
def test_what_a_camera_that_runs_free_gives_is_kept(session, dtype, shape):
    camera = FakeStreamingCamera(shape=shape, dtype=dtype, seconds=0.001)
    session.add_device(camera).result(timeout=5)
    stack = session.caches.stack(camera)
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 3)
    session.request("stash", True)
    wait_until(lambda: stack.counts.kept > 30)
    session.stop().result(timeout=5)
    kept = stack.reader().take("camera").data
    assert kept.dtype.isnative
    assert kept.dtype == (np.uint8 if dtype == "?" else np.dtype(dtype).newbyteorder("="))
    assert kept.shape[1:] == shape
    numbers = np.arange(camera.frames + 1 - len(kept), camera.frames + 1).astype(dtype)
    for frame, number in zip(kept, numbers.astype(kept.dtype), strict=True):
        np.testing.assert_array_equal(frame, np.full(shape, number))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda frame: frame.astype(complex), "complex"),
        (lambda frame: frame[:0], "empty"),
        (lambda frame: frame[0], "no image"),
        (lambda frame: frame.astype(object), "object"),
    ],
)
def test_what_cannot_be_shown_ends_the_run_in_words(session, light, spoil, words):
    camera = FakeCamera(shape=SHAPE, seconds=0.001)
    session.add_device(camera).result(timeout=5)
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 3)
    camera.transform = spoil
    wait_until(lambda: session.state is SessionState.FAILED)
    assert words in session.problem
    assert not light.on


class Dated(FakeCamera):
    """A camera that says of each frame, (1, Y, X), that it was taken at another second."""

    def read(self):
        reading = super().read()
        image = reading[self.name]
        image["value"] = image["value"][np.newaxis]
        image["timestamp"] = 1000.0 + self.frames
        return reading


def test_a_frame_has_the_time_that_its_camera_gives(session):
    camera = Dated(shape=SHAPE, seconds=0.001)
    session.add_device(camera).result(timeout=5)
    stack = session.caches.stack(camera)
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 3)
    session.request("stash", True)
    wait_until(lambda: stack.counts.kept > 3)
    session.stop().result(timeout=5)
    taken = stack.reader().take("camera")
    for frame, pixels in zip(taken.frames, taken.data, strict=True):
        assert frame.timestamp == 1000.0 + pixels[0, 0]


class Restless(FakeStreamingCamera):
    """A camera whose frames have another shape and type after every fifty."""

    @property
    def shape(self):
        return (8 + self.frames // 50 % 3, 12)

    @shape.setter
    def shape(self, _):
        pass

    @property
    def dtype(self):
        return np.dtype(np.uint16 if self.frames // 50 % 2 else np.float32)

    @dtype.setter
    def dtype(self, _):
        pass


@pytest.mark.parametrize("stream", [True, False])
def test_a_camera_that_changes_every_fifty_frames(session, record, stream):
    camera = Restless(seconds=0.0005)
    session.add_device(camera).result(timeout=5)
    live, stack = session.caches.live(camera), session.caches.stack(camera)
    recorder = record(live)
    session.start("live_view", {"stream": stream})
    wait_until(lambda: camera.frames > 420, timeout=20)
    session.stop().result(timeout=5)
    if stream:
        assert live.counts.stashed == camera.frames
    assert len({frame.data.shape for frame in recorder.frames}) == 3
    for frame in recorder.frames:
        number = int(frame.data[0, 0])
        assert (frame.data == number).all(), "a torn frame"
        assert frame.data.shape == (8 + number // 50 % 3, 12)
        assert frame.data.dtype == (np.uint16 if number // 50 % 2 else np.float32)
    session.start("live_view", {"stream": stream})
    session.request("stash", True)
    wait_until(lambda: "another shape" in session.problem)
    assert session.state is SessionState.RUNNING
    wait_until(lambda: not session.actions["stash"].state.on)
    assert len(stack.reader().take("camera").frames) <= 50


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError()], ids=repr)
def test_a_stream_that_is_ended_otherwise_is_told_too(session, light, error):
    camera = FakeStreamingCamera()
    session.add_device(camera).result(timeout=5)
    session.start("live_view")
    wait_until(lambda: session.caches.live(camera).counts.stashed > 3)
    camera.fail_stream = error
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == f"It stopped making frames: {type(error).__name__}."
    assert not light.on


def test_a_camera_that_dies_amid_the_stream_leaves_every_frame_before(session, light):
    camera = FakeStreamingCamera()
    session.add_device(camera).result(timeout=5)
    live, stack = session.caches.live(camera), session.caches.stack(camera)
    session.start("live_view")
    wait_until(lambda: live.counts.stashed > 3)
    session.request("stash", True)
    wait_until(lambda: stack.counts.kept > 20)
    camera.fail_stream = OSError("The camera was unplugged.")
    wait_until(lambda: session.state is SessionState.FAILED)
    assert session.problem == "The camera was unplugged."
    assert not light.on
    assert live.counts.stashed == camera.frames
    kept = stack.reader().take("camera").data[:, 0, 0]
    assert kept.tolist() == list(range(int(kept[0]), camera.frames + 1))
