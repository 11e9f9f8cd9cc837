"""Which layers are visible: decided here, and only here.

`decide` computes it from what there is; `Visibility` applies that to the layers.

- Live layers are in front while their frames come. When the user moves the slider, the snapshots of
  the same camera take their place, until the slider is back at the newest and live frames come, or
  until the next run brings some. A run without live frames shows its stacks.
- Live layers of channels that a run leaves out, and of a microscope that was closed, are hidden
  until their next frame: they would be added to the others.
- The first frame of a run hides the images of earlier runs that the user had opened: they would
  cover it.

What the user shows or hides stays so until the next of these changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from napari_skylight.viewer._run_images import is_of_run

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Sequence

    from napari.components import LayerList

    from napari_skylight.viewer._layer import CacheLayer
    from napari_skylight.viewer._layer_kinds import LiveLayer, StackLayer
    from napari_skylight.viewer._slider import Slider

_SURE = 3  # frames of one channel in a run, after which a channel without any is left out

Ids = frozenset["Hashable"]


class Kind(Enum):
    """What a layer shows."""

    LIVE = auto()
    STACK = auto()
    RUN_IMAGE = auto()


@dataclass(frozen=True, slots=True)
class Seen:
    """A layer before a turn."""

    id: Hashable
    kind: Kind
    key: str = ""
    channel: str = ""
    visible: bool = True  # or the layer that will be made next will be
    there: bool = True  # with frames on the canvas
    came: int = 0  # frames since the last turn
    came_in_run: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """What has happened since the last turn; a microscope is new with its first frame."""

    slider_moved: bool = False
    slider_at_end: bool = True
    new_run: bool = False
    new_microscope: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What `decide` remembers from one turn to the next."""

    live_in_front: bool = True
    live_came: bool = False  # in this run
    away: bool = False  # the slider is at an older frame
    run_began: bool = False  # and no frame of it has come yet
    behind: Ids = frozenset()  # live layers hidden by snapshots
    outdated: Ids = frozenset()  # live layers hidden until their next frame
    filled: Ids = frozenset()  # stacks with frames


def decide(memory: Memory, layers: Sequence[Seen], turn: Turn) -> tuple[Memory, Ids]:
    """Return what to remember, and the ids of the layers that are to be visible."""
    live = [each for each in layers if each.kind is Kind.LIVE]
    stacks = [each for each in layers if each.kind is Kind.STACK and each.there]
    visible = frozenset(each.id for each in layers if each.visible)
    if turn.new_run:
        memory = replace(memory, live_came=False, away=False, run_began=True)
    if memory.run_began and _first_to_come(layers) is not None:
        memory = replace(memory, run_began=False)
        visible -= {each.id for each in layers if each.kind is Kind.RUN_IMAGE}
    if turn.new_microscope:
        memory, visible = _hide(memory, visible, [each for each in live if not each.came])
    memory, visible = _live_or_snapshots(memory, visible, live, stacks, turn)
    if memory.live_in_front:
        memory, visible = _channels_in_use(memory, visible, live)
    return memory, visible


def _live_or_snapshots(
    memory: Memory, visible: Ids, live: list[Seen], stacks: list[Seen], turn: Turn
) -> tuple[Memory, Ids]:
    filled = frozenset(each.id for each in stacks)
    new = [each for each in stacks if each.id not in memory.filled]
    live_comes = any(each.came for each in live)
    away = memory.away and bool(filled)
    live_came = memory.live_came or live_comes
    if moved := turn.slider_moved and bool(filled):
        away = not turn.slider_at_end
    memory = replace(memory, away=away, live_came=live_came, filled=filled)
    only_stacks = not live_came and any(each.came for each in stacks)
    if not filled or (live_comes and not away):
        memory, visible = _show_live(memory, visible, live, stacks)
    elif moved or (only_stacks if memory.live_in_front else new):
        memory, visible = _show_snapshots(memory, visible, live, stacks)
    if memory.live_in_front:
        covering = {each.id for each in new if _live_of(each, live)}
        visible = (visible | {each.id for each in new}) - covering
    return memory, visible


def _show_live(
    memory: Memory, visible: Ids, live: list[Seen], stacks: list[Seen]
) -> tuple[Memory, Ids]:
    if memory.live_in_front:
        return memory, visible
    visible -= {each.id for each in stacks if _live_of(each, live)}
    return replace(memory, live_in_front=True, behind=frozenset()), visible | memory.behind


