"""What becomes of the frames a live plan takes: all are shown, and those that are wanted kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from bluesky.protocols import Readable
from bluesky.utils import FailedStatus, MsgGenerator

from napari_skylight.plans._acquire import Pace, Readings, read_positions, stash_frames
from napari_skylight.protocols import Camera, FrameCaches, HasCache, StashRefused

__all__ = ["Keeping", "unless_refused"]


class Keeping:
    """Stashes the frames of some cameras, in order.

    A stop may come at any message. Frames are therefore noted with `add` as soon as they are
    there, and struck off before the message that stashes them: `stash` goes on where the last one
    was interrupted.

    Parameters
    ----------
    cameras : Sequence[Camera]
    caches : FrameCaches
        Where the frames go to be shown; with `on`, also to the stacks there.
    positions : Sequence[Readable]
        Read along with the frames.
    refused : callable
        Called when a stack refuses frames.

    Attributes
    ----------
    stacks : dict of str to HasCache
        By the camera's name.
    on : bool
        Whether frames are kept in the stacks. It goes off when one refuses them.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        caches: FrameCaches,
        positions: Sequence[Readable[Any]],
        refused: Callable[[], None],
    ) -> None:
        self._live = {camera.name: caches.live(camera) for camera in cameras}
        self.stacks = {camera.name: caches.stack(camera) for camera in cameras}
        self.on = False
        self._positions = positions
        self._refused = refused
        self._paces: dict[str, Pace] = {}
        self._taken: deque[tuple[Camera, Readings, Sequence[float]]] = deque()
        self._stashes: deque[tuple[HasCache, Readings, bool]] = deque()

    def switch(self, on: bool, every: float) -> None:
        """Keep frames that are `every` seconds apart, beginning with the next; or no longer."""
        self.on = on
        self._paces = {name: Pace(every) for name in self.stacks}

    def add(self, camera: Camera, reading: Readings, times: Sequence[float]) -> None:
        """Note a frame, or several with one leading axis, and when each of them was taken."""
        self._taken.append((camera, reading, times))

    def stash(self) -> MsgGenerator[None]:
        """Stash every frame there is."""
        where = yield from read_positions(self._positions if self._taken else ())
        while self._taken:
            camera, reading, times = self._taken.popleft()
            values = {**reading, **where}
            self._stashes.append((self._live[camera.name], values, False))
            if self.on and (picked := self._paces[camera.name].pick(values, times)):
                self._stashes.append((self.stacks[camera.name], picked, True))
        while self._stashes:
            cache, values, may_refuse = self._stashes.popleft()
            stash = stash_frames(cache, values)
            if not may_refuse:
                yield from stash
            elif not (yield from unless_refused(stash)):
                self.on = False
                self._refused()


def unless_refused(plan: MsgGenerator[Any]) -> MsgGenerator[bool]:
    """Run `plan`; return False where a cache refused the frames, which its own signal reports."""
    try:
        yield from plan
    except FailedStatus as error:
        if not isinstance(error.__cause__, StashRefused):
            raise
        return False
    return True
