import re
from datetime import datetime
from time import perf_counter

import numpy as np
import pytest

NAME = "camera · snapshots"


@pytest.fixture
def snap(camera, link, layers, wait_until):
    def stash_and_wait(**metadata):
        camera.metadata = {name.replace("__", "-"): value for name, value in metadata.items()}
        kept = camera.stack_cache.counts.kept + 1
        camera.snap(np.zeros((8, 10), np.uint16))
        wait_until(lambda: NAME in layers and len(layers[NAME].data) == kept)

    return stash_and_wait


@pytest.fixture
def status_is(link, wait_until):
    return lambda text: wait_until(lambda: link.viewer.status == text)


TIME = f"{datetime.fromtimestamp(100.0):%H:%M:%S}.000"


def test_a_snapshot_is_described_in_the_status_bar(snap, status_is):
    snap(
        camera__exposure=20.0,
        camera__gain=2,
        camera__pixel_size=0.65,
        camera__roi_x=0,
        camera__dropped=0,
        stage__x=102.0,
        stage__y=33.04,
        focus=-1.5,
        light__channel="DAPI",
        light=True,
    )
    status_is(
        f"{NAME} 1 of 1: {TIME}, exposure 20 ms, gain 2, stage x 102.0 µm, stage y 33.0 µm, "
        "focus -1.5 µm, light channel DAPI, light on"
    )


def test_a_place_that_is_hardly_off_nothing_has_no_sign(snap, status_is):
    snap(stage__x=-0.01)
    status_is(f"{NAME} 1 of 1: {TIME}, stage x 0.0 µm")


def test_it_follows_the_slider(snap, status_is, link):
    for number in range(3):
        snap(camera__exposure=10.0 + number)
    status_is(f"{NAME} 3 of 3: {TIME}, exposure 12 ms")
    link.viewer.dims.set_current_step(0, 1)
    status_is(f"{NAME} 2 of 3: {TIME}, exposure 11 ms")


def test_it_goes_when_the_live_picture_is_shown_again(
    snap, status_is, link, camera, layers, begin_run, wait_until
):
    camera.live(np.zeros((8, 10), np.uint16))
    wait_until(lambda: "camera" in layers)
    for number in range(2):
        snap(camera__exposure=10.0 + number)
    status_is(f"{NAME} 2 of 2: {TIME}, exposure 11 ms")  # kept, behind the live picture
    for way in ("to the end", "next run"):
        link.viewer.dims.set_current_step(0, 0)
        status_is(f"{NAME} 1 of 2: {TIME}, exposure 10 ms")
        assert layers[NAME].visible
        if way == "to the end":
            link.viewer.dims.set_current_step(0, 1)
        else:
            begin_run()
        camera.live(np.zeros((8, 10), np.uint16))
        wait_until(lambda: not layers[NAME].visible)
        assert link.viewer.status == "Ready"
        wait_until(lambda: link.resting)
        assert link.viewer.status == "Ready"


def test_another_text_in_the_status_bar_stays(snap, status_is, link, layers, wait_until):
    snap()
    status_is(f"{NAME} 1 of 1: {TIME}")
    link.viewer.status = "mine"
    layers[NAME].visible = False
    wait_until(lambda: link.resting)
    assert link.viewer.status == "mine"


def test_it_is_written_whenever_the_slider_moves(snap, status_is, link, wait_until):
    snap(camera__exposure=10.0)
    snap(camera__exposure=11.0)
    for delay in (0.1, 0.3, 0.45, 0.6):  # seconds of rest, of which the clock needs half a one
        start = perf_counter()
        link.viewer.dims.set_current_step(0, 1)
        status_is(f"{NAME} 2 of 2: {TIME}, exposure 11 ms")
        wait_until(lambda start=start, delay=delay: perf_counter() - start > delay)
        link.viewer.dims.set_current_step(0, 0)
        status_is(f"{NAME} 1 of 2: {TIME}, exposure 10 ms")


def test_it_is_about_the_stack_that_is_selected(
    camera, make_camera, layers, link, status_is, wait_until
):
    other = make_camera("other")
    for each in (camera, other):
        each.snap(np.zeros((8, 10), np.uint16))
    wait_until(lambda: len(layers) == 2)
    layers.selection.active = layers["other · snapshots"]
    for each in (camera, other):
        each.snap(np.zeros((8, 10), np.uint16))
    wait_until(lambda: re.match("other · snapshots 2 of 2", str(link.viewer.status)) is not None)


def test_the_layer_has_the_whole_table(snap, layers):
    for number in range(3):
        snap(camera__exposure=10.0 + number, stage__x=5.0 * number)
    frames = layers[NAME].metadata["frames"]
    assert [each.metadata["camera-exposure"] for each in frames] == [10, 11, 12]
    assert [each.metadata["stage-x"] for each in frames] == [0, 5, 10]
    assert [each.timestamp for each in frames] == [100.0] * 3


def test_a_frame_without_a_sensible_time_is_described(camera, status_is, wait_until):
    reading = camera.reading(np.zeros((8, 10), np.uint16))
    reading["camera"]["timestamp"] = float("nan")
    camera.stack_cache.stash(reading)
    status_is(f"{NAME} 1 of 1")
