"""Images of plans that stash nothing."""

import numpy as np
import pytest
from bluesky import plans as bp

from napari_skylight import Session
from napari_skylight.testing import FakeCamera, wait_until


@pytest.fixture
def session():
    with Session() as session:
        yield session


def shown(session, camera, key):
    """Return the newest frame in the live cache of a camera."""
    cache = session.caches.live(camera)
    wait_until(lambda: key in cache.keys)
    return cache.reader().take(key)


def test_count_shows_the_newest_image(session):
    camera = FakeCamera()
    session.add_device(camera).result(timeout=5)
    session.start("count", {"detectors": [camera.name], "num": 5}).result(timeout=10)
    wait_until(lambda: (shown(session, camera, "camera").data == 5).all())
    assert session.caches.live(camera).counts.acquired == 5
    assert session.runs[0].acquired == 5
