"""Processes in the live view: their layers' frames, and what they must not disturb."""

import threading

import numpy as np
import pytest

from napari_skylight.devices import sim
from napari_skylight.plans.spec import ParameterError
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until


class Numbers:
    """A process that notes what it gets, and returns it plus 1000."""

    made = []

    def __init__(self):
        self.seen = []
        self.made.append(self)

    def __call__(self, frame):
        assert np.all(frame == frame.flat[0]), "a torn frame"
        self.seen.append((frame.shape, int(frame.flat[0])))
        return frame + 1000


@pytest.fixture
def numbers(session, monkeypatch):
    monkeypatch.setattr(Numbers, "made", [])
    session.add_process(Numbers)
    return Numbers.made


class Gate:
    """A process that waits for each frame, for 10 s, until it is opened."""

    def __init__(self):
        self.entered, self.opened = threading.Event(), threading.Event()
        self.seen = []

    def wait(self, frame):
        self.seen.append(int(frame.flat[0]))
        self.entered.set()
        assert self.opened.wait(10)
        return frame


@pytest.fixture
def gate(session):
    gate = Gate()
    session.add_process(gate.wait, "gate")
    yield gate
    gate.opened.set()


class Scaled:
    def __init__(self, frames, by):
        self.by = by

    def __call__(self, frame):
        return frame * self.by


def processed(session, camera, name, channel=""):
    return session.caches.processed(camera, name, channel)


def newest(cache):
    return cache.reader().take(cache.keys[0])


def start(session, *names, **values):
    return session.start("live_view", {"process": list(names), **values})


def wait_for(cache, frames=3):
    before = cache.counts.stashed
    wait_until(lambda: cache.counts.stashed >= before + frames)


def processors():
    return [t for t in threading.enumerate() if t.name.startswith("skylight-process-")]


def test_no_process_is_chosen_by_default(session, camera):
    session.start("live_view")
    wait_for(session.caches.live(camera))
    assert not processors()
    assert all(not cache.is_processed for cache in session.caches)


def test_the_form_offers_the_built_in_processes_and_own_ones(session, camera):
    def flat_field(frame):
        return frame

    undo = session.add_process(flat_field)
    (param,) = (p for p in session.spec("live_view").parameters if p.name == "process")
    assert (param.label, param.multiselect, param.initial) == ("Process", True, [])
    assert param.choices == [
        "running mean",
        "divided by median",
        "minus median",
        "maximum projection",
        "flat field",
    ]
    undo()
    with pytest.raises(ParameterError, match="flat field"):
        start(session, "flat field")


def test_the_result_is_shown_beside_the_camera(session, camera, numbers):
    start(session, "numbers")
    cache = processed(session, camera, "numbers")
    wait_for(cache)
    session.stop().result(timeout=5)
    wait_until(lambda: not processors())
    taken = newest(cache)
    assert (cache.name, taken.frame.key) == ("camera · numbers", "camera · numbers")
    (one,) = numbers
    live = newest(session.caches.live(camera))
    assert taken.data[0, 0] == one.seen[-1][1] + 1000 == live.data[0, 0] + 1000
    assert taken.frame.metadata["camera-pixel_size"] == 0.5
    assert taken.frame.timestamp == live.frame.timestamp
    assert cache.counts.stashed == len(one.seen)
    assert [each.name for each in session.caches][:2] == ["camera", "camera · numbers"]


def test_each_run_and_each_camera_has_an_instance(session, camera, numbers):
    side = FakeCamera("side", (8, 8))
    session.add_device(side).result(timeout=5)
    for _ in range(2):
        start(session, "numbers", cameras=["camera", "side"])
        for each in (camera, side):
            wait_for(processed(session, each, "numbers"))
        session.stop().result(timeout=5)
        wait_until(lambda: not processors())
    assert len(numbers) == 4
    assert {each.seen[0][0] for each in numbers} == {(16, 24), (8, 8)}
    assert all(len({shape for shape, _ in each.seen}) == 1 for each in numbers)


