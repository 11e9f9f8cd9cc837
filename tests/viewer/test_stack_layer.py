import gc
import weakref
from time import perf_counter

import numpy as np
import pytest

NAME = "camera · snapshots"


def frame(value, shape=(8, 10), dtype=np.uint16):
    return np.full(shape, value, dtype)


@pytest.fixture
def snap(camera, layers, wait_until):
    """Stash a frame and wait until it is in the stack's layer."""

    def stash_and_wait(value, **kwargs):
        before = camera.stack_cache.counts.kept
        assert camera.snap(frame(value, **kwargs)).success
        wait_until(lambda: NAME in layers and len(layers[NAME].data) == before + 1)
        return layers[NAME]

    return stash_and_wait


def slider(link):
    return link.viewer.dims.current_step[0]


def test_the_first_snapshot_makes_the_layer_and_later_ones_lengthen_it(snap, link, layers):
    layer = snap(1)
    assert layer.data.shape == (1, 8, 10)
    for value in (2, 3):
        assert snap(value) is layer
    np.testing.assert_array_equal(layer.data[:, 0, 0], [1, 2, 3])
    assert slider(link) == 2
    assert [each.name for each in layers] == [NAME]


def test_the_scale_bar_comes_with_the_first_picture_of_known_size(snap, link, camera):
    bar = link.viewer.canvas.overlays.scale_bar
    snap(1)
    assert not bar.visible
    camera.metadata = {"camera-pixel_size": 0.5}
    snap(2)
    link.viewer.dims.set_current_step(0, 1)
    assert bar.visible
    bar.visible = False
    snap(3)
    assert not bar.visible


def test_the_slider_follows_until_moved_and_again_at_the_end(snap, link):
    for value in (1, 2, 3):
        snap(value)
    link.viewer.dims.set_current_step(0, 1)
    snap(4)
    assert slider(link) == 1
    link.viewer.dims.set_current_step(0, 3)
    snap(5)
    assert slider(link) == 4


def test_a_snapshot_is_shown_at_once_however_slowly_the_live_layer_is_drawn(
    snap, link, camera, produce, wait_until
):
    snap(1)
    produce(camera)
    wait_until(lambda: link.shown > 3)
    link.display_rate = 0.5
    shown = link.shown
    wait_until(lambda: link.shown > shown)  # the next one is two seconds away
    start = perf_counter()
    snap(2)
    assert perf_counter() - start < 1


def test_frames_not_looked_at_count_as_skipped(snap, link, camera):
    snap(1)
    snap(2)
    link.viewer.dims.set_current_step(0, 0)
    snap(3)
    counts = link.counts(camera.stack_cache)
    assert (counts.stashed, counts.shown, counts.skipped, counts.waiting) == (3, 2, 1, 0)


def test_the_stack_looks_like_the_live_layer(snap, camera, layers, link, wait_until):
    camera.live(np.arange(80, dtype=np.uint16).reshape(8, 10))
    wait_until(lambda: "camera" in layers)
    live = layers["camera"]
    live.colormap, live.contrast_limits = "green", (5, 50)
    stack = snap(1)
    assert stack.colormap.name == "green"
    assert stack.contrast_limits == [5, 50]
    stack.colormap = "red"
    assert live.colormap.name == "green"


def test_thousands_of_frames_arrive(camera, layers, link, wait_until):
    batch = np.arange(500, dtype=np.uint16)[:, None, None] * np.ones((4, 4), np.uint16)
    for start in range(0, 3000, 500):
        camera.snap(batch + np.uint16(start))
    wait_until(lambda: NAME in layers and len(layers[NAME].data) == 3000)
    np.testing.assert_array_equal(layers[NAME].data[:, 3, 3], np.arange(3000))
    wait_until(lambda: slider(link) == 2999)
    counts = link.counts(camera.stack_cache)
    assert counts.shown + counts.skipped == counts.stashed == 3000


def test_clear_leaves_an_empty_layer_with_its_settings(snap, camera, layers, link, wait_until):
    layer = snap(1)
    snap(2)
    layer.colormap, layer.name = "magma", "kept"
    camera.stack_cache.clear()
    wait_until(lambda: len(layer.data) == 0)
    assert list(layers) == [layer]
    assert layer.data.shape == (0, 8, 10)
    assert len(layer.metadata["frames"]) == 0
    assert "number" not in layer.metadata
    camera.snap(frame(3, (5, 5), np.uint8))
    wait_until(lambda: len(layer.data) == 1)
    assert layer.data.shape == (1, 5, 5)
    assert (layer.colormap.name, layer.name) == ("magma", "kept")
    camera.snap(frame(4, (5, 5), np.uint8))
    wait_until(lambda: len(layer.data) == 2)
    assert slider(link) == 1


