"""Pictures of a cell in focus: three stains, and transmitted light."""

from __future__ import annotations

import numpy as np

from napari_skylight.devices.sim.specimen._layout import Phase
from napari_skylight.devices.sim.specimen._shapes import (
    PATCH,
    SPREAD,
    Body,
    Picture,
    Textures,
    bell,
    bump,
    step,
    trace,
)


def nuclei(body: Body, textures: Textures, rng: np.random.Generator) -> Picture:
    """Return the DNA: float32 ``(PATCH, PATCH)``, about 1 in a resting nucleus."""
    fine, coarse = _grain(textures, rng, 1.5), _grain(textures, rng, 4.0)
    phase = body.cell.phase
    if phase is Phase.METAPHASE:
        plate = step(1 - (body.along / 5.5) ** 2 - (body.across / 24) ** 2, 0.7)
        return plate * (3.2 + 0.5 * fine + 0.3 * coarse)
    if phase is Phase.ANAPHASE:
        bent = np.abs(body.along) - 15 + 0.012 * body.across**2
        plates = step(1 - (bent / 5) ** 2 - (body.across / 19) ** 2, 0.8)
        return plates * (2.6 + 0.4 * fine + 0.3 * coarse)
    if phase is Phase.FLOATING:
        return step(body.inside - 5 + 3 * coarse, 4) * (1.8 + 0.5 * coarse)
    depth = body.nucleus
    chromatin = 1 + 0.16 * fine + 0.17 * coarse
    if phase is Phase.PROPHASE:
        chromatin = 1.1 + 1.1 * np.clip(fine + 0.4 * coarse, -0.8, 2)
    else:
        for _ in range(rng.integers(2, 5)):
            chromatin *= 1 - rng.uniform(0.35, 0.6) * _spot(body, rng, 9, rng.uniform(2.2, 4.2))
        for _ in range(rng.integers(4, 11)):
            chromatin += rng.uniform(0.2, 0.6) * _spot(body, rng, 14, rng.uniform(1.0, 1.8))
    dome = np.clip(depth, 0, 1) ** 0.3
    drawn: Picture = body.cell.brightness * dome * np.clip(chromatin, 0.1, None)
    return drawn


def actin(body: Body, textures: Textures, rng: np.random.Generator) -> Picture:
    """Return fibres, arcs along the border and cortex: about 1 on a stress fibre."""
    coarse, patchy = _grain(textures, rng, 4.0), _grain(textures, rng, 12.0)
    cover = step(body.inside, 3)
    if body.cell.phase not in SPREAD:
        rim = 1.5 * bump(body.inside, 4, 3) * (1 + 0.3 * coarse)
        return rim + 0.8 * cover * (1 + 0.15 * coarse)
    cortex = 0.42 * bump(body.inside, 3, 1.6) * np.clip(1 + 0.6 * patchy, 0.1, None)
    ruffle = 0.22 * bump(body.inside, 9, 5) * np.clip(0.6 + coarse, 0, None)
    arcs = np.zeros_like(cover)
    for depth in rng.uniform(10, 30, 3):
        arcs += 0.3 * bump(body.inside + 2 * patchy, depth, 1.0) * np.clip(patchy, 0, None)
    veil = (0.20 + 0.03 * coarse) * _thickness(body)
    fibres = _fibres(body, rng) * np.clip(1 + 0.45 * patchy, 0.15, None)
    drawn: Picture = body.cell.brightness * (cortex + ruffle + arcs + veil + fibres) * cover
    return drawn


def mitochondria(body: Body, textures: Textures, rng: np.random.Generator) -> Picture:
    """Return the mitochondria, about 1 on each: winding threads, dense around the nucleus."""
    cover = step(body.inside - 4, 8)
    if body.cell.phase not in SPREAD:
        speckle = np.clip(0.5 + _grain(textures, rng, 1.5), 0, None)
        dots: Picture = 0.7 * step(body.inside - 3, 8) * speckle
        return dots
    threads = _threads(body, rng, count=int(rng.integers(150, 230)), steps=46)
    haze = 0.07 * _thickness(body) * (1 + 0.3 * _grain(textures, rng, 4.0))
    outside_nucleus = 1 - 0.85 * step(body.nucleus, 0.5)
    drawn = (threads + haze) * cover * outside_nucleus
    return body.cell.brightness * drawn


