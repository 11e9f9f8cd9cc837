"""Transfer functions of the objective out of focus, over spatial frequency.

Fluorescence is spread over a disc that grows with defocus, widened by diffraction. In bright field
a cell is nearly transparent: in focus only its faint absorption shows; out of focus its optical
thickness gives contrast, dark on one side of focus and bright on the other (contrast transfer of a
weak object: Reimer & Kohl, Transmission Electron Microscopy, section 6.4).
"""

from __future__ import annotations

from bisect import bisect
from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_skylight.devices.sim.specimen._layout import PIXEL_SIZE

LEVELS = (0.0, 0.7, 1.4, 2.2, 3.2, 4.5, 6.0, 8.0, 10.5, 14.0, 18.0)
"""Defocus in µm for which pictures are computed; others are mixed from two of them."""

FARTHEST = LEVELS[-1]
"""Defocus in µm beyond which a cell only fades: it would spread over several fields of view."""

CONE = 0.6
"""Radius of the defocus disc per defocus, about that of an NA 0.75 objective in water."""

DIFFRACTION = 0.85
"""Standard deviation of the in-focus point spread, in pixels."""

WAVELENGTH = 0.55
"""Of the transmitted light, in µm."""

CONDENSER = 0.18
"""Half angle of the lamp's light cone, in radians: it blurs bright field far from focus."""


def blend(defocus: float) -> list[tuple[int, float]]:
    """Return the levels to mix for `defocus` µm, as (signed index, weight) pairs.

    Level ``-k`` is ``-LEVELS[k]`` µm. The weights sum to 1 up to `FARTHEST`; beyond, they fall with
    the square of the distance, as the light of a point on a growing disc does.
    """
    distance, sign = abs(defocus), 1 if defocus >= 0 else -1
    if distance >= FARTHEST:
        return [(sign * (len(LEVELS) - 1), (FARTHEST / distance) ** 2)]
    upper = bisect(LEVELS, distance)
    low, high = LEVELS[upper - 1], LEVELS[upper]
    share = (distance - low) / (high - low)
    return [
        (sign * level, weight)
        for level, weight in ((upper - 1, 1 - share), (upper, share))
        if weight
    ]


@cache
def defocus_transfer(level: int, size: int) -> NDArray[np.float32]:
    """Return the transfer of fluorescence at `level`: float32 ``(1, size, size // 2 + 1)``."""
    radius = CONE * LEVELS[abs(level)] / PIXEL_SIZE
    gauss = np.hypot(DIFFRACTION, 0.22 * radius)
    offset = np.fft.fftfreq(size, 1 / size)
    distance = np.hypot(offset[:, None], offset)
    disc = np.clip(radius - distance + 0.5, 0.0, 1.0)
    spread = np.fft.rfft2(disc / disc.sum()).real
    transfer = spread * np.exp(-2 * (np.pi * gauss) ** 2 * _square_frequency(size))
    kept: NDArray[np.float32] = transfer[None].astype(np.float32)
    return kept


@cache
def contrast_transfer(level: int, size: int) -> NDArray[np.float32]:
    """Return the transfer of absorption and of phase: float32 ``(2, size, size // 2 + 1)``."""
    defocus = float(np.sign(level)) * LEVELS[abs(level)]
    square = _square_frequency(size) / PIXEL_SIZE**2
    turn = np.pi * WAVELENGTH * defocus * square
    blur = np.exp(-2 * np.pi**2 * square * ((CONDENSER * defocus) ** 2 + (0.8 * PIXEL_SIZE) ** 2))
    return np.stack([-2 * np.cos(turn) * blur, 2 * np.sin(turn) * blur]).astype(np.float32)


def _square_frequency(size: int) -> NDArray[np.float64]:
    """Return the squared spatial frequencies of an ``rfft2``, in 1/pixel²."""
    square: NDArray[np.float64] = np.fft.fftfreq(size)[:, None] ** 2 + np.fft.rfftfreq(size) ** 2
    return square
