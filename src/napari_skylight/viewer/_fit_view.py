"""The part of the specimen that the canvas shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import napari

    from napari_skylight.viewer._layer_transform import Placement
    from napari_skylight.viewer._live_layer import LiveLayer

_FILLED = 0.95  # of the canvas, as napari does it


class ViewFitter:
    """Fits the view to the first live frame, and moves it with the stage.

    It is fitted again when the shape of a frame or of napari's grid changes, unless the user has
    panned or zoomed.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._known: dict[tuple[str, str], tuple[tuple[int, ...], Placement]] = {}
        self._fitted: tuple[float, ...] | None = None
        self._grid = (1, 1)

    def restart(self) -> None:
        """Fit the view to the next frames as to the first."""
        self._known.clear()

    def follow(self, live: Mapping[tuple[str, str], LiveLayer]) -> None:
        """Fit or move the view, after the live layers were updated."""
        now = {
            place: (each.layer.data.shape[:2], each.placement)
            for place, each in live.items()
            if each.layer is not None and each.layer.visible
        }
        grid = self._viewer.canvas.grid.actual_shape(self._viewer.layers)
        if grid == self._grid and now.items() <= self._known.items():
            return
        regrouped, self._grid = grid != self._grid, grid
        before, self._known = self._known, {**self._known, **now}
        known = [(before[place], after) for place, after in now.items() if place in before]
        if not before and now:
            self._fit(now.values())
        elif regrouped or any(old[0] != new[0] for old, new in known):
            if now and self._is_as_fitted():
                self._fit(now.values())
        else:
            # Cameras on one stage move together: the view moves once.
            moved = [pair for pair in known if pair[0][1].translate != pair[1][1].translate]
            if moved:
                (shape, old), (_, new) = moved[0]
                self._shift(shape, old, new)

    def _fit(self, pictures: Collection[tuple[tuple[int, ...], Placement]]) -> None:
        """Show the live frames as large as possible.

        `Viewer.fit_to_view` fails for 2-D layers beside a stack.
        """
        viewer = self._viewer
        if viewer.dims.ndisplay != 2:
            viewer.fit_to_view()
        else:
            corners = [np.array(place.translate) - place.scale / 2 for _, place in pictures]
            ends = [
                corner + place.scale * np.array(shape)
                for corner, (shape, place) in zip(corners, pictures, strict=True)
            ]
            low, high = np.min(corners, axis=0), np.max(ends, axis=0)
            viewer.scene.camera.center = (0, *((low + high) / 2))
            size = viewer.canvas.viewbox_size(viewer.layers)
            viewer.scene.camera.zoom = _FILLED * np.min(np.array(size) / (high - low))
        self._fitted = self._view()

    def _shift(self, shape: tuple[int, ...], old: Placement, new: Placement) -> None:
        """Keep the frame in its place on the canvas, if the middle of the canvas shows it."""
        camera = self._viewer.scene.camera
        center, corner = np.array(camera.center[-2:]), np.array(old.translate)
        if np.any(center < corner) or np.any(center > corner + old.scale * np.array(shape)):
            return
        as_fitted = self._is_as_fitted()
        camera.center = (*camera.center[:-2], *(center + new.translate - corner))
        if as_fitted:
            self._fitted = self._view()

    def _view(self) -> tuple[float, ...]:
        camera = self._viewer.scene.camera
        return (*camera.center, camera.zoom)

    def _is_as_fitted(self) -> bool:
        return self._fitted is not None and np.allclose(self._view(), self._fitted)
