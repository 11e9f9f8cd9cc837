import re

import numpy as np
import pytest


@pytest.fixture
def text(link):
    """Return what is written on the canvas."""
    overlay = link.viewer.canvas.overlays.text
    return lambda: overlay.text if overlay.visible else ""


@pytest.fixture
def show(link, camera, wait_until):
    def stash_and_wait(image):
        shown = link.shown
        camera.live(image)
        wait_until(lambda: link.shown > shown)

    return stash_and_wait


def part_of(fraction, value, dtype=np.uint8):
    """Make a frame with a part of its pixels at `value`."""
    image = np.zeros((100, 100), dtype)
    image.flat[: int(10_000 * fraction)] = value
    return image


@pytest.mark.parametrize(
    ("dtype", "metadata", "value", "warned"),
    [
        (np.uint8, {}, 255, True),
        (np.uint8, {}, 254, False),
        (np.uint16, {}, 65535, True),
        (np.uint16, {}, 4095, False),
        (np.uint16, {"camera-bit_depth": 12}, 4095, True),
        (np.int16, {}, 32767, True),
        (np.float32, {}, 1e30, False),
        (np.uint32, {}, 2**32 - 1, False),
        (bool, {}, True, False),
    ],
)
def test_saturated_pixels_are_reported(dtype, metadata, value, warned, show, camera, text):
    camera.metadata = metadata
    show(part_of(0.25, value, dtype))
    assert text() == ("camera: 25 % of the pixels saturated" if warned else "")


def test_a_few_hot_pixels_are_no_reason_to_warn(show, text):
    image = np.zeros((1000, 1000), np.uint8)
    image[0, :30] = 255
    show(image)
    assert text() == ""


def test_the_warning_goes_with_what_it_is_about(show, text, wait_until, camera, layers, link):
    show(part_of(0.5, 255))
    assert text()
    wait_until(lambda: show(part_of(0.5, 200)) or text() == "")
    wait_until(lambda: show(part_of(0.5, 255)) or text() != "")
    layers["camera"].visible = False
    wait_until(lambda: text() == "")
    layers["camera"].visible = True
    wait_until(lambda: text() != "")
    camera.live_cache.clear()
    wait_until(lambda: text() == "")
    wait_until(lambda: show(part_of(0.5, 255)) or text() != "")
    layers.remove("camera")
    wait_until(lambda: text() == "")


def test_the_warning_can_be_switched_off(link, show, text):
    link.warn_saturated = False
    show(part_of(0.5, 255))
    assert text() == ""


def test_it_is_named_as_the_layer_and_stands_below_paused(link, session, show, text, wait_until):
    show(part_of(0.005, 255))
    link.viewer.layers["camera"].name = "my view"
    session.become("paused")
    wait_until(lambda: text() == "paused\nmy view: less than 1 % of the pixels saturated")


def test_counts_are_shown_while_frames_come(link, camera, produce, text, wait_until):
    link.show_counts = True
    producer = produce(camera)
    pattern = r"camera: (\d+) fps, shown (\d+)\n(\d+) skipped on screen"
    seen = []
    wait_until(lambda: seen.append(text()) or re.fullmatch(pattern, seen[-1]) is not None)
    came, shown, skipped = map(int, re.fullmatch(pattern, seen[-1]).groups())
    assert came > shown > 0
    assert skipped > 0
    link.show_counts = False
    wait_until(lambda: text() == "")
    link.show_counts = True
    wait_until(lambda: text() != "")
    producer.stop()
    wait_until(lambda: link.resting)
    assert text() == ""


def test_counts_tell_of_frames_that_were_lost_and_of_the_exposure(
    link, camera, produce, text, wait_until
):
    link.show_counts = True
    camera.metadata = {"camera-exposure": 2.5, "camera-dropped": 7}
    produce(camera)
    wait_until(
        lambda: ", exposure 2.5\N{NO-BREAK SPACE}ms\n" in text() and text().endswith(", 7 dropped")
    )


def test_counts_are_those_of_the_run(link, camera, produce, begin_run, text, wait_until):
    link.show_counts = True
    camera.metadata = {"camera-dropped": 7}
    for _ in range(50):
        camera.live(np.zeros((8, 10), np.uint8))
    wait_until(lambda: link.resting)
    assert link.skipped == 50 - link.shown > 0
    begin_run()
    assert link.skipped == 0
    camera.metadata = {"camera-dropped": 9}
    produce(camera)
    pattern = re.compile(r"(?m)^(\d+) skipped on screen, 2 dropped$")
    wait_until(lambda: pattern.search(text()) is not None)
    assert int(pattern.search(text())[1]) == link.skipped


def test_no_line_is_wider_than_the_canvas(link, camera, show, text, wait_until):
    show(part_of(0.5, 255))
    link.viewer.layers["camera"].name = "the camera with a rather long name at the side port"
    words = "the camera with a rather long name at the side port: 50 % of the pixels saturated"
    for width in (400, 1000, 300):
        link.viewer.canvas.size = (500, width)
        wait_until(lambda width=width: (len(text().splitlines()) == 1) == (width == 1000))
        assert " ".join(text().split()) == words
        # of napari's letters, 10 pixels wide at most on the average
        wait_until(lambda width=width: max(map(len, text().splitlines())) * 10 <= width)


def test_a_text_the_user_writes_meanwhile_stays(link, session, text, wait_until):
    session.become("paused")
    wait_until(lambda: text() == "paused")
    link.viewer.canvas.overlays.text.text = "day 3"
    session.become("idle")
    wait_until(lambda: link.resting)
    assert text() == "day 3"
