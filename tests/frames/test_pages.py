"""The memory of a stack is made ready ahead of its frames, and that shows in nothing else."""

import gc
import sys
import threading
import weakref
from statistics import median
from time import perf_counter

import numpy as np
import psutil
import pytest

from napari_skylight.frames import FrameCache

MB = 1_000_000


def wait_for_the_thread():
    for thread in threading.enumerate():
        if thread.name == "skylight-pages":
            thread.join(10)
            assert not thread.is_alive()


def resident():
    gc.collect()
    return psutil.Process().memory_info().rss


@pytest.fixture
def stack():
    cache = FrameCache("camera · snapshots", kind="stack", max_bytes=400 * MB)
    yield cache
    cache.clear()
    wait_for_the_thread()


def test_frames_written_while_pages_are_fetched_are_untouched(stack, reading, numbered):
    shape = (512, 512)
    for number in range(300):
        assert stack.stash(reading(numbered(number, shape))).success
    data = stack.reader().take("camera").data
    expected = np.arange(300, dtype=np.uint16)[:, None, None]
    assert (data == expected).all()
    wait_for_the_thread()
    assert (data == expected).all()


def test_memory_is_taken_a_bounded_way_ahead_and_given_back(stack, reading, numbered):
    before = resident()
    stack.stash(reading(numbered(1, (1000, 1000))))
    wait_for_the_thread()
    ahead = 20 * MB if sys.platform == "linux" else 0
    assert ahead < resident() - before < 60 * MB
    stack.clear()
    assert resident() - before < 10 * MB


def test_clear_ends_the_thread_and_frees_the_memory(stack, reading, numbered):
    for number in range(150):
        stack.stash(reading(numbered(number, (1000, 1000))))
    memory = weakref.ref(stack.reader().take("camera").data.base)
    assert memory() is not None
    stack.clear()
    wait_for_the_thread()
    gc.collect()
    assert memory() is None
    assert stack.counts.nbytes == 0
    assert stack.stash(reading(numbered(2))).success


def test_a_stash_costs_the_same_with_ten_thousand_frames_kept(stack, reading, numbered):
    frame = reading(numbered(1, (128, 128)))
    times = []
    for _ in range(10_100):
        start = perf_counter()
        stack.stash(frame)
        times.append(perf_counter() - start)
    assert median(times[-200:]) < 3 * median(times[100:300])
