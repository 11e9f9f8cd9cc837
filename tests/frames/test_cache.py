import gc
import weakref
from enum import Enum

import numpy as np
import pytest

from napari_skylight.frames import CacheCounts, CacheFullError, FrameCache
from napari_skylight.protocols import HasCache, StashRefused

MB = 1_000_000


@pytest.fixture
def live():
    return FrameCache("camera", kind="live", max_bytes=MB)


@pytest.fixture
def stack():
    return FrameCache("camera · snapshots", kind="stack", max_bytes=MB)


def newest(cache, key="camera"):
    return cache.reader().take(key)


def test_is_a_cache_device(live):
    assert isinstance(live, HasCache)
    assert (live.name, live.title, live.parent) == ("camera", "camera", None)
    assert FrameCache("a", kind="live", max_bytes=1, title="A").title == "A"


def test_keeps_the_newest_frame_with_what_was_read_with_it(live, reading, numbered):
    live.stash(reading(numbered(1)))
    status = live.stash(reading(numbered(2), timestamp=12.5, exposure=np.float64(10), on=True))
    assert status.done
    assert status.success
    taken = newest(live)
    np.testing.assert_array_equal(taken.data, numbered(2))
    frame = taken.frame
    assert (frame.key, frame.number, frame.timestamp) == ("camera", 2, 12.5)
    assert dict(frame.metadata) == {"camera-exposure": 10.0, "camera-on": True}
    assert type(frame.metadata["camera-exposure"]) is float
    assert live.counts == CacheCounts(2, 2, 0, 1, live.counts.nbytes)


def test_counts_what_a_stream_lost_before_it_was_stashed(live, reading, numbered):
    lost = []
    for dropped in (0, 0, 3, 3, 5):
        live.stash(reading(numbered(1), dropped=dropped))
        lost.append(live.counts.lost)
    assert lost == [0, 0, 3, 3, 5]
    live.stash(reading(numbered(1)))  # a frame of no stream tells nothing
    live.stash(reading(numbered(1), dropped="many"))
    assert live.counts.lost == 5
    live.stash(reading(numbered(1), dropped=1))  # another stream, which counts from 0
    live.stash(reading(numbered(1), dropped=4))
    live.clear()
    assert live.counts.lost == 9
    assert live.counts.acquired == 9


def test_counts_the_losses_of_each_key_by_itself(stack, reading, numbered):
    for dropped in (1, 2):
        two = reading(numbered(1), "a", dropped=dropped) | reading(numbered(1), "b", dropped=10)
        stack.stash(two)
    assert stack.counts.lost == 12


def test_the_camera_may_reuse_its_memory(live, stack, reading, numbered):
    image = numbered(7)
    live.stash(reading(image))
    stack.stash(reading(image))
    image[:] = 0
    assert (newest(live).data == 7).all()
    assert (newest(stack).data == 7).all()


def test_a_stack_keeps_every_frame_and_shows_views(stack, reading, numbered):
    for number in range(3):
        stack.stash(reading(numbered(number), timestamp=float(number), z=number))
    reader = stack.reader()
    first = reader.take("camera")
    assert first.data.shape == (3, 4, 5)
    assert not first.data.flags.writeable
    assert [frame.timestamp for frame in first.frames] == [0.0, 1.0, 2.0]
    assert [frame.metadata["camera-z"] for frame in first.frames[1:]] == [1, 2]
    stack.stash(reading(numbered(3)))
    second = reader.take("camera")
    assert np.shares_memory(first.data, second.data)
    assert len(first.frames) == 3
    assert len(second.frames) == 4
    np.testing.assert_array_equal(second.data[:, 0, 0], [0, 1, 2, 3])
    assert stack.counts == CacheCounts(4, 4, 0, 4, 4 * 40)


def test_a_full_stack_refuses_and_says_how_to_go_on(stack, reading, numbered):
    stack.max_bytes = 100  # two frames of 40 bytes
    messages = []
    stack.refused.connect(messages.append)
    stack.stash(reading(numbered(1)))
    stack.stash(reading(numbered(2)))
    status = stack.stash(reading(numbered(3)))
    error = status.exception(timeout=1)
    assert isinstance(error, CacheFullError)
    assert isinstance(error, StashRefused)
    assert "'camera · snapshots' is full with 2 frames" in str(error)
    assert "Clear the stack, or raise its size in Preferences." in str(error)
    stack.stash(reading(numbered(4)))
    assert messages == [str(error), f"2 frames were refused. {error}"]
    assert stack.counts == CacheCounts(4, 2, 2, 2, 80)
    np.testing.assert_array_equal(newest(stack).data[:, 0, 0], [1, 2])

    stack.clear()
    assert messages[2:] == [""]  # it is over
    assert stack.stash(reading(numbered(5))).success
    stack.stash(reading(numbered(6)))
    stack.stash(reading(numbered(7)))
    assert messages[3:] == [str(error)]


