import threading
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from napari_skylight import Session
from napari_skylight.testing import Documents, wait_until


@pytest.fixture
def open_session(tmp_path):
    """Open sessions that store their runs in the same folder."""
    opened = []

    def open_one(*devices):
        session = Session(tmp_path / "user")
        opened.append(session)
        for device in devices:
            session.add_device(device).result(timeout=5)
        return session

    yield open_one
    for session in opened:
        session.close()


@pytest.fixture
def folder(tmp_path):
    """The folder of the runs that `open_session` stores."""
    return tmp_path / "user" / "runs"


@pytest.fixture
def documents(session):
    documents = Documents()
    session.engine.subscribe(documents)
    return documents


@dataclass(frozen=True)
class Kept:
    """A frame as a reader of the cache gets it."""

    data: np.ndarray
    time: float
    metadata: dict

    def __getitem__(self, key):
        return self.metadata[f"camera-{key}"]

    @property
    def sensor_pixels(self):
        return tuple(length * self["binning"] for length in self.data.shape)


class Recorder:
    """Takes the newest frame out of a live cache after each stash."""

    def __init__(self, cache):
        self.frames = []
        self._lock = threading.Lock()
        self._stash, self._reader = cache.stash, cache.reader()
        cache.stash = self

    def __call__(self, values):
        status = self._stash(values)
        taken = self._reader.take("camera")
        assert taken is not None
        frame = taken.frame
        with self._lock:
            self.frames.append(Kept(taken.data, frame.timestamp, dict(frame.metadata)))
        return status

    @property
    def last(self):
        return self.frames[-1]

    def changes(self, key):
        """Return the values that `key` had, one after the other."""
        values = [frame[key] for frame in self.frames]
        return [values[0], *(new for old, new in pairwise(values) if new != old)]

    def wait_for_frames(self, number=3):
        count = len(self.frames)
        wait_until(lambda: len(self.frames) >= count + number)


@pytest.fixture
def record():
    """Record, of a live cache, the newest frame after each stash."""
    return Recorder
