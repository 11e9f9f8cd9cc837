"""What is written on the canvas: texts for the user, frame rates, and the offer to autoscale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.components.overlays import TextOverlay

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from napari_skylight.frames import FrameReader

_PERIOD = 0.5  # seconds between measurements of the rates
_OFFER = "autoscale_offer"
_OFFER_COLOUR = (0.15, 0.4, 0.75, 1)
_LINE, _LETTER, _MARGIN = 20, 9, 20  # pixels, generous: napari does not tell the size of a text


class CanvasText:
    """Writes on the canvas, unless the user has a text there."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._overlay: Any = viewer.canvas.overlays.text
        self._text = ""
        self._before: tuple[str, bool, Any] | None = None

    def show(self, text: str) -> None:
        """Show a text; an empty one restores what was there before."""
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
        self._reader = reader
        self._last = (0.0, 0, 0)  # the time, and the frames acquired and shown by then

    def follow(self, now: float, exposure: float | None) -> None:
        """Measure if it is time to; `exposure` is that of the newest frame, in ms."""
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
        """Clear the text until frames come again."""
        self.text = ""


class AutoscaleOffer:
    """A text at the bottom of the canvas that autoscales when the user clicks it."""

    def __init__(self, viewer: napari.Viewer, autoscale: Callable[[], None]) -> None:
        self._viewer = viewer
        self._autoscale = autoscale
        self._overlay: TextOverlay | None = None

    def show(self, text: str) -> None:
        """Offer it with this text; end the offer if the text is empty."""
        if self._overlay is None and text:
            self._overlay = TextOverlay(
                text=text,
                position="bottom_center",
                color="white",
                box_color=_OFFER_COLOUR,
                visible=True,
            )
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
        lines = self._overlay.text.splitlines()
        height, width = self._viewer.canvas.size
        beside = abs(place[0] - width / 2) - _LETTER * max(map(len, lines)) / 2
        return bool(beside <= _MARGIN) and height - place[1] <= _LINE * len(lines) + _MARGIN
