"""What becomes of the frames a live plan takes: all are shown, and those that are wanted kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bluesky.protocols import Readable
from bluesky.utils import FailedStatus, MsgGenerator

from napari_skylight.plans._exposures import Readings, read_positions, stash_frames
from napari_skylight.plans._frame_times import Pace, image_time, timed, without_images
from napari_skylight.protocols import Camera, FrameCaches, HasCache, StashRefused

__all__ = ["StashQueue", "unless_refused"]


class _Taken(NamedTuple):
    camera: str
    channel: str
    reading: Readings
    times: Sequence[float]


class StashQueue:
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
    channels : Sequence[str]
        What the frames are of; an empty text for frames of no channel in particular.

    Attributes
    ----------
    stacks : dict of (str, str) to HasCache
        By the camera's name and the channel.
    on : bool
        Whether frames are kept in the stacks. It goes off when one refuses them.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        caches: FrameCaches,
        positions: Sequence[Readable[Any]],
        refused: Callable[[], None],
        channels: Sequence[str] = ("",),
    ) -> None:
        each = [(camera, channel) for camera in cameras for channel in channels]
        self._live = {(cam.name, channel): caches.live(cam, channel) for cam, channel in each}
        self.stacks = {
            (cam.name, channel): caches.stack(cam, channel=channel) for cam, channel in each
        }
        self.on = False
        self._positions = positions
        self._refused = refused
        self._paces: dict[tuple[str, str], Pace] = {}
        self._taken: deque[_Taken] = deque()
        self._stashes: deque[tuple[HasCache, Readings, bool]] = deque()

    def switch(self, on: bool, every: float) -> None:
        """Keep frames that are `every` seconds apart, beginning with the next; or no longer."""
        self.on = on
        self._paces = {key: Pace(every) for key in self.stacks}

    def add(
        self, camera: Camera, reading: Readings, times: Sequence[float], channel: str = ""
    ) -> None:
        """Note a frame, or several with one leading axis, and when each of them was taken."""
        self._taken.append(_Taken(camera.name, channel, reading, times))

    def stash(self) -> MsgGenerator[None]:
        """Stash every frame there is."""
        where = yield from read_positions(self._positions if self._taken else ())
        while self._taken:
            taken = self._taken.popleft()
            self._sort(taken, {**taken.reading, **where})
        yield from self._flush()

    def stash_with(self, snapshot: Mapping[str, Readings]) -> MsgGenerator[None]:
        """Stash every frame there is, and that of each `snapshot` once, as one of them.

        An event is open meanwhile: the positions are those of the snapshot.

        Parameters
        ----------
        snapshot : mapping of str to Readings
            By the name of each camera: the frame that is to be kept whether or not it is due.

        Raises
        ------
        StashRefused
            A stack could not take all; it has reported why.
        """
        left = dict(snapshot)
        while self._taken:
            taken = self._taken.popleft()
            own = snapshot[taken.camera]
            values = {**without_images(own), **taken.reading}
            if self._sort(taken, values, also=image_time(own)):
                left.pop(taken.camera, None)
        if not (yield from self._flush()):
            raise StashRefused("The stack has refused frames.")
        for camera, reading in left.items():  # lost on its way, or the camera tells other times
            yield from stash_frames(self.stacks[camera, ""], reading)

    def _sort(self, taken: _Taken, values: Readings, also: float | None = None) -> bool:
        """Note the caches that `values` go to; return whether the frame taken at `also` is kept."""
        key = taken.camera, taken.channel
        values = timed(values, taken.times)
        self._stashes.append((self._live[key], values, False))
        if not self.on:
            return False
        if picked := self._paces[key].pick(values, taken.times, also):
            self._stashes.append((self.stacks[key], picked, True))
        return also in taken.times

    def _flush(self) -> MsgGenerator[bool]:
        """Stash what was noted; return False where a stack refused."""
        kept = True
        while self._stashes:
            cache, values, may_refuse = self._stashes.popleft()
            stash = stash_frames(cache, values)
            if not may_refuse:
                yield from stash
            elif not (yield from unless_refused(stash)):
                kept = self.on = False
                self._refused()
        return kept


def unless_refused(plan: MsgGenerator[Any]) -> MsgGenerator[bool]:
    """Run `plan`; return False where a cache refused the frames, which its own signal reports."""
    try:
        yield from plan
    except StashRefused:
        return False
    except FailedStatus as error:
        if not isinstance(error.__cause__, StashRefused):
            raise
        return False
    return True
