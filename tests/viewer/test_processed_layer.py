"""The layer of what a process makes of a camera's frames."""

import numpy as np
import pytest

from napari_skylight.processing import Processes


@pytest.fixture
def process(session, camera):
    """Process a frame, of one value, of the camera."""
    processor = Processes(session.caches)["minus median"].processor(camera)

    def process(value):
        camera.metadata = {"camera-pixel_size": 0.5}
        image = np.full((40, 60), value, np.uint16)
        camera.live(image)
        processor.stash(camera.reading(image))

    yield process
    processor.end()
    assert processor.join(5)


def test_it_is_beside_the_cameras_at_the_same_scale(link, layers, process, wait_until):
    name = "camera · minus median"
    process(10)
    wait_until(lambda: {"camera", name} <= {layer.name for layer in layers})
    process(50)
    wait_until(lambda: layers[name].data[0, 0] == 20)  # 50 minus the median of 10 and 50
    assert layers[name].data.dtype == np.float32
    assert layers["camera"].data[0, 0] == 50
    assert tuple(layers[name].scale) == tuple(layers["camera"].scale) == (0.5, 0.5)
    assert link.viewer.canvas.grid.enabled
    assert link.skipped == 0


def test_it_stays_beside_snapshots(link, layers, camera, process, wait_until):
    process(10)
    camera.snap(np.full((40, 60), 10, np.uint16))
    wait_until(lambda: len(layers) == 3)
    process(20)
    wait_until(lambda: link.resting)
    assert layers["camera · minus median"].visible
