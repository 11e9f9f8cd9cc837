"""Frames of a colour camera."""

import numpy as np
import pytest


@pytest.fixture(params=[np.uint8, np.uint16])
def picture(request):
    """Red on the left, green on the right."""
    picture = np.zeros((40, 60, 3), request.param)
    picture[:, :30, 0] = picture[:, 30:, 1] = 200
    return picture


def test_the_canvas_shows_its_colours(make_link, camera, picture, wait_until):
    link = make_link(show=True)
    camera.live(np.zeros_like(picture))
    wait_until(lambda: link.shown == 1)
    data = link.viewer.layers["camera"].data
    camera.live(picture)
    wait_until(lambda: link.shown == 2)
    layer = link.viewer.layers["camera"]
    assert layer.rgb
    assert layer.data is data
    np.testing.assert_array_equal(layer.data, picture)
    shown = link.viewer.screenshot(flash=False).astype(int)
    y, x = (length // 2 for length in shown.shape[:2])
    assert tuple(shown[y, x - 50, 1:3]) == tuple(shown[y, x + 50, [0, 2]]) == (0, 0)
    assert shown[y, x - 50, 0] > 100 < shown[y, x + 50, 1]


def test_snapshots_have_a_slider(link, camera, picture, layers, wait_until):
    camera.metadata = {"camera-pixel_size": 0.5}
    camera.snap(picture)
    camera.snap(picture // 2)
    wait_until(lambda: "camera · snapshots" in layers and layers[0].data.shape[0] == 2)
    layer = layers["camera · snapshots"]
    assert (layer.rgb, layer.ndim) == (True, 3)
    np.testing.assert_array_equal(layer.data, [picture, picture // 2])
    assert tuple(layer.scale) == (1, 0.5, 0.5)


def test_grey_and_colour_take_turns(link, camera, picture, layers, wait_until):
    camera.metadata = {"camera-pixel_size": 0.5}
    for turn, image in enumerate((picture, picture[..., 0], picture), start=1):
        camera.live(image)
        wait_until(lambda turn=turn: link.shown == turn)
        (layer,) = layers
        assert layer.rgb == (image.ndim == 3)
        assert (layer.name, layers.selection.active) == (
            "my camera" if turn > 1 else "camera",
            layer,
        )
        assert tuple(layer.scale) == (0.5, 0.5)
        np.testing.assert_array_equal(layer.data, image)
        layer.name = "my camera"
        layer.opacity = 0.5
    assert layer.opacity == 0.5


def test_autoscale_is_not_offered(link, camera, picture, wait_until):
    camera.live(picture)
    wait_until(lambda: link.shown == 1)
    link.viewer.layers["camera"].contrast_limits = (0, 10)
    wait_until(lambda: link.resting)
    assert "autoscale_offer" not in link.viewer.canvas.overlays
