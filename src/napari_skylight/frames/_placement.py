"""Colour and place of an image, from its channel and from the metadata of its frame."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_skylight.frames._frame import Frame

_NAMES = {
    "blue": "dapi hoechst bfp ebfp tagbfp",
    "cyan": "cfp ecfp cerulean turquoise mturquoise",
    "green": "gfp egfp sfgfp mgfp fitc fluo neongreen mneongreen bodipy calcein",
    "yellow": "yfp eyfp venus mvenus citrine",
    "bop orange": "cy3 orange morange tritc rhodamine tmr tdtomato",
    "red": "rfp mrfp tagrfp cherry mcherry dsred scarlet mscarlet ruby mruby texasred jf549 pi",
    "magenta": "cy5 cy7 farred irfp sir draq5 mkate",
    "gray": "bf brightfield bright transmitted transmission trans td dic phase ph white",
}
_COLOURS = {name: colour for colour, names in _NAMES.items() for name in names.split()}
# By the excitation wavelength, in nm, which lasers and dyes (Alexa 488, ATTO 647) are named after.
_UP_TO = {430: "blue", 460: "cyan", 505: "green", 535: "yellow", 555: "bop orange", 620: "red"}
_OTHERS = ("magenta", "green", "cyan", "yellow", "red", "blue")


class ChannelColours:
    """Finds a colormap for each channel by its name; unknown names cycle through six colours."""

    def __init__(self) -> None:
        self._others: dict[str, str] = {}

    def colormap(self, channel: str) -> str:
        """Return the name of a colormap, always the same for a channel."""
        words = re.findall(r"[a-z]+\d*[a-z]*|\d+", channel.casefold())
        for word in ("".join(words), *words):
            for name in (word, word.rstrip("0123456789")):
                if name in _COLOURS:
                    return _COLOURS[name]
        wavelength = re.search(r"(?<!\d)[4-7]\d\d(?!\d)", channel)
        if wavelength is not None:
            nm = int(wavelength.group())
            return next((colour for limit, colour in _UP_TO.items() if nm <= limit), "magenta")
        turn = len(self._others) % len(_OTHERS)
        return self._others.setdefault(channel, _OTHERS[turn])


@dataclass(frozen=True, slots=True)
class Placement:
    """Scale and place of a frame, (Y, X); in pixels if the pixel size is not known."""

    scale: float = 1.0
    translate: tuple[float, float] = (0.0, 0.0)
    unit: str = "pixel"

    def geometry(self, lead: int) -> dict[str, Any]:
        """Return scale, translate and units of a layer with `lead` axes before (Y, X)."""
        return {
            "scale": (1.0,) * lead + (self.scale, self.scale),
            "translate": (0.0,) * lead + self.translate,
            "units": ("pixel",) * lead + (self.unit, self.unit),
        }


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
    """Return the number read as `name` of a device, by default of the camera, or else of any."""
    value = frame.metadata.get(f"{device or frame.key}-{name}")
    if value is None and device is None:
        # The image may have another name than its camera.
        found = (v for key, v in frame.metadata.items() if key.endswith(f"-{name}"))
        value = next(found, None)
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None
