"""What people do to live layers, and what cameras do, while frames come at full speed."""

from threading import Event
from time import perf_counter

import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent


@pytest.fixture
def live(link, camera, produce, wait_until):
    """Return the link of a viewer that shows a camera at full speed."""
    produce(camera)
    wait_until(lambda: link.shown > 3)
    return link


@pytest.fixture
def goes_on(camera, wait_until):
    """Check that a link goes on showing whole frames, the newest each time."""

    def check(link, name="camera"):
        layer = None
        for _ in range(10):
            shown = link.shown
            wait_until(lambda shown=shown: link.shown > shown)
            layer = link.viewer.layers[name]
            assert is_whole(layer)
        assert camera.live_cache.counts.refused == 0
        return layer

    return check


def is_whole(layer):
    """Return whether every pixel is of the frame that the layer says it shows."""
    return (layer.data == layer.metadata["number"] % 200).all()


def test_delete(live, goes_on, wait_until):
    layers = live.viewer.layers
    layers["camera"].colormap = "green"
    for _ in range(3):
        layers.remove("camera")
        wait_until(lambda: "camera" in layers)
    assert goes_on(live).colormap.name == "green"
    layers.clear()
    goes_on(live)


def test_rename(live, goes_on):
    layer = live.viewer.layers["camera"]
    for name in ("one", "two"):
        layer.name = name
        assert goes_on(live, name) is layer
    assert len(live.viewer.layers) == 1


def test_hide_and_show(live, goes_on, camera, wait_until):
    layer = live.viewer.layers["camera"]
    for _ in range(3):
        layer.visible = False
        shown, stashed = live.shown, camera.live_cache.counts.stashed
        wait_until(lambda stashed=stashed: camera.live_cache.counts.stashed > stashed + 20)
        assert live.shown == shown
        layer.visible = True
        assert goes_on(live) is layer


def test_reorder(live, goes_on):
    viewer = live.viewer
    layer = viewer.layers["camera"]
    viewer.add_image(np.zeros((3, 8, 8)), name="mine")
    for _ in range(3):
        viewer.layers.move(0, 2)
        goes_on(live)
    viewer.layers.reverse()
    assert goes_on(live) is layer
    assert {each.name for each in viewer.layers} == {"camera", "mine"}


def test_duplicate(live, goes_on):
    layers = live.viewer.layers
    layers.selection.active = layers["camera"]
    _duplicate_layer(layers)
    copy = layers["camera copy"]
    number, pixels = copy.metadata["number"], copy.data.copy()
    goes_on(live)
    np.testing.assert_array_equal(copy.data, pixels)
    assert copy.metadata["number"] == number
    assert is_whole(copy)


def test_save(live, goes_on, tmp_path):
    for _ in range(3):
        layer = live.viewer.layers["camera"]
        expected = layer.data.copy()
        (path,) = layer.save(str(tmp_path / "picture.tif"))
        (saved,) = live.viewer.open(path, plugin="napari")
        np.testing.assert_array_equal(saved.data, expected)
        live.viewer.layers.remove(saved)
        goes_on(live)


def test_a_second_viewer_comes_and_goes(live, make_link, goes_on, camera):
    other = make_link()
    goes_on(other)
    goes_on(live)
    assert not np.shares_memory(
        live.viewer.layers["camera"].data, other.viewer.layers["camera"].data
    )
    other.close()
    goes_on(live)
    counts = live.counts(camera.live_cache)
    assert counts.stashed == counts.shown + counts.skipped + counts.waiting


def test_a_gui_that_is_blocked_for_two_seconds(live, goes_on, camera, wait_until):
    before = camera.live_cache.counts.stashed
    counts = live.counts(camera.live_cache)
    Event().wait(2)
    assert camera.live_cache.counts.stashed > before + 500  # the camera did not wait
    shown, newest = live.shown, camera.live_cache.counts.stashed
    wait_until(lambda: live.shown > shown)
    assert live.viewer.layers["camera"].metadata["number"] >= newest  # not one of those missed
    assert live.counts(camera.live_cache).skipped > counts.skipped + 500
    goes_on(live)


def test_a_camera_that_changes_every_fifty_frames(link, camera, produce, goes_on, wait_until):
    shapes = ((64, 64), (300, 200), (1, 7))
    produce(camera, shapes=shapes, dtypes=(np.uint16, np.uint8, np.float64), every=50)
    seen = set()
    wait_until(lambda: link.shown > 0)

    def saw_all():
        layer = link.viewer.layers["camera"]
        assert is_whole(layer)
        seen.add(layer.data.shape)
        return len(seen) == len(shapes)

    wait_until(saw_all, timeout=20000)
    layer = goes_on(link)
    assert list(link.viewer.layers) == [layer]


def test_frames_that_cannot_be_shown_are_refused_in_between(live, goes_on, camera):
    for image in (np.zeros((2, 20, 2, 2)), np.zeros((8, 0)), np.zeros((8, 10), complex)):
        status = camera.live(image)
        assert isinstance(status.exception(0), ValueError)
        assert camera.name in str(status.exception(0))
        goes_on(live)


def test_cameras_side_by_side(live, make_camera, produce, goes_on, wait_until):
    viewer = live.viewer
    viewer.canvas.grid.enabled = True
    for name, shape, dtype in [("wide", (20, 90), np.float32), ("small", (9, 9), np.uint8)]:
        produce(make_camera(name), shapes=(shape,), dtypes=(dtype,))
    wait_until(lambda: len(viewer.layers) == 3)
    for name in ("camera", "wide", "small"):
        number = viewer.layers[name].metadata["number"]
        wait_until(lambda name=name, number=number: viewer.layers[name].metadata["number"] > number)
        assert is_whole(viewer.layers[name])
    goes_on(live)


