"""A camera sensor: from electrons to counts, with shot and read noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OFFSET = 100.0
"""Counts in the dark, at 16 bit."""

READ_NOISE = 1.6
"""Standard deviation, in electrons."""

BLOCK = 1 << 16
"""Samples computed at a time, so that they stay in the processor's cache."""

SPARE = 1 << 20
"""Number of starting points in the table of noise."""


@dataclass(frozen=True)
class Scale:
    """Conversion to counts: ``electrons`` per count at gain 1, up to ``top`` counts."""

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
    """Expected counts (with offset, and 0.5 for rounding) and their deviation: float32 (Y, X)."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    scale: Scale


class Sensor:
    """Turns expected electrons into a frame.

    Shot noise is Gaussian with the variance of Poisson noise: the same mean and variance, and
    indistinguishable beyond some ten electrons. Each frame takes its samples from another place of
    one table.
    """

    def __init__(self, seed: int = 0, *, noise: bool = True) -> None:
        self._seed = seed
        self._noise = noise
        self._table = np.empty(0, np.float32)

    def expose(self, electrons: NDArray[np.float32], gain: float, bit_depth: int) -> Exposed:
        """Expose to `electrons` per pixel, to be read out with `gain` at `bit_depth`."""
        scale = COUNTS[bit_depth]
        factor = np.float32(gain / scale.electrons)
        mean = electrons * factor + np.float32(OFFSET / scale.electrons + 0.5)
        deviation = np.sqrt(electrons + np.float32(READ_NOISE**2)) * factor
        return Exposed(mean, deviation, scale)

    def read_out(
        self, exposed: Exposed, number: int, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return frame `number`; in `out` if given, which must be contiguous."""
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
        """Return `count` standard normal samples for frame `number`: a slice of the table."""
        if self._table.size < count + SPARE:
            rng = np.random.default_rng([self._seed, 4])
            self._table = rng.standard_normal(count + SPARE, dtype=np.float32)
        start = int(np.random.default_rng([self._seed, 5, number]).integers(SPARE))
        return self._table[start : start + count]


def bin_pixels(electrons: NDArray[np.float32], binning: int) -> NDArray[np.float32]:
    """Sum squares of `binning` pixels; incomplete squares at the far edges are left out."""
    if binning == 1:
        return electrons
    height, width = (side // binning * binning for side in electrons.shape)
    total = np.zeros((height // binning, width // binning), np.float32)
    for row, column in np.ndindex(binning, binning):
        total += electrons[row:height:binning, column:width:binning]
    return total
