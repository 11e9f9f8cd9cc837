import threading

import numpy as np
import pytest

from napari_skylight.frames import FrameCache, ReaderCounts


@pytest.fixture
def live():
    return FrameCache("camera", kind="live", max_bytes=10_000_000)


@pytest.fixture
def stack():
    return FrameCache("stack", kind="stack", max_bytes=10_000_000)


def test_newest_wins_and_what_was_skipped_is_counted(live, reading, numbered):
    reader = live.reader()
    assert reader.keys == ()
    for number in range(1, 6):
        live.stash(reading(numbered(number)))
    assert reader.keys == ("camera",)
    assert reader.counts("camera") == ReaderCounts(5, 0, 4, 1)
    assert reader.has_news("camera")
    assert (reader.take("camera").data == 5).all()
    assert not reader.has_news("camera")
    assert reader.take("camera") is None
    assert reader.counts() == ReaderCounts(5, 1, 4, 0)
    assert reader.shown == 1


def test_each_reader_has_its_own_place(live, reading, numbered):
    early = live.reader()
    live.stash(reading(numbered(1)))
    early.take("camera")
    late = live.reader()
    live.stash(reading(numbered(2)))
    assert late.counts() == ReaderCounts(2, 0, 1, 1)
    assert early.counts() == ReaderCounts(2, 1, 0, 1)
    assert early.take("camera").frame == late.take("camera").frame


def test_copies_into_the_buffer_when_it_fits(live, reading, numbered):
    reader = live.reader()
    buffer = np.zeros((4, 5), np.uint16)
    live.stash(reading(numbered(1)))
    assert reader.take("camera", buffer).data is buffer
    assert (buffer == 1).all()
    live.stash(reading(numbered(2, shape=(2, 2))))
    other = reader.take("camera", buffer).data
    assert other is not buffer
    assert (buffer == 1).all()
    live.stash(reading(numbered(3, shape=(2, 2))))
    assert reader.take("camera", other).data is other


def test_a_frame_not_on_screen_counts_as_skipped(stack, reading, numbered):
    reader = stack.reader()
    stack.stash(reading(numbered(1)))
    reader.take("camera", on_screen=False)
    assert reader.counts() == ReaderCounts(1, 0, 1, 0)


def test_cleared_frames_are_skipped(stack, reading, numbered):
    reader = stack.reader()
    for number in range(3):
        stack.stash(reading(numbered(number)))
    assert reader.counts() == ReaderCounts(3, 0, 0, 3)
    assert not reader.was_cleared("camera")
    stack.clear()
    assert reader.was_cleared("camera")
    assert reader.counts() == ReaderCounts(3, 0, 3, 0)
    assert reader.take("camera").frame is None
    assert not reader.was_cleared("camera")
    assert reader.counts() == ReaderCounts(3, 0, 3, 0)


def test_a_writer_never_waits_for_a_reader_that_is_copying(live, reading, numbered):
    """While readers hold the newest frame, the writer goes on with other buffers."""
    live.stash(reading(numbered(1)))
    frames = live._frames["camera"]
    with frames.borrow() as (_, first):
        for number in range(2, 6):
            assert live.stash(reading(numbered(number))).success
        with frames.borrow() as (_, second):
            for number in range(6, 10):
                assert live.stash(reading(numbered(number))).success
            assert (first.data == 1).all()
            assert (second.data == 5).all()
    assert live.counts.nbytes == 4 * 40  # the newest, two held, one to write to
    assert (live.reader().take("camera").data == 9).all()


@pytest.mark.parametrize("kind", ["live", "stack"])
def test_no_torn_frames_between_threads(kind, reading):
    """Every pixel of a frame is its number, whatever the writers, the clears and the readers do."""
    cache = FrameCache("camera", kind=kind, max_bytes=50_000_000)
    total, shape = 400, (256, 256)
    done = threading.Event()
    torn: list[object] = []

    def write():
        image = np.empty(shape, np.uint32)  # one buffer, used again at once, as cameras do
        for number in range(1, total + 1):
            image[:] = number
            cache.stash(reading(image, number=number))
            if number % 90 == 0:
                cache.clear()
        done.set()

    def read():
        reader = cache.reader()
        buffer = np.zeros(shape, np.uint32)
        while True:
            last_round = done.is_set()
            for key in reader.keys:
                taken = reader.take(key, buffer)
                if taken is None or taken.frame is None:
                    continue
                newest = taken.data if kind == "live" else taken.data[-1]
                number = taken.frame.metadata["camera-number"]
                if not (newest == number).all() or taken.frame.number != number:
                    torn.append((number, np.unique(newest)))
                counts = reader.counts()
                if counts.stashed != counts.shown + counts.skipped + counts.waiting:
                    torn.append(counts)
            if last_round:
                break
        final.append((taken_newest(reader), reader.counts()))

    def taken_newest(reader):
        return (reader.keys, reader.has_news("camera"))

    final: list[tuple[object, ReaderCounts]] = []
    threads = [threading.Thread(target=f, daemon=True) for f in (write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert torn == []
    assert len(final) == 2
    for state, counts in final:
        assert state == (("camera",), False)
        assert counts.stashed == total
        assert counts.waiting == 0


def test_many_threads_may_stash(stack, reading, numbered):
    def write(first):
        for number in range(first, first + 100):
            stack.stash(reading(numbered(number)))

    threads = [threading.Thread(target=write, args=(i * 100,), daemon=True) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    data = stack.reader().take("camera").data
    assert sorted(data[:, 0, 0]) == list(range(400))
    assert (data == data[:, :1, :1]).all()
