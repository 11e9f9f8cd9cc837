"""Which pictures are in front: live ones or snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from napari.components import LayerList

    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._live_layer import LiveLayer
    from napari_skylight.viewer._slider import Slider
    from napari_skylight.viewer._stack_layer import StackLayer

__all__ = ["InFront"]


class InFront:
    """Shows the live pictures or the snapshots of the cameras, by opening and closing their eyes.

    The live ones while they come, and the snapshots as soon as the person moves the slider, until
    it is back at the newest and live frames come, or until another run brings some. A run without
    live frames shows what it keeps. In between, the eyes are the person's.
    """

    def __init__(self, layers: LayerList, slider: Slider) -> None:
        self.live = True
        self._layers = layers
        self._slider = slider
        self._away = False  # the person looks at an older frame
        self._live_came = False  # in this run
        self._hidden: set[LiveLayer] = set()
        self._filled: set[StackLayer] = set()

    @property
    def hint(self) -> str:
        """What to tell the person who does not see the live pictures that come."""
        if self.live or not self._live_came or not self._away or not self._hidden:
            return ""
        return "snapshots: move the slider to the end to see the live picture again"

    def begin_run(self) -> None:
        """Be ready for another run."""
        self._away = self._live_came = False

    def follow(self, live: Collection[LiveLayer], stacks: Collection[StackLayer]) -> None:
        """Look at the layers after they were updated."""
        before, self._filled = self._filled, {each for each in stacks if each.filled}
        for stack in before - self._filled:
            stack.set_visible(False)
        self._away &= bool(self._filled)
        live_comes = any(each.came for each in live)
        self._live_came |= live_comes
        if self._slider.moved and self._filled:
            self._away = not self._slider.at_end
            if self._away or not live_comes:
                self._show_snapshots(live, self._filled)
            else:
                self._show_live(live)
        elif (live_comes and not self._away) or not self._filled:
            self._show_live(live)
        elif self.live and not self._live_came and any(each.came for each in self._filled):
            self._show_snapshots(live, self._filled)
        for stack in self._filled - before:
            stack.set_visible(not self.live or not any(_rivals(stack, live)))

    def _show_snapshots(self, live: Iterable[LiveLayer], stacks: Iterable[StackLayer]) -> None:
        self.live = False
        for stack in stacks:
            stack.set_visible(True)
            self._hidden |= {each for each in _rivals(stack, live) if each.visible}
        for each in self._hidden:
            each.set_visible(False)
        self._select(self._hidden, stacks)

    def _show_live(self, live: Iterable[LiveLayer]) -> None:
        if self.live:
            return
        self.live = True
        closed = {stack for stack in self._filled if any(_rivals(stack, live))}
        for stack in closed:
            stack.set_visible(False)
        for each in self._hidden:
            each.set_visible(True)
        self._select(closed, self._hidden)
        self._hidden.clear()

    def _select(self, closed: Iterable[CacheLayer], opened: Iterable[CacheLayer]) -> None:
        """Select instead of a layer that was closed the one that has taken its place."""
        selection = self._layers.selection
        was = next((each for each in closed if each.layer is selection.active), None)
        if was is None or was.layer is None:
            return
        for each in opened:
            if (each.key, each.channel) == (was.key, was.channel) and each.layer is not None:
                selection.active = each.layer


def _rivals(stack: StackLayer, live: Iterable[LiveLayer]) -> Iterable[LiveLayer]:
    """Return the live pictures that are where those of a stack are: of the same camera."""
    return (each for each in live if each.key == stack.key and each.layer is not None)
