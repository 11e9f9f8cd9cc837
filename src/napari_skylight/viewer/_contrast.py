"""Contrast limits: which values are black and white, and how many pixels are at a limit."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.frames import value_named

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame

_SAMPLES = 10_000
_PERCENTILES = (0.1, 99.9)
_PERIOD = 0.25  # seconds between changes in continuous mode, and between checks
_STEADY = 0.02  # of the difference between black and white: smaller changes are not made
_NOISE_SPREAD = 8.0  # standard deviations; 6 is the most that noise alone gave in simulations
_OUTLIERS = 0.02  # of the differences: edges of structures and hot pixels
_FEW = 0.001  # of the pixels: no warning for a few hot ones
_MANY = 0.2  # of the pixels at a contrast limit
_LASTING = 1.0  # seconds
_CHANGE = 0.1  # of the difference between the limits: less is not worth an offer
_GREY = 0.5 / 256  # of that difference: a screen draws what is nearer as black or white


class Autoscale(StrEnum):
    """When the contrast limits are set from the frames.

    ``once``: from the first frame whose spread exceeds the noise, and again when the dtype changes.
    ``continuous``: a few times a second. ``off``: never. Limits that the user has set are left
    alone, except in continuous mode.
    """

    ONCE = "once"
    CONTINUOUS = "continuous"
    OFF = "off"


class Contrast:
    """Sets the contrast limits of one layer."""

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
        self._limits = _as_pair(layer.contrast_limits)
        self._range = _as_pair(layer.contrast_limits_range)

    def look_like(self, other: Contrast, layer: Image) -> None:
        """Start with the limits of `layer`, whose contrast is `other`."""
        self.remember(layer)
        self._dtype = other._dtype

    def start(self, newest: NDArray[Any], frame: Frame) -> tuple[float, float]:
        """Return limits for a frame, (Y, X), in a new layer; then call `attach`."""
        if newest.dtype != self._dtype:
            self._dtype = newest.dtype
            self._range = _range_of(newest.dtype, frame) or _limits_of(newest) or (0.0, 1.0)
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
        if not (continuous or self._forced) and _as_pair(layer.contrast_limits) != self._limits:
            self._wanted = False  # the user was faster
            return
        self._due = now + _PERIOD
        if self._scale(newest):
            layer.contrast_limits = self._limits

    def _scale(self, newest: NDArray[Any]) -> bool:
        """Find the limits for a frame; return whether they are new."""
        limits = _limits_of(newest)
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


class Saturation:
    """Checks the newest frames for saturated pixels; `warning` is the text for the user."""

    def __init__(self) -> None:
        self.warning = ""
        self._due = 0.0

    def follow(self, newest: NDArray[Any], frame: Frame, now: float) -> None:
        """Check a frame, (Y, X), a few times a second, if the range of its values is known."""
        if now < self._due:
            return
        self._due = now + _PERIOD
        values = _range_of(newest.dtype, frame)
        fraction = 0.0 if values is None else float(np.mean(_sample_of(newest) >= values[1]))
        percent = f"{100 * fraction:.0f} %" if fraction >= 0.01 else "less than 1 %"
        self.warning = f"{percent} of the pixels saturated" if fraction > _FEW else ""


class Clipping:
    """Finds out when to offer autoscale: a fifth of the pixels is at a limit for a second.

    Only if autoscale would help: it leaves less than half of them black or white, or moves a limit
    by a tenth. New limits end an offer until the picture has been all right in between.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again, with no offer."""
        self.colour = ""  # of most of these pixels, "black" or "white", while autoscale is offered
        self._found = ""
        self._since = 0.0
        self._due = 0.0
        self._stale = False
        self._declined = False
        self._limits: tuple[float, float] | None = None

    @property
    def waiting(self) -> bool:
        """Whether the second has to pass, or the next check is due soon."""
        return self._stale or bool(self._found and not (self.colour or self._declined))

    def follow(self, layer: Image, shown: NDArray[Any], now: float, *, news: bool) -> None:
        """Check the frame on screen, (Y, X), if it is new or the limits are; `now` in seconds."""
        limits = _as_pair(layer.contrast_limits)
        if self.colour and limits != self._limits:
            self.colour, self._declined = "", True
        self._stale |= news or limits != self._limits
        if self._stale and now >= self._due:
            self._stale, self._due, self._limits = False, now + _PERIOD, limits
            before, self._found = self._found, _clipped_colour(shown, limits)
            if not self._found:
                self.colour, self._declined = "", False
            elif not before:
                self._since = now
        if self._found and not self._declined and now - self._since >= _LASTING:
            self.colour = self._found


def _as_pair(limits: Any) -> tuple[float, float]:
    """Return contrast limits as numbers that can be compared."""
    low, high = limits
    return float(low), float(high)


def _range_of(dtype: np.dtype[Any], frame: Frame) -> tuple[float, float] | None:
    """Return the range of a camera's values by its ``bit_depth``, or a dtype of 8 or 16 bits."""
    if dtype.kind not in "iu":
        return None
    depth = value_named("bit_depth", frame)
    if depth is not None and dtype.kind == "u" and 0 < depth <= 8 * dtype.itemsize:
        return 0.0, float(2 ** int(depth) - 1)
    if dtype.itemsize > 2:
        return None
    info = np.iinfo(dtype)
    return float(info.min), float(info.max)


def _sample_of(frame: NDArray[Any]) -> NDArray[Any]:
    """Return every n-th pixel of every n-th row of a frame, (Y, X), about 10,000 at most."""
    step = max(1, int(np.sqrt(frame.size / _SAMPLES)))
    return frame[::step, ::step]


def _limits_of(frame: NDArray[Any]) -> tuple[float, float] | None:
    """Return the 0.1 and 99.9 % percentiles of a sample; None if they would be drawn the same."""
    sample = _sample_of(frame)
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


def _clipped_colour(frame: NDArray[Any], limits: tuple[float, float]) -> str:
    """Return the colour of most pixels at a limit; empty if few are, or autoscale does not help."""
    best = _limits_of(frame)
    if best is None:
        return ""
    sample = _sample_of(frame)
    black, white = _clipped(sample, limits, _GREY)
    drawn, at_limit = black + white, sum(_clipped(sample, limits))
    change = max(abs(best[0] - limits[0]), abs(best[1] - limits[1])) / (limits[1] - limits[0])
    if (drawn > _MANY and sum(_clipped(sample, best, _GREY)) < drawn / 2) or (
        at_limit > _MANY and change > _CHANGE
    ):
        return "black" if black >= white else "white"
    return ""


def _clipped(
    sample: NDArray[Any], limits: tuple[float, float], margin: float = 0.0
) -> tuple[float, float]:
    """Return the fractions of the pixels within `margin`, a fraction, of the limits."""
    low, high = limits
    near = margin * (high - low)
    return float(np.mean(sample <= low + near)), float(np.mean(sample >= high - near))
