"""The offer to autoscale, on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.components.overlays import TextOverlay

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

__all__ = ["AutoscaleOffer"]

_NAME = "autoscale_offer"
_COLOUR = (0.15, 0.4, 0.75, 1)
_LINE, _LETTER, _MARGIN = 20, 9, 20  # pixels, generous: napari does not tell the size of a text


class AutoscaleOffer:
    """A text at the bottom of the canvas that autoscales when the user clicks it.

    Parameters
    ----------
    viewer : napari.Viewer
    autoscale : callable
    """

    def __init__(self, viewer: napari.Viewer, autoscale: Callable[[], None]) -> None:
        self._viewer = viewer
        self._autoscale = autoscale
        self._overlay: TextOverlay | None = None

    def show(self, text: str) -> None:
        """Offer it with this text; end the offer if the text is empty."""
        if self._overlay is None and text:
            self._overlay = TextOverlay(
                text=text, position="bottom_center", color="white", box_color=_COLOUR, visible=True
            )
            self._viewer.canvas.overlays[_NAME] = self._overlay
            self._viewer.mouse_drag_callbacks.append(self._on_mouse_press)
        elif self._overlay is not None and not text:
            self._overlay = None
            del self._viewer.canvas.overlays[_NAME]
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
