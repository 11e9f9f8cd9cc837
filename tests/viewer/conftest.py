from threading import Event, Thread

import numpy as np
import pytest
from psygnal import Signal

from napari_skylight.frames import CacheStore
from napari_skylight.recording import Recordings
from napari_skylight.session import RunInfo, Tally
from napari_skylight.viewer import ViewerLink


class FakeSession:
    """As much of a session as a link needs."""

    state_changed = Signal(str)
    microscope_changed = Signal()

    def __init__(self):
        self.caches = CacheStore(stack_bytes=100_000_000)
        self.recordings = Recordings()
        self.state = "idle"
        self.run = None

    def become(self, state):
        self.state = state
        self.state_changed.emit(state)

    def start_run(self):
        started = 0 if self.run is None else self.run.started + 1
        self.run = RunInfo("plan", "Plan", {}, started, before=Tally.of(self.caches))
        self.become("running")


class Camera:
    """Stashes frames, into its live cache or its stack."""

    def __init__(self, session, name="camera", channel=""):
        self.name = name
        self.live_cache = session.caches.live(self, channel)
        self.stack_cache = session.caches.stack(self, channel=channel)
        self.metadata = {}

    def reading(self, image):
        image = np.asarray(image)
        values = {self.name: {"value": image, "timestamp": 100.0}}
        for name, value in self.metadata.items():
            values[name] = {"value": value, "timestamp": 100.0}
        return values

    def live(self, image):
        return self.live_cache.stash(self.reading(image))

    def snap(self, image):
        return self.stack_cache.stash(self.reading(image))


class Producer(Thread):
    """Stashes numbered frames as fast as it can until told to stop."""

    def __init__(self, camera, shapes=((64, 64),), dtypes=(np.uint16,), every=5):
        super().__init__(name="skylight-test-producer", daemon=True)
        self._camera, self._shapes, self._dtypes, self._every = camera, shapes, dtypes, every
        self._stop_requested = Event()
        self.number = 0

    def run(self):
        while not self._stop_requested.is_set():
            self.number += 1
            turn = self.number // self._every
            shape = self._shapes[turn % len(self._shapes)]
            dtype = self._dtypes[turn % len(self._dtypes)]
            self._camera.live(np.full(shape, self.number % 200, dtype))
            self._stop_requested.wait(0.0005)

    def stop(self):
        self._stop_requested.set()
        self.join(10)
        assert not self.is_alive()


@pytest.fixture
def session():
    return FakeSession()


@pytest.fixture
def make_camera(session):
    return lambda name, channel="": Camera(session, name, channel)


@pytest.fixture
def camera(make_camera):
    return make_camera("camera")


@pytest.fixture
def produce():
    producers = []

    def start(camera, **kwargs):
        producer = Producer(camera, **kwargs)
        producers.append(producer)
        producer.start()
        return producer

    yield start
    for producer in producers:
        producer.stop()


@pytest.fixture
def make_link(make_napari_viewer, session):
    """Make a viewer with a link to the session; the link is closed after the test."""
    links = []

    def make(**kwargs):
        link = ViewerLink(make_napari_viewer(**kwargs), session)
        links.append(link)
        return link

    yield make
    for link in links:
        link.close()


@pytest.fixture
def link(make_link):
    return make_link()


@pytest.fixture
def layers(link):
    return link.viewer.layers


@pytest.fixture
def wait_until(qtbot):
    def wait(condition, timeout=5000):
        qtbot.waitUntil(condition, timeout=timeout)

    return wait


@pytest.fixture
def begin_run(link, session, wait_until):
    """Start a run, and wait until the link has seen that."""

    def begin():
        session.start_run()
        wait_until(lambda: link.resting)

    return begin