def transparency(body: Body, textures: Textures, rng: np.random.Generator) -> Picture:
    """Return absorption and optical thickness in radians: float32 ``(2, PATCH, PATCH)``."""
    fine, coarse = _grain(textures, rng, 1.5), _grain(textures, rng, 4.0)
    cover = step(body.inside, 3)
    if body.cell.phase not in SPREAD:
        ball = np.sqrt(np.clip(body.inside / 34, 0, 1))
        thickness = 1.6 * ball * (1 + 0.03 * coarse) + 0.1 * nuclei(body, textures, rng)
        return np.stack([0.02 * cover * (1 + 0.3 * coarse), thickness]).astype(np.float32)
    granules = _threads(body, rng, count=260, steps=2) * 1.3
    nucleus = np.clip(body.nucleus, 0, 1) ** 0.4 * (1 + 0.08 * coarse)
    for _ in range(rng.integers(2, 4)):
        nucleus += 0.55 * _spot(body, rng, 9, rng.uniform(2.5, 4))
    thickness = 1.1 * _thickness(body) * (1 + 0.05 * coarse + 0.02 * fine) + 0.9 * nucleus
    thickness += 0.12 * bump(body.inside, 4, 2.5) + 0.5 * granules * cover
    absorption = cover * (0.012 + 0.006 * fine) + 0.03 * granules * cover
    absorption += 0.012 * bump(body.inside, 1, 1.5) + 0.025 * bump(body.nucleus, 0.05, 0.07)
    return np.stack([absorption, thickness]).astype(np.float32)


def _grain(textures: Textures, rng: np.random.Generator, grain: float) -> Picture:
    """Return a random part of the field of `grain` pixels."""
    row, column = rng.integers(0, 1 << 16, 2)
    return textures.crop(grain, int(row), int(column), PATCH)


def _thickness(body: Body) -> Picture:
    """Return the thickness of the cell: 0 at its border, up to 1 around the nucleus."""
    rise = 1 - np.exp(-np.clip(body.inside, 0, None) / 22)
    hill = bell((body.along**2 + body.across**2) / 42**2)
    thickness: Picture = rise * (0.35 + 0.65 * hill)
    return thickness


def _spot(body: Body, rng: np.random.Generator, spread: float, width: float) -> Picture:
    """Return a blurred spot of height 1 at a random place in the nucleus."""
    along, across = rng.normal(0, spread), rng.normal(0, 0.6 * spread)
    squared = (body.along - along) ** 2 + (body.across - across) ** 2
    return bell(squared / width**2)


def _fibres(body: Body, rng: np.random.Generator) -> Picture:
    """Return nearly parallel, slightly bent stress fibres, some of them thick bundles."""
    count = int(rng.integers(34, 64))
    reach = body.cell.radius * np.sqrt(body.cell.aspect)
    half = reach * rng.uniform(0.3, 1.0, count)[:, None]
    along = rng.normal(0, 0.35 * reach, count)[:, None] + np.linspace(-1, 1, 340) * half
    across = rng.uniform(-0.9, 0.9, count)[:, None] * body.cell.radius
    across = (
        across * (1 - 0.25 * (along / reach) ** 2) + 6e-4 * rng.normal(0, 1, (count, 1)) * along**2
    )
    angle = body.cell.angle + rng.normal(0, 0.09, count)[:, None]
    rows = along * np.sin(angle) + across * np.cos(angle)
    columns = along * np.cos(angle) - across * np.sin(angle)
    fade = np.clip(1.15 - np.linspace(-1, 1, 340) ** 4, 0, 1)
    strength = rng.lognormal(-0.35, 0.55, count)[:, None] * (half / 170)
    return trace(rows, columns, strength * fade)


def _threads(body: Body, rng: np.random.Generator, count: int, steps: int) -> Picture:
    """Return `count` random walks of `steps` half pixels, starting around the nucleus."""
    direction = rng.uniform(0, 2 * np.pi, count)
    distance = 16 + rng.exponential(22, count)
    stretch = np.sqrt(body.cell.aspect)
    along = distance * np.cos(direction) * stretch
    across = distance * np.sin(direction) / stretch
    heading = np.arctan2(across, along) + rng.normal(0, 0.9, count)
    turns = np.cumsum(rng.normal(0, 0.16, (count, steps)), axis=1) + heading[:, None]
    length = rng.uniform(0.35, 0.75, (count, 1))
    along = along[:, None] + np.cumsum(np.cos(turns) * length, axis=1)
    across = across[:, None] + np.cumsum(np.sin(turns) * length, axis=1)
    cos, sin = np.cos(body.cell.angle), np.sin(body.cell.angle)
    strength = rng.lognormal(-0.9, 0.4, (count, 1))
    return trace(along * sin + across * cos, along * cos - across * sin, strength)
