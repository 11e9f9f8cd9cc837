"""Contrast limits: which values are black and white."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.viewer._layer_transform import value_named

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame

_SAMPLES = 10_000
_PERCENTILES = (0.1, 99.9)
_PERIOD = 0.25  # seconds between changes in continuous mode
_STEADY = 0.02  # of the difference between black and white: smaller changes are not made
_NOISE_SPREAD = 8.0  # standard deviations; 6 is the most that noise alone gave in simulations
_OUTLIERS = 0.02  # of the differences: edges of structures and hot pixels


class Autoscale(StrEnum):
    """When the contrast limits are set from the frames."""

    ONCE = "once"
    CONTINUOUS = "continuous"
    OFF = "off"


class Contrast:
    """Sets the contrast limits of one layer.

    Attributes
    ----------
    mode : Autoscale
        ``once``: from the first frame whose spread exceeds the noise, and again when the dtype
        changes. ``continuous``: a few times a second. ``off``: never. Limits that the user has set
        are left alone, except in continuous mode.
    """

    def __init__(self) -> None:
        self.mode = Autoscale.ONCE
        self._wanted = False  # the next frame that shows more than noise sets the limits
        self._forced = False  # the next frame does, even if the user has set them
        self._limits = (0.0, 1.0)
        self._range = (0.0, 1.0)
        self._dtype: np.dtype[Any] | None = None
        self._due = 0.0

    def rescale(self) -> None:
        """Set the limits from the next frame, in any mode."""
        self._wanted = self._forced = True
        self._due = 0.0

    def restart(self) -> None:
        """Treat the next frame as the first."""
        self._dtype = None

    def remember(self, layer: Image) -> None:
        """Keep the limits of a layer for its successor."""
        self._limits = as_pair(layer.contrast_limits)
        self._range = as_pair(layer.contrast_limits_range)

    def look_like(self, other: Contrast, layer: Image) -> None:
        """Start with the limits of `layer`, whose contrast is `other`."""
        self.remember(layer)
        self._dtype = other._dtype

    def start(self, newest: NDArray[Any], frame: Frame) -> tuple[float, float]:
        """Return limits for a frame, (Y, X), in a new layer; then call `attach`."""
        if newest.dtype != self._dtype:
            self._dtype = newest.dtype
            self._range = range_of(newest.dtype, frame) or limits_of(newest) or (0.0, 1.0)
            self._limits = self._range
            self._wanted = self.mode is not Autoscale.OFF
            if self._wanted:
                self._scale(newest)
        return self._limits

    def attach(self, layer: Image) -> None:
        """Give a layer the limits, and the range of possible values."""
        layer.contrast_limits_range = self._range
        layer.contrast_limits = self._limits

    def follow(self, layer: Image, newest: NDArray[Any], frame: Frame, now: float) -> None:
        """Set the limits from the newest frame, (Y, X), if they are wanted now."""
        if newest.dtype != self._dtype:
            self.start(newest, frame)
            self.attach(layer)
            return
        continuous = self.mode is Autoscale.CONTINUOUS
        if now < self._due or not (continuous or self._wanted):
            return
        if not (continuous or self._forced) and as_pair(layer.contrast_limits) != self._limits:
            self._wanted = False  # the user was faster
            return
        self._due = now + _PERIOD
        if self._scale(newest):
            layer.contrast_limits = self._limits

    def _scale(self, newest: NDArray[Any]) -> bool:
        """Find the limits for a frame; return whether they are new."""
        limits = limits_of(newest)
        if limits is None:
            return False
        waits = self.mode is Autoscale.ONCE and self._wanted and not self._forced
        if waits and not _exceeds_noise(newest):
            return False
        black, white = self._limits
        change = max(abs(limits[0] - black), abs(limits[1] - white))
        if not self._wanted and change <= _STEADY * (white - black):
            return False
        self._wanted = self._forced = False
        self._limits = limits
        return True


def as_pair(limits: Any) -> tuple[float, float]:
    """Return contrast limits as numbers that can be compared."""
    low, high = limits
    return float(low), float(high)


def range_of(dtype: np.dtype[Any], frame: Frame) -> tuple[float, float] | None:
    """Return the range of a camera's values, or None if it is not known.

    From the camera's ``bit_depth`` if it reads one, else from a dtype of 8 or 16 bits.
    """
    if dtype.kind not in "iu":
        return None
    depth = value_named("bit_depth", frame)
    if depth is not None and dtype.kind == "u" and 0 < depth <= 8 * dtype.itemsize:
        return 0.0, float(2 ** int(depth) - 1)
    if dtype.itemsize > 2:
        return None
    info = np.iinfo(dtype)
    return float(info.min), float(info.max)


def sample_of(frame: NDArray[Any]) -> NDArray[Any]:
    """Return every n-th pixel of every n-th row of a frame, (Y, X), about 10,000 at most."""
    step = max(1, int(np.sqrt(frame.size / _SAMPLES)))
    return frame[::step, ::step]


def limits_of(frame: NDArray[Any]) -> tuple[float, float] | None:
    """Return the 0.1 and 99.9 % percentiles of a sample of the pixels.

    None if the pixels are equal, not finite, or too close together to be drawn differently.
    """
    sample = sample_of(frame)
    if sample.dtype.kind == "f":
        sample = sample[np.isfinite(sample)]
        if not sample.size:
            return None
    low, high = np.percentile(sample, _PERCENTILES)
    if low == high:  # a few bright spots on black
        low, high = sample.min(), sample.max()
    low, high = float(low), float(high)
    return (low, high) if _can_be_told_apart(low, high) else None


def _exceeds_noise(frame: NDArray[Any]) -> bool:
    """Return whether the values of a frame, (Y, X), spread more than its noise.

    The variance of the noise is half the mean squared difference of neighbouring pixels (Rice 1984,
    Ann. Statist. 12, 1215), without the largest differences; rounding adds 1/12 of a count squared.
    A bright pixel counts only if its neighbour is bright too, so that hot pixels do not.
    """
    if frame.shape[1] < 2:
        frame = frame.T
    step = max(1, int(np.sqrt(frame.size / _SAMPLES)))
    left, right = frame[::step, :-1:step], frame[::step, 1::step]
    pairs = np.stack([left, right[:, : left.shape[1]]]).reshape(2, -1).astype(np.float64)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if not pairs.size:
        return False
    low, high = np.percentile(pairs.min(axis=0), _PERCENTILES)
    if not _can_be_told_apart(low, high):
        return False
    spread = high - low
    differences = np.sort(np.abs(pairs[1] / spread - pairs[0] / spread))
    differences = differences[: int(np.ceil((1 - _OUTLIERS) * len(differences)))]
    variance = np.mean(differences**2) / 2 + (frame.dtype.kind in "iu") / 12 / spread**2
    return bool(variance * _NOISE_SPREAD**2 < 1)


def _can_be_told_apart(low: float, high: float) -> bool:
    """Return whether 32-bit numbers, which are drawn, have values between two."""
    least = float(np.finfo(np.float32).eps) * max(abs(low), abs(high))
    return max(least, float(np.finfo(np.float32).tiny)) < high - low < np.inf
