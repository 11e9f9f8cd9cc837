"""Checks of the pixels on screen: saturated by the camera, or drawn black or white."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.viewer._contrast import as_pair, limits_of, range_of, sample_of

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame

_PERIOD = 0.25  # seconds between checks
_FEW = 0.001  # of the pixels: no warning for a few hot ones
_MANY = 0.2  # of the pixels at a contrast limit
_LASTING = 1.0  # seconds
_CHANGE = 0.1  # of the difference between the limits: less is not worth an offer
_GREY = 0.5 / 256  # of that difference: a screen draws what is nearer as black or white


class Saturation:
    """Checks the newest frames for saturated pixels.

    Attributes
    ----------
    warning : str
        Empty, or the text for the user.
    """

    def __init__(self) -> None:
        self.warning = ""
        self._due = 0.0

    def follow(self, newest: NDArray[Any], frame: Frame, now: float) -> None:
        """Check a frame, (Y, X), a few times a second.

        The brightest value is that of the camera's ``bit_depth`` if it reads one, else that of 8 or
        16 bits; other dtypes have none.
        """
        if now < self._due:
            return
        self._due = now + _PERIOD
        values = range_of(newest.dtype, frame)
        fraction = 0.0 if values is None else float(np.mean(sample_of(newest) >= values[1]))
        self.warning = f"{_percent(fraction)} of the pixels saturated" if fraction > _FEW else ""


class Clipping:
    """Finds out when to offer autoscale: a fifth of the pixels is at a limit for a second.

    Only if autoscale would help: it leaves less than half of them black or white, or moves a limit
    by a tenth. New limits end an offer until the picture has been all right in between.

    Attributes
    ----------
    colour : str
        What most of these pixels are, "black" or "white", while autoscale is offered; else empty.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again, with no offer."""
        self.colour = ""
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
        limits = as_pair(layer.contrast_limits)
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


def _clipped_colour(frame: NDArray[Any], limits: tuple[float, float]) -> str:
    """Return the colour of most pixels at a limit; empty if few are, or autoscale does not help."""
    best = limits_of(frame)
    if best is None:
        return ""
    sample = sample_of(frame)
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
    """Return the fractions of the pixels at the lower and at the upper limit.

    `margin` is how near they may be, as a fraction of the difference between the limits.
    """
    low, high = limits
    near = margin * (high - low)
    return float(np.mean(sample <= low + near)), float(np.mean(sample >= high - near))


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %" if fraction >= 0.01 else "less than 1 %"
