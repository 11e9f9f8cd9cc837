"""Processes that turn the frames of a camera into others while a plan runs.

A process is a function of arrays. It runs on a thread of its own, which skips frames that it has no
time for: what it returns is shown live.
"""

from napari_skylight.processing._built_in import (
    MaximumProjection,
    MedianDivided,
    MedianSubtracted,
    RunningMean,
)
from napari_skylight.processing._live_processor import LiveProcessor, ProcessorCounts
from napari_skylight.processing._processes import Process, Processes

__all__ = [
    "LiveProcessor",
    "MaximumProjection",
    "MedianDivided",
    "MedianSubtracted",
    "Process",
    "Processes",
    "ProcessorCounts",
    "RunningMean",
]
