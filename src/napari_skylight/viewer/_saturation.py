"""How many pixels are as bright as the camera can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.viewer._contrast import range_of, sample_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_skylight.frames import Frame

__all__ = ["Saturation"]

_PERIOD = 0.25  # seconds between looks
_FEW = 0.001  # of the pixels: a few hot ones are no reason to warn


class Saturation:
    """Looks for saturated pixels in the newest frames, a few times a second.

    Attributes
    ----------
    warning : str
        Empty, or what to tell the person.
    """

    def __init__(self) -> None:
        self.warning = ""
        self._due = 0.0

    def follow(self, newest: NDArray[Any], frame: Frame, now: float) -> None:
        """Look at a frame, (Y, X), if it is time to.

        The brightest value is that of the camera's ``bit_depth`` if it reads one, else that of 8 or
        16 bits; other numbers have none.
        """
        if now < self._due:
            return
        self._due = now + _PERIOD
        values = range_of(newest.dtype, frame)
        fraction = 0.0 if values is None else float(np.mean(sample_of(newest) >= values[1]))
        self.warning = f"{_percent(fraction)} of the pixels saturated" if fraction > _FEW else ""


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %" if fraction >= 0.01 else "less than 1 %"
