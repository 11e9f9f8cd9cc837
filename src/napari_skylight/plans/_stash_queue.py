"""Stashes the frames of a live plan: all into the live caches, the kept ones into the stacks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from bluesky.protocols import Readable, Reading
from bluesky.utils import FailedStatus, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.frames import is_colour
from napari_skylight.plans._acquisition import Readings, read_positions
from napari_skylight.plans._recording import Processors, Recording, Source
from napari_skylight.protocols import (
    BatchReading,
    Camera,
    FrameCaches,
    HasCache,
    StashRefused,
)


class _Refusal(Enum):
    """What happens when a cache refuses frames."""

    RAISES = auto()
    ENDS_STASH = auto()
    ENDS_RECORDING = auto()


class _Taken(NamedTuple):
    camera: str
    channel: str
    reading: Readings
    times: Sequence[float]


class StashQueue:
    """Stashes the frames of several cameras in order.

    A plan can be stopped at any message. Frames are therefore queued by `add` at once and taken off
    the queue before the message that stashes them: `stash` continues after an interruption.

    `stacks` and `processors` are by camera name and channel, "" for frames without one. While `on`,
    frames are kept in the stacks; it goes off, and `refused` is called, when one refuses frames.
    While `recording` is on, each frame is stashed in its recorder, too.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        caches: FrameCaches,
        positions: Sequence[Readable[Any]],
        refused: Callable[[], None],
        recording: Recording,
        channels: Sequence[str] = ("",),
        processors: Processors | None = None,
    ) -> None:
        each = [(camera, channel) for camera in cameras for channel in channels]
        self._live = {(cam.name, channel): caches.live(cam, channel) for cam, channel in each}
        self.stacks = {
            (cam.name, channel): caches.stack(cam, channel=channel) for cam, channel in each
        }
        self.processors = processors or {}
        self.on = False
        self._positions = positions
        self._refused = refused
        self._recording = recording
        self._paces: dict[tuple[str, str], _Pace] = {}
        self._taken: deque[_Taken] = deque()
        self._stashes: deque[tuple[HasCache, Readings, _Refusal]] = deque()

    def switch(self, on: bool, every: float) -> None:
        """Start or stop keeping frames, at the interval `every` in s, from the next on."""
        self.on = on
        self._paces = {key: _Pace(every) for key in self.stacks}

    def add(
        self, camera: Camera, reading: Readings, times: Sequence[float], channel: str = ""
    ) -> None:
        """Queue a frame, or several along one leading axis, with their time stamps."""
        self._taken.append(_Taken(camera.name, channel, reading, times))

    def stash(self) -> MsgGenerator[None]:
        """Stash all queued frames."""
        where = yield from read_positions(self._positions if self._taken else ())
        while self._taken:
            taken = self._taken.popleft()
            self._sort(taken, {**taken.reading, **where})
        yield from self._flush()

    def stash_with(self, snapshot: Mapping[str, Readings]) -> MsgGenerator[None]:
        """Stash all queued frames; keep each frame of `snapshot`, by camera name, exactly once.

        For an open event, whose readings of the positions are used. Raises `StashRefused` if a
        stack refused frames; the stack reports why.
        """
        left = dict(snapshot)
        while self._taken:
            taken = self._taken.popleft()
            own = snapshot[taken.camera]
            others = {key: each for key, each in own.items() if not _is_image(each["value"])}
            values = {**others, **taken.reading}
            if self._sort(taken, values, also=image_time(own)):
                left.pop(taken.camera, None)
        if not (yield from self._flush()):
            raise StashRefused("The stack refused frames.")
        for camera, reading in left.items():  # lost, or read with another time stamp
            stack = self.stacks[camera, ""]
            yield from plan_stubs.stash(stack, reading, group=None, wait=True)

    def record(self, camera: Camera, channel: str, reading: Readings) -> MsgGenerator[None]:
        """Record a frame that is not shown live, if recorders take it."""
        key = camera.name, channel
        sources: list[Source] = [key, *self.processors.get(key, ())]
        for source in sources:
            if (recorder := self._recording.target(source)) is not None:
                stash = plan_stubs.stash(recorder, reading, group=None, wait=True, of_event=False)
                yield from unless_refused(stash)

    def _sort(self, taken: _Taken, values: Readings, also: float | None = None) -> bool:
        """Queue the stashes of `values`; return whether the frame taken at `also` is kept."""
        key = taken.camera, taken.channel
        values = _timed(values, taken.times)
        self._stashes.append((self._live[key], values, _Refusal.RAISES))
        if (recorder := self._recording.target(key)) is not None:
            self._stashes.append((recorder, values, _Refusal.ENDS_RECORDING))
        for processor in self.processors.get(key, ()):
            if (recorder := self._recording.target(processor)) is not None:
                self._stashes.append((recorder, values, _Refusal.ENDS_RECORDING))
            else:
                self._stashes.append((processor, values, _Refusal.RAISES))
        if not self.on:
            return False
        if picked := self._paces[key].pick(values, taken.times, also):
            self._stashes.append((self.stacks[key], picked, _Refusal.ENDS_STASH))
        return also in taken.times

    def _flush(self) -> MsgGenerator[bool]:
        """Make the queued stashes; return False if a stack refused one."""
        kept = True
        while self._stashes:
            cache, values, refusal = self._stashes.popleft()
            # a dropped snapshot withdraws none of the frames collected with it
            stash = plan_stubs.stash(cache, values, group=None, wait=True, of_event=False)
            if refusal is _Refusal.RAISES:
                yield from stash
            elif (yield from unless_refused(stash)) or refusal is _Refusal.ENDS_RECORDING:
                continue  # the recorder has ended, as it says itself
            else:
                kept = self.on = False
                self._refused()
        return kept


