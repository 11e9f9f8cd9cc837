"""Images of earlier runs that somebody has brought back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_skylight.viewer._run_images import is_of_run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.components import LayerList

    from napari_skylight.viewer._layer import CacheLayer

__all__ = ["Recalled"]


class Recalled:
    """Hides the images of earlier runs when the first frame of another run comes.

    They lie above the live pictures, and would be taken for them. After that their eyes are the
    person's, until another run.
    """

    def __init__(self, layers: LayerList) -> None:
        self._layers = layers
        self._due = False

    def begin_run(self) -> None:
        """Be ready for another run."""
        self._due = True

    def follow(self, shown: Iterable[CacheLayer]) -> None:
        """Look at the layers after they were updated."""
        first = next((each.layer for each in shown if each.came and each.layer), None)
        if not self._due or first is None:
            return
        self._due = False
        selection = self._layers.selection
        for layer in self._layers:
            if layer.visible and is_of_run(layer):
                layer.visible = False
                if selection.active is layer:
                    selection.active = first
