import numpy as np
import pytest


def frame(value=1, shape=(8, 10)):
    return np.full(shape, value, np.uint16)


@pytest.fixture
def grid(link):
    return link.viewer.canvas.grid


@pytest.fixture
def cells(link):
    """Return the names of the visible layers in each cell."""

    def look():
        layers = link.viewer.layers
        found = [
            {layers[i].name for i in indices if layers[i].visible}
            for _, indices in link.viewer.canvas.grid.iter_viewboxes(layers)
        ]
        return [cell for cell in found if cell]

    return look


@pytest.fixture
def start(link, make_camera, wait_until):
    """Show a live frame of each camera, in each channel."""

    def stash_and_wait(*names, channels=("",)):
        cameras = [make_camera(name, channel) for name in names for channel in channels]
        for each in cameras:
            each.live(frame())
        wait_until(lambda: link.shown >= len(cameras))
        wait_until(lambda: link.resting)
        return cameras

    return stash_and_wait


def snap(link, cameras, wait_until):
    before = link.shown
    for each in cameras:
        each.snap(frame())
    wait_until(lambda: link.shown == before + len(cameras))
    wait_until(lambda: link.resting)


def test_one_camera_needs_no_grid(start, grid):
    start("one", channels=("DAPI", "GFP"))
    assert not grid.enabled


def test_two_cameras_are_side_by_side(start, grid, cells):
    start("one", "two")
    assert grid.enabled
    assert cells() == [{"one"}, {"two"}]


def test_cameras_are_in_the_order_they_were_given(link, make_camera, cells, layers, wait_until):
    one, two = make_camera("one"), make_camera("two")
    for number, each in enumerate((two, one)):
        each.live(frame())
        wait_until(lambda number=number: len(layers) == number + 1)
    wait_until(lambda: link.viewer.canvas.grid.enabled)
    assert cells() == [{"one"}, {"two"}]


def test_the_channels_of_a_camera_are_in_one_cell(start, cells):
    start("one", "two", channels=("DAPI", "GFP"))
    assert cells() == [{"one · DAPI", "one · GFP"}, {"two · DAPI", "two · GFP"}]


@pytest.mark.parametrize("channels", [("",), ("DAPI", "GFP")])
def test_snapshots_take_the_cells_of_the_live_layers(
    channels, start, cells, link, layers, wait_until
):
    cameras = start("one", "two", channels=channels)
    before = cells()
    snap(link, cameras, wait_until)
    snap(link, cameras, wait_until)
    assert cells() == before
    link.viewer.dims.set_current_step(0, 0)
    wait_until(lambda: not layers[0].visible)
    assert cells() == [{f"{name} · snapshots" for name in cell} for cell in before]
    for each in layers:
        each.visible = True
    assert len(cells()) == 4
    assert all(len(cell) == len(channels) for cell in cells())


def test_layers_of_the_user_do_not_get_between_the_channels(start, cells, link, layers):
    for name in ("a", "b", "c"):
        link.viewer.add_image(np.zeros((4, 4)), name=name)
    start("one", "two", channels=("DAPI", "GFP"))
    assert {"one · DAPI", "one · GFP"} in cells()
    assert {"two · DAPI", "two · GFP"} in cells()
    assert [each.name for each in layers if len(each.name) == 1] == ["a", "b", "c"]


def test_layers_of_the_user_are_left_where_they_are_beside_single_pictures(start, link, layers):
    link.viewer.add_image(np.zeros((4, 4)), name="mine")
    start("one", "two")
    assert [each.name for each in layers] == ["mine", "one", "two"]


def test_the_grid_is_off_again_with_one_camera_and_on_with_the_next(
    start, grid, layers, link, wait_until
):
    grid.stride = 3
    start("one", "two", channels=("DAPI", "GFP"))
    assert grid.stride == 2
    layers.remove("two · DAPI")
    layers.remove("two · GFP")
    wait_until(lambda: not grid.enabled)
    assert grid.stride == 3
    start("three", channels=("DAPI", "GFP"))
    wait_until(lambda: grid.enabled)


def test_a_grid_the_user_has_turned_off_stays_off(start, grid, link, wait_until):
    start("one", "two")
    grid.enabled = False
    start("three")
    assert not grid.enabled


def test_a_grid_the_user_has_turned_on_stays_on(start, grid):
    grid.stride, grid.enabled = 2, True
    start("one", "two", "three")
    assert (grid.stride, grid.enabled) == (2, True)


def test_the_view_fits_the_cells(make_link, make_camera, wait_until):
    link = make_link(show=True)
    for name in ("one", "two"):
        make_camera(name).live(frame(shape=(100, 100)))
    wait_until(lambda: link.shown == 2)
    wait_until(lambda: link.viewer.canvas.grid.enabled)
    wait_until(lambda: link.resting)
    size = link.viewer.canvas.viewbox_size(link.viewer.layers)
    assert link.viewer.scene.camera.zoom * 100 == pytest.approx(0.95 * min(size))
    assert link.viewer.screenshot(flash=False).any()


def test_a_view_the_user_has_zoomed_stays(start, link, make_camera, wait_until):
    start("one")
    link.viewer.scene.camera.zoom = zoom = 7.5
    start("two")
    assert link.viewer.canvas.grid.enabled
    assert link.viewer.scene.camera.zoom == zoom
