"""The images of a run, brought back as layers."""

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine.plan_stubs import stash
from napari_skylight.protocols import Camera, FrameCaches
from napari_skylight.session import RunRecord, Session
from napari_skylight.testing import FakeCamera
from napari_skylight.viewer import show_run_images


@pytest.fixture
def session():
    with Session() as made:
        made.add_device(FakeCamera()).result(timeout=5)
        yield made


@pytest.fixture
def snap(session):
    def run(frames) -> RunRecord:
        session.start("snap", {"frames": frames}).result(timeout=10)
        return session.runs[0]

    return run


@pytest.fixture
def show(session, link):
    return lambda record: show_run_images(link, record, session.runs.images(record))


def test_a_run_comes_back_as_a_layer_of_its_own(show, snap, layers):
    snap(2)
    record = snap(3)
    (layer,) = show(record)
    assert layer in layers
    assert layer.name.startswith("Snap ")
    assert layer.name.endswith(" · camera · snapshots")
    assert layer.data[:, 0, 0].tolist() == [3, 4, 5]
    np.testing.assert_allclose(layer.scale, (1, 0.5, 0.5))
    assert layer.metadata["uids"] == record.run.uids
    assert [frame.number for frame in layer.metadata["frames"]] == [3, 4, 5]
    assert layer.metadata["camera-pixel_size"] == 0.5
    assert layers.selection.active is layer


def test_nothing_is_copied_and_it_outlives_a_clear(show, snap, session, layers):
    record = snap(3)
    (layer,) = show(record)
    assert np.shares_memory(layer.data, session.runs.images(record)[0].data)
    session.clear_stacks()
    assert layer.data[:, 0, 0].tolist() == [1, 2, 3]


def test_shown_twice_it_is_one_layer(show, snap, layers):
    record = snap(2)
    (layer,) = show(record)
    layer.visible = False
    number = len(layers)
    assert show(record) == [layer]
    assert len(layers) == number
    assert layer.visible


def test_deleted_it_can_be_shown_again(show, snap, layers):
    record = snap(2)
    layers.remove(show(record)[0])
    (again,) = show(record)
    assert again in layers


def test_it_is_seen_wherever_the_slider_stands(show, snap, link, wait_until):
    record = snap(2)
    snap(20)
    wait_until(lambda: link.viewer.dims.nsteps[0] == 22)
    link.viewer.dims.set_point(0, 21)
    show(record)
    assert link.viewer.dims.point[0] == 1


def test_it_has_the_colours_of_the_stack(show, snap, link, layers, wait_until):
    record = snap(2)
    wait_until(lambda: "camera · snapshots" in layers)
    layers["camera · snapshots"].colormap = "magenta"
    assert show(record)[0].colormap.name == "magenta"


def test_channels_are_added_to_each_other_and_hide_what_is_below(session, link):
    def two_channels(camera: Camera, caches: FrameCaches) -> MsgGenerator[None]:
        yield from bps.trigger(camera, wait=True)
        reading = yield Msg("read", camera)
        for channel in ("DAPI", "GFP"):
            yield from stash(caches.stack(camera, channel=channel), reading, group="a", wait=True)

    session.add_plan(two_channels)
    session.start("two_channels").result(timeout=10)
    layers = show_run_images(link, session.runs[0], session.runs.images(session.runs[0]))
    assert [each.name.partition(" · ")[2] for each in layers] == [
        "camera · DAPI · snapshots",
        "camera · GFP · snapshots",
    ]
    assert layers[0].blending == "translucent"


def test_hidden_when_another_run_brings_frames_they_can_be_shown_again(
    session, show, snap, layers, wait_until
):
    record = snap(2)
    wait_until(lambda: "camera · snapshots" in layers)
    (layer,) = show(record)
    done = session.start("live_view")
    wait_until(lambda: not layer.visible)
    assert layers.selection.active is layers["camera"]
    show(record)
    before = session.caches.live(session.devices["camera"]).counts.stashed
    wait_until(lambda: session.caches.live(session.devices["camera"]).counts.stashed > before + 5)
    assert layer.visible
    session.stop()
    wait_until(done.done)


def test_the_slider_still_follows_what_is_kept(show, snap, link, wait_until):
    record = snap(2)
    wait_until(lambda: link.viewer.dims.nsteps[0] == 2)
    show(record)
    snap(3)
    wait_until(lambda: link.viewer.dims.point[0] == 4)
    assert link.viewer.dims.axis_labels[0] == "frame"


def test_of_what_is_gone_nothing_is_shown(show, snap, session, layers):
    record = snap(2)
    session.clear_stacks()
    before = list(layers)
    assert show(record) == []
    assert list(layers) == before