def test_a_slow_process_skips_frames_and_the_live_view_does_not_wait(session, camera, gate):
    start(session, "gate")
    assert gate.entered.wait(5)
    wait_for(session.caches.live(camera), 20)
    gate.opened.set()
    cache = processed(session, camera, "gate")
    wait_for(cache)
    session.stop().result(timeout=5)
    wait_until(lambda: not processors())
    assert gate.seen[1] > gate.seen[0] + 10, "no frame was skipped"
    assert gate.seen == sorted(set(gate.seen))
    assert gate.seen[-1] == newest(session.caches.live(camera)).data[0, 0]
    assert cache.counts.stashed == len(gate.seen) < session.caches.live(camera).counts.stashed


def test_the_counts_add_up(session, camera, gate):
    processor = session.processes["gate"].processor(camera)
    for _ in range(3):
        camera.trigger()
        processor.stash(camera.read())
        assert gate.entered.wait(5)
    counts = processor.counts
    assert (counts.given, counts.skipped, counts.waiting) == (3, 1, 2)
    batch = {"camera": {"value": np.full((5, 16, 24), 9, np.uint16), "timestamp": 1.0}}
    processor.stash(batch)
    assert (processor.counts.given, processor.counts.skipped) == (8, 6)
    gate.opened.set()
    wait_until(lambda: not processor.counts.waiting)
    assert (processor.counts.processed, processor.counts.failed) == (2, 0)
    assert gate.seen == [1, 9]
    processor.end()
    assert processor.join(5)


def test_results_are_not_counted_as_frames_of_the_run(session, camera, numbers):
    start(session, "numbers")
    wait_for(processed(session, camera, "numbers"))
    session.stop().result(timeout=5)
    assert session.run.brought.frames == session.caches.live(camera).counts.stashed


def test_an_error_is_reported_once_and_the_live_view_goes_on(session, camera):
    texts = []
    session.reported.connect(texts.append)

    def broken(frame):
        raise ValueError(f"frame {frame[0, 0]} is odd")

    session.add_process(broken)
    session.add_process(np.negative, "negative")
    start(session, "broken", "negative")
    wait_for(processed(session, camera, "negative"), 20)
    assert session.state is SessionState.RUNNING
    session.stop().result(timeout=5)
    (text,) = (text for text in texts if text)
    assert text.startswith("frame ")
    assert "is odd" in text
    assert "'camera · broken' could not process a frame; the others go on." in text


def test_a_process_goes_on_after_an_error(session, camera, numbers):
    class Sometimes(Numbers):
        def __call__(self, frame):
            if frame[0, 0] == 3:
                raise ValueError("three")
            return super().__call__(frame)

    session.add_process(Sometimes)
    processor = session.processes["sometimes"].processor(camera)
    for _ in range(5):
        camera.trigger()
        processor.stash(camera.read())
        wait_until(lambda: not processor.counts.waiting)
    processor.end()
    assert processor.join(5)
    assert [[number for _, number in each.seen] for each in numbers] == [[1, 2], [4, 5]]
    assert (processor.counts.processed, processor.counts.failed) == (4, 1)


@pytest.mark.parametrize("result", [None, np.zeros(3), np.zeros((4, 4), complex)])
def test_a_result_that_is_no_image_is_reported(session, camera, result):
    session.add_process(lambda frame: result, "odd")
    start(session, "odd")
    wait_until(lambda: "'camera · odd' could not process" in session.problem)
    wait_for(session.caches.live(camera))


def test_another_shape_starts_the_process_again(session, camera, numbers):
    start(session, "numbers")
    cache = processed(session, camera, "numbers")
    wait_for(cache)
    camera.shape = (6, 10)
    wait_until(lambda: newest(cache).data.shape == (6, 10))
    wait_for(cache)
    session.stop().result(timeout=5)
    wait_until(lambda: not processors())
    assert [each.seen[0][0] for each in numbers] == [(16, 24), (6, 10)]


