"""Live layers and snapshots share a place on the canvas: which of them is visible."""

import numpy as np
import pytest

NAME = "camera · snapshots"


def frame(value):
    return np.full((8, 10), value, np.uint16)


@pytest.fixture
def look(link, camera, wait_until):
    """Show some live frames."""

    def stash_and_wait(count=1):
        for _ in range(count):
            camera.live(frame(camera.live_cache.counts.stashed + 1))
            settle(link, wait_until)

    return stash_and_wait


def settle(link, wait_until):
    """Wait for the next turn of the link, or the last one."""
    wait_until(lambda: link.resting)


@pytest.fixture
def snap(link, camera, layers, wait_until):
    def stash_and_wait(count=1):
        for _ in range(count):
            kept = camera.stack_cache.counts.kept + 1
            camera.snap(frame(kept))
            wait_until(lambda: NAME in layers and len(layers[NAME].data) == kept)  # noqa: B023

    return stash_and_wait


@pytest.fixture
def seen(layers):
    return lambda: {each.name for each in layers if each.visible}


@pytest.fixture
def move(link):
    return lambda index: link.viewer.dims.set_current_step(0, index)


def test_a_snapshot_does_not_cover_the_live_layer(look, snap, seen, layers):
    look()
    snap(2)
    assert seen() == {"camera"}
    assert [each.name for each in layers] == ["camera", NAME]
    assert layers.selection.active.name == "camera"


def test_moving_the_slider_shows_the_snapshots_and_its_end_the_live_layer(
    look, snap, seen, move, layers, link, session, wait_until
):
    look()
    snap(3)
    move(0)
    wait_until(lambda: seen() == {NAME})
    assert layers.selection.active.name == NAME
    look(3)
    assert seen() == {NAME}
    text = link.viewer.canvas.overlays.text
    session.become("running")
    settle(link, wait_until)
    words = text.text.split()  # wrapped in a narrow window
    assert " ".join(words) == "snapshots: move the slider to the end to see the live image again"
    move(2)
    look()
    assert seen() == {"camera"}
    assert layers.selection.active.name == "camera"
    assert text.text == ""


def test_a_snapshot_taken_meanwhile_does_not_move_the_slider(look, snap, seen, move, link):
    look()
    snap(3)
    move(0)
    look()
    snap()
    assert link.viewer.dims.current_step[0] == 0
    assert seen() == {NAME}


def test_without_live_frames_the_newest_snapshot_can_be_looked_at(
    look, snap, seen, move, link, wait_until
):
    look()
    snap(3)
    move(1)
    wait_until(lambda: seen() == {NAME})
    move(2)
    settle(link, wait_until)
    assert seen() == {NAME}


def test_another_run_shows_the_live_layer_again(look, snap, seen, move, begin_run, wait_until):
    begin_run()
    look()
    snap(3)
    move(1)
    wait_until(lambda: seen() == {NAME})
    begin_run()
    look()
    assert seen() == {"camera"}


def test_a_run_without_live_frames_shows_what_it_keeps(
    look, snap, seen, begin_run, camera, wait_until
):
    begin_run()
    look()
    camera.live(frame(9))  # the last one of the run
    begin_run()
    assert seen() == {"camera"}
    snap()
    wait_until(lambda: seen() == {NAME})
    begin_run()
    look()
    assert seen() == {"camera"}


def test_snapshots_without_a_live_layer_are_seen(snap, seen, look):
    snap()
    assert seen() == {NAME}
    look()
    assert seen() == {"camera"}


def test_what_the_user_shows_or_hides_stays_so(look, snap, seen, layers):
    look()
    snap()
    layers[NAME].visible = True
    look(2)
    snap()
    assert seen() == {"camera", NAME}
    layers["camera"].visible = layers[NAME].visible = False
    look(2)
    snap()
    assert seen() == set()


def test_a_live_layer_the_user_has_hidden_stays_so(look, snap, seen, move, layers, wait_until):
    look()
    snap(2)
    layers["camera"].visible = False
    move(0)
    wait_until(lambda: seen() == {NAME})
    move(1)
    look()
    assert seen() == set()


