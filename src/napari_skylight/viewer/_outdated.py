"""Live pictures that are not taken any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from napari_skylight.viewer._live_layer import LiveLayer

__all__ = ["Outdated"]

_SURE = 3  # frames of one channel, after which none of another means that it is not taken


class Outdated:
    """Hides the live pictures of channels that a run leaves out, until they are taken again.

    They would be added to the others. Those of a microscope that was closed go as well.
    """

    def __init__(self) -> None:
        self._hidden: set[LiveLayer] = set()

    def hide_others(self, live: Collection[LiveLayer]) -> None:
        """Hide all but those that a frame has come for just now."""
        self._hide({each for each in live if not each.came})

    def follow(self, live: Collection[LiveLayer]) -> None:
        """Look at the layers after they were updated."""
        for each in [each for each in self._hidden if each.came]:
            self._hidden.discard(each)
            each.set_visible(True)
        sure = {each.key for each in live if each.came_in_run >= _SURE}
        self._hide({each for each in live if each.key in sure and not each.came_in_run})

    def _hide(self, outdated: Collection[LiveLayer]) -> None:
        for each in outdated:
            if each.visible:
                each.set_visible(False)
                self._hidden.add(each)
