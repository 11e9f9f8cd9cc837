import numpy as np
import pytest
from napari.settings import get_settings


@pytest.fixture
def show(link, camera, layers, wait_until):
    """Stash a frame and wait until its layer shows it."""

    def stash_and_wait(image, camera=camera, name=None):
        wanted = link.shown + 1
        camera.live(image)
        wait_until(lambda: link.shown == wanted)
        return layers[name or camera.name]

    return stash_and_wait


def frame(value, shape=(8, 10), dtype=np.uint16):
    return np.full(shape, value, dtype)


def test_a_stash_becomes_a_layer_named_after_the_camera(show, layers):
    image = np.arange(80, dtype=np.uint16).reshape(8, 10)
    layer = show(image)
    assert [each.name for each in layers] == ["camera"]
    np.testing.assert_array_equal(layer.data, image)
    assert not layer.rgb
    assert layers.selection.active is layer


def test_newest_wins_and_the_array_is_updated_in_place(link, camera, layers, show, wait_until):
    data = show(frame(1)).data
    for number in range(2, 10):
        camera.live(frame(number))
    wait_until(lambda: (layers["camera"].data == 9).all())
    assert layers["camera"].data is data
    counts = link.counts(camera.live_cache)
    assert (counts.stashed, counts.waiting) == (9, 0)
    assert counts.shown == link.shown
    assert counts.shown + counts.skipped == 9


def test_the_canvas_shows_the_newest_frame(make_link, camera, wait_until):
    link = make_link(show=True)
    link.autoscale = "off"
    for value in (0, 255):
        camera.live(frame(value, (64, 64), np.uint8))
        wait_until(lambda value=value: link.shown == 1 + (value > 0))
        picture = link.viewer.screenshot(flash=False)
        middle = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3]
        np.testing.assert_array_equal(middle, [value] * 3)


@pytest.mark.parametrize("way", ["summed", "turned", "edgewise", "in 3-D", "asynchronous"])
def test_the_canvas_shows_the_newest_frame_however_it_is_sliced(
    way, make_link, camera, wait_until, monkeypatch
):
    if way == "asynchronous":
        monkeypatch.setattr(get_settings().experimental, "async_", True)
    link = make_link(show=True)
    link.autoscale = "off"
    viewer = link.viewer
    if way == "edgewise":
        viewer.add_image(np.zeros((5, 64, 64)), opacity=0)
        viewer.dims.order = (1, 2, 0)
        viewer.dims.thickness = (1, 20, 1)
        viewer.dims.point = (0, 32, 0)
    for number, value in enumerate((0, 0, 255, 255, 0)):
        camera.live(frame(value, (64, 64), np.uint8))
        wait_until(lambda number=number: link.shown == number + 1)
        if way == "summed":
            viewer.layers["camera"].projection_mode = "sum"
        elif way == "turned":
            viewer.dims.order = (1, 0)
        elif way == "in 3-D":
            viewer.dims.ndisplay = 3

        def picture_is(value=value):
            picture = viewer.screenshot(flash=False)
            middle = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3]
            return (middle == value).all()

        wait_until(picture_is)


def test_values_a_screen_cannot_show_are_converted_for_each_frame(make_link, camera, wait_until):
    link = make_link(show=True)
    link.autoscale = "off"
    for number, value in enumerate((0.0, 1e300, 0.0, 1e300)):
        image = frame(value, (64, 64), np.float64)
        image[0, 0], image[0, 1] = 0, 1e300
        camera.live(image)
        wait_until(lambda number=number: link.shown == number + 1)
        if number == 0:
            link.viewer.layers["camera"].contrast_limits = (0, 1e300)
        picture = link.viewer.screenshot(flash=False)
        middle = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3]
        np.testing.assert_array_equal(middle, [255 * (value > 0)] * 3)


def test_the_list_of_layers_is_painted_for_thumbnails_not_for_frames(
    show, layers, link, wait_until
):
    layer = show(frame(1))
    painted = []
    layers.events.connect(lambda event: painted.append(event.type))
    for number in range(2, 12):
        show(np.full((8, 10), number * 20, np.uint16))
    assert "set_data" not in painted
    before = layer.thumbnail.copy()
    layer.contrast_limits = (0, 220)
    show(frame(220))
    wait_until(lambda: link.resting)
    assert "thumbnail" in painted
    assert layer.thumbnail[..., 0].max() == 255 > before[..., 0].max()


