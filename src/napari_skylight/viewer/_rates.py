"""How many frames come, and how many of them are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_skylight.frames import FrameReader

__all__ = ["Rates"]

_PERIOD = 0.5  # seconds


class Rates:
    """Describes what a reader of a live cache sees, twice a second."""

    def __init__(self, reader: FrameReader) -> None:
        self.text = ""
        self._reader = reader
        self._last = (0.0, 0, 0)  # when, and how many were acquired and shown by then

    def follow(self, now: float, exposure: float | None) -> None:
        """Count again if it is time to; `exposure` is that of the newest frame, in ms."""
        before, acquired, shown = self._last
        seconds = now - before
        if seconds < _PERIOD:
            return
        counts, seen = self._reader.cache.counts, self._reader.counts()
        if seconds < 2 * _PERIOD:  # otherwise nothing came for a while
            self.text = (
                f"{self._reader.cache.title}: "
                f"{(counts.acquired - acquired) / seconds:.0f} fps, "
                f"shown {(seen.shown - shown) / seconds:.0f}"
            )
            if exposure is not None:
                self.text += f", exposure {exposure:g} ms"
            gone = {"skipped on screen": seen.skipped, "dropped": counts.refused + counts.lost}
            if any(gone.values()):  # on a line of its own: the canvas may be narrow
                self.text += "\n" + ", ".join(f"{n} {how}" for how, n in gone.items() if n)
        self._last = now, counts.acquired, seen.shown

    def rest(self) -> None:
        """Say nothing until frames come again."""
        self.text = ""
