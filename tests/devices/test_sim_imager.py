"""What the simulated microscope's pictures must be true to, apart from any device."""

from dataclasses import replace

import numpy as np
import pytest

from napari_skylight.devices.sim import ChannelName, Imager, Shot, sample_image

PIXEL = 0.325
OFFSET = 100.0
READ_NOISE = 1.6
FLUORESCENT = ("DAPI", "GFP", "RFP")
SMALL = Shot(roi_width=256, roi_height=192)


@pytest.fixture(scope="module")
def clean():
    return Imager(noise=False)


def sharpness(frame):
    """Return the energy of the finest detail, per light."""
    light = frame.astype(float) - OFFSET
    return np.mean(np.diff(light, axis=0) ** 2) / np.mean(light) ** 2


def stack(imager, shot, count):
    return np.stack([imager.take(shot, number) for number in range(count)]).astype(float)


def test_the_same_seed_shot_and_number_give_the_same_frame():
    first, second = Imager(3).take(SMALL, 7), Imager(3).take(SMALL, 7)
    np.testing.assert_array_equal(first, second)


def test_another_number_is_other_noise_on_the_same_specimen():
    imager = Imager(3)
    first, second = imager.take(SMALL, 7), imager.take(SMALL, 8)
    assert (first != second).mean() > 0.9
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.95


def test_another_seed_is_another_specimen(clean):
    other = Imager(1, noise=False).take(SMALL)
    assert np.corrcoef(clean.take(SMALL).ravel(), other.ravel())[0, 1] < 0.5


def test_frames_are_fresh_arrays(clean):
    first, second = clean.take(SMALL), clean.take(SMALL)
    assert not np.shares_memory(first, second)
    first[:] = 0
    np.testing.assert_array_equal(clean.take(SMALL), second)


def test_what_was_forgotten_is_drawn_again_the_same(clean, monkeypatch):
    for limit in ("PATCH_BYTES", "SPECTRUM_BYTES"):
        monkeypatch.setattr(f"napari_skylight.devices.sim.specimen._specimen.{limit}", 1)
    forgetful = Imager(noise=False)
    for shot in (SMALL, replace(SMALL, x=300.0, focus=3.0), SMALL):
        np.testing.assert_array_equal(forgetful.take(shot), clean.take(shot))


@pytest.mark.parametrize("channel", [channel.value for channel in ChannelName])
def test_there_are_cells_wherever_the_stage_goes(channel):
    imager = Imager(noise=False)
    for x, y in ((-1000, -1000), (1000, 1000)):
        frame = imager.take(Shot(channel=channel, x=x, y=y))
        assert frame.std() > 0.015 * (frame.mean() - OFFSET) > 0


def test_channels_show_different_structures(clean):
    frames = [clean.take(replace(SMALL, channel=channel)).ravel() for channel in FLUORESCENT]
    assert np.corrcoef(frames)[np.triu_indices(3, 1)].max() < 0.8


def test_nuclei_are_a_few_blobs_of_ten_to_twenty_micrometres(clean):
    frame = clean.take(Shot(channel="DAPI"))
    bright = frame > OFFSET + 0.25 * (np.percentile(frame, 99.5) - OFFSET)
    assert 0.02 < bright.mean() < 0.12


@pytest.mark.parametrize("channel", FLUORESCENT)
def test_defocus_blurs_ever_more(clean, channel):
    # Downwards, because some cells float above the others.
    below = [Shot(channel=channel, focus=z) for z in (0, -3, -4, -6, -8, -11, -15, -20, -30, -50)]
    values = [sharpness(clean.take(shot)) for shot in below]
    assert values == sorted(values, reverse=True)
    assert values[4] < 0.15 * values[0]
    assert sharpness(clean.take(Shot(channel=channel, focus=8))) < 0.4 * values[0]


def test_defocus_spreads_light_and_does_not_lose_it(clean):
    sharp, blurred = (clean.take(Shot(channel="GFP", focus=z)).mean() for z in (0, 8))
    assert blurred - OFFSET == pytest.approx(sharp - OFFSET, rel=0.05)


def test_focus_moves_smoothly(clean):
    near, far = (clean.take(Shot(focus=z)).astype(float) for z in (0, 2))
    step = clean.take(Shot(focus=0.02)).astype(float)
    assert np.abs(step - near).max() < 0.05 * np.abs(far - near).max()


def test_bright_field_changes_sign_through_focus():
    """What is dark in a cell above focus is bright in the same cell below focus."""
    imager = Imager(noise=False)
    shots = (Shot(channel="Brightfield", light=1.0, focus=z) for z in (-6, 2))
    above, below = (np.diff(imager.take(shot).astype(float)).ravel() for shot in shots)
    assert np.corrcoef(above, below)[0, 1] < -0.2


@pytest.mark.parametrize(("dx", "dy"), [(40, 0), (0, -25), (13, 7)])
def test_the_stage_moves_the_picture_by_whole_pixels(clean, dx, dy):
    here = clean.take(Shot())
    there = clean.take(Shot(x=dx * PIXEL, y=dy * PIXEL))
    np.testing.assert_array_equal(
        here[max(dy, 0) : 1024 + min(dy, 0), max(dx, 0) : 1024 + min(dx, 0)],
        there[max(-dy, 0) : 1024 + min(-dy, 0), max(-dx, 0) : 1024 + min(-dx, 0)],
    )