def test_an_empty_stack_is_drawn(make_link, camera, wait_until):
    """Zero frames on a visible canvas, alone and beside a live layer."""
    viewer = make_link(show=True).viewer
    camera.snap(frame(1))
    wait_until(lambda: len(viewer.layers) == 1)
    camera.stack_cache.clear()
    wait_until(lambda: len(viewer.layers[0].data) == 0)
    viewer.screenshot(flash=False)
    camera.live(frame(1))
    wait_until(lambda: len(viewer.layers) == 2)
    viewer.screenshot(flash=False)
    camera.snap(frame(2))
    wait_until(lambda: len(viewer.layers[NAME].data) == 1)
    viewer.screenshot(flash=False)


def test_a_stack_shown_in_three_dimensions_is_cleared_and_filled_again(
    make_link, camera, wait_until
):
    viewer = make_link(show=True).viewer
    for value in (1, 2):
        camera.snap(frame(value))
    wait_until(lambda: NAME in viewer.layers and len(viewer.layers[NAME].data) == 2)
    viewer.dims.ndisplay = 3
    camera.stack_cache.clear()
    wait_until(lambda: not viewer.layers[NAME].data.any())
    assert len(viewer.layers[NAME].metadata["frames"]) == 0
    viewer.screenshot(flash=False)
    for value in (3, 4, 5):
        camera.snap(frame(value))
    wait_until(lambda: len(viewer.layers[NAME].data) == 3)
    np.testing.assert_array_equal(viewer.layers[NAME].data[:, 0, 0], [3, 4, 5])
    viewer.screenshot(flash=False)


@pytest.mark.parametrize("visible", [True, False])
def test_clear_frees_the_memory(visible, snap, camera, link, wait_until):
    layer = snap(1)
    layer.visible = visible
    memory = weakref.ref(layer.data.base)
    assert memory() is not None
    camera.stack_cache.clear()
    wait_until(lambda: len(layer.data) == 0)

    def freed():
        gc.collect()
        return memory() is None

    wait_until(freed)
    counts = link.counts(camera.stack_cache)
    assert (counts.shown, counts.waiting) == (1, 0)


def test_a_hidden_stack_grows_without_being_drawn(snap, layers, link):
    layer = snap(1)
    layer.visible = False
    drawn = []
    layer.events.set_data.connect(drawn.append)
    snap(2)
    snap(3)
    assert link.viewer.dims.nsteps[0] == 3
    assert slider(link) == 2
    assert not layer.visible
    assert not drawn
    layer.visible = True
    assert drawn


def test_a_deleted_stack_comes_back_with_the_next_frame(snap, layers, camera, wait_until):
    layer = snap(1)
    layer.colormap = "cyan"
    layers.remove(layer)
    camera.snap(frame(2))
    wait_until(lambda: NAME in layers)
    new = layers[NAME]
    np.testing.assert_array_equal(new.data[:, 0, 0], [1, 2])
    assert new.colormap.name == "cyan"


def test_place_and_metadata_are_those_of_the_frame_at_the_slider(snap, camera, link, wait_until):
    for number, x in enumerate([10.0, 20.0, 30.0]):
        camera.metadata = {
            "camera-pixel_size": 0.5,
            "stage-x": x,
            "stage-y": 5.0,
            "camera-exposure": number,
        }
        layer = snap(number)
    assert layer.scale.tolist() == [1, 0.5, 0.5]
    assert [str(unit) for unit in layer.units] == ["pixel", "micrometer", "micrometer"]
    assert layer.translate.tolist() == [0, 5, 30]
    assert layer.metadata["camera-exposure"] == 2
    assert [each.metadata["stage-x"] for each in layer.metadata["frames"]] == [10, 20, 30]
    link.viewer.dims.set_current_step(0, 1)
    wait_until(lambda: layer.metadata["camera-exposure"] == 1)
    assert layer.metadata["number"] == 2
    assert layer.translate.tolist() == [0, 5, 20]
    assert slider(link) == 1
