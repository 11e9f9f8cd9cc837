"""Several cameras side by side, in napari's grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import napari
    from napari.layers import Image

    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._live_layer import LiveLayer
    from napari_skylight.viewer._stack_layer import StackLayer

Cell = list["Image"]


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
