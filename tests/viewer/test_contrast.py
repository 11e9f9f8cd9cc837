"""Which frame sets the contrast limits, and when the canvas offers to set them again."""

from time import perf_counter

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

RANGE = [0, 65535]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def show(link, camera, layers, wait_until):
    def stash_and_wait(image):
        wanted = link.shown + 1
        camera.live(image)
        wait_until(lambda: link.shown == wanted)
        return layers["camera"]

    return stash_and_wait


def text_of(link):
    """Return the text that offers autoscale."""
    overlay = link.viewer.canvas.overlays.get("autoscale_offer")
    return "" if overlay is None else overlay.text


@pytest.fixture
def show_and_rest(show, link, wait_until):
    """Stash a frame and wait until it is checked."""

    def stash(image):
        layer = show(image)
        wait_until(lambda: link.resting)
        return layer

    return stash


def cells(rng, height=300, noise=3):
    y, x = np.mgrid[:128, :128]
    image = 100 + height * np.exp(-((y - 64) ** 2 + (x - 64) ** 2) / 600)
    return (image + rng.normal(0, noise, image.shape)).round().astype(np.uint16)


DARK = {
    "read noise": lambda rng: rng.normal(100, 3, (128, 128)),
    "less than a count": lambda rng: rng.normal(100, 0.2, (128, 128)),
    "single photons": lambda rng: rng.poisson(0.1, (128, 128)),
    "few photons": lambda rng: rng.poisson(2, (128, 128)),
    "an even field": lambda rng: rng.poisson(20_000, (128, 128)),
    "hot pixels": lambda rng: (
        rng.normal(100, 3, (128, 128)) + 5000 * (rng.random((128, 128)) < 0.005)
    ),
    "one column": lambda rng: rng.normal(100, 3, (128, 1)),
}


@pytest.mark.parametrize("dark", DARK)
def test_once_waits_for_the_first_frame_that_is_more_than_noise(dark, show, rng, wait_until):
    for _ in range(3):
        layer = show(DARK[dark](rng).round().astype(np.uint16))
        assert layer.contrast_limits == RANGE
    wait_until(lambda: show(cells(rng)).contrast_limits != RANGE)
    assert layer.contrast_limits == pytest.approx([92, 400], abs=8)
    limits = layer.contrast_limits
    show(cells(rng, height=3000))
    assert layer.contrast_limits == limits


@pytest.mark.parametrize("height", [30, 3000])
def test_once_takes_the_first_frame_if_that_shows_something(height, show, rng):
    assert show(cells(rng, height)).contrast_limits[1] == pytest.approx(100 + height, rel=0.07)


def test_on_demand_noise_is_scaled_too(show, rng, link, wait_until):
    layer = show(DARK["read noise"](rng).round().astype(np.uint16))
    wait_until(lambda: link.resting)
    link.autoscale_now()  # from the frame on screen: no other comes
    assert layer.contrast_limits == pytest.approx([91, 109], abs=2)


def part(fraction, value):
    """Return a frame with a part of its pixels at `value` and a little above, the rest a ramp."""
    image = np.linspace(110, 990, 10_000).astype(np.uint16)
    count = int(10_000 * fraction)
    image[:count] = value + np.arange(count) % 90
    return image.reshape(100, 100)


@pytest.mark.parametrize(
    ("fraction", "value", "colour"),
    [(0.3, 50_000, "white"), (0.3, 0, "black"), (0.1, 50_000, ""), (0.1, 0, "")],
)
def test_autoscale_is_offered_after_a_second_with_a_fifth_at_a_limit(
    fraction, value, colour, show, link, wait_until
):
    layer = show(part(0, 0))
    layer.contrast_limits = (100, 1000)
    start = perf_counter()
    show(part(fraction, value))
    assert text_of(link) == ""
    wait_until(lambda: bool(text_of(link)) or link.resting)
    if colour:
        assert perf_counter() - start >= 1
        assert text_of(link) == f"Much of 'camera' is {colour}.\nAutoscale: click here"
    else:
        assert text_of(link) == ""