def test_shows_any_frame_a_camera_gives(show, make_camera, link):
    images = {
        "NaN": np.full((8, 10), np.nan),
        "some NaN": np.where(np.eye(8, 10), np.nan, 3.5).astype(np.float32),
        "infinite": np.where(np.eye(8, 10), np.inf, 3.5).astype(np.float32),
        "zeros": np.zeros((8, 10), np.uint16),
        "one pixel": np.full((1, 1), 7, np.uint8),
        "big-endian": np.arange(80, dtype=">u2").reshape(8, 10),
        "strided": np.arange(320, dtype=np.int16).reshape(16, 20)[::2, ::-2],
        "float64": np.arange(80.0).reshape(8, 10),
        "float16": np.arange(80, dtype=np.float16).reshape(8, 10),
        "int64": np.arange(80, dtype=np.int64).reshape(8, 10) - 40,
        "uint32": np.arange(80, dtype=np.uint32).reshape(8, 10) * 50_000_000,
        "bool": np.eye(8, 10, dtype=bool),
        "3 wide": np.arange(24, dtype=np.uint8).reshape(8, 3),
    }
    for name, image in images.items():
        image.flags.writeable = False
        for _ in range(2):
            np.testing.assert_array_equal(show(image, make_camera(name)).data, image)
    link.viewer.screenshot(flash=False)


def test_follows_shape_and_type_and_keeps_the_settings(show):
    layer = show(frame(5))
    layer.colormap, layer.opacity, layer.gamma, layer.blending = "magma", 0.5, 1.5, "additive"
    for shape, dtype in [((20, 7), np.uint16), ((20, 7), np.float32), ((3, 3), np.uint8)]:
        assert show(frame(3, shape, dtype)) is layer
        assert (layer.data.shape, layer.data.dtype) == (shape, dtype)
        assert (layer.data == 3).all()
    assert (layer.colormap.name, layer.opacity) == ("magma", 0.5)
    assert (layer.gamma, layer.blending) == (1.5, "additive")


def test_a_camera_that_changes_every_few_frames(link, camera, layers, produce, wait_until):
    shapes = ((64, 64), (32, 48), (1, 5))
    produce(camera, shapes=shapes, dtypes=(np.uint8, np.uint16, np.float32, np.int32))
    for _ in range(30):
        shown = link.shown
        wait_until(lambda shown=shown: link.shown > shown)
        data = layers["camera"].data
        assert data.shape in shapes
        assert (data == data[0, 0]).all()  # not torn
        assert layers["camera"].metadata["number"] % 200 == data[0, 0]
    assert len(layers) == 1


def test_a_deleted_layer_comes_back_with_the_settings_it_had(show, layers, link):
    layer = show(np.arange(80, dtype=np.uint16).reshape(8, 10))
    layer.name, layer.colormap, layer.opacity = "my view", "green", 0.7
    layer.contrast_limits = (3, 33)
    layers.remove(layer)
    assert len(layers) == 0
    new = show(frame(2), name="my view")
    assert new is not layer
    assert (new.colormap.name, new.opacity) == ("green", 0.7)
    assert new.contrast_limits == [3, 33]
    assert new.contrast_limits_range == [0, 65535]
    assert (new.data == 2).all()
    assert not (layer.data == 2).all()  # the deleted layer is out of it
    show(frame(3), name="my view")
    assert new.contrast_limits == [3, 33]


def test_a_deleted_layer_does_not_come_back_without_a_frame(show, layers, link, wait_until):
    layers.remove(show(frame(1)))
    wait_until(lambda: link.resting)
    assert len(layers) == 0


def test_renaming_reordering_and_neighbours_are_respected(show, layers, link):
    layer = show(frame(1))
    other = link.viewer.add_image(np.zeros((4, 4)), name="mine")
    layers.move(0, 2)
    layer.name = "live"
    layers.selection.active = other
    assert show(frame(2), name="live") is layer
    assert [each.name for each in layers] == ["mine", "live"]
    assert layers.selection.active is other


