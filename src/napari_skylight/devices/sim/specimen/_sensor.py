"""A camera chip: photons to counts, with the noise of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OFFSET = 100.0
"""What the camera reads in the dark, in counts of its 16 bit scale."""

READ_NOISE = 1.6
"""Standard deviation of reading one pixel, in electrons."""

BLOCK = 1 << 16
"""Samples worked on at a time, so that they stay in the processor's cache."""

SPARE = 1 << 20
"""How many starting points the table of noise offers a frame."""


@dataclass(frozen=True)
class Scale:
    """How electrons become counts: ``electrons`` per count at gain 1, up to ``top`` counts."""

    dtype: np.dtype[Any]
    electrons: float
    top: int


COUNTS = {
    8: Scale(np.dtype(np.uint8), 16.0, 255),
    16: Scale(np.dtype(np.uint16), 1.0, 65535),
}
"""The scales by bit depth; 8 bit is coarser and saturates at 1/16 of the light."""


@dataclass(frozen=True)
class Exposed:
    """What the chip holds after an exposure, float32 ``(height, width)`` in counts.

    Parameters
    ----------
    mean
        The expected counts, the offset and half a count for rounding included.
    deviation
        The standard deviation of shot and read noise.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    scale: Scale


class Sensor:
    """Turns expected electrons into a frame.

    Shot noise is taken as Gaussian, of the variance Poisson gives it: right in mean and variance,
    and indistinguishable beyond some ten electrons. The Gaussian samples come from a table, from
    another place for each frame.

    Parameters
    ----------
    seed
        The same seed and frame number give the same noise.
    noise
        False leaves out all noise.
    """

    def __init__(self, seed: int = 0, *, noise: bool = True) -> None:
        self._seed = seed
        self._noise = noise
        self._table = np.empty(0, np.float32)

    def expose(self, electrons: NDArray[np.float32], gain: float, bit_depth: int) -> Exposed:
        """Collect the electrons expected per pixel, to be read out with `gain` at `bit_depth`."""
        scale = COUNTS[bit_depth]
        factor = np.float32(gain / scale.electrons)
        mean = electrons * factor + np.float32(OFFSET / scale.electrons + 0.5)
        deviation = np.sqrt(electrons + np.float32(READ_NOISE**2)) * factor
        return Exposed(mean, deviation, scale)

    def read_out(
        self, exposed: Exposed, number: int, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return frame `number`, of the scale's dtype and the shape exposed.

        In `out` if given, which must be contiguous; in a new array otherwise.
        """
        mean, deviation = exposed.mean.reshape(-1), exposed.deviation.reshape(-1)
        if out is None:
            out = np.empty(exposed.mean.shape, exposed.scale.dtype)
        frame = out.reshape(-1)
        noise = self._samples(mean.size, number) if self._noise else None
        buffer = np.empty(min(BLOCK, mean.size), np.float32)
        for start in range(0, mean.size, BLOCK):
            part = slice(start, min(start + BLOCK, mean.size))
            counts = buffer[: part.stop - start]
            if noise is None:
                counts[:] = mean[part]
            else:
                np.multiply(deviation[part], noise[part], out=counts)
                counts += mean[part]
            np.clip(counts, 0, exposed.scale.top, out=counts)
            frame[part] = counts
        return out

    def _samples(self, count: int, number: int) -> NDArray[np.float32]:
        """Return `count` standard normal samples for frame `number`: a piece of the table."""
        if self._table.size < count + SPARE:
            rng = np.random.default_rng([self._seed, 4])
            self._table = rng.standard_normal(count + SPARE, dtype=np.float32)
        start = int(np.random.default_rng([self._seed, 5, number]).integers(SPARE))
        return self._table[start : start + count]


def bin_pixels(electrons: NDArray[np.float32], binning: int) -> NDArray[np.float32]:
    """Add up squares of `binning` pixels; what fills no square at the far edges is left out."""
    if binning == 1:
        return electrons
    height, width = (side // binning * binning for side in electrons.shape)
    parts = (
        electrons[row:height:binning, column:width:binning]
        for row in range(binning)
        for column in range(binning)
    )
    total = np.zeros((height // binning, width // binning), np.float32)
    for part in parts:
        total += part
    return total
