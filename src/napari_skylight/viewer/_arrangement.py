"""The arrangement of a link's layers: visibility, grid, view, slider and status bar."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from napari_skylight.viewer._slider import Slider, StatusLine
from napari_skylight.viewer._visibility import Visibility

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import napari
    from napari.layers import Image

    from napari_skylight.frames import Placement
    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._layer_kinds import LiveLayer, StackLayer

Cell = list["Image"]

_FILLED = 0.95  # of the canvas, as napari does it

_log = logging.getLogger("napari_skylight")


class Arrangement:
    """Arranges all layers of a link after each turn; `slider.look` comes before their update."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self.slider = Slider(viewer)
        self.visibility = Visibility(viewer.layers, self.slider)
        self._side_by_side = SideBySide(viewer)
        self._fitter = ViewFitter(viewer)
        self._status = StatusLine(viewer)
        self._viewer = viewer
        self._has_scale_bar = False
        self._broken = False

    @property
    def waiting(self) -> bool:
        """Whether the status bar is to be written soon."""
        return self._status.waiting and not self._broken

    def begin_run(self) -> None:
        """Note that another run has begun."""
        self._broken = False
        self.visibility.new_run = True

    def begin_microscope(self) -> None:
        """Note that the first frame of another microscope has come."""
        self.visibility.new_microscope = True
        self._fitter.restart()

    def follow(
        self, live: Collection[LiveLayer], stacks: Collection[StackLayer], now: float
    ) -> None:
        """Arrange the layers after they were updated."""
        if self._broken:
            return
        try:
            self.visibility.follow(live, stacks)
            self._side_by_side.follow(live, stacks)
            self._fitter.follow(live)
            known_size = any(each.placement.unit != "pixel" for each in (*live, *stacks))
            if known_size and not self._has_scale_bar:
                self._viewer.canvas.overlays.scale_bar.visible = self._has_scale_bar = True
            self.slider.settle()
            self._status.follow(stacks, now)
        except Exception:  # noqa: BLE001 - the live layers must go on, whatever fails here
            self._broken = True
            _log.exception("Layers are not arranged any more, until another plan starts")


class ViewFitter:
    """Fits the view to the first live frame, and moves it with the stage.

    Fits it again when a frame's or the grid's shape changes, unless the user has panned or zoomed.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._known: dict[LiveLayer, tuple[tuple[int, ...], Placement]] = {}
        self._fitted: tuple[float, ...] | None = None
        self._grid = (1, 1)

    def restart(self) -> None:
        """Fit the view to the next frames as to the first."""
        self._known.clear()

    def follow(self, live: Iterable[LiveLayer]) -> None:
        """Fit or move the view, after the live layers were updated."""
        now = {
            each: (each.layer.data.shape[:2], each.placement)
            for each in live
            if each.layer is not None and each.layer.visible
        }
        grid = self._viewer.canvas.grid.actual_shape(self._viewer.layers)
        if grid == self._grid and now.items() <= self._known.items():
            return
        regrouped, self._grid = grid != self._grid, grid
        before, self._known = self._known, {**self._known, **now}
        known = [(before[each], after) for each, after in now.items() if each in before]
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
        viewer = self._viewer
        if viewer.dims.ndisplay != 2:
            viewer.fit_to_view()
        else:  # which fails for 2-D layers beside a stack
            corners = [np.array(place.translate) - place.scale / 2 for _, place in pictures]
            sizes = [place.scale * np.array(shape) for shape, place in pictures]
            low, high = np.min(corners, axis=0), np.max(np.add(corners, sizes), axis=0)
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


class SideBySide:
    """Turns the grid on for two or more cameras, until the user turns it on or off.

    Every cell of napari's grid holds the same number of layers, in the order of the list: the
    channels of a camera are moved next to each other, and the user's own layers behind them.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._on = False
        self._is_users = False
        self._stride = 1
        self._arranged: list[Cell] = []

    def follow(self, live: Iterable[LiveLayer], stacks: Iterable[StackLayer]) -> None:
        """Look at the layers after they were updated."""
        grid = self._viewer.canvas.grid
        if grid.enabled != self._on and not self._is_users:
            self._is_users = True
            if self._on:
                grid.stride = self._stride
        if self._is_users:
            return
        cells = _cells(live)
        if len(cells) < 2:
            if self._on:
                self._on = grid.enabled = False
                grid.stride = self._stride
                self._arranged = []
            return
        cells.sort(key=len, reverse=True)  # only the last cell may hold fewer layers
        arranged = [*cells, *_cells(stacks)]
        if arranged != self._arranged:
            if not self._on:
                self._stride = grid.stride
            self._arranged = arranged
            self._arrange(arranged, len(cells[0]))
            self._on = grid.enabled = True

    def _arrange(self, cells: list[Cell], stride: int) -> None:
        layers = self._viewer.layers
        self._viewer.canvas.grid.stride = stride
        if stride == 1 or all(self._is_alone(cell, stride) for cell in cells):
            return
        for index, layer in enumerate(layer for cell in cells for layer in cell):
            if layers[index] is not layer:
                layers.move(layers.index(layer), index)

    def _is_alone(self, cell: Cell, stride: int) -> bool:
        layers = self._viewer.layers
        places = {layers.index(layer) // stride for layer in cell}
        start = min(places) * stride
        return len(places) == 1 and all(each in cell for each in layers[start : start + stride])


def _cells(layers: Iterable[CacheLayer]) -> list[Cell]:
    """Return the layers of each camera."""
    cells: dict[str, Cell] = {}
    for each in layers:
        if each.layer is not None:
            cells.setdefault(each.key, []).append(each.layer)
    return list(cells.values())
