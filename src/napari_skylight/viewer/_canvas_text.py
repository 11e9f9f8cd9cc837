"""What is written on the canvas: texts for the user, frame rates, and the offer to autoscale."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

from napari.components.overlays import TextOverlay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import napari

    from napari_skylight.frames import FrameReader
    from napari_skylight.session import Tally
    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._layer_kinds import LiveLayer

_PERIOD = 0.5  # seconds between measurements of the rates
_OFFER = "autoscale_offer"
_OFFER_COLOUR = (0.15, 0.4, 0.75, 1)
_LINE, _LETTER, _MARGIN = 24, 10, 10  # pixels, generous: napari does not tell the size of a text
_LEAST = 20  # letters in a line


def wrapped(text: str, viewer: napari.Viewer, most: int = sys.maxsize) -> str:
    """Return `text` with lines of `most` letters that fit on the canvas; napari cuts them off."""
    letters = min(most, (viewer.canvas.size[1] - 2 * _MARGIN) // _LETTER)
    return "\n".join(textwrap.fill(each, max(_LEAST, letters)) for each in text.splitlines())


class CanvasText:
    """Writes on the canvas, unless the user has a text there."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._overlay: Any = viewer.canvas.overlays.text
        self._text = ""
        self._before: tuple[str, bool, Any] | None = None

    def show(self, text: str) -> None:
        """Show a text; an empty one restores what was there before."""
        text = wrapped(text, self._viewer)
        if text == self._text:
            return
        overlay = self._overlay
        if self._before is None:
            if overlay.visible and overlay.text:
                return
            self._before = overlay.text, overlay.visible, overlay.position
            overlay.text, overlay.position, overlay.visible = text, "top_center", True
            self._text = text
        elif overlay.text != self._text:  # the user has changed it
            self._before, self._text = None, ""
        elif text:
            overlay.text = self._text = text
        else:
            overlay.text, overlay.visible, overlay.position = self._before
            self._before, self._text = None, ""


class Rates:
    """The frame rates of a live cache as text, measured twice a second."""

    def __init__(self, reader: FrameReader) -> None:
        self.text = ""
        self.reader = reader
        self._last = (0.0, 0, 0)  # the time, and the frames acquired and shown by then

    def follow(self, live: Iterable[LiveLayer], now: float) -> None:
        """Measure if it is time to."""
        before, acquired, shown = self._last
        seconds = now - before
        if seconds < _PERIOD:
            return
        cache, seen = self.reader.cache, self.reader.counts()
        counts = cache.counts
        if seconds < 2 * _PERIOD:  # otherwise nothing came for a while
            rate = (counts.acquired - acquired) / seconds
            rate_shown = (seen.shown - shown) / seconds
            self.text = f"{cache.title}: {rate:.0f} fps, shown {rate_shown:.0f}"
            exposures = (each.exposure for each in live if each.reader is self.reader)
            exposure = next(exposures, None)
            if exposure is not None:
                self.text += f", exposure {exposure:g}\N{NO-BREAK SPACE}ms"
        self._last = now, counts.acquired, seen.shown


class Counts:
    """The rates of each live cache, and the frames of the run that are not on screen."""

    def __init__(self) -> None:
        self._rates: list[Rates] = []
        self._skipped = self._before = 0  # in total, and before the run

    @property
    def skipped(self) -> int:
        """The frames of cameras skipped since the run began."""
        return self._skipped - self._before

    def add(self, reader: FrameReader) -> None:
        """Count the frames of a live cache too."""
        self._rates.append(Rates(reader))

    def count(self, *, another_run: bool) -> None:
        """Count again, before frames are taken."""
        if another_run:
            self._before = self._skipped
        cameras = (each.reader for each in self._rates if not each.reader.cache.is_processed)
        self._skipped = sum(reader.counts().skipped for reader in cameras)

    def rest(self) -> None:
        """Forget the rates: no frames come."""
        for rates in self._rates:
            rates.text = ""

    def lines(self, tally: Tally, live: Iterable[LiveLayer], now: float) -> list[str]:
        """Return the rates, and what was skipped or dropped; nothing while no frames come."""
        for rates in self._rates:
            rates.follow(live, now)
        lines = [rates.text for rates in self._rates if rates.text]
        gone = {"skipped on screen": self.skipped, "dropped": tally.dropped}
        missed = ", ".join(f"{number} {how}" for how, number in gone.items() if number)
        return [*lines, missed] if lines and missed else lines


class AutoscaleOffer:
    """A text at the top of the canvas; a click on it autoscales.

    napari's notifications cover the bottom.
    """

    def __init__(self, viewer: napari.Viewer, autoscale: Callable[[], None]) -> None:
        self._viewer = viewer
        self._autoscale = autoscale
        self._overlay: TextOverlay | None = None

    def follow(self, layers: Iterable[CacheLayer], keys: str) -> None:
        """Offer it while much of a layer is black or white; `keys` do the same as the click."""
        found = next((each for each in layers if each.clipping.colour), None)
        if found is None:
            self.show("")
        else:
            press = f" or press {keys}" if keys else ""
            about = f"Much of '{found.name}' is {found.clipping.colour}."
            self.show(f"{about}\nAutoscale: click here{press}")

    def show(self, text: str) -> None:
        """Offer it with this text; end the offer if the text is empty."""
        text = wrapped(text, self._viewer)
        if self._overlay is None and text:
            self._overlay = TextOverlay(
                text=text, position="top_center", color="white", box_color=_OFFER_COLOUR
            )
            self._overlay.visible = True
            self._viewer.canvas.overlays[_OFFER] = self._overlay
            self._viewer.mouse_drag_callbacks.append(self._on_mouse_press)
        elif self._overlay is not None and not text:
            self._overlay = None
            del self._viewer.canvas.overlays[_OFFER]
            self._viewer.mouse_drag_callbacks.remove(self._on_mouse_press)
        elif self._overlay is not None and self._overlay.text != text:
            self._overlay.text = text

    def _on_mouse_press(self, _viewer: Any, event: Any) -> None:
        if event.button == 1 and self._is_at(event.pos):
            event.handled = True  # and does not pan the view
            self._autoscale()

    def _is_at(self, place: tuple[float, float]) -> bool:
        """Return whether a point of the canvas, (x, y) in pixels, is on the text."""
        if self._overlay is None:
            return False
        lines, width = self._overlay.text.splitlines(), self._viewer.canvas.size[1]
        above = self._viewer.canvas.overlays.text
        top = _MARGIN  # napari's distance between texts
        if above.visible and above.text and above.position == self._overlay.position:
            top += _LINE * len(above.text.splitlines()) + _MARGIN
        beside = abs(place[0] - width / 2) - _LETTER * max(map(len, lines)) / 2
        below = place[1] - top - _LINE * len(lines)
        return bool(beside <= _MARGIN and below <= _MARGIN and place[1] >= top - _MARGIN)
