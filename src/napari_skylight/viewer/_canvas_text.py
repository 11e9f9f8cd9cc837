"""What is written on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari

__all__ = ["CanvasText"]


class CanvasText:
    """Writes on the canvas, unless the person has a text of their own there."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._overlay: Any = viewer.canvas.overlays.text
        self._text = ""
        self._before: tuple[str, bool, Any] | None = None

    def show(self, text: str) -> None:
        """Put a text there; with an empty one, leave everything as it was before."""
        if text == self._text:
            return
        overlay = self._overlay
        if self._before is None:
            if overlay.visible and overlay.text:
                return
            self._before = overlay.text, overlay.visible, overlay.position
            overlay.text, overlay.position, overlay.visible = text, "top_center", True
            self._text = text
        elif overlay.text != self._text:  # the person has changed it meanwhile
            self._before, self._text = None, ""
        elif text:
            overlay.text = self._text = text
        else:
            overlay.text, overlay.visible, overlay.position = self._before
            self._before, self._text = None, ""