def test_clear_starts_a_projection_again(session, camera):
    camera.transform = lambda frame: 50_000 - frame
    start(session, "maximum projection")
    cache = processed(session, camera, "maximum projection")
    wait_for(cache, 10)
    first = newest(cache).data[0, 0]
    assert first > 50_000 - camera.frames
    session.request("clear")
    wait_until(lambda: cache.counts.kept and newest(cache).data[0, 0] < first)


def test_a_running_mean_over_the_chosen_number_of_frames(session, camera):
    start(session, "running mean", process_frames=3)
    cache = processed(session, camera, "running mean")
    wait_for(cache, 10)
    session.stop().result(timeout=5)
    wait_until(lambda: not processors())
    mean = newest(cache).data
    assert mean.dtype == np.float32
    # the last three frames processed; others between them may have been skipped
    assert camera.frames - 30 < mean[0, 0] < camera.frames
    with pytest.raises(ParameterError, match="Process over"):
        start(session, "running mean", process_frames=0)


@pytest.mark.parametrize("end", ["stop", "abort", "halt"])
def test_the_threads_end_with_the_run(session, camera, numbers, end):
    start(session, "numbers")
    wait_for(processed(session, camera, "numbers"))
    assert len(processors()) == 1
    getattr(session, end)().result(timeout=5)
    wait_until(lambda: not processors())


def test_a_pause_keeps_what_the_process_has_seen(session, camera, numbers):
    start(session, "numbers")
    cache = processed(session, camera, "numbers")
    wait_for(cache)
    session.pause()
    wait_until(lambda: session.state is SessionState.PAUSED)
    session.resume()
    wait_for(cache)
    session.stop().result(timeout=5)
    assert len(numbers) == 1


def test_a_streaming_camera(session, numbers):
    stream = FakeStreamingCamera("stream")
    session.add_device(stream).result(timeout=5)
    start(session, "numbers", cameras=["stream"])
    cache = processed(session, stream, "numbers")
    wait_for(cache, 5)
    session.stop().result(timeout=5)
    wait_until(lambda: not processors())
    assert newest(cache).data[0, 0] == stream.frames + 1000


def test_each_channel_is_processed_by_itself(session):
    session.add_process(lambda frame: frame, "same")
    session.open_microscope(lambda: sim.microscope(sensor=(64, 64))).result(timeout=30)
    camera, channels = session.devices["camera"], ("DAPI", "GFP")
    start(session, "same", cameras=["camera"], light="light", channels=channels)
    caches = [processed(session, camera, "same", channel) for channel in channels]
    for cache in caches:
        wait_until(lambda cache=cache: cache.counts.stashed > 2)
    session.stop().result(timeout=10)
    wait_until(lambda: not processors())
    for channel, cache in zip(channels, caches, strict=True):
        taken, raw = newest(cache), newest(session.caches.live(camera, channel))
        assert (cache.name, cache.channel) == (f"camera · {channel} · same", channel)
        assert taken.frame.metadata["light-channel"] == channel
        np.testing.assert_array_equal(taken.data, raw.data)


def test_a_colour_camera_has_no_median_background(session, camera):
    camera.transform = lambda frame: np.repeat(frame[..., np.newaxis] % 200, 3, 2).astype(np.uint8)
    start(session, "divided by median", "maximum projection")
    wait_until(lambda: "this camera is in colour" in session.problem)
    cache = processed(session, camera, "maximum projection")
    wait_for(cache)
    assert newest(cache).data.shape == (16, 24, 3)


@pytest.mark.parametrize(
    ("process", "name", "error", "words"),
    [
        (3, None, TypeError, "is no process"),
        (int, None, TypeError, "__call__"),
        (np.negative, " ", ValueError, "another name"),
        (np.negative, "running mean", ValueError, "another name"),
        (np.negative, "a.b", ValueError, "without a dot"),
        (Scaled, None, TypeError, "not with by: give the others defaults"),
    ],
)
def test_what_is_no_process_is_refused(session, process, name, error, words):
    with pytest.raises(error, match=words):
        session.add_process(process, name)


def test_closing_the_session_ends_a_process(session, camera, gate):
    start(session, "gate")
    assert gate.entered.wait(5)
    gate.opened.set()
    session.close()
    wait_until(lambda: not processors())
