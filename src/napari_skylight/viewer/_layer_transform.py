"""Scale and place of a frame in the specimen."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_skylight.frames import Frame


@dataclass(frozen=True, slots=True)
class Placement:
    """Scale and place of a frame, (Y, X); in pixels if the pixel size is not known."""

    scale: float = 1.0
    translate: tuple[float, float] = (0.0, 0.0)
    unit: str = "pixel"


def placement_of(frame: Frame) -> Placement:
    """Return scale and place from the values read together with `frame`.

    The specimen's y at a row is ``stage-y + (roi_y + row) · pixel_size``, and x likewise; values
    that were not read count as 0.
    """
    offset = value_named("roi_y", frame) or 0.0, value_named("roi_x", frame) or 0.0
    pixel = value_named("pixel_size", frame)
    if pixel is None or pixel <= 0:
        return Placement(translate=offset)
    stage = value_named("y", frame, "stage") or 0.0, value_named("x", frame, "stage") or 0.0
    translate = stage[0] + pixel * offset[0], stage[1] + pixel * offset[1]
    return Placement(pixel, translate, "um")


def value_named(name: str, frame: Frame, device: str | None = None) -> float | None:
    """Return the number read as `name` of `device`, by default of the camera of `frame`.

    If the camera has none, because its image has another name, that of any device.
    """
    value = frame.metadata.get(f"{device or frame.key}-{name}")
    if value is None and device is None:
        ending = f"-{name}"
        value = next((v for key, v in frame.metadata.items() if key.endswith(ending)), None)
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None
