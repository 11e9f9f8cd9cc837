"""The word on the canvas while a run is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import napari

__all__ = ["PausedText"]

_TEXT = "paused"


class PausedText:
    """Writes "paused" on the canvas, unless the person has a text of their own there."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._overlay: Any = viewer.canvas.overlays.text
        self._before: tuple[str, bool, Any] | None = None

    def show(self, paused: bool) -> None:
        """Put the text there, or take it away and leave everything as it was."""
        overlay = self._overlay
        if paused and self._before is None:
            if overlay.visible and overlay.text:
                return
            self._before = overlay.text, overlay.visible, overlay.position
            overlay.text, overlay.position, overlay.visible = _TEXT, "top_center", True
        elif not paused and self._before is not None:
            if overlay.text == _TEXT:  # else the person has changed it meanwhile
                overlay.text, overlay.visible, overlay.position = self._before
            self._before = None
