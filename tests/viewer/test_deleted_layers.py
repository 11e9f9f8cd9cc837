"""Layers that the user deletes: which come back, and when."""

import numpy as np
import pytest

NAME = "camera · snapshots"


def frame(value):
    return np.full((8, 10), value, np.uint16)


@pytest.fixture
def shown(link, camera, layers, wait_until):
    """Show a live frame and a snapshot."""
    camera.live(frame(1))
    camera.snap(frame(1))
    wait_until(lambda: len(layers) == 2)
    wait_until(lambda: link.resting)


@pytest.fixture
def settle(link, wait_until):
    return lambda link=link: wait_until(lambda: link.resting)


def names(link):
    return [each.name for each in link.viewer.layers]


def test_deleting_a_stack_says_that_its_frames_are_kept(camera, layers, shown, settle, told):
    layers.remove("camera")  # the live cache is reused
    settle()
    assert told() == []
    layers.remove(NAME)
    settle()
    assert [each.message for each in told()] == [
        f"Still kept: 1 frame, 1 MB, of '{NAME}'. To free the memory: "
        "Plugins ▸ napari-skylight ▸ Clear stash."
    ]


def test_clearing_before_deleting_says_nothing(camera, layers, shown, settle, told):
    camera.stack_cache.clear()
    settle()
    layers.remove(NAME)
    settle()
    assert told() == []


def test_closing_the_viewer_says_nothing(link, shown, told, wait_until):
    link.viewer.close()
    wait_until(lambda: link.resting)
    assert told() == []


@pytest.mark.parametrize("state", ["stopping", "idle", "failed"])
def test_a_waiting_frame_does_not_bring_back_a_layer_deleted_after_stop(
    state, session, camera, link, layers, settle, wait_until
):
    session.start_run()
    for stash in (camera.live, camera.snap):
        stash(frame(1))
    wait_until(lambda: len(layers) == 2)
    session.become(state)
    camera.live(frame(2))  # waits for the next turn
    camera.snap(frame(2))
    layers.clear()
    settle()
    assert names(link) == []
    counts = link.counts(camera.live_cache)
    assert (counts.stashed, counts.shown, counts.skipped, counts.waiting) == (2, 1, 1, 0)


def test_frames_that_come_while_the_plan_stops_do_not_bring_it_back(
    begin_run, session, camera, link, layers, shown, settle, wait_until
):
    begin_run()
    layers.clear()  # while it runs, just before Stop
    session.become("stopping")
    camera.live(frame(2))
    settle()
    camera.live(frame(3))
    camera.snap(frame(3))
    session.become("idle")
    settle()
    assert names(link) == []
    begin_run()
    camera.live(frame(4))
    camera.snap(frame(4))
    wait_until(lambda: names(link) == ["camera", NAME])
    assert (layers["camera"].data == 4).all()
    np.testing.assert_array_equal(layers[NAME].data[:, 0, 0], [1, 3, 4])


def test_while_a_plan_runs_a_deleted_layer_comes_back_with_its_settings(
    begin_run, camera, link, layers, shown, settle, wait_until
):
    begin_run()
    layers["camera"].colormap = "green"
    camera.live(frame(2))  # waits for the next turn, as the layer is deleted
    layers.remove("camera")
    settle()
    assert names(link) == [NAME]
    camera.live(frame(3))
    wait_until(lambda: "camera" in layers)
    assert (layers["camera"].data == 3).all()
    assert layers["camera"].colormap.name == "green"


def test_frames_of_the_next_run_bring_it_back_however_soon_they_come(
    begin_run, session, camera, link, layers, shown, wait_until
):
    begin_run()
    layers.remove("camera")
    session.become("stopping")
    session.start_run()
    camera.live(frame(2))
    session.become("idle")  # all before the next turn
    wait_until(lambda: "camera" in layers)


def test_a_second_viewer_does_not_get_what_was_deleted(
    begin_run, session, camera, make_camera, make_link, link, layers, shown, settle, wait_until
):
    make_camera("camera", "GFP").live(frame(5))
    wait_until(lambda: len(layers) == 3)
    begin_run()
    layers.remove("camera · GFP")  # of the run before
    session.become("idle")
    layers.remove(NAME)
    other = make_link()
    wait_until(lambda: names(other) == ["camera"])
    settle(other)
    assert names(other) == ["camera"]
    begin_run()
    camera.snap(frame(2))
    for each in (link, other):
        wait_until(lambda each=each: names(each) == ["camera", NAME])
        assert len(each.viewer.layers[NAME].data) == 2


def test_a_viewer_that_closes_does_not_delete(make_link, link, shown, camera, wait_until):
    other = make_link()
    wait_until(lambda: len(other.viewer.layers) == 2)
    link.viewer.close()
    link.close()
    third = make_link()
    wait_until(lambda: names(third) == ["camera", NAME])
