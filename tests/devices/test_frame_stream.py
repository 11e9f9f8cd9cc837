"""The frames of a streaming camera, until they are drained."""

import threading
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_skylight.devices.streaming import FrameStream, FreeRun
from napari_skylight.engine import StatusTimeoutError
from napari_skylight.testing import wait_until

SHAPE = (4, 6)
FRAME_BYTES = 4 * 6 * 2


def make(stream, number, shape=SHAPE, dtype=np.uint16, **metadata):
    stream.slot(shape, dtype, metadata)[:] = number
    stream.commit(float(number))


def drained(batch):
    """The frame numbers in a batch, read off the pixels."""
    return batch.reading["camera"]["value"][:, 0, 0].tolist() if batch.reading else []


@pytest.fixture
def stream():
    return FrameStream("camera")


def test_frames_come_out_once_in_order(stream):
    assert stream.begin() == 0
    for number in (1, 2, 3):
        make(stream, number)
    first = stream.drain(0)
    make(stream, 4)
    second = stream.drain(first.last)
    assert drained(first) == [1, 2, 3]
    assert first.times == [1.0, 2.0, 3.0]
    assert (first.last, first.newest, first.lost) == (3, 3, 0)
    assert drained(second) == [4]
    assert stream.drain(4).reading == {}
    assert stream.drain(4).last == 4


def test_asking_again_repeats_the_answer(stream):
    for number in (1, 2, 3):
        make(stream, number)
    assert drained(stream.drain(1)) == [2, 3]
    make(stream, 4)
    assert drained(stream.drain(1)) == [2, 3, 4]
    assert stream.dropped == 0


def test_what_was_drained_is_not_written_to_while_somebody_has_it(stream):
    kept = {}
    for number in range(1, 4000):
        make(stream, number)
        batch = stream.drain(number - 1)
        if number % 300 == 0:
            kept[number] = batch.reading["camera"]["value"][0]
        stream.drain(number)
    assert len(kept) > 10
    assert all(np.all(frame == number) for number, frame in kept.items())
    assert not any(frame.flags.writeable for frame in kept.values())


def test_memory_is_used_again(stream):
    places = set()
    for number in range(1, 4000):
        make(stream, number)
        pixels = stream.drain(number - 1).reading["camera"]["value"]
        places.add(pixels.__array_interface__["data"][0])
        del pixels
        stream.drain(number)
    assert len(places) <= 3 * 256


@pytest.mark.parametrize(
    "change", [{"shape": (2, 3)}, {"dtype": np.uint8}, {"exposure": 2.0}], ids=str
)
def test_a_batch_has_one_shape_one_type_and_one_set_of_settings(stream, change):
    make(stream, 1)
    make(stream, 2)
    make(stream, 3, **change)
    assert drained(stream.drain(0)) == [1, 2]
    batch = stream.drain(2)
    assert drained(batch) == [3]
    expected = {"camera", "camera-dropped"} | ({"exposure"} & set(change))
    assert set(batch.reading) == expected


def test_the_oldest_are_lost_when_it_is_full():
    stream = FrameStream("camera", max_bytes=40 * FRAME_BYTES)
    for number in range(1, 101):
        make(stream, number)
    batch = stream.drain(0)
    assert batch.lost == drained(batch)[0] - 1 == stream.dropped
    assert 100 - 40 <= batch.lost <= 100 - 30
    assert batch.reading["camera-dropped"]["value"] == batch.lost
    again = stream.drain(0)
    assert (again.lost, stream.dropped) == (batch.lost, batch.lost), "counted once"
    assert stream.begin() == 100
    assert stream.dropped == 0


def test_a_frame_larger_than_the_stream_is_kept_all_the_same():
    stream = FrameStream("camera", max_bytes=1)
    make(stream, 1)
    make(stream, 2)
    batch = stream.drain(0)
    assert (drained(batch), batch.lost) == ([2], 1)


def test_frames_lost_before_they_came_are_counted(stream):
    make(stream, 1)
    stream.lose(3)
    make(stream, 5)
    stream.lose(2)
    assert drained(stream.drain(0)) == [1]
    batch = stream.drain(1)
    assert (drained(batch), batch.lost, batch.last) == ([5], 3, 5)
    batch = stream.drain(5)
    assert (batch.reading, batch.lost, batch.last) == ({}, 2, 7)
    assert stream.dropped == 5


def test_a_failure_comes_after_the_last_frame(stream):
    make(stream, 1)
    arrival = stream.arrival(5)
    stream.fail(RuntimeError("The cable is loose."))
    with pytest.raises(RuntimeError, match="loose"):
        arrival.wait(1)
    assert drained(stream.drain(0)) == [1]
    for attempt in (stream.drain, lambda after: stream.arrival(after).wait(1)):
        with pytest.raises(RuntimeError, match="loose"):
            attempt(1)
    stream.begin()
    assert stream.drain(1).reading == {}