def _show_snapshots(
    memory: Memory, visible: Ids, live: list[Seen], stacks: list[Seen]
) -> tuple[Memory, Ids]:
    covered = {each.id for stack in stacks for each in _live_of(stack, live)} & visible
    wanted = {each.id for each in stacks if _is_wanted(each, memory, visible, live, stacks)}
    behind = memory.behind | covered
    visible = (visible - memory.filled - behind) | wanted
    return replace(memory, live_in_front=False, behind=behind), visible


def _is_wanted(
    stack: Seen, memory: Memory, visible: Ids, live: list[Seen], stacks: list[Seen]
) -> bool:
    """Return whether to show the snapshots of this channel, of those of its camera.

    Those of the run, or else those whose live layers were visible, or else all.
    """
    together = [each for each in stacks if each.key == stack.key]
    if any(each.came_in_run for each in together):
        return stack.came_in_run > 0
    channels = {each.channel for each in _live_of(stack, live) if each.id in visible}
    channels |= {e.channel for e in live if e.key == stack.key and e.id in memory.behind}
    return stack.channel in channels or not any(each.channel in channels for each in together)


def _channels_in_use(memory: Memory, visible: Ids, live: list[Seen]) -> tuple[Memory, Ids]:
    back = memory.outdated & {each.id for each in live if each.came}
    memory = replace(memory, outdated=memory.outdated - back)
    sure = {each.key for each in live if each.came_in_run >= _SURE}
    left_out = [each for each in live if each.key in sure and not each.came_in_run]
    return _hide(memory, visible | back, left_out)


def _hide(memory: Memory, visible: Ids, outdated: Iterable[Seen]) -> tuple[Memory, Ids]:
    hidden = visible & {each.id for each in outdated if each.there}
    return replace(memory, outdated=memory.outdated | hidden), visible - hidden


def _live_of(stack: Seen, live: Iterable[Seen]) -> list[Seen]:
    """Return the live layers in the place of a stack: those of the same camera."""
    return [each for each in live if each.key == stack.key and each.there]


def _first_to_come(layers: Iterable[Seen]) -> Seen | None:
    ours = (each for each in layers if each.kind is not Kind.RUN_IMAGE)
    return next((each for each in ours if each.came and each.there), None)


class Visibility:
    """Applies what `decide` returns to the layers of a link, after each turn."""

    def __init__(self, layers: LayerList, slider: Slider) -> None:
        self._layers = layers
        self._slider = slider
        self._memory = Memory()
        self.new_run = self.new_microscope = False  # since the last turn

    @property
    def hint(self) -> str:
        """The text for a user who does not see the live frames that come."""
        now = self._memory
        hidden = now.live_came and now.away and now.behind and not now.live_in_front
        return "snapshots: move the slider to the end to see the live image again" if hidden else ""

    def follow(self, live: Collection[LiveLayer], stacks: Collection[StackLayer]) -> None:
        """Show and hide layers, after they were updated."""
        seen = [_seen(each, Kind.LIVE, each.layer is not None) for each in live]
        seen += [_seen(each, Kind.STACK, each.filled) for each in stacks]
        run_images = [each for each in self._layers if is_of_run(each)]
        seen += [Seen(each, Kind.RUN_IMAGE, visible=each.visible) for each in run_images]
        turn = Turn(self._slider.moved, self._slider.at_end, self.new_run, self.new_microscope)
        self.new_run = self.new_microscope = False
        self._memory, visible = decide(self._memory, seen, turn)
        for ours in (*live, *stacks):
            ours.set_visible(ours in visible)
        for image in run_images:
            if image.visible != (image in visible):
                image.visible = image in visible
        layers: dict[Hashable, Any] = {each: each.layer for each in (*live, *stacks)}
        layers |= {each: each for each in run_images}
        active = self._layers.selection.active
        for each in seen:
            hidden = each.visible and each.id not in visible
            if hidden and active is not None and layers[each.id] is active:
                heir = _heir(each, seen, visible)
                if heir is not None and layers[heir.id] is not None:
                    self._layers.selection.active = layers[heir.id]


def _seen(layer: CacheLayer, kind: Kind, there: bool) -> Seen:
    counts = layer.came, layer.came_in_run
    return Seen(layer, kind, layer.key, layer.channel, layer.visible_or_next, there, *counts)


def _heir(hidden: Seen, layers: Sequence[Seen], visible: Ids) -> Seen | None:
    """Return the layer that takes the place, and the selection, of one that was hidden."""
    if hidden.kind is Kind.RUN_IMAGE:
        return _first_to_come(layers)
    place = hidden.key, hidden.channel
    same = (each for each in layers if each.id in visible and (each.key, each.channel) == place)
    return next(same, None)