@pytest.fixture
def offered(show, link, rng, wait_until):
    """A picture that has become too bright, with the offer."""
    layer = show(cells(rng))
    show(cells(rng) + np.uint16(1000))
    wait_until(lambda: bool(text_of(link)))
    return layer


def test_the_offer_goes_when_it_is_acted_on(offered, link, show, rng, wait_until):
    link.autoscale_keys = "Ctrl+Alt+A"
    wait_until(lambda: show(cells(rng) + np.uint16(1000)) and "press Ctrl+Alt+A" in text_of(link))
    link.autoscale_now()
    assert text_of(link) == ""
    assert offered.contrast_limits == pytest.approx([1092, 1400], abs=8)
    wait_until(lambda: link.resting)
    assert text_of(link) == ""


@pytest.mark.parametrize("way", ["hide", "delete", "continuous", "by hand", "clear", "close"])
def test_the_offer_goes_with_its_reason(way, offered, link, camera, show, rng, wait_until):
    if way == "hide":
        offered.visible = False
    elif way == "delete":
        link.viewer.layers.remove(offered)
    elif way == "continuous":
        link.autoscale = "continuous"
    elif way == "by hand":
        offered.contrast_limits = (100, 401)
    elif way == "clear":
        camera.live_cache.clear()
    else:
        link.close()
    wait_until(lambda: text_of(link) == "")
    wait_until(lambda: link.resting)
    assert text_of(link) == ""


def test_limits_set_by_hand_decline_the_offer_until_the_picture_was_all_right(
    offered, link, show_and_rest, rng
):
    for white in (401, 420):
        offered.contrast_limits = (0, white)
        show_and_rest(cells(rng) + np.uint16(1000))
        assert text_of(link) == ""
    show_and_rest(cells(rng))
    show_and_rest(cells(rng) + np.uint16(1000))
    assert text_of(link) != ""


def test_nothing_is_offered_if_autoscale_would_not_help(show, link, wait_until):
    image = np.zeros((100, 100), np.uint16)
    image[40:60, 40:60] = np.arange(1, 401).reshape(20, 20)  # nine in ten are black, as they are
    show(image)
    wait_until(lambda: link.resting)
    assert text_of(link) == ""


def test_nothing_is_offered_while_autoscale_is_continuous(show, link, rng, wait_until):
    link.autoscale = "continuous"
    layer = show(cells(rng))
    layer.contrast_limits = (0, 10)
    wait_until(lambda: link.resting)
    assert text_of(link) == ""


def test_it_is_offered_for_a_snapshot_too(camera, link, layers, rng, wait_until):
    camera.snap(cells(rng))
    wait_until(lambda: len(layers) == 1)
    camera.snap(cells(rng) + np.uint16(1000))
    wait_until(lambda: "camera · snapshots" in text_of(link))
    link.viewer.dims.set_current_step(0, 0)
    wait_until(lambda: text_of(link) == "")


@pytest.mark.parametrize(("state", "y"), [("running", 25), ("paused", 55)])
def test_a_click_on_the_offer_autoscales_and_does_not_move_the_view(
    make_link, session, camera, rng, qtbot, wait_until, state, y
):
    link = make_link(show=True)
    session.become(state)  # "paused" is written above the offer
    camera.live(cells(rng))
    wait_until(lambda: link.shown == 1)
    camera.live(cells(rng) + np.uint16(1000))
    wait_until(lambda: bool(text_of(link)))
    layer = link.viewer.layers["camera"]
    limits, center = layer.contrast_limits, link.viewer.scene.camera.center
    canvas = link.viewer.window._qt_viewer.canvas.native
    middle = canvas.width() // 2
    # napari's notifications come at the bottom
    for beside in (canvas.height() // 2, canvas.height() - 25, 15 if y > 50 else y + 70):
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(middle, beside))
        assert layer.contrast_limits == limits
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(middle, y))
    assert layer.contrast_limits == pytest.approx([1092, 1400], abs=8)
    assert text_of(link) == ""
    assert link.viewer.scene.camera.center == center
