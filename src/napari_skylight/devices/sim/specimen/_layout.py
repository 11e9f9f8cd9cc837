"""Position, depth and phase of the cells of the simulated specimen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

PIXEL_SIZE = 0.325
"""Grid of the specimen, in µm: sensor pixels of 6.5 µm behind a 20x objective."""

WEST, EAST = -1100.0, 1800.0
"""Extent of the cells along both axes, in µm."""

SPACING = 54.0
"""Typical distance between neighbouring cells, in µm."""


class Phase(Enum):
    """Phase of the cell cycle."""

    RESTING = auto()
    PROPHASE = auto()
    METAPHASE = auto()
    ANAPHASE = auto()
    FLOATING = auto()
    """Dead or detached: small, round, bright, far above the others."""


SHARES = {
    Phase.RESTING: 0.905,
    Phase.PROPHASE: 0.02,
    Phase.METAPHASE: 0.025,
    Phase.ANAPHASE: 0.025,
    Phase.FLOATING: 0.025,
}


@dataclass(frozen=True)
class Cell:
    """One cell: centre (`row`, `column`) in pixels of the specimen's grid, height `z` in µm.

    `radius` (mean, in pixels), `aspect` (long over short axis) and `angle` (of the long axis, in
    radians) give the ellipse that it fills when alone. `brightness` is that of its stains, about 1.
    `number` is its index in the layout, and part of the seed of its looks.
    """

    number: int
    row: float
    column: float
    z: float
    radius: float
    aspect: float
    angle: float
    brightness: float
    phase: Phase


class Layout:
    """A monolayer with gaps: cells about `SPACING` apart, on slightly uneven ground."""

    def __init__(self, rng: np.random.Generator) -> None:
        rows, columns = _sites(rng)
        self._cells = tuple(_grow(rng, rows, columns))
        self._sites: NDArray[np.float64] = np.stack(
            [[c.row for c in self._cells], [c.column for c in self._cells]], axis=1
        )

    def within(self, row: float, column: float, height: float, width: float) -> Iterator[Cell]:
        """Yield the cells whose centre lies in the rectangle, in pixels."""
        offset = self._sites - (row, column)
        inside = (offset >= 0).all(axis=1) & (offset < (height, width)).all(axis=1)
        for number in np.flatnonzero(inside):
            yield self._cells[number]

    def neighbours(self, cell: Cell, count: int) -> Iterator[Cell]:
        """Yield those of the `count` cells nearest to `cell` that do not float."""
        distance = np.hypot(*(self._sites - (cell.row, cell.column)).T)
        for number in np.argsort(distance)[1 : count + 1]:
            if self._cells[number].phase is not Phase.FLOATING:
                yield self._cells[number]


def _sites(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows and columns (µm) of an irregular hexagonal grid with bare patches."""
    across = np.arange(WEST, EAST, SPACING)
    down = np.arange(WEST, EAST, SPACING * 0.87)
    y, x = (axis.copy() for axis in np.meshgrid(down, across, indexing="ij"))
    x[::2] += SPACING / 2
    y += rng.normal(0, 0.17 * SPACING, y.shape)
    x += rng.normal(0, 0.17 * SPACING, x.shape)
    density = sum(
        np.sin(y / scale + rng.uniform(0, 2 * np.pi))
        * np.sin(x / scale + rng.uniform(0, 2 * np.pi))
        for scale in (45.0, 70.0, 110.0)
    )
    kept = density + rng.normal(0, 0.3, y.shape) > -1.85
    return y[kept], x[kept]


def _grow(
    rng: np.random.Generator, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> Iterator[Cell]:
    """Yield a cell for each site (µm); some float above the others."""
    phases = rng.choice(np.array(list(SHARES), dtype=object), len(rows), p=list(SHARES.values()))
    for number, (y, x, phase) in enumerate(zip(rows, columns, phases, strict=True)):
        ground = 2.0 * x / 1000 - 1.5 * y / 1000 + 1.2 * math.sin(x / 170 + 1) * math.sin(y / 210)
        z = ground + rng.normal(0, 0.8)
        radius, aspect = rng.uniform(84, 108), rng.uniform(1.0, 1.7)
        if phase is Phase.FLOATING:
            z, radius, aspect = ground + rng.uniform(8, 22), rng.uniform(17, 26), 1.0
        elif phase in (Phase.METAPHASE, Phase.ANAPHASE):
            z, radius = ground + 2.0, rng.uniform(33, 39)
            aspect = 1.0 if phase is Phase.METAPHASE else 1.45
        yield Cell(
            number=number,
            row=float(y) / PIXEL_SIZE,
            column=float(x) / PIXEL_SIZE,
            z=float(z),
            radius=radius,
            aspect=aspect,
            angle=rng.normal(0.6 + 1.2 * math.sin(x / 260) + math.sin(y / 330), 0.5),
            brightness=float(np.clip(rng.lognormal(0, 0.28), 0.5, 1.8)),
            phase=phase,
        )