def test_clear_shows_the_live_layer(look, snap, seen, move, camera, link, wait_until):
    look()
    snap(3)
    move(0)
    wait_until(lambda: seen() == {NAME})
    camera.stack_cache.clear()
    wait_until(lambda: seen() == {"camera"})
    assert link.viewer.dims.nsteps[0] == 1  # and so there is no slider
    look()
    snap(2)
    assert seen() == {"camera"}
    assert link.viewer.dims.current_step[0] == 1


def test_the_view_stays_with_the_first_snapshot(look, snap, link):
    look()
    camera = link.viewer.scene.camera
    camera.zoom, camera.center = 3.5, (0, 2, 3)
    snap()
    assert (camera.zoom, camera.center) == (3.5, (0, 2, 3))


def test_a_live_layer_deleted_while_hidden_comes_back_in_sight(
    look, snap, seen, move, layers, wait_until
):
    look()
    snap(2)
    move(0)
    wait_until(lambda: seen() == {NAME})
    layers.remove("camera")
    look()
    move(1)
    look()
    assert seen() == {"camera"}


def test_the_axis_is_called_frame(snap, link):
    snap()
    assert link.viewer.dims.axis_labels == ("frame", "-2", "-1")


def test_the_slider_of_the_users_own_stack_is_left_alone(
    look, snap, seen, move, link, layers, wait_until
):
    theirs = link.viewer.add_image(np.zeros((5, 8, 10)), name="mine")
    move(4)
    look()
    snap(2)
    assert link.viewer.dims.axis_labels[0] == "-3"
    assert link.viewer.dims.current_step[0] == 4
    assert theirs.visible
    assert seen() == {"mine", "camera"}
    move(0)
    settle(link, wait_until)
    assert seen() == {"mine", "camera"}
    layers.remove(theirs)
    snap()
    assert link.viewer.dims.axis_labels[0] == "frame"
    move(1)
    wait_until(lambda: seen() == {NAME})


def test_snapshots_of_two_cameras_share_the_slider(
    make_camera, link, layers, move, seen, wait_until
):
    one, two = make_camera("one"), make_camera("two")
    for each in (one, two):
        each.live(frame(1))
    wait_until(lambda: len(layers) == 2)
    for number in range(5):
        one.snap(frame(number))
    for number in range(2):
        two.snap(frame(number))
    wait_until(lambda: len(layers) == 4 and len(layers["one · snapshots"].data) == 5)
    wait_until(lambda: len(layers["two · snapshots"].data) == 2)
    assert link.viewer.dims.current_step[0] == 4
    two.snap(frame(2))
    wait_until(lambda: len(layers["two · snapshots"].data) == 3)
    assert link.viewer.dims.current_step[0] == 4
    one.snap(frame(9))
    wait_until(lambda: link.viewer.dims.current_step[0] == 5)
    move(1)
    wait_until(lambda: seen() == {"one · snapshots", "two · snapshots"})


def test_the_slider_shows_the_snapshots_of_the_channels_that_are_live(
    look, snap, seen, move, begin_run, make_camera, link, layers, wait_until
):
    begin_run()
    look()
    snap(2)
    begin_run()
    channels = [make_camera("camera", name) for name in ("DAPI", "GFP")]
    for _ in range(4):
        for each in channels:
            each.live(frame(1))
            settle(link, wait_until)
    for each in (*channels, *channels):
        each.snap(frame(1))
    wait_until(lambda: len(layers) == 6 and len(layers[-1].data) == len(layers[-2].data) == 2)
    assert seen() == {"camera · DAPI", "camera · GFP"}
    move(0)
    wait_until(lambda: seen() == {"camera · DAPI · snapshots", "camera · GFP · snapshots"})
    begin_run()
    look(4)
    assert seen() == {"camera"}
    move(1)
    wait_until(lambda: seen() == {NAME})


def test_a_canvas_that_cannot_be_arranged_still_shows_frames(
    look, camera, link, layers, begin_run, monkeypatch, caplog, wait_until
):
    def fail(*args):
        raise RuntimeError("no grid")

    monkeypatch.setattr("napari_skylight.viewer._arrangement.ViewFitter.follow", fail)
    look(2)
    assert "not arranged" in caplog.text
    assert (layers["camera"].data == 2).all()
    monkeypatch.undo()
    begin_run()
    look()
    assert (layers["camera"].data == 3).all()