def test_a_raised_bound_lets_a_full_stack_go_on(stack, reading, numbered):
    stack.max_bytes = 40
    stack.stash(reading(numbered(1)))
    assert not stack.stash(reading(numbered(2))).success
    stack.max_bytes = 80
    assert stack.stash(reading(numbered(3))).success
    np.testing.assert_array_equal(newest(stack).data[:, 0, 0], [1, 3])


def test_a_stack_refuses_another_shape_or_type(stack, reading, numbered):
    stack.stash(reading(numbered(1)))
    for other in (numbered(2, shape=(5, 4)), numbered(2, dtype=np.uint8)):
        error = stack.stash(reading(other)).exception(timeout=1)
        assert isinstance(error, StashRefused)
        assert "another shape, 5 × 4 uint16" in str(error)
        assert "Clear the stack first." in str(error)
    assert stack.stash(reading(numbered(3))).success
    stack.clear()
    assert stack.stash(reading(numbered(4, shape=(5, 4)))).success
    assert newest(stack).data.shape == (1, 5, 4)


def test_a_live_cache_follows_shape_and_type(live, reading, numbered):
    for shape, dtype in [((4, 5), np.uint8), ((1, 1), np.float32), ((9, 2), np.int64)]:
        assert live.stash(reading(numbered(3, shape, dtype))).success
        taken = newest(live)
        assert (taken.data.shape, taken.data.dtype) == (shape, dtype)
        assert (taken.data == 3).all()


def test_a_live_cache_refuses_a_frame_larger_than_it_may_be(live, reading):
    error = live.stash(reading(np.zeros((1001, 1000), np.uint8))).exception(timeout=1)
    assert isinstance(error, CacheFullError)
    assert "1000 × 1001 uint8" in str(error)
    assert live.counts == CacheCounts(1, 0, 1, 0, 0)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.arange(20.0).reshape(4, 5), id="float64"),
        pytest.param(np.full((4, 5), np.nan, np.float32), id="NaN"),
        pytest.param(np.zeros((4, 5), np.uint8), id="zeros"),
        pytest.param(np.ones((1, 1), np.uint16), id="one pixel"),
        pytest.param(np.arange(20, dtype=">u2").reshape(4, 5), id="big-endian"),
        pytest.param(np.arange(20, dtype=">f8").reshape(4, 5), id="big-endian float"),
        pytest.param(np.arange(80, dtype=np.int32).reshape(8, 10)[::2, ::-2], id="non-contiguous"),
        pytest.param(np.arange(20, dtype=np.uint16).reshape(4, 5, order="F"), id="Fortran"),
        pytest.param(np.eye(4, 5, dtype=bool), id="bool"),
    ],
)
@pytest.mark.parametrize("kind", ["live", "stack"])
def test_keeps_the_values_of_any_array(kind, image, reading):
    cache = FrameCache("camera", kind=kind, max_bytes=MB)
    image.flags.writeable = False
    assert cache.stash(reading(image)).success
    data = newest(cache).data.reshape(image.shape)
    np.testing.assert_array_equal(data, image)
    assert data.dtype.isnative
    assert data.dtype == (np.uint8 if image.dtype == bool else image.dtype.newbyteorder("="))


def test_leading_axes_of_length_one_are_dropped(live, reading, numbered):
    live.stash(reading(numbered(1)[np.newaxis, np.newaxis]))
    assert newest(live).data.shape == (4, 5)
    assert live.counts.stashed == 1


def test_a_batch_is_as_many_frames(live, stack, reading):
    batch = np.arange(6, dtype=np.uint16)[:, None, None] * np.ones((4, 5), np.uint16)
    for cache in (live, stack):
        assert cache.stash(reading(batch)).success
        assert cache.counts.stashed == 6
    assert (newest(live).data == 5).all()
    assert newest(live).frame.number == 6
    np.testing.assert_array_equal(newest(stack).data, batch)


