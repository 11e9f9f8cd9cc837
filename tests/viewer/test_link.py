import gc
import weakref
from time import perf_counter

import numpy as np
import pytest

from napari_skylight.viewer import Autoscale, ViewerLink


def frame(value, shape=(8, 10), dtype=np.uint16):
    return np.full(shape, value, dtype)


def ramp(low, high, dtype=np.uint16):
    return np.linspace(low, high, 80).reshape(8, 10).astype(dtype)


@pytest.fixture
def show(link, camera, layers, wait_until):
    def stash_and_wait(image):
        wanted = link.shown + 1
        camera.live(image)
        wait_until(lambda: link.shown == wanted)
        return layers["camera"]

    return stash_and_wait


def test_frames_stashed_before_the_link_are_shown(camera, session, make_link, wait_until):
    camera.live(frame(3))
    camera.snap(frame(4))
    layers = make_link().viewer.layers
    wait_until(lambda: len(layers) == 2)
    assert (layers["camera"].data == 3).all()
    assert (layers["camera · snapshots"].data == 4).all()


def test_each_viewer_shows_the_same_frames_in_layers_of_its_own(make_link, camera, wait_until):
    one, two = make_link(), make_link()
    for number in range(1, 4):
        camera.live(frame(number))
        for link in (one, two):
            wait_until(
                lambda link=link, number=number: (
                    len(link.viewer.layers) == 1
                    and (link.viewer.layers["camera"].data == number).all()
                )
            )
    first, second = (link.viewer.layers["camera"] for link in (one, two))
    assert not np.shares_memory(first.data, second.data)
    one.close()
    camera.live(frame(9))
    wait_until(lambda: (second.data == 9).all())
    assert (first.data == 3).all()


def test_a_camera_that_comes_later_gets_its_layer(link, make_camera, camera, layers, wait_until):
    camera.live(frame(1))
    wait_until(lambda: len(layers) == 1)
    wait_until(lambda: link.resting)
    make_camera("side camera").live(frame(2, (3, 3)))
    wait_until(lambda: len(layers) == 2)
    assert (layers["side camera"].data == 2).all()


def test_the_timer_stops_without_frames_and_starts_with_the_next(show, link, wait_until):
    for number in range(3):
        layer = show(frame(number + 1))
        wait_until(lambda: link.resting, timeout=3000)
        assert (layer.data == number + 1).all()


def test_shown_counts_add_up_after_a_fast_producer(link, camera, produce, layers, wait_until):
    producer = produce(camera)
    wait_until(lambda: link.shown > 20, timeout=20000)
    producer.stop()
    wait_until(lambda: link.counts(camera.live_cache).waiting == 0)
    assert (layers["camera"].data == producer.number % 200).all()
    counts = link.counts(camera.live_cache)
    assert counts.stashed == producer.number == counts.shown + counts.skipped


def test_the_display_rate_is_a_bound(link, camera, produce, qtbot, wait_until):
    link.display_rate = 10
    assert link.display_rate == 10
    produce(camera)
    wait_until(lambda: link.shown >= 1)
    before = link.shown
    start = perf_counter()
    wait_until(lambda: link.shown >= before + 5)
    assert perf_counter() - start > 0.4
    with pytest.raises(ValueError, match="display rate"):
        link.display_rate = 0


def test_autoscale_once_uses_the_first_frame_with_anything_to_see(show, wait_until):
    layer = show(frame(0))
    assert layer.contrast_limits == [0, 65535]
    wait_until(lambda: show(ramp(100, 900)).contrast_limits[1] < 1000)
    limits = layer.contrast_limits
    assert limits == pytest.approx([100, 900], abs=5)
    show(ramp(1000, 9000))
    assert layer.contrast_limits == limits
    assert layer.contrast_limits_range == [0, 65535]


def test_autoscale_once_starts_again_when_the_type_changes(show):
    show(ramp(1000, 9000))
    layer = show(ramp(10, 90, np.uint8))
    assert layer.contrast_limits == pytest.approx([10, 90], abs=2)
    assert layer.contrast_limits_range == [0, 255]


def test_autoscale_leaves_limits_set_by_hand(show):
    layer = show(ramp(100, 900))
    layer.contrast_limits = (0, 5000)
    show(ramp(1000, 9000))
    assert layer.contrast_limits == [0, 5000]


def test_autoscale_continuous_follows(show, link, wait_until):
    link.autoscale = "continuous"
    assert link.autoscale is Autoscale.CONTINUOUS
    layer = show(ramp(100, 900))
    wait_until(lambda: show(ramp(1000, 9000)).contrast_limits[1] > 8000)
    assert layer.contrast_limits == pytest.approx([1000, 9000], abs=50)


