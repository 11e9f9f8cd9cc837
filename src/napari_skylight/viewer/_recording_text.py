"""What the canvas says of a recording: that it runs, or why it ended by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.components.overlays import TextOverlay

from napari_skylight.recording import RecordingState
from napari_skylight.viewer._canvas_text import wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari

    from napari_skylight.recording import RecordingStatus

_NAME = "recording"
_RED = (0.75, 0.12, 0.12, 1)
_LETTERS = 40  # in a line: beside the texts at the top of the canvas


class RecordingText:
    """A text in the corner of the canvas: "● recording", or the problem that ended it."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._overlay: TextOverlay | None = None

    def show(self, recordings: Sequence[RecordingStatus], since: float = 0.0) -> None:
        """Show whether one of `recordings` is active, and the problems `since` the run began."""
        active = [each for each in recordings if each.state is RecordingState.RECORDING]
        lines = ["\N{BLACK CIRCLE} recording"] if active else []
        lines += [
            each.problem.replace(str(each.path), str(each.path and each.path.name))
            for each in recordings
            if each.problem and (each.ended is None or each.ended >= since)
        ]
        text = wrapped("\n".join(lines), self._viewer, _LETTERS)
        if self._overlay is None and text:
            self._overlay = TextOverlay(
                text=text, position="top_left", color="white", box_color=_RED
            )
            self._overlay.visible = True
            self._viewer.canvas.overlays[_NAME] = self._overlay
        elif self._overlay is not None and not text:
            self._overlay = None
            del self._viewer.canvas.overlays[_NAME]
        elif self._overlay is not None and self._overlay.text != text:
            self._overlay.text = text
