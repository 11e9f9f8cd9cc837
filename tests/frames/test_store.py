import threading
from types import SimpleNamespace

import numpy as np
import pytest

from napari_skylight.frames import CacheStore
from napari_skylight.protocols import FrameCaches

CAMERA = SimpleNamespace(name="camera")


def test_makes_each_cache_once_and_tells():
    store = CacheStore()
    assert isinstance(store, FrameCaches)
    added = []
    store.added.connect(added.append)
    live = store.live(CAMERA)
    snapshots = store.stack(CAMERA)
    timed = store.stack(CAMERA, "timed")
    assert store.live(CAMERA) is live
    assert store.stack(CAMERA) is snapshots
    names = ["camera", "camera · snapshots", "camera · timed"]
    assert [cache.title for cache in store] == names
    assert added == list(store) == [live, snapshots, timed]
    assert [cache.kind for cache in store] == ["live", "stack", "stack"]
    assert len(store) == 3


def test_each_channel_of_a_camera_has_caches_of_its_own():
    store = CacheStore()
    plain, dapi = store.live(CAMERA), store.live(CAMERA, "DAPI")
    kept, gfp = store.stack(CAMERA, channel="DAPI"), store.stack(CAMERA, "timed", "GFP")
    assert [cache.name for cache in store] == [
        "camera",
        "camera · DAPI",
        "camera · DAPI · snapshots",
        "camera · GFP · timed",
    ]
    assert [cache.channel for cache in store] == ["", "DAPI", "DAPI", "GFP"]
    assert list(store) == [plain, dapi, kept, gfp]
    assert store.live(CAMERA, channel="DAPI") is dapi
    assert store.stack(CAMERA, "DAPI") is not dapi


def test_every_thread_gets_the_same_cache():
    store = CacheStore()
    added, got = [], []
    store.added.connect(added.append)
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait(10)
        got.append(store.live(CAMERA))

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert got == [store.live(CAMERA)] * 8
    assert len(added) == 1


def test_sizes_hold_for_caches_there_are_and_new_ones():
    store = CacheStore(live_bytes=100, stack_bytes=10)
    stack = store.stack(CAMERA)
    frame = {"camera": {"value": np.zeros((4, 5), np.uint8), "timestamp": 0.0}}
    assert not stack.stash(frame).success
    store.stack_bytes = 20
    store.live_bytes = 19
    assert stack.stash(frame).success
    assert not store.live(CAMERA).stash(frame).success
    assert (store.stack_bytes, store.live_bytes) == (20, 19)
    with pytest.raises(ValueError, match="must be positive"):
        store.stack_bytes = 0
