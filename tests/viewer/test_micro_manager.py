"""Layers of Micro-Manager's demo camera, whose core another client uses too."""

import numpy as np
import pytest

from napari_skylight.devices import mmcore
from napari_skylight.session import Session, SessionState


@pytest.fixture
def session(cores):
    with Session() as session:
        session.open_microscope(mmcore.microscope).result(timeout=20)
        session.set("camera.exposure", 5.0).result(timeout=5)
        session.set("camera.binning", 2).result(timeout=5)
        yield session


@pytest.fixture
def core(session, cores):
    return cores[-1]  # the one before has checked the configuration


def snapshot(session, layers, wait_until):
    before = session.caches.stack(session.devices["camera"]).counts.kept
    session.request("snapshot")
    wait_until(
        lambda: (
            "camera · snapshots" in layers
            and len(layers["camera · snapshots"].data) == before + 1
            and len(layers["camera · snapshots"].metadata["frames"]) == before + 1
        )
    )
    return layers["camera · snapshots"]


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "triggered"])
def test_layers_follow_the_core(stream, session, core, layers, wait_until):
    session.start("live_view", {"stream": stream, "stage": "stage"})
    wait_until(lambda: "camera" in layers)
    live = layers["camera"]
    for objective, x, scale in (
        ("Nikon 40X Plan Fluor ELWD", 30.0, 0.5),
        ("Nikon 20X Plan Fluor ELWD", -45.0, 1.0),
    ):
        core.setProperty("Objective", "Label", objective)
        core.setXYPosition(x, 0.0)
        wait_until(lambda scale=scale: tuple(live.scale) == (scale, scale))
        wait_until(lambda x=x: abs(live.translate[1] - x) < 0.1)
        kept = snapshot(session, layers, wait_until)
        frame = kept.metadata["frames"][-1]
        assert frame.metadata["camera-pixel_size"] == scale
        assert frame.metadata["stage-x"] == pytest.approx(x, abs=0.1)
        assert tuple(kept.scale)[1:] == (scale, scale)
    session.stop().result(timeout=5)


def test_a_camera_that_changes_between_grey_and_colour(session, core, layers, wait_until):
    session.start("live_view", {"stream": False})
    for pixel_type, dtype, is_rgb in (
        ("8bit", np.uint8, False),
        ("32bitRGB", np.uint8, True),
        ("16bit", np.uint16, False),
        ("64bitRGB", np.uint16, True),
    ):
        core.setProperty("Camera", "PixelType", pixel_type)
        wait_until(
            lambda dtype=dtype, is_rgb=is_rgb: (
                "camera" in layers
                and (layers["camera"].rgb, layers["camera"].data.dtype) == (is_rgb, dtype)
            )
        )
        assert layers["camera"].data.shape == (256, 256, 3)[: 3 if is_rgb else 2]
        assert len(layers) == 1
    kept = snapshot(session, layers, wait_until)
    assert kept.rgb
    assert session.state is SessionState.RUNNING
    session.stop().result(timeout=5)