class _Pace:
    """Picks frames at an interval in s, beginning with the first; 0 picks every frame."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = -math.inf

    def pick(self, reading: Readings, times: Sequence[float], also: float | None) -> Readings:
        """Return the due frames of `reading`, taken at `times`; an empty reading if none is due.

        The frame taken at `also` is picked in any case.
        """
        picked = []
        for place, taken in enumerate(times):
            if taken >= self._due:
                picked.append(place)
                self._due = taken + self._seconds if self._seconds else -math.inf
            elif taken == also:
                picked.append(place)
        if len(picked) == len(times):
            return reading
        if not picked:
            return {}
        return _timed(
            {
                key: Reading(value=each["value"][picked], timestamp=each["timestamp"])
                if _is_batch(each["value"])
                else each
                for key, each in reading.items()
            },
            [times[place] for place in picked],
        )


def unless_refused(plan: MsgGenerator[Any]) -> MsgGenerator[bool]:
    """Run `plan`; return False if a cache refused the frames, which it reports itself."""
    try:
        yield from plan
    except StashRefused:
        return False
    except FailedStatus as error:
        if not isinstance(error.__cause__, StashRefused):
            raise
        return False
    return True


def _timed(reading: Readings, times: Sequence[float]) -> Readings:
    """Return `reading` with `times` for its frames, if it has as many frames."""
    return {
        key: BatchReading(**each, timestamps=times)
        if _is_batch(each["value"]) and len(each["value"]) == len(times)
        else each
        for key, each in reading.items()
    }


def image_time(reading: Readings) -> float | None:
    """Return the time stamp of the image in `reading`; None without an image."""
    images = (each for each in reading.values() if _is_image(each["value"]))
    return next((each["timestamp"] for each in images), None)


def _is_image(value: Any) -> bool:
    return getattr(value, "ndim", 0) > 1


def _is_batch(value: Any) -> bool:
    return _is_image(value) and value.ndim > (3 if is_colour(value.shape) else 2)
