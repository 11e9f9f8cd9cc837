"""Where a frame belongs in the specimen."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_skylight.frames import Frame

__all__ = ["Placement", "placement_of", "value_named"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Scale and place of a frame, (Y, X); in pixels when the size of a pixel is not known."""

    scale: float = 1.0
    translate: tuple[float, float] = (0.0, 0.0)
    unit: str = "pixel"


def placement_of(frame: Frame) -> Placement:
    """Work out scale and place from what was read together with `frame`.

    The specimen point (Y, X) under pixel (row, column) is ``stage-y + (roi_y + row) · pixel_size``,
    and likewise in x; what was not read counts as nothing.
    """
    offset = value_named("roi_y", frame) or 0.0, value_named("roi_x", frame) or 0.0
    pixel = value_named("pixel_size", frame)
    if pixel is None or pixel <= 0:
        return Placement(translate=offset)
    stage = value_named("y", frame, "stage") or 0.0, value_named("x", frame, "stage") or 0.0
    translate = stage[0] + pixel * offset[0], stage[1] + pixel * offset[1]
    return Placement(pixel, translate, "um")


def value_named(name: str, frame: Frame, device: str | None = None) -> float | None:
    """Return the number read as `name` of `device`, or of the camera that gave `frame`.

    A camera may name its image otherwise than its settings: then any device's `name` will do.
    """
    value = frame.metadata.get(f"{device or frame.key}-{name}")
    if value is None and device is None:
        ending = f"-{name}"
        value = next((v for key, v in frame.metadata.items() if key.endswith(ending)), None)
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None
