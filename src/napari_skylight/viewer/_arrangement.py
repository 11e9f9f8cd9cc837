"""The arrangement of a link's layers: visibility, grid, view, slider and status bar."""

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

_log = logging.getLogger("napari_skylight")


class Arrangement:
    """Arranges all layers of a link after each turn.

    Attributes
    ----------
    slider : Slider
        Call its `look` before the layers are updated.
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
        """Whether the status bar is to be written soon."""
        return self._status.waiting and not self._broken

    def begin_run(self) -> None:
        """Note that another run has begun."""
        self._broken = False
        self._visibility.begin_run()

    def begin_microscope(self) -> None:
        """Note that the first frame of another microscope has come."""
        self._visibility.begin_microscope()
        self._fitter.restart()

    def follow(
        self,
        live: Mapping[tuple[str, str], LiveLayer],
        stacks: Collection[StackLayer],
        now: float,
    ) -> None:
        """Arrange the layers after they were updated."""
        if self._broken:
            return
        try:
            self._visibility.follow(live.values(), stacks)
            self._side_by_side.follow(live.values(), stacks)
            self._fitter.follow(live)
            self._show_scale_bar([*live.values(), *stacks])
            self.slider.settle()
            self._status.follow(stacks, now)
        except Exception:  # noqa: BLE001 - the live layers must go on, whatever fails here
            self._broken = True
            _log.exception("Layers are not arranged any more, until another plan starts")

    def _show_scale_bar(self, layers: Collection[CacheLayer]) -> None:
        """Show it once, with the first frame of known pixel size."""
        if not self._has_scale_bar and any(each.placement.unit != "pixel" for each in layers):
            self._viewer.canvas.overlays.scale_bar.visible = self._has_scale_bar = True