def test_of_a_batch_that_does_not_fit_the_first_frames_are_kept(stack, reading, numbered):
    stack.max_bytes = 200
    stack.stash(reading(numbered(0)))
    error = stack.stash(reading(np.stack([numbered(i) for i in range(1, 11)]))).exception(timeout=1)
    assert "4 of 10 frames" in str(error)
    assert stack.counts == CacheCounts(11, 5, 6, 5, 200)
    np.testing.assert_array_equal(newest(stack).data[:, 0, 0], [0, 1, 2, 3, 4])


def test_image_keys_are_kept_apart_and_in_step(stack, reading, numbered):
    stack.max_bytes = 3 * (40 + 6)
    for number in range(5):
        stack.stash(reading(numbered(number)) | reading(numbered(number, (2, 3), np.uint8), "side"))
    assert stack.keys == ("camera", "side")
    assert newest(stack, "camera").data.shape == (3, 4, 5)
    assert newest(stack, "side").data.shape == (3, 2, 3)
    assert stack.counts == CacheCounts(10, 6, 4, 6, 3 * 46)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([[None]]), "type object"),
        (np.zeros((4, 5), complex), "complex128"),
        (np.zeros((0, 5)), "is empty"),
        (np.zeros((2, 3, 4, 5)), "(2, 3, 4, 5)"),
        (np.zeros((2, 2, 48, 64, 3)), "(2, 2, 48, 64, 3)"),
        (1.0, "no image"),
        (np.zeros(5), "no image"),
    ],
)
@pytest.mark.parametrize("kind", ["live", "stack"])
def test_unusable_input_fails_clearly_and_changes_nothing(kind, value, message, reading, numbered):
    cache = FrameCache("camera", kind=kind, max_bytes=MB)
    cache.stash(reading(numbered(1)))
    before = cache.counts
    error = cache.stash(reading(value)).exception(timeout=1)
    assert isinstance(error, ValueError)
    assert message in str(error)
    assert cache.counts == before


def test_batches_of_different_lengths_in_one_reading_are_refused(stack, reading, numbered):
    values = reading(numbered(1)) | reading(np.zeros((3, 2, 2)), "side")
    assert "different numbers" in str(stack.stash(values).exception(timeout=1))
    assert stack.keys == ()


@pytest.mark.parametrize("kind", ["live", "stack"])
def test_clear_frees_the_memory_and_keeps_the_counts(kind, reading, numbered):
    cache = FrameCache("camera", kind=kind, max_bytes=MB)
    cache.stash(reading(numbered(1)))
    cache.stash(reading(numbered(2)))
    reader = cache.reader()
    memory = None
    if kind == "stack":
        memory = weakref.ref(reader.take("camera").data.base)
        assert memory() is not None
    assert cache.clear().success
    gc.collect()
    assert memory is None or memory() is None
    assert cache.counts == CacheCounts(2, 2, 0, 0, 0)
    assert cache.keys == ("camera",)
    taken = reader.take("camera")
    assert taken.frame is None
    assert len(taken.data) == 0
    cache.stash(reading(numbered(3)))
    assert reader.take("camera").frame.number == 3


def test_a_stack_of_tiny_frames_reserves_little(reading):
    cache = FrameCache("camera", kind="stack", max_bytes=2_000_000_000)
    cache.stash(reading(np.zeros((1, 1), np.uint8)))
    assert newest(cache).data.base.nbytes <= 2**20


def test_no_memory_for_a_stack_is_a_refusal(reading):
    cache = FrameCache("camera", kind="stack", max_bytes=2**62)
    error = cache.stash(reading(np.zeros((2**21, 2), np.uint16))).exception(timeout=1)
    assert isinstance(error, CacheFullError)
    assert "no memory" in str(error)
    assert cache.counts == CacheCounts(1, 0, 1, 0, 0)


def test_changed_is_emitted_once_after_each_arming(live, reading, numbered):
    heard = []
    live.changed.connect(lambda: heard.append(1))
    live.stash(reading(numbered(1)))
    assert heard == []
    one, two = live.reader(), live.reader()
    one.arm()
    two.arm()
    live.stash(reading(numbered(2)))
    live.stash(reading(numbered(3)))
    assert heard == [1]
    one.arm()
    live.clear()
    assert heard == [1, 1]


def test_a_listener_that_raises_does_not_fail_the_plan(live, reading, numbered, caplog):
    def fail():
        raise RuntimeError("listener")

    live.changed.connect(fail)
    live.reader().arm()
    assert live.stash(reading(numbered(1))).success
    assert "listener" in caplog.text