def test_autoscale_off_and_on_demand(show, link):
    link.autoscale = "off"
    layer = show(ramp(100, 900))
    assert layer.contrast_limits == [0, 65535]
    show(ramp(100, 900))
    assert layer.contrast_limits == [0, 65535]
    link.autoscale_now()
    show(ramp(100, 900))
    assert layer.contrast_limits == pytest.approx([100, 900], abs=5)


@pytest.mark.parametrize(
    "image",
    [
        np.arange(80, dtype=np.int64).reshape(8, 10) + 2**62,
        np.arange(80, dtype=np.uint64).reshape(8, 10) + np.uint64(2**63),
        np.eye(8, 10) * 5e-324,
        np.eye(8, 10, dtype=np.float32) * 1e-45,
        np.eye(8, 10) + 1e17,
        (np.eye(8, 10) - 0.5) * 3e308,
        np.full((8, 10), np.finfo(float).max),
    ],
    ids=["int64", "uint64", "denormal", "denormal32", "large", "widest", "largest"],
)
@pytest.mark.parametrize("mode", ["once", "continuous", "off"])
def test_no_values_are_too_close_or_too_far_apart(image, mode, show, link):
    link.autoscale = mode
    for each in (image, image[::-1]):
        layer = show(each)
        np.testing.assert_array_equal(layer.data, each)
    low, high = layer.contrast_limits
    assert low < high


def test_another_microscope_starts_with_contrast_and_view_of_its_own(
    show, session, camera, make_camera, link, layers, wait_until
):
    make_camera("old camera").live(frame(1, (30, 30)))
    wait_until(lambda: len(layers) == 1)
    layer = show(ramp(100, 900))
    scene = link.viewer.scene
    layer.contrast_limits, scene.camera.zoom = (0, 60000), 0.5
    camera.live(ramp(200, 800))  # the last one of the old microscope
    session.microscope_changed.emit()
    wait_until(lambda: link.resting)
    assert layer.contrast_limits == [0, 60000]  # the picture is still that of the old one
    assert scene.camera.zoom == 0.5
    assert show(ramp(1000, 9000)) is layer
    assert layer.contrast_limits == pytest.approx([1000, 9000], abs=50)
    assert scene.camera.center[-2:] == (3.5, 4.5)
    assert scene.camera.zoom > 5
    assert not layers["old camera"].visible
    make_camera("old camera").live(frame(2, (30, 30)))
    wait_until(lambda: layers["old camera"].visible)


def test_the_range_of_the_contrast_slider_is_the_cameras(show, camera):
    camera.metadata = {"camera-bit_depth": 12}
    assert show(ramp(100, 900)).contrast_limits_range == [0, 4095]


def test_the_view_is_fitted_once_and_then_left_alone(show, camera, link):
    camera.metadata = {"camera-pixel_size": 2.0, "stage-x": 1000.0, "stage-y": 0.0}
    scene = link.viewer.scene
    show(frame(1))
    assert scene.camera.center[-2:] == pytest.approx((7, 1009))
    scene.camera.zoom = zoom = scene.camera.zoom * 3
    scene.camera.center = (0, 5, 1003)
    for number in range(2, 5):
        show(frame(number))
    assert scene.camera.zoom == zoom
    assert scene.camera.center[-2:] == (5, 1003)
    show(frame(5, (30, 30)))
    assert scene.camera.zoom == zoom


def test_the_view_is_fitted_again_to_another_shape_if_untouched(show, camera, link):
    show(frame(1, (10, 10)))
    zoom = link.viewer.scene.camera.zoom
    show(frame(2, (100, 100)))
    assert link.viewer.scene.camera.zoom == pytest.approx(zoom / 10, rel=0.01)


def test_the_view_goes_along_when_the_stage_moves(show, camera, link):
    camera.metadata = {"camera-pixel_size": 1.0, "stage-x": 0.0, "stage-y": 0.0}
    show(frame(1))
    scene = link.viewer.scene
    scene.camera.center = (0, 2, 3)
    zoom = scene.camera.zoom
    camera.metadata |= {"stage-x": 500.0, "stage-y": -20.0}
    show(frame(2))
    assert scene.camera.center[-2:] == pytest.approx((-18, 503))
    assert scene.camera.zoom == zoom
    scene.camera.center = (0, 9000, 9000)  # looking at something else
    camera.metadata |= {"stage-x": 0.0}
    show(frame(3))
    assert scene.camera.center[-2:] == pytest.approx((9000, 9000))


