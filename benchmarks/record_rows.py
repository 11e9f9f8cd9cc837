"""The rows of the benchmark of recordings; each is measured in a process of its own."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import ome_writers
import psutil
from benchmark_table import Figures, Row
from live_screen import Screen, some_frames, spin, spin_until

from napari_skylight.recording import RecordingStatus
from napari_skylight.session import Session
from napari_skylight.testing import FakeStreamingCamera
from napari_skylight.viewer import ViewerLink

sys.path.append(str(Path(__file__).parents[1] / "tests" / "recording"))
from killed_recording import kill_recording

FRAMES = {512: 1200, 1024: 360, 2048: 100}
"""How many frames are written, by size: 600 MB to 850 MB."""


class NoiseCamera(FakeStreamingCamera):
    """Streams frames of noise in turn."""

    def __init__(self, frames: list[np.ndarray], rate: float) -> None:
        super().__init__(shape=frames[0].shape, seconds=1 / rate, stream_bytes=1_000_000_000)
        self._noise = frames

    def _finish(self) -> None:
        self.frames += 1
        slot = self._stream.slot(self.shape, self.dtype, {f"{self.name}-pixel_size": 0.5})
        np.copyto(slot, self._noise[self.frames % len(self._noise)])
        self._stream.commit(time.time())


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder beside this file, on a real disk, and remove it afterwards."""
    path = Path(tempfile.mkdtemp(prefix="recordings-", dir=Path(__file__).parent))
    os.sync()  # what others have written counts for none
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def shown(camera: Any, viewer: Any) -> Iterator[tuple[Session, ViewerLink]]:
    """Make a session with a camera, shown in `viewer`."""
    with Session() as session:
        session.add_device(camera).result(10)
        link = ViewerLink(viewer, session)
        yield session, link
        link.close()


def record(session: Session, where: Path, frames: int) -> RecordingStatus:
    """Record so many frames of the camera; return the status at the end."""
    done = session.start("record", {"cameras": ["camera"], "frames": frames, "folder": where})
    spin_until(done.done, 300)
    done.result(0)
    status = session.recordings.now[-1]
    assert status.frames == frames, status
    return status


def write_alone(where: Path, frames: list[np.ndarray], number: int) -> float:
    """Write frames with the library alone; return how many a second."""
    size = frames[0].shape[0]
    began = perf_counter()
    stream = ome_writers.create_stream(
        ome_writers.AcquisitionSettings(
            root_path=str(where / "alone.ome.zarr"),
            dimensions=[
                ome_writers.Dimension(name="t", type="time", count=number, chunk_size=1),
                ome_writers.Dimension(name="y", type="space", count=size, chunk_size=size),
                ome_writers.Dimension(name="x", type="space", count=size, chunk_size=size),
            ],
            dtype="uint16",
            format={"name": "ome-zarr", "backend": "zarr-python"},
        )
    )
    for place in range(number):
        stream.append(frames[place % len(frames)])
    stream.close()
    return number / (perf_counter() - began)


def written(size: int, quick: bool) -> Figures:
    """Frames written a second, by the library alone and from a free-running camera."""
    frames, number = some_frames(size), FRAMES[size] // (2 if quick else 1)
    rates: dict[str, list[float]] = {"alone": [], "ours": []}
    with Screen() as screen:
        for turn in range(2 if quick else 4):
            with folder() as where:
                alone = write_alone(where, frames, number)
            # nearly as fast as the disk; what is written later waits in the queue
            camera = NoiseCamera(frames, 0.95 * alone)
            with folder() as where, shown(camera, screen.viewer) as (session, _link):
                session.recordings.queue_bytes = 2_000_000_000
                status = record(session, where, number)
                assert status.ended is not None
                ours = number / (status.ended - status.started)
            screen.empty()
            if turn:  # the first pays for imports
                rates["alone"].append(alone)
                rates["ours"].append(ours)
    return {f"written_{size}_{name}": median(each) for name, each in rates.items()}


ROWS: dict[str, Row] = {f"written_{size}": partial(written, size) for size in FRAMES}


def row(measure: Row) -> Row:
    ROWS[measure.__name__] = measure  # type: ignore[attr-defined]
    return measure


@row
def painted(quick: bool) -> Figures:
    """Frames painted a second, live only and while recording: 1024², 50 a second."""
    repeats, seconds = (2, 3) if quick else (3, 6)
    frames = some_frames(1024)
    rates: dict[str, list[float]] = {"live": [], "recording": []}
    lost = 0
    with Screen() as screen, folder() as where:
        camera = NoiseCamera(frames, 50)
        with shown(camera, screen.viewer) as (session, link):
            session.recordings.names = type(session.recordings.names)("{counter}", where)
            session.start("live_view", {"cameras": ["camera"]})
            spin_until(lambda: link.shown > 20)
            for _ in range(repeats):
                for name in rates:
                    recording = name == "recording"
                    session.request("record", recording)
                    spin_until(lambda on=recording: session.actions["record"].state.on == on)
                    spin(0.5)
                    before, began = link.shown, perf_counter()
                    spin(seconds)
                    rates[name].append((link.shown - before) / (perf_counter() - began))
            session.request("record", False)
            spin_until(lambda: not session.actions["record"].state.on)
            lost = sum(each.lost + bool(each.problem) for each in session.recordings.now)
            session.stop().result(30)
    figures: Figures = {f"painted_{name}": median(each) for name, each in rates.items()}
    return figures | {"painted_lost": lost}


@row
def memory(quick: bool) -> Figures:
    """Most memory while a camera waits for the disk, over that before and the queue, MB."""
    frames, number = some_frames(2048), 60 if quick else 150
    queue, process, most = 128_000_000, psutil.Process(), 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.005):
            most = max(most, process.memory_info().rss)

    with Screen() as screen, folder() as where:
        camera = NoiseCamera(frames, 1000)
        with shown(camera, screen.viewer) as (session, _link):
            session.recordings.queue_bytes = queue
            values = {"cameras": ["camera"], "folder": where, "stream": False}
            spin_until(session.start("record", values | {"frames": 3}).done)
            before = process.memory_info().rss
            watching = threading.Thread(target=watch, daemon=True)
            watching.start()
            done = session.start("record", values | {"frames": number})
            spin_until(done.done, 300)
            done.result(0)
            ended.set()
            watching.join()
    return {"memory_over_queue": (most - before - queue) / 1e6, "memory_queue": queue / 1e6}


@row
def killed(quick: bool) -> Figures:
    """Recordings killed at random moments: frames that had to be readable, and damaged ones."""
    due = readable = damaged = 0
    for _ in range(3 if quick else 20):
        with folder() as where:
            left = kill_recording(where, random.uniform(1.1, 2.5))
        due, readable = due + left.due, readable + left.readable
        damaged += left.damaged
    return {"killed_due": due, "killed_readable": readable, "killed_damaged": damaged}
