"""Smooth random fields of several grain sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Picture: TypeAlias = "NDArray[np.floating[Any]]"
"""Float32; declared looser, because NumPy's types widen products with Python numbers."""

SIZE = 1024
GRAINS = (1.5, 4.0, 12.0, 40.0)


class Textures:
    """Periodic Gaussian random fields of mean 0 and standard deviation 1.

    Parameters
    ----------
    rng
        Where the randomness comes from.
    patch
        The largest crop, in pixels.
    """

    def __init__(self, rng: np.random.Generator, patch: int) -> None:
        noise = np.fft.rfft2(rng.standard_normal((SIZE, SIZE), dtype=np.float32))
        rows, columns = np.fft.fftfreq(SIZE), np.fft.rfftfreq(SIZE)
        square = (rows[:, None] ** 2 + columns**2).astype(np.float32)
        self._fields: dict[float, NDArray[np.float32]] = {}
        for grain in GRAINS:
            field = np.fft.irfft2(noise * np.exp(-2 * (np.pi * grain) ** 2 * square))
            field = (field - field.mean()) / field.std()
            # Padded by its own beginning, so that every crop is a plain slice.
            self._fields[grain] = np.pad(field, (0, patch), mode="wrap")

    def crop(self, grain: float, row: int, column: int, size: int) -> NDArray[np.float32]:
        """Return a view of the field of `grain` pixels: ``(size, size)`` from that corner."""
        row, column = row % SIZE, column % SIZE
        return self._fields[grain][row : row + size, column : column + size]