def test_paused_is_written_on_the_canvas(link, session, wait_until):
    text = link.viewer.canvas.overlays.text
    session.become("paused")
    wait_until(lambda: text.visible)
    assert text.text == "paused"
    session.become("running")
    wait_until(lambda: not text.visible)
    assert text.text == ""


def test_a_text_of_the_user_is_left_alone(link, session, qtbot, wait_until):
    text = link.viewer.canvas.overlays.text
    text.text, text.visible = "day 3", True
    session.become("paused")
    wait_until(lambda: link.resting)
    assert text.text == "day 3"
    session.become("idle")
    wait_until(lambda: link.resting)
    assert (text.text, text.visible) == ("day 3", True)


@pytest.mark.parametrize("cure", ["delete", "clear", "run"])
def test_a_layer_that_cannot_be_shown_does_not_stop_the_others(
    cure, link, session, camera, layers, monkeypatch, caplog, wait_until
):
    shown = []
    monkeypatch.setattr("napari_skylight.viewer._link.show_error", shown.append)
    camera.live(frame(1))
    wait_until(lambda: len(layers) == 1)

    def fail(*args, **kwargs):
        raise RuntimeError("no memory on the graphics card")

    monkeypatch.setattr(layers["camera"], "refresh", fail)
    camera.live(frame(2))
    wait_until(lambda: bool(shown))
    assert shown == [
        "Cannot show 'camera' any more: no memory on the graphics card. Its frames are still "
        "kept. To try again, delete the layer or start the plan again."
    ]
    camera.live(frame(3))
    camera.snap(frame(4))
    wait_until(lambda: "camera · snapshots" in layers)
    assert len(shown) == 1
    monkeypatch.undo()
    monkeypatch.setattr("napari_skylight.viewer._link.show_error", shown.append)
    if cure == "delete":
        layers.remove("camera")
    elif cure == "clear":
        camera.live_cache.clear()
    else:
        session.start_run()
    camera.live(frame(5))
    wait_until(lambda: "camera" in layers and (layers["camera"].data == 5).all())
    assert len(shown) == 1


def test_close_cuts_everything_and_leaves_the_layers(make_link, session, camera, wait_until):
    link = make_link()
    camera.live(frame(1))
    wait_until(lambda: link.shown == 1)
    session.become("paused")
    text = link.viewer.canvas.overlays.text
    wait_until(lambda: text.visible)
    layer = link.viewer.layers["camera"]
    link.close()
    link.close()
    assert not text.visible
    camera.live(frame(2))
    session.caches.live(type("C", (), {"name": "late"})())
    session.become("idle")
    assert (layer.data == 1).all()
    assert len(session.state_changed) == len(session.caches.added) == 0
    assert all(len(cache.changed) == 0 for cache in session.caches)
    assert link.shown == 1


def test_a_closed_link_is_freed(make_napari_viewer, session, camera, qtbot, wait_until):
    viewer = make_napari_viewer()

    def use_a_link():
        link = ViewerLink(viewer, session)
        camera.live(frame(1))
        wait_until(lambda: link.shown == 1)
        link.close()
        return weakref.ref(link)

    ref = use_a_link()

    def freed():
        gc.collect()
        return ref() is None

    wait_until(freed)
    viewer.layers["camera"].visible = False
    viewer.layers.clear()


def test_close_while_frames_come_at_full_speed(make_link, camera, produce, wait_until):
    produce(camera)
    link = make_link()
    wait_until(lambda: link.shown > 5)
    link.close()
    shown, data = link.shown, link.viewer.layers["camera"].data
    number = data[0, 0]
    other = make_link()
    wait_until(lambda: other.shown > 5)
    assert link.shown == shown
    assert (data == number).all()


@pytest.mark.parametrize("how", ["viewer", "window"])
def test_closing_the_viewer_while_frames_come_at_full_speed(
    how, make_napari_viewer, session, camera, produce, qtbot, wait_until
):
    produce(camera)
    viewer = make_napari_viewer(show=True)
    link = ViewerLink(viewer, session)
    wait_until(lambda: link.shown > 5)
    session.become("paused")
    wait_until(lambda: viewer.canvas.overlays.text.visible)
    window = viewer.window._qt_window
    with qtbot.waitSignal(window.destroyed, timeout=5000):
        if how == "viewer":
            viewer.close()
        else:
            window.close()  # as the button in the title bar does
            del viewer.window._qt_window  # so that the fixture knows
    shown, stashed = link.shown, camera.live_cache.counts.stashed
    wait_until(lambda: camera.live_cache.counts.stashed > stashed + 50)
    assert link.shown == shown
    assert how == "window" or len(viewer.layers) == 0
    link.close()
