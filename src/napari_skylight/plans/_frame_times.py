"""The time stamps of frames in a reading, and frames picked by time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bluesky.protocols import Reading

from napari_skylight.protocols import BatchReading

Readings = dict[str, Reading[Any]]


def timed(reading: Readings, times: Sequence[float]) -> Readings:
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


def without_images(reading: Readings) -> Readings:
    """Return `reading` without its images."""
    return {key: each for key, each in reading.items() if not _is_image(each["value"])}


class Pace:
    """Picks frames at an interval, beginning with the first.

    Parameters
    ----------
    seconds : float
        The interval; 0 picks every frame.
    """

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
        return timed(
            {
                key: Reading(value=each["value"][picked], timestamp=each["timestamp"])
                if _is_batch(each["value"])
                else each
                for key, each in reading.items()
            },
            [times[place] for place in picked],
        )


def _is_image(value: Any) -> bool:
    return getattr(value, "ndim", 0) > 1


def _is_batch(value: Any) -> bool:
    return getattr(value, "ndim", 0) > 2
