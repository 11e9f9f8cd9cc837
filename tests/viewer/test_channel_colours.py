import numpy as np
import pytest


@pytest.fixture
def channels(make_camera):
    return {name: make_camera("camera", name) for name in ("DAPI", "GFP")}


@pytest.fixture
def rounds(link, channels, wait_until):
    """Stash frames of some channels in turn, and wait until they are shown."""

    def go(cameras=None, count=4):
        for number in range(1, count + 1):
            for each in channels.values() if cameras is None else cameras:
                shown = link.shown
                each.live(np.arange(80, dtype=np.uint16).reshape(8, 10) * number)
                wait_until(lambda shown=shown: link.shown > shown)

    return go


def test_each_channel_has_a_layer_of_its_own_in_its_colour(rounds, layers):
    rounds()
    assert [each.name for each in layers] == ["camera · DAPI", "camera · GFP"]
    assert [each.colormap.name for each in layers] == ["blue", "green"]
    assert [each.blending for each in layers] == ["additive", "additive"]


def test_each_channel_has_its_own_contrast(link, channels, layers, wait_until):
    channels["DAPI"].live(np.linspace(0, 100, 80, dtype=np.uint16).reshape(8, 10))
    channels["GFP"].live(np.linspace(500, 9000, 80, dtype=np.uint16).reshape(8, 10))
    wait_until(lambda: link.shown == 2)
    dapi, gfp = layers
    assert dapi.contrast_limits[1] <= 100
    assert gfp.contrast_limits[0] >= 500


def test_without_channels_the_picture_is_grey(link, camera, layers, wait_until):
    camera.live(np.eye(8))
    wait_until(lambda: link.shown == 1)
    assert layers["camera"].colormap.name == "gray"
    assert layers["camera"].blending.startswith("translucent")


@pytest.mark.parametrize(
    ("channel", "colour"),
    [
        ("Hoechst 33342", "blue"),
        ("mTurquoise2", "cyan"),
        ("eGFP", "green"),
        ("FITC", "green"),
        ("Alexa Fluor 488", "green"),
        ("488 nm", "green"),
        ("mVenus", "yellow"),
        ("Cy3", "bop orange"),
        ("mCherry", "red"),
        ("Texas Red", "red"),
        ("561", "red"),
        ("Cy5", "magenta"),
        ("Alexa647", "magenta"),
        ("far-red", "magenta"),
        ("Bright field", "gray"),
        ("DIC", "gray"),
    ],
)
def test_usual_stains_have_their_usual_colours(
    channel, colour, link, make_camera, layers, wait_until
):
    make_camera("camera", channel).live(np.eye(8))
    wait_until(lambda: len(layers) == 1)
    assert layers[0].colormap.name == colour


def test_unknown_channels_are_told_apart(link, make_camera, layers, wait_until):
    for name in ("my stain", "another", "", "third", "café"):
        make_camera("camera", name).live(np.eye(8))
    wait_until(lambda: len(layers) == 5)
    colours = [each.colormap.name for each in layers if each.name != "camera"]
    assert len(set(colours)) == 4
    assert "gray" not in colours


def test_snapshots_of_a_channel_look_like_its_live_layer(rounds, channels, layers, wait_until):
    rounds()
    layers["camera · GFP"].contrast_limits = (7, 77)
    layers["camera · DAPI"].colormap = "cyan"
    for each in channels.values():
        each.snap(np.ones((8, 10), np.uint16))
    wait_until(lambda: len(layers) == 4)
    gfp, dapi = layers["camera · GFP · snapshots"], layers["camera · DAPI · snapshots"]
    assert (gfp.colormap.name, gfp.blending) == ("green", "additive")
    assert gfp.contrast_limits == [7, 77]
    assert (dapi.colormap.name, dapi.blending) == ("cyan", "additive")


def visible(layers):
    return {each.name for each in layers if each.visible}


def test_channels_that_are_not_taken_any_more_are_hidden_until_they_are(
    rounds, begin_run, camera, channels, layers, wait_until
):
    begin_run()
    rounds()
    begin_run()
    rounds([camera])
    wait_until(lambda: visible(layers) == {"camera"})
    begin_run()
    rounds([camera, channels["GFP"]], 1)
    assert visible(layers) == {"camera", "camera · GFP"}
    begin_run()
    rounds()
    wait_until(lambda: visible(layers) == {"camera · DAPI", "camera · GFP"})


def test_a_picture_the_user_hides_or_shows_stays_so(rounds, begin_run, camera, channels, layers):
    begin_run()
    rounds()
    begin_run()
    layers["camera · DAPI"].visible = False
    rounds([channels["GFP"]])
    assert visible(layers) == {"camera · GFP"}
    layers["camera · DAPI"].visible = True
    rounds([channels["GFP"]], 1)
