"""The viewer's slider along the frames of stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import napari
    from napari.layers import Image

FRAME_LABELS = ("frame", "-2", "-1")
"""Of the axes of a layer that this slider moves, (N, Y, X)."""

_NO_LABELS = ("-3", "-2", "-1")


class Slider:
    """Moves all stacks of a viewer, and the user's own 3-D layers.

    While there are such layers, it is left to the user.

    Attributes
    ----------
    stacks : set of Image
        The layers of stacks, (N, Y, X).
    moved : bool
        Whether the user has moved it between the last `settle` and `look`.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self.stacks: set[Image] = set()
        self.moved = False
        self._viewer = viewer
        self._settled = 0
        self._was_ours = True

    @property
    def index(self) -> int:
        """The index of the frame it is at."""
        point = self._viewer.dims.point
        return round(point[-3]) if len(point) >= 3 else 0

    @property
    def at_end(self) -> bool:
        """Whether it is at the newest frame, or there is none."""
        return self._is_ours() and self.index >= self._last()

    def follow(self) -> None:
        """Go to the newest frame."""
        dims, last = self._viewer.dims, self._last()
        if self._is_ours() and dims.ndim >= 3 and self.index != last:
            dims.set_point(dims.ndim - 3, last)

    def look(self) -> None:
        """Find out whether the user has moved it."""
        ours = self._is_ours()
        self.moved = ours and self._was_ours and bool(self.stacks) and self.index != self._settled
        if ours != self._was_ours:
            self._was_ours = ours
            for layer in self.stacks:
                layer.axis_labels = self.labels

    @property
    def labels(self) -> tuple[str, str, str]:
        """The labels of the axes of a stack."""
        return FRAME_LABELS if self._is_ours() else _NO_LABELS

    def settle(self) -> None:
        """Note where it is: moves count from here."""
        self._settled = self.index

    def _last(self) -> int:
        return max((len(layer.data) for layer in self.stacks), default=0) - 1

    def _is_ours(self) -> bool:
        # A copy of a stack and the images of an earlier run have frames along this axis too.
        return all(
            layer.ndim < 3 or layer in self.stacks or layer.axis_labels[-3] == FRAME_LABELS[0]
            for layer in self._viewer.layers
        )