def test_an_arrival_ends_with_the_next_frame(stream):
    make(stream, 1)
    arrival = stream.arrival(5)
    assert not arrival.done
    make(stream, 2)
    arrival.wait(1)
    assert stream.read()["camera"]["value"][0, 0] == 2


def test_an_arrival_says_what_it_waited_for(stream):
    with pytest.raises(StatusTimeoutError, match="The next frame of the camera"):
        stream.arrival(0.01).wait(5)


def test_to_read_there_must_be_a_frame(stream):
    with pytest.raises(RuntimeError, match="no frame yet"):
        stream.read()
    make(stream, 1)
    stream.clear()
    with pytest.raises(RuntimeError, match="no frame yet"):
        stream.read()


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("make"), st.integers(1, 30)),
            st.tuples(st.just("lose"), st.integers(1, 5)),
            st.tuples(st.just("change"), st.integers(0, 2)),
            st.tuples(st.just("drain"), st.booleans()),
        ),
        max_size=60,
    )
)
def test_every_frame_is_drained_once_or_counted_as_lost(steps):
    stream = FrameStream("camera", max_bytes=50 * FRAME_BYTES)
    after = stream.begin()
    made, exposure, lost = 0, 0, 0
    seen = []
    settings = {}

    def drain(answer_is_lost):
        nonlocal after, lost
        batch = stream.drain(after)
        if answer_is_lost:
            return
        numbers = drained(batch)
        assert {settings[number] for number in numbers} <= {
            each["value"] for key, each in batch.reading.items() if key == "exposure"
        }
        seen.extend(numbers)
        lost += batch.lost
        assert after + batch.lost + len(numbers) == batch.last
        after = batch.last

    for what, value in steps:
        if what == "make":
            for _ in range(value):
                made += 1
                settings[made] = exposure
                make(stream, made, exposure=exposure)
        elif what == "lose":
            made += value
            stream.lose(value)
        elif what == "change":
            exposure = value
        else:
            drain(value)
    while after < made:
        drain(False)
    assert seen == sorted(set(seen))
    assert len(seen) + lost == made
    assert stream.dropped == lost


def test_one_thread_makes_and_another_drains(stream):
    stop = threading.Event()

    def work():
        for number in count(1):
            make(stream, number)
            if stop.is_set():
                return

    maker = threading.Thread(target=work)
    maker.start()
    after = 0
    while after < 20_000:
        batch = stream.drain(after)
        numbers = drained(batch)
        assert numbers == list(range(after + batch.lost + 1, batch.last + 1))
        after = batch.last
    stop.set()
    maker.join(5)
    assert not maker.is_alive()


class TestFreeRun:
    @pytest.fixture
    def numbers(self):
        return count(1)

    @pytest.fixture
    def run(self, stream, numbers):
        def expose():
            return 0.001, lambda: make(stream, next(numbers))

        run = FreeRun(stream, expose, thread_name="skylight-test-stream")
        yield run
        run.reset().result(5)

    def test_it_runs_until_it_is_stopped(self, stream, run):
        assert run.start() == run.start() == 0
        wait_until(lambda: stream.drain(0).newest > 5)
        run.stop().result(5)
        newest = stream.drain(0).newest
        assert run.start() == newest

    def test_numbers_go_on_after_a_pause(self, stream, run):
        run.start()
        wait_until(lambda: stream.drain(0).newest > 5)
        run.pause().result(5)
        newest = stream.drain(0).newest
        run.resume()
        wait_until(lambda: stream.drain(0).newest > newest + 5)
        run.stop().result(5)
        assert drained(stream.drain(0)) == list(range(1, stream.drain(0).newest + 1))

    def test_a_start_during_a_pause_waits_for_its_end(self, stream, run):
        run.pause().result(5)
        run.start()
        assert not any(t.name == "skylight-test-stream" for t in threading.enumerate())
        run.resume()
        wait_until(lambda: stream.drain(0).newest > 5)

    def test_a_reset_lets_go_of_the_frames(self, stream, run):
        run.start()
        wait_until(lambda: stream.drain(0).newest > 5)
        run.reset().result(5)
        wait_until(lambda: not run.on)
        with pytest.raises(RuntimeError, match="no frame yet"):
            stream.read()
        assert run.start() > 5

    def test_what_goes_wrong_ends_the_stream(self, stream):
        def expose():
            raise OSError("The cable is loose.")

        run = FreeRun(stream, expose, thread_name="skylight-test-stream")
        run.start()
        with pytest.raises(OSError, match="loose"):
            wait_until(lambda: stream.drain(0).newest > 0)
        run.stop().result(5)
