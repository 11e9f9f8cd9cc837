"""What the built-in processes return, beside a plain computation over the same frames."""

import numpy as np
import pytest
from scipy import ndimage

from napari_skylight.processing import (
    MaximumProjection,
    MedianDivided,
    MedianSubtracted,
    RunningMean,
)

GREY = [np.uint8, np.uint16, np.int16, np.float32]


def movie(dtype, *colours, count=9, seed=0):
    return np.random.default_rng(seed).integers(0, 120, (count, 13, 17, *colours)).astype(dtype)


def windows(frames, length):
    return [frames[max(0, i + 1 - length) : i + 1] for i in range(len(frames))]


@pytest.mark.parametrize("dtype", GREY)
@pytest.mark.parametrize("length", [1, 4, 5])
def test_a_running_mean(dtype, length):
    frames = movie(dtype)
    process = RunningMean(length)
    for frame, window in zip(frames, windows(frames, length), strict=True):
        mean = process(frame)
        assert mean.dtype == np.float32
        np.testing.assert_allclose(mean, np.mean(window.astype(float), axis=0), rtol=1e-6)


@pytest.mark.parametrize("dtype", GREY)
@pytest.mark.parametrize("length", [1, 4, 5])
def test_a_median_background(dtype, length):
    frames = movie(dtype)
    divided, subtracted = MedianDivided(length), MedianSubtracted(length)
    for frame, window in zip(frames, windows(frames, length), strict=True):
        background = np.median(window, axis=0).astype(np.float32)
        expected = np.zeros(frame.shape, np.float32)
        np.divide(frame, background, out=expected, where=background > 0, casting="unsafe")
        quotient, difference = divided(frame), subtracted(frame)
        assert quotient.dtype == difference.dtype == np.float32
        np.testing.assert_array_equal(quotient, expected)
        np.testing.assert_array_equal(difference, frame.astype(np.float32) - background)


def test_a_median_is_that_of_scipy():
    frames = movie(np.uint16, count=15)
    process = MedianSubtracted(5)
    ours = [process(frame) for frame in frames][7]
    median = ndimage.median_filter(frames, size=(5, 1, 1), origin=(2, 0, 0))[7]
    np.testing.assert_array_equal(ours, frames[7].astype(np.float32) - median)


@pytest.mark.parametrize("frames", [*map(movie, GREY), movie(np.uint8, 3)])
def test_a_maximum_projection(frames):
    process = MaximumProjection()
    for i, frame in enumerate(frames):
        largest = process(frame)
        assert largest.dtype == frames.dtype
        np.testing.assert_array_equal(largest, frames[: i + 1].max(axis=0))


def test_a_running_mean_of_colours_is_of_each_colour_in_the_cameras_dtype():
    frames = movie(np.uint8, 3)
    process = RunningMean(4)
    means = [process(frame) for frame in frames]
    assert means[-1].dtype == np.uint8
    np.testing.assert_array_equal(means[-1], np.rint(frames[-4:].mean(axis=0)))


@pytest.mark.parametrize("process", [MedianDivided(3), MedianSubtracted(3)])
def test_a_median_background_of_colours_is_refused(process):
    with pytest.raises(ValueError, match="takes grey frames; this camera is in colour"):
        process(movie(np.uint8, 3)[0])
