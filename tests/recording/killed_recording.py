"""A recording in a process of its own, killed, and what is left of it.

``python killed_recording.py FOLDER`` records until it is killed. For each frame written, it prints
the time, from `time.monotonic`, and the number of frames written until then.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zarr

from napari_skylight.recording import FrameWriter
from napari_skylight.session import Session
from napari_skylight.testing import FakeStreamingCamera


class TellingWriter(FrameWriter):
    def append(self, pixels, frame=None):
        count = super().append(pixels, frame)
        print(time.monotonic(), count, flush=True)  # noqa: T201 - for the other process
        return count


def record(folder: Path) -> None:
    with Session() as session:
        session.add_device(FakeStreamingCamera(shape=(128, 128), seconds=0.004)).result(10)
        session.recordings.writer = TellingWriter
        session.start("record", {"cameras": ["camera"], "folder": folder}).result(60)


class Left(NamedTuple):
    """What is left of a killed recording."""

    due: int
    """Frames that were written more than 1 s before."""
    readable: int
    """Of these, those that are in the file at their place, and not torn."""
    damaged: int
    """Later frames that are neither as the camera made them nor missing."""


def kill_recording(folder: Path, seconds: float) -> Left:
    """Kill a recording so long after its first frame."""
    command = [sys.executable, __file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            time.sleep(seconds)  # a moment of a running recording
        finally:
            killed = time.monotonic()
            process.kill()
        lines += process.stdout.read().splitlines()
    written = [line.split() for line in lines if len(line.split()) == 2]
    due = max((int(count) for when, count in written if float(when) < killed - 1), default=0)
    (file,) = folder.iterdir()
    pixels = np.asarray(zarr.open_group(file, mode="r")["0"])
    numbers = pixels[:, 0, 0].astype(int)
    right = numbers == np.arange(numbers[0], numbers[0] + len(numbers))
    right &= pixels.min((1, 2)) == pixels.max((1, 2))
    missing = pixels.max((1, 2)) == 0
    return Left(due, int(right[:due].sum()), int((~right & ~missing)[due:].sum()))


if __name__ == "__main__":
    record(Path(sys.argv[1]))
