"""Where the layers of a link lie, which of them are seen, and what the canvas shows of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from napari_skylight.viewer._fit_view import ViewFitter
from napari_skylight.viewer._side_by_side import SideBySide
from napari_skylight.viewer._slider import Slider
from napari_skylight.viewer._status_line import StatusLine
from napari_skylight.viewer._visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import napari

    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._live_layer import LiveLayer
    from napari_skylight.viewer._stack_layer import StackLayer

__all__ = ["Arrangement"]

_log = logging.getLogger("napari_skylight")


class Arrangement:
    """Looks at all layers of a link after each turn, and arranges them.

    Attributes
    ----------
    slider : Slider
        To be asked to `look` before the layers are updated.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self.slider = Slider(viewer)
        self._visibility = Visibility(viewer.layers, self.slider)
        self._side_by_side = SideBySide(viewer)
        self._fitter = ViewFitter(viewer)
        self._status = StatusLine(viewer)
        self._viewer = viewer
        self._has_scale_bar = False
        self._broken = False

    @property
    def hint(self) -> str:
        """The text for a user who does not see the live frames that come."""
        return self._visibility.hint

    @property
    def waiting(self) -> bool:
        """Whether there is something to be written in the status bar soon."""
        return self._status.waiting and not self._broken

    def begin_run(self) -> None:
        """Be ready for another run."""
        self._broken = False
        self._visibility.begin_run()

    def begin_microscope(self) -> None:
        """Take the frames that have just come for the first of all; those of others are out."""
        self._visibility.begin_microscope()
        self._fitter.restart()

    def follow(
        self,
        live: Mapping[tuple[str, str], LiveLayer],
        stacks: Collection[StackLayer],
        now: float,
    ) -> None:
        """Look at the layers after they were updated."""
        if self._broken:
            return
        try:
            self._visibility.follow(live.values(), stacks)
            self._side_by_side.follow(live.values(), stacks)
            self._fitter.follow(live)
            self._show_scale_bar([*live.values(), *stacks])
            self.slider.settle()
            self._status.follow(stacks, now)
        except Exception:  # noqa: BLE001 - whatever it is, the live picture must go on
            self._broken = True
            _log.exception("Layers are not arranged any more, until another plan starts")

    def _show_scale_bar(self, layers: Collection[CacheLayer]) -> None:
        """Show it with the first picture of known size; from then on it is the person's."""
        if not self._has_scale_bar and any(each.placement.unit != "pixel" for each in layers):
            self._viewer.canvas.overlays.scale_bar.visible = self._has_scale_bar = True
