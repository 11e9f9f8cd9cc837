"""The simulated specimen: what a perfect camera would see, anywhere, at any focus."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from . import _stains
from ._layout import Cell, Layout
from ._optics import blend, contrast_transfer, defocus_transfer
from ._shapes import PATCH, Body
from ._textures import Textures

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ._textures import Picture

__all__ = ["CHANNELS", "Channel", "Specimen"]


@dataclass(frozen=True)
class Channel:
    """One way of looking at the specimen.

    Parameters
    ----------
    draw
        Makes the in-focus picture of one cell, or several that `transfer` weighs and adds.
    transfer
        What the optics keep of them, by defocus level and patch size.
    brightness
        Electrons per ms and pixel at full light where the picture is 1.
    background
        Electrons per ms and pixel at full light where there is no cell.
    height
        How far above the cell's middle the structure lies, in µm.
    """

    draw: Callable[[Body, Textures, np.random.Generator], Picture]
    transfer: Callable[[int, int], NDArray[np.float32]]
    brightness: float
    background: float
    height: float


CHANNELS = {
    "DAPI": Channel(_stains.nuclei, defocus_transfer, 130.0, 3.0, 0.8),
    "GFP": Channel(_stains.actin, defocus_transfer, 150.0, 4.0, -0.6),
    "RFP": Channel(_stains.mitochondria, defocus_transfer, 150.0, 3.0, 0.2),
    "Brightfield": Channel(_stains.transparency, contrast_transfer, 330.0, 330.0, -2.0),
}

PATCH_BYTES = 160 << 20
SPECTRUM_BYTES = 96 << 20
"""How much is kept of what was drawn; enough for a few fields of view of 1024² pixels."""


class Specimen:
    """Some 3000 cells on 2.9 x 2.9 mm, each drawn when it is first seen.

    Not thread-safe: one thread at a time may look.

    Parameters
    ----------
    seed
        The same seed gives the same specimen.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._layout = Layout(np.random.default_rng([seed, 0]))
        self._patches: _Recent[NDArray[np.float32]] = _Recent(PATCH_BYTES)
        self._spectra: _Recent[NDArray[np.complex64]] = _Recent(SPECTRUM_BYTES)

    @cached_property
    def _textures(self) -> Textures:
        return Textures(np.random.default_rng([self._seed, 1]), PATCH)

    def view(
        self, channel: str, row: int, column: int, height: int, width: int, focus: float | None
    ) -> NDArray[np.float32]:
        """Return the light from a rectangle of the specimen.

        Parameters
        ----------
        channel
            One of `CHANNELS`.
        row, column, height, width
            The rectangle, in pixels of `PIXEL_SIZE` µm.
        focus
            The height the objective looks at, in µm; None has every cell in focus.

        Returns
        -------
        NDArray[np.float32]
            ``(height, width)``, electrons per ms at full light.
        """
        optics = CHANNELS[channel]
        canvas = np.full((height, width), optics.background, np.float32)
        weighted = np.empty((PATCH, PATCH), np.float32)
        half = PATCH // 2
        for cell in self._layout.within(row - half, column - half, height + PATCH, width + PATCH):
            top, left = int(cell.row) - half - row, int(cell.column) - half - column
            rows, patch_rows = _overlap(top, height)
            columns, patch_columns = _overlap(left, width)
            target, part = canvas[rows, columns], weighted[patch_rows, patch_columns]
            defocus = 0.0 if focus is None else focus - cell.z - optics.height
            for level, weight in blend(defocus):
                patch = self._patch(cell, channel, level)[patch_rows, patch_columns]
                np.multiply(patch, np.float32(weight * optics.brightness), out=part)
                target += part
        return np.maximum(canvas, 0, out=canvas)

    def _patch(self, cell: Cell, channel: str, level: int) -> NDArray[np.float32]:
        """Return the picture of `cell` at a defocus level: ``(PATCH, PATCH)``."""
        key = (cell.number, channel, level)
        if (patch := self._patches.get(key)) is None:
            spectrum = self._spectrum(cell, channel) * CHANNELS[channel].transfer(level, PATCH)
            patch = np.fft.irfft2(spectrum.sum(axis=0), s=(PATCH, PATCH)).astype(np.float32)
            self._patches.put(key, patch)
        return patch

    def _spectrum(self, cell: Cell, channel: str) -> NDArray[np.complex64]:
        """Return the Fourier transform of what the channel shows of `cell` in focus."""
        key = (cell.number, channel)
        if (spectrum := self._spectra.get(key)) is None:
            body_rng = np.random.default_rng([self._seed, 2, cell.number])
            neighbours = self._layout.neighbours(cell, 10)
            body = Body.grow(cell, neighbours, self._textures, body_rng)
            number = list(CHANNELS).index(channel)
            rng = np.random.default_rng([self._seed, 3, cell.number, number])
            picture = CHANNELS[channel].draw(body, self._textures, rng)
            spectrum = np.fft.rfft2(picture.reshape(-1, PATCH, PATCH)).astype(np.complex64)
            self._spectra.put(key, spectrum)
        return spectrum


def _overlap(start: int, length: int) -> tuple[slice, slice]:
    """Return where a patch beginning at `start` covers a canvas, and which part of it does."""
    first, last = max(start, 0), min(start + PATCH, length)
    return slice(first, last), slice(first - start, last - start)


A = TypeVar("A", bound="NDArray[Any]")


class _Recent(Generic[A]):
    """Keeps the arrays used last, up to so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._arrays: OrderedDict[tuple[object, ...], A] = OrderedDict()
        self._free = max_bytes

    def get(self, key: tuple[object, ...]) -> A | None:
        if key in self._arrays:
            self._arrays.move_to_end(key)
        return self._arrays.get(key)

    def put(self, key: tuple[object, ...], array: A) -> None:
        self._arrays[key] = array
        self._free -= array.nbytes
        while self._free < 0 and len(self._arrays) > 1:
            self._free += self._arrays.popitem(last=False)[1].nbytes
