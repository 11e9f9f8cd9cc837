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
        self._away &= bool(self._filled)
        live_comes = any(each.came for each in live)
        self._live_came |= live_comes
        if self._slider.moved and self._filled:
            self._away = not self._slider.at_end
            if self._away or not live_comes:
                self._show_snapshots(live)
            else:
                self._show_live(live)
        elif (live_comes and not self._away) or not self._filled:
            self._show_live(live)
        elif self.live and not self._live_came and any(each.came for each in self._filled):
            self._show_snapshots(live)
        if self.live:
            for stack in self._filled - before:
                stack.set_visible(not any(_rivals(stack, live)))
        elif self._filled - before:
            self._show_snapshots(live)

    def _show_snapshots(self, live: Collection[LiveLayer]) -> None:
        self.live = False
        wanted = {stack for stack in self._filled if self._is_wanted(stack, live)}
        for stack in self._filled:
            stack.set_visible(stack in wanted)
            self._hidden |= {each for each in _rivals(stack, live) if each.visible}
        for each in self._hidden:
            each.set_visible(False)
        self._select(self._hidden, wanted)

    def _is_wanted(self, stack: StackLayer, live: Collection[LiveLayer]) -> bool:
        """Return whether the snapshots of this channel are to be shown, of those of its camera.

        Those of the run, or else those whose live pictures were seen, or else all; not what is left
        from before channels were changed: it would be added to the others.
        """
        together = [each for each in self._filled if each.key == stack.key]
        if any(each.came_in_run for each in together):
            return stack.came_in_run > 0
        seen = {each.channel for each in _rivals(stack, live) if each.visible}
        seen |= {each.channel for each in self._hidden if each.key == stack.key}
        return stack.channel in seen or not any(each.channel in seen for each in together)

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
