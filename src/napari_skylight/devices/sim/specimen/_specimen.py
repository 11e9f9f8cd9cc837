"""The simulated specimen: light at any place, channel and focus, before the sensor."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_skylight.devices.sim.specimen import _stains
from napari_skylight.devices.sim.specimen._layout import Cell, Layout
from napari_skylight.devices.sim.specimen._optics import blend, contrast_transfer, defocus_transfer
from napari_skylight.devices.sim.specimen._shapes import PATCH, Body, Picture, Textures


@dataclass(frozen=True)
class Channel:
    """A stain, or transmitted light.

    `draw` returns the in-focus picture of a cell, or several that `transfer` (by defocus level and
    patch size) weighs and adds. `brightness` and `background` are electrons per ms and pixel at
    full light: where the picture is 1, and without a cell. `height` is how far the structure lies
    above the middle of the cell, in µm; `signed`, whether it looks different above focus and below.
    """

    draw: Callable[[Body, Textures, np.random.Generator], Picture]
    transfer: Callable[[int, int], NDArray[np.float32]]
    brightness: float
    background: float
    height: float
    signed: bool = False


CHANNELS = {
    "DAPI": Channel(_stains.nuclei, defocus_transfer, 130.0, 3.0, 0.8),
    "GFP": Channel(_stains.actin, defocus_transfer, 150.0, 4.0, -0.6),
    "RFP": Channel(_stains.mitochondria, defocus_transfer, 150.0, 3.0, 0.2),
    "Brightfield": Channel(
        _stains.transparency, contrast_transfer, 330.0, 330.0, -2.0, signed=True
    ),
}

PATCH_BYTES = 160 << 20
SPECTRUM_BYTES = 96 << 20
"""Sizes of the caches: a few fields of view of 1024² pixels."""

FAINT = 3e-4
"""Left out around a cell: below one electron per pixel in a usual exposure."""


class Patch(NamedTuple):
    """Part of the picture of one cell: float32 `light`, and its corner on the whole."""

    top: int
    left: int
    light: NDArray[np.float32]

    @classmethod
    def crop(cls, picture: NDArray[np.float32]) -> Patch:
        """Return a copy of the smallest rectangle with all that is not `FAINT`."""
        bright = np.abs(picture) > FAINT
        rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return cls(0, 0, np.zeros((0, 0), np.float32))
        top, left = int(rows[0]), int(columns[0])
        return cls(top, left, picture[top : rows[-1] + 1, left : columns[-1] + 1].copy())

    def add_to(self, canvas: NDArray[np.float32], top: int, left: int, factor: float) -> None:
        """Add `factor` times the light to `canvas`, with the whole's corner at (top, left)."""
        top, left = top + self.top, left + self.left
        height, width = self.light.shape
        rows = slice(max(top, 0), max(min(top + height, canvas.shape[0]), 0))
        columns = slice(max(left, 0), max(min(left + width, canvas.shape[1]), 0))
        seen = self.light[
            rows.start - top : max(rows.stop - top, 0),
            columns.start - left : max(columns.stop - left, 0),
        ]
        canvas[rows, columns] += seen * np.float32(factor)


class Specimen:
    """Some 3000 cells on 2.9 x 2.9 mm, each drawn when first in view; for one thread at a time."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._layout = Layout(np.random.default_rng([seed, 0]))
        self._patches: _Recent[Patch] = _Recent(PATCH_BYTES)
        self._spectra: _Recent[NDArray[np.complex64]] = _Recent(SPECTRUM_BYTES)

    @cached_property
    def _textures(self) -> Textures:
        return Textures(np.random.default_rng([self._seed, 1]), PATCH)

    def view(
        self, channel: str, row: int, column: int, height: int, width: int, focus: float | None
    ) -> NDArray[np.float32]:
        """Return the light of a rectangle: float32 ``(height, width)`` in electrons per ms.

        The rectangle is in pixels of `PIXEL_SIZE` µm; `focus` is the height of the focal plane in
        µm, or None for every cell in focus. The lamp is at full light.
        """
        optics = CHANNELS[channel]
        canvas = np.full((height, width), optics.background, np.float32)
        half = PATCH // 2
        for cell in self._layout.within(row - half, column - half, height + PATCH, width + PATCH):
            top, left = int(cell.row) - half - row, int(cell.column) - half - column
            defocus = 0.0 if focus is None else focus - cell.z - optics.height
            for level, weight in blend(defocus if optics.signed else abs(defocus)):
                patch = self._patch(cell, channel, level)
                patch.add_to(canvas, top, left, weight * optics.brightness)
        return np.maximum(canvas, 0, out=canvas)

    def _patch(self, cell: Cell, channel: str, level: int) -> Patch:
        """Return the picture of `cell` at a defocus level."""
        key = (cell.number, channel, level)
        if (patch := self._patches.get(key)) is None:
            spectrum = self._spectrum(cell, channel) * CHANNELS[channel].transfer(level, PATCH)
            picture = np.fft.irfft2(spectrum.sum(axis=0), s=(PATCH, PATCH))
            patch = Patch.crop(picture.astype(np.float32, copy=False))
            self._patches.put(key, patch, patch.light.nbytes)
        return patch

    def _spectrum(self, cell: Cell, channel: str) -> NDArray[np.complex64]:
        """Return the Fourier transform of `cell` in focus, as the channel shows it."""
        key = (cell.number, channel)
        if (spectrum := self._spectra.get(key)) is None:
            body_rng = np.random.default_rng([self._seed, 2, cell.number])
            neighbours = self._layout.neighbours(cell, 10)
            body = Body.grow(cell, neighbours, self._textures, body_rng)
            number = list(CHANNELS).index(channel)
            rng = np.random.default_rng([self._seed, 3, cell.number, number])
            picture = CHANNELS[channel].draw(body, self._textures, rng)
            spectrum = np.fft.rfft2(picture.reshape(-1, PATCH, PATCH)).astype(np.complex64)
            self._spectra.put(key, spectrum, spectrum.nbytes)
        return spectrum


T = TypeVar("T")


class _Recent(Generic[T]):
    """Keeps the things used last, up to `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._things: OrderedDict[tuple[object, ...], tuple[T, int]] = OrderedDict()
        self._free = max_bytes

    def get(self, key: tuple[object, ...]) -> T | None:
        if key not in self._things:
            return None
        self._things.move_to_end(key)
        return self._things[key][0]

    def put(self, key: tuple[object, ...], thing: T, nbytes: int) -> None:
        self._things[key] = thing, nbytes
        self._free -= nbytes
        while self._free < 0 and len(self._things) > 1:
            self._free += self._things.popitem(last=False)[1][1]