def test_a_duplicate_is_a_still_picture(show, layers):
    from napari.layers._layer_actions import _duplicate_layer

    layer = show(frame(1))
    layers.selection.active = layer
    _duplicate_layer(layers)
    show(frame(2))
    assert [each.name for each in layers] == ["camera", "camera copy"]
    assert (layers["camera"].data == 2).all()
    assert (layers["camera copy"].data == 1).all()
    assert layers["camera copy"].metadata["number"] == 1


def test_an_array_the_user_puts_in_is_not_written_to(show):
    layer = show(frame(1))
    theirs = frame(50)
    layer.data = theirs
    show(frame(2))
    assert (layer.data == 2).all()
    assert (theirs == 50).all()


def test_a_hidden_layer_costs_nothing_and_catches_up(show, layers, link, camera, wait_until):
    layer = show(frame(1))
    layer.visible = False
    for number in range(2, 6):
        camera.live(frame(number))
    wait_until(lambda: link.resting)
    assert (layer.data == 1).all()
    counts = link.counts(camera.live_cache)
    assert (counts.shown, counts.skipped, counts.waiting) == (1, 3, 1)
    layer.visible = True
    wait_until(lambda: (layer.data == 5).all())
    assert link.counts(camera.live_cache).shown == 2


def test_clear_blanks_the_layer_and_keeps_it(show, layers, link, camera, wait_until):
    layer = show(frame(9))
    layer.colormap = "red"
    layer.metadata["mine"] = 1
    camera.live_cache.clear()
    wait_until(lambda: not layer.data.any())
    assert list(layers) == [layer]
    assert layer.metadata == {"mine": 1}
    assert show(frame(4)) is layer
    assert (layer.data == 4).all()
    assert layer.colormap.name == "red"


def test_metadata_is_that_of_the_frame(show, camera):
    camera.metadata = {"camera-exposure": 10.0, "camera-gain": 2}
    layer = show(frame(1))
    layer.metadata["mine"] = "kept"
    camera.metadata = {"camera-exposure": 20.0}
    show(frame(2))
    assert layer.metadata == {
        "number": 2,
        "time": 100.0,
        "camera-exposure": 20.0,
        "mine": "kept",
    }


def test_scale_and_place_come_with_the_frame(show, camera, link):
    camera.metadata = {"camera-pixel_size": 0.5, "stage-x": 100.0, "stage-y": 200.0}
    layer = show(frame(1))
    assert layer.scale.tolist() == [0.5, 0.5]
    assert layer.translate.tolist() == [200, 100]
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert link.viewer.canvas.overlays.scale_bar.visible
    camera.metadata |= {"camera-roi_x": 4, "camera-roi_y": 2, "camera-pixel_size": 0.25}
    show(frame(2, (4, 4)))
    assert layer.scale.tolist() == [0.25, 0.25]
    assert layer.translate.tolist() == [200.5, 101]


def test_without_a_pixel_size_the_layer_is_in_pixels(show, camera, link):
    camera.metadata = {"stage-x": 100.0, "stage-y": 200.0}
    layer = show(frame(1))
    assert layer.scale.tolist() == [1, 1]
    assert layer.translate.tolist() == [0, 0]
    assert not link.viewer.canvas.overlays.scale_bar.visible


def test_what_the_user_moved_stays_while_the_frames_stay(show, camera):
    camera.metadata = {"camera-pixel_size": 0.5, "stage-x": 0.0, "stage-y": 0.0}
    layer = show(frame(1))
    layer.translate = (7, 7)
    show(frame(2))
    assert layer.translate.tolist() == [7, 7]
    camera.metadata["stage-x"] = 50.0
    show(frame(3))
    assert layer.translate.tolist() == [0, 50]
    assert layer.scale.tolist() == [0.5, 0.5]


def test_several_images_in_one_reading_get_a_layer_each(link, camera, layers, wait_until):
    camera.live_cache.stash(
        {
            "camera": {"value": frame(1), "timestamp": 0.0},
            "camera-mask": {"value": frame(2, (4, 4)), "timestamp": 0.0},
        }
    )
    wait_until(lambda: len(layers) == 2)
    assert [each.name for each in layers] == ["camera", "camera · camera-mask"]
    assert (layers[1].data == 2).all()