def test_each_frame_of_a_batch_has_its_own_time(live, stack, reading, numbered):
    batch = reading(np.stack([numbered(n) for n in range(3)]), timestamp=9.0)
    batch["camera"]["timestamps"] = np.array([1.0, 2.5, 4.0])
    for cache in (live, stack):
        assert cache.stash(batch).success
    assert newest(live).frame.timestamp == 4.0
    times = [frame.timestamp for frame in newest(stack).frames]
    assert times == [1.0, 2.5, 4.0]
    assert {type(each) for each in times} == {float}


def test_a_batch_without_times_was_taken_when_its_reading_says(stack, reading, numbered):
    stack.stash(reading(np.stack([numbered(1)] * 2), timestamp=9.0))
    assert [frame.timestamp for frame in newest(stack).frames] == [9.0, 9.0]


def test_times_that_do_not_belong_to_the_frames_are_refused(stack, reading, numbered):
    batch = reading(np.stack([numbered(1)] * 3))
    batch["camera"]["timestamps"] = [1.0, 2.0]
    status = stack.stash(batch)
    assert isinstance(status.exception(0), ValueError)
    assert "3 frames, but 2 times" in str(status.exception(0))
    assert stack.counts.acquired == 0


def test_metadata_is_plain_whatever_the_device_gives(stack, reading, numbered):
    class Channel(Enum):
        DAPI = "DAPI"

    stack.stash(reading(numbered(1), channel=Channel.DAPI))
    assert newest(stack).frame.metadata["camera-channel"] == "DAPI"


def test_lists_of_arrays_are_metadata_too(stack, reading, numbered):
    table = [np.arange(3), np.arange(4)]
    for number in (1, 2):
        assert stack.stash(reading(numbered(number), table=table)).success
    assert newest(stack).frame.metadata["camera-table"] == [[0, 1, 2], [0, 1, 2, 3]]
    assert stack.counts.stashed == 2


def test_a_withdrawn_frame_leaves_the_stack_and_every_reader(stack, reading, numbered):
    """What was shown of it stays as it was, though its place in the stack is used again."""
    reader, late = stack.reader(), stack.reader()
    stack.stash(reading(numbered(1)))
    status = stack.stash(reading(numbered(2)))
    shown = reader.take("camera").data
    stack.withdraw(status)
    assert reader.has_news("camera")
    assert [frame.number for frame in reader.take("camera").frames] == [1]
    stack.stash(reading(numbered(3)))
    assert shown[:, 0, 0].tolist() == [1, 2]
    for each in (reader, late):
        taken = each.take("camera")
        assert taken.data[:, 0, 0].tolist() == [1, 3]
        assert [frame.number for frame in taken.frames] == [1, 3]
        counts = each.counts()
        assert counts.stashed == counts.shown + counts.skipped + counts.waiting == 3
    assert stack.counts == CacheCounts(3, 3, 0, 2, stack.counts.nbytes, withdrawn=1)


def test_a_withdrawal_is_announced_and_makes_room_again(stack, reading, numbered):
    stack.max_bytes = numbered(1).nbytes
    told = []
    status = stack.stash(reading(numbered(1)))
    stack.reader().arm()
    stack.changed.connect(lambda: told.append(stack.counts.kept))
    stack.withdraw(status)
    assert told == [0]
    assert stack.stash(reading(numbered(2))).success


def test_withdrawing_what_was_cleared_changes_nothing(stack, reading, numbered):
    status = stack.stash(reading(numbered(1)))
    stack.clear()
    stack.stash(reading(numbered(2)))
    stack.withdraw(status)
    assert (stack.counts.kept, stack.counts.withdrawn) == (1, 0)


@pytest.mark.parametrize("kind", ["live", "stack"])
@pytest.mark.parametrize("colours", [3, 4])
def test_colour_frames_and_batches(kind, colours, reading):
    frames = np.arange(2 * 6 * 8 * colours, dtype=np.uint8).reshape(2, 6, 8, colours)
    cache = FrameCache("camera", kind=kind, max_bytes=MB)
    assert cache.stash(reading(frames[0])).exception(timeout=1) is None
    assert cache.stash(reading(frames)).exception(timeout=1) is None
    assert cache.counts.stashed == 3
    expected = frames[1] if kind == "live" else frames[[0, 0, 1]]
    np.testing.assert_array_equal(newest(cache, "camera").data, expected)
    if kind == "stack":
        error = cache.stash(reading(frames[0, ..., 0])).exception(timeout=1)
        assert "8 × 6 colour uint8, not 8 × 6 uint8" in str(error)