def test_a_region_of_interest_is_cut_out_of_the_whole(clean):
    whole = clean.take(Shot())
    part = clean.take(Shot(roi_x=100, roi_y=333, roi_width=200, roi_height=64))
    assert part.shape == (64, 200)
    np.testing.assert_array_equal(part, whole[333:397, 100:300])


@pytest.mark.parametrize("binning", [2, 4])
def test_binning_adds_up_pixels(clean, binning):
    shot = Shot(binning=binning, exposure=5.0, roi_width=402, roi_height=200)
    fine = clean.take(replace(shot, binning=1)).astype(float) - OFFSET
    coarse = clean.take(shot)
    height, width = 200 // binning, 402 // binning
    assert coarse.shape == shot.shape == (height, width)
    assert shot.pixel_size == pytest.approx(PIXEL * binning)
    fine = fine[:, : width * binning].reshape(height, binning, width, binning).sum(axis=(1, 3))
    np.testing.assert_allclose(coarse - OFFSET, fine, atol=0.5 * binning**2 + 0.5)


def test_exposure_light_and_gain_multiply_the_signal(clean):
    signal = clean.take(SMALL).astype(float) - OFFSET
    for change in ({"exposure": 40.0}, {"light": 1.0}, {"gain": 2.0}):
        twice = clean.take(replace(SMALL, **change)).astype(float) - OFFSET
        np.testing.assert_allclose(twice, 2 * signal, atol=1.5)


def test_in_the_dark_there_is_only_offset_and_read_noise():
    frames = stack(Imager(), replace(SMALL, light=0.0, exposure=10_000.0), 20)
    assert frames.mean() == pytest.approx(OFFSET, abs=0.02)
    assert frames.var() == pytest.approx(READ_NOISE**2 + 1 / 12, rel=0.02)


@pytest.mark.parametrize("gain", [1.0, 3.0])
@pytest.mark.parametrize("exposure", [1.0, 20.0, 60.0])
def test_mean_and_variance_are_those_of_shot_and_read_noise(exposure, gain):
    shot = replace(SMALL, exposure=exposure, gain=gain)
    frames = stack(Imager(), shot, 150)
    # Expected electrons, finer than counts: without noise, at the highest gain, of the same light.
    fine = replace(shot, gain=16.0, exposure=exposure / 8)
    electrons = (Imager(noise=False).take(fine).astype(float) - OFFSET) / 16 * 8
    mean, variance = frames.mean(axis=0), frames.var(axis=0, ddof=1)
    expected = gain**2 * (electrons + READ_NOISE**2) + 1 / 12
    np.testing.assert_allclose(
        mean - OFFSET, gain * electrons, atol=0.5 + 6 * (expected.max() / 150) ** 0.5
    )
    assert (mean - OFFSET).mean() == pytest.approx((gain * electrons).mean(), rel=2e-3, abs=0.1)
    for low, high in ((0, 50), (50, 90), (90, 100)):
        least, most = np.percentile(electrons, (low, high))
        pixels = (electrons >= least) & (electrons <= most)
        assert variance[pixels].mean() == pytest.approx(expected[pixels].mean(), rel=0.02)


def test_noise_has_no_pattern_from_pixel_to_pixel_or_frame_to_frame():
    frames = stack(Imager(), replace(SMALL, light=0.0), 12)
    noise = frames - frames.mean()
    for shifted in (
        noise[:, :, 1:] * noise[:, :, :-1],
        noise[:, 1:] * noise[:, :-1],
        noise[1:] * noise[:-1],
    ):
        assert abs(shifted.mean()) < 0.02 * noise.var()


@pytest.mark.parametrize(
    ("bit_depth", "dtype", "top"), [(8, np.uint8, 255), (16, np.uint16, 65535)]
)
def test_too_much_light_saturates(bit_depth, dtype, top):
    frame = Imager().take(replace(SMALL, bit_depth=bit_depth, exposure=10_000.0, light=1.0))
    assert frame.dtype == dtype
    assert frame.max() == top
    assert (frame == top).mean() > 0.2


def test_8_bit_counts_are_a_16th_of_16_bit_counts(clean):
    fine = clean.take(replace(SMALL, exposure=5.0))
    coarse = clean.take(replace(SMALL, exposure=5.0, bit_depth=8))
    np.testing.assert_allclose(coarse, fine / 16, atol=0.54)


def test_the_default_picture_is_well_exposed():
    for bit_depth, top in ((8, 255), (16, 65535)):
        frame = Imager().take(Shot(bit_depth=bit_depth))
        assert (frame == top).mean() < 0.002
        assert np.percentile(frame, 99.5) > OFFSET / (1 if bit_depth == 16 else 16) * 8


def test_sample_image_has_all_channels_in_focus():
    sample = sample_image(shape=(300, 400))
    assert sample.data.shape == (4, 300, 400)
    assert sample.data.dtype == np.uint16
    assert sample.channels == ("DAPI", "GFP", "RFP", "Brightfield")
    assert sample.pixel_size == pytest.approx(PIXEL)
    through_lens = Imager().take(Shot(roi_height=300, roi_width=400, focus=2.0))
    assert sharpness(sample.data[1]) > sharpness(through_lens)
    np.testing.assert_array_equal(sample.data, sample_image(shape=(300, 400)).data)
