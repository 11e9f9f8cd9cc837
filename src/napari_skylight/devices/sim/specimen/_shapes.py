"""Outline and nucleus of a cell, lines inside it, and the random fields that shape it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_skylight.devices.sim.specimen._layout import Cell, Phase

Picture: TypeAlias = "NDArray[np.floating[Any]]"
"""Float32; typed wider, because NumPy's stubs widen products with Python numbers."""

SIZE = 1024
GRAINS = (1.5, 4.0, 12.0, 40.0)

PATCH = 320
"""Side of the square picture of a cell with its defocused light, in pixels."""

MARGIN = 46
"""Reach of the defocused light beyond the cell, in pixels."""

REACH = PATCH // 2 - MARGIN
WAVINESS, CALM = 13.0, 0.4
OVERLAP = 2.0

SPREAD = (Phase.RESTING, Phase.PROPHASE)
"""Phases of flat cells; in the others, cells have rounded up."""


class Textures:
    """Periodic Gaussian random fields, mean 0 and standard deviation 1, for crops up to `patch`."""

    def __init__(self, rng: np.random.Generator, patch: int) -> None:
        noise = np.fft.rfft2(rng.standard_normal((SIZE, SIZE), dtype=np.float32))
        rows, columns = np.fft.fftfreq(SIZE), np.fft.rfftfreq(SIZE)
        square = (rows[:, None] ** 2 + columns**2).astype(np.float32)
        self._fields: dict[float, NDArray[np.float32]] = {}
        for grain in GRAINS:
            field = np.fft.irfft2(noise * np.exp(-2 * (np.pi * grain) ** 2 * square))
            field = (field - field.mean()) / field.std()
            # Padded with its beginning, so that every crop is a plain slice.
            self._fields[grain] = np.pad(field, (0, patch), mode="wrap")

    def crop(self, grain: float, row: int, column: int, size: int) -> NDArray[np.float32]:
        """Return a ``(size, size)`` view from a corner of the field of `grain` pixels."""
        row, column = row % SIZE, column % SIZE
        return self._fields[grain][row : row + size, column : column + size]


@dataclass(frozen=True)
class Body:
    """A cell on its patch; every array is float32 ``(PATCH, PATCH)``.

    `inside` is the distance to the border in pixels, positive inside. `nucleus` is 1 in the middle
    of the nucleus, 0 on its border, negative outside. `along` and `across` are distances from the
    centre along the long and the short axis, in pixels.
    """

    cell: Cell
    inside: Picture
    nucleus: Picture
    along: Picture
    across: Picture

    @classmethod
    def grow(
        cls, cell: Cell, neighbours: Iterable[Cell], textures: Textures, rng: np.random.Generator
    ) -> Body:
        """Grow `cell` to its borders with its neighbours, or to its own ellipse."""
        top, left = int(cell.row) - PATCH // 2, int(cell.column) - PATCH // 2
        axis = np.arange(PATCH, dtype=np.float32) - np.float32(PATCH // 2)
        # One smooth field for all cells: a border is the same seen from both sides.
        warp = [
            WAVINESS * textures.crop(40.0, top + shift, left, PATCH)
            + 0.25 * WAVINESS * textures.crop(12.0, top, left + shift, PATCH)
            for shift in (0, 500)
        ]
        bend = 1.0 if cell.phase in SPREAD else CALM
        rows, columns = axis[:, None] + bend * warp[0], axis + bend * warp[1]
        inside = _ellipse(cell, rows, columns)
        if cell.phase in SPREAD:
            for other in neighbours:
                np.minimum(inside, _border(cell, other, rows, columns), out=inside)
        # The inside of a cell is less bent than its outline.
        rows, columns = axis[:, None] + CALM * warp[0], axis + CALM * warp[1]
        cos, sin = math.cos(cell.angle), math.sin(cell.angle)
        along, across = columns * cos + rows * sin, rows * cos - columns * sin
        return cls(cell, inside, _nucleus(along, across, rng), along, across)


def _ellipse(cell: Cell, rows: Picture, columns: Picture) -> Picture:
    """Return the distance inside the outline of `cell` without neighbours."""
    cos, sin = math.cos(cell.angle), math.sin(cell.angle)
    stretch = math.sqrt(cell.aspect)
    long, short = min(cell.radius * stretch, REACH), cell.radius / stretch
    along, across = (columns * cos + rows * sin) / long, (rows * cos - columns * sin) / short
    distance: Picture = short - short * np.sqrt(along**2 + across**2)
    return distance


def _border(cell: Cell, other: Cell, rows: Picture, columns: Picture) -> Picture:
    """Return the distance inside the straight border between two spread cells."""
    row, column = other.row - cell.row, other.column - cell.column
    apart = math.hypot(row, column)
    # A rounded cell leaves its ground to its neighbours.
    room = apart / 2 if other.phase in SPREAD else apart - other.radius
    border: Picture = rows * (-row / apart)
    border -= columns * (column / apart)
    border += room + OVERLAP
    return border


def _nucleus(along: Picture, across: Picture, rng: np.random.Generator) -> Picture:
    """Return the depth in the nucleus, an ellipse near the cell's centre."""
    length, width = rng.uniform(25, 31), rng.uniform(18, 22.5)
    u, v, turn = along - rng.normal(0, 4), across - rng.normal(0, 4), rng.normal(0, 0.35)
    cos, sin = math.cos(turn), math.sin(turn)
    depth: Picture = 1 - ((u * cos + v * sin) / length) ** 2
    depth -= ((v * cos - u * sin) / width) ** 2
    return depth


def step(depth: Picture, width: float) -> Picture:
    """Return 0 outside and 1 inside, rising over `width` around ``depth == 0``."""
    result: Picture = np.clip(depth / width + 0.5, 0, 1)
    return result


def bump(depth: Picture, centre: float, width: float) -> Picture:
    """Return a bell of height 1 where `depth` is `centre`, of standard deviation about `width`."""
    return bell(((depth - centre) / width) ** 2)


def bell(squared: Picture) -> Picture:
    """Return the height of a bell at a squared distance, in standard deviations.

    A biweight, not a Gaussian: it looks the same and takes a quarter of the time.
    """
    height: Picture = np.maximum(1 - squared * (1 / 2.6**2), 0)
    return height * height


def trace(
    rows: NDArray[np.float64], columns: NDArray[np.float64], weights: NDArray[np.float64]
) -> Picture:
    """Draw points, each bilinear over four pixels; points off the patch are left out.

    `rows` and `columns` are positions from the patch's centre, in pixels, of any shape; `weights`
    broadcasts to it.
    """
    weights = np.broadcast_to(weights, rows.shape)
    rows, columns = rows + PATCH / 2, columns + PATCH / 2
    kept = (rows >= 0) & (rows < PATCH - 1) & (columns >= 0) & (columns < PATCH - 1)
    rows, columns, weights = rows[kept], columns[kept], weights[kept]
    r, c = rows.astype(np.intp), columns.astype(np.intp)
    fr, fc = rows - r, columns - c
    corner = r * PATCH + c
    places = np.concatenate([corner, corner + 1, corner + PATCH, corner + PATCH + 1])
    shares = np.concatenate([(1 - fr) * (1 - fc), (1 - fr) * fc, fr * (1 - fc), fr * fc])
    drawn = np.bincount(places, shares * np.tile(weights, 4), minlength=PATCH * PATCH)
    return drawn.reshape(PATCH, PATCH).astype(np.float32)