def test_in_three_dimensions_beside_other_layers(make_link, camera, produce, goes_on, wait_until):
    link = make_link(show=True)
    viewer = link.viewer
    viewer.add_image(np.random.default_rng(0).random((6, 64, 64)), name="mine")
    viewer.add_labels(np.ones((64, 64), int), name="cells")
    viewer.add_points(np.full((3, 3), 5.0), name="spots")
    produce(camera)
    goes_on(link).opacity = 0.5
    for ndisplay in (3, 2):
        viewer.dims.ndisplay = ndisplay
        goes_on(link)
        camera.snap(np.ones((64, 64), np.uint16))
        goes_on(link)
        assert viewer.screenshot(flash=False)[..., :3].any()
    wait_until(lambda: len(viewer.layers["camera · snapshots"].data) == 2)
    assert {each.name for each in viewer.layers if each.visible} == {
        *("mine", "cells", "spots", "camera"),
    }


def test_the_users_own_stack_stays_at_its_slice(live, goes_on, camera, wait_until):
    viewer = live.viewer
    viewer.add_image(np.zeros((50, 64, 64)), name="mine", scale=(0.3, 1, 1))
    viewer.dims.set_current_step(0, 30)
    for _ in range(3):
        camera.snap(np.ones((64, 64), np.uint16))
        goes_on(live)
        assert viewer.dims.current_step[0] == 30
    viewer.dims.set_current_step(0, 7)
    goes_on(live)
    assert viewer.dims.current_step[0] == 7
    assert viewer.layers["mine"].visible
    assert viewer.layers["camera"].visible


def test_snapshots_and_stash_while_frames_come(live, goes_on, camera, wait_until):
    number = 0
    for count in (1, 1, 20, 1, 300):
        camera.snap(np.arange(number, number + count)[:, None, None] * np.ones((9, 9), np.uint16))
        number += count
        goes_on(live)
    stack = live.viewer.layers["camera · snapshots"]
    wait_until(lambda: len(stack.data) == number)
    assert (stack.data == np.arange(number)[:, None, None]).all()
    assert live.viewer.dims.current_step[0] == number - 1
    counts = live.counts(camera.stack_cache)
    assert counts.stashed == counts.shown + counts.skipped == number


def test_a_look_at_older_frames(live, goes_on, camera, wait_until):
    for number in range(3):
        camera.snap(np.full((9, 9), number, np.uint16))
    viewer, layer = live.viewer, live.viewer.layers["camera"]
    wait_until(lambda: len(viewer.layers) == 2 and len(viewer.layers[1].data) == 3)
    for _ in range(3):
        viewer.dims.set_current_step(0, 0)
        wait_until(lambda: not layer.visible)
        shown, stashed = live.shown, camera.live_cache.counts.stashed
        wait_until(lambda stashed=stashed: camera.live_cache.counts.stashed > stashed + 20)
        assert live.shown == shown
        viewer.dims.set_current_step(0, 2)
        wait_until(lambda: layer.visible)
        assert goes_on(live) is layer


def test_channels_of_two_cameras(link, make_camera, produce, wait_until):
    layers = link.viewer.layers
    names = [(camera, channel) for camera in ("one", "two") for channel in ("DAPI", "GFP")]
    for camera, channel in names:
        produce(make_camera(camera, channel))
    wait_until(lambda: len(layers) == 4)
    for _ in range(5):
        before = [layer.metadata["number"] for layer in layers]
        wait_until(
            lambda before=before: all(
                layer.metadata["number"] > n for layer, n in zip(layers, before, strict=True)
            )
        )
        assert all(is_whole(layer) for layer in layers)
    assert [layer.name for layer in layers] == [f"{a} · {b}" for a, b in names]
    assert link.viewer.canvas.grid.enabled


def test_thumbnails_come_about_once_a_second(live, wait_until):
    times = []
    live.viewer.layers["camera"].events.thumbnail.connect(lambda: times.append(perf_counter()))
    shown = live.shown
    wait_until(lambda: len(times) == 3, timeout=10000)
    assert np.diff(times).min() > 0.9
    assert live.shown - shown > 10


def mouse_move():
    at, none = QPointF(1, 1), Qt.MouseButton.NoButton
    return QMouseEvent(QEvent.Type.MouseMove, at, at, none, none, Qt.KeyboardModifier.NoModifier)


@pytest.mark.parametrize(("moving", "share"), [(False, 0.85), (True, 0.5)], ids=["idle", "moving"])
def test_slow_drawing_lowers_the_rate_and_leaves_time_to_the_user(
    moving, share, live, qapp, wait_until
):
    layer, seconds = live.viewer.layers["camera"], 0.05
    layer.events.set_data.connect(lambda: Event().wait(seconds))  # as long as a large canvas takes
    window = live.viewer.window._qt_window

    def wait_for(number):
        shown = live.shown
        while live.shown < shown + number:
            before = live.shown
            if moving:
                qapp.sendEvent(window, mouse_move())
            wait_until(lambda before=before: live.shown > before)

    wait_for(10)  # the clock has learnt it
    start = perf_counter()
    wait_for(10)
    assert perf_counter() - start > 0.9 * 10 * seconds / share
