"""Cameras made from devices of other kinds: file-writing detectors, and colour cameras as grey."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from bluesky.protocols import Hints, Reading, StreamAsset
from bluesky.utils import maybe_await
from event_model import DataKey, StreamDatum, StreamResource
from numpy.typing import NDArray
from ophyd_async.core import AsyncStatus, SignalR, StandardDetector, TriggerInfo

from napari_skylight.frames import FileNotReadyError, is_colour, newest_frame, read_newest
from napari_skylight.protocols import Camera, FrameBatch

__all__ = ["FileCamera", "Luminance"]

_log = logging.getLogger("napari_skylight")

WEIGHTS = 0.2126, 0.7152, 0.0722
"""Of red, green and blue in the luminance: Recommendation ITU-R BT.709-6, item 3.2."""

FILE_SECONDS = 10.0
"""Time limit for reading a frame from a file."""

LATE_SECONDS = 0.05, 0.2, 0.5, 1.0
"""The intervals between attempts to read a file that is late."""

_MEMBERS = (
    *("parent", "hints", "connect", "wait_for_connection", "children", "exposure"),
    *("trigger", "stage", "unstage", "pause", "resume", "stop", "start_stream", "stop_stream"),
    *("configure", "read_configuration", "describe_configuration"),
)


class Luminance:
    """A colour camera as a grey one, for plans and analyses that take 2-D frames.

    ``camera = Luminance(camera)`` in a plan, or `Session.add_device` of it in place of the camera.
    It has the members of `camera`: one that streams or has an exposure time still does. Frames
    ``(height, width, 3)`` become their luminance ``(height, width)`` of the same dtype, with the
    weights of ITU-R BT.709; the log says so once. Grey frames and other readings stay as they are.

    Parameters
    ----------
    camera : Camera
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self._has_said = False
        # not __getattr__: protocols look for attributes of the object
        for member in _MEMBERS:
            if hasattr(camera, member):
                setattr(self, member, getattr(camera, member))
        if hasattr(camera, "drain"):
            self.drain = self._drain

    @property
    def name(self) -> str:
        """The name of the camera."""
        return self.camera.name

    async def read(self) -> dict[str, Reading[Any]]:
        """Return the newest frame ``(height, width)``, and what was read with it."""
        return self._grey(await maybe_await(self.camera.read()))

    async def describe(self) -> dict[str, DataKey]:
        """Return the data keys of `read`."""
        keys = dict(await maybe_await(self.camera.describe()))
        for name, key in keys.items():
            if key["dtype"] == "array" and is_colour([each or 0 for each in key["shape"]]):
                keys[name] = {**key, "shape": list(key["shape"][:-1])}
        return keys

    async def _drain(self, after: int) -> FrameBatch:
        batch: FrameBatch = await maybe_await(self.camera.drain(after))  # type: ignore[attr-defined]
        return batch._replace(reading=self._grey(batch.reading))

    def _grey(self, readings: dict[str, Reading[Any]]) -> dict[str, Reading[Any]]:
        return {
            name: {**reading, "value": self._luminance(np.asarray(reading["value"]))}
            if is_colour(np.shape(reading["value"]))
            else reading
            for name, reading in readings.items()
        }

    def _luminance(self, frames: NDArray[Any]) -> NDArray[Any]:
        if not self._has_said:
            self._has_said = True
            *_, height, width, _ = frames.shape
            size = f"{width} × {height} {frames.dtype}"
            _log.info("%s gives colour: its luminance is used, %s.", self.camera.name, size)
        weights = np.array(WEIGHTS, np.result_type(frames.dtype, np.float32))
        grey: NDArray[Any] = frames[..., :3] @ weights
        if frames.dtype.kind != "f":
            np.rint(grey, out=grey)
        return grey.astype(frames.dtype, copy=False)


class FileCamera:
    """A file-writing detector as a camera: after each trigger it reads the newest frame back.

    A session makes one of each `StandardDetector` that a plan uses as a camera. The detector's
    stream documents announce the frames of events; frames that were only viewed are in the files
    without a document. The thread ``skylight-files-<name>`` reads the files, from the first trigger
    to `unstage`. On other engines, use the detector itself.

    Parameters
    ----------
    detector : StandardDetector
        Writes files that the extra ``files`` can read, such as HDF5 (readable while written: SWMR),
        TIFF or Zarr.
    """

    parent = None

    def __init__(self, detector: StandardDetector) -> None:
        self.detector = detector
        self._files: ThreadPoolExecutor | None = None
        self._unprepared: dict[str, DataKey] | None = None
        self._readings: dict[str, Reading[Any]] = {}
        self._resources: dict[str, StreamResource] = {}
        self._documents: dict[tuple[str, str], StreamAsset] = {}  # not collected yet

    @property
    def name(self) -> str:
        """The detector's name, and the data key of its image."""
        return self.detector.name

    @property
    def hints(self) -> Hints:
        """The hints of the detector."""
        return self.detector.hints

    def children(self) -> Iterator[tuple[str, Any]]:
        """Yield the parts of the detector."""
        yield from self.detector.children()

    async def connect(self) -> None:
        """Connect the detector."""
        await self.detector.connect()

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """Prepare the detector for new files."""
        self._forget()
        await self.detector.stage()

    @AsyncStatus.wrap
    async def unstage(self) -> None:
        """Let the detector close its files."""
        self._forget()
        await self.detector.unstage()

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        """Take a frame and read it from its file.

        Raises
        ------
        ImportError, ValueError
            From the status, if nothing is installed that reads the detector's files.
        """
        await self.detector.trigger()
        keys = await self.detector.describe()
        stops: dict[str, int] = {}
        documents: Any = self.detector.collect_asset_docs()
        async for kind, document in documents:
            if kind == "stream_resource":
                self._resources[document["uid"]] = document
                self._documents[kind, document["uid"]] = kind, document
            else:  # that of the trigger before was only viewed
                stops[document["stream_resource"]] = document["indices"]["stop"]
                self._documents[kind, document["stream_resource"]] = kind, _last(document)
        self._readings = dict(await self.detector.read())
        for uid, stop in stops.items():
            resource = self._resources[uid]
            key = resource["data_key"]
            value = await self._read_newest(resource, keys[key], stop)
            self._readings[key] = {"value": value, "timestamp": time.time()}

    def read(self) -> dict[str, Reading[Any]]:
        """Return the newest frame ``(height, width)``, and what was written with it.

        Raises
        ------
        RuntimeError
            If there is no frame yet.
        """
        if not self._readings:
            raise RuntimeError(f"{self.name} has no frame yet: trigger it first.")
        return dict(self._readings)

    async def collect_asset_docs(self) -> AsyncIterator[StreamAsset]:
        """Yield the detector's documents of the newest frame, and of new files."""
        documents, self._documents = self._documents, {}
        for document in documents.values():
            yield document

    async def describe(self) -> dict[str, DataKey]:
        """Return the data keys of the detector.

        Before the first trigger, this prepares the detector, which may leave a file without frames.
        """
        if self._resources:
            return await self.detector.describe()
        if self._unprepared is None:
            await self.detector.stage()
            await self.detector.prepare(TriggerInfo())
            self._unprepared = await self.detector.describe()
            await self.detector.stage()  # not unstage: it was staged before
        return self._unprepared

    async def describe_configuration(self) -> dict[str, DataKey]:
        """Return the data keys of the detector's configuration."""
        return await self.detector.describe_configuration()

    async def read_configuration(self) -> dict[str, Reading[Any]]:
        """Return the detector's configuration."""
        return await self.detector.read_configuration()

    async def _read_newest(self, resource: StreamResource, key: DataKey, stop: int) -> Any:
        """Return the last value in a file."""
        if self._files is None:
            name = f"skylight-files-{self.name}"
            self._files = ThreadPoolExecutor(1, thread_name_prefix=name)
        call = partial(read_newest, resource, key, stop)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(FILE_SECONDS):
            for seconds in LATE_SECONDS:
                try:
                    value = await loop.run_in_executor(self._files, call)
                    break
                except (FileNotReadyError, OSError):  # the detector is still writing it
                    await asyncio.sleep(seconds)
            else:
                value = await loop.run_in_executor(self._files, call)
        if np.ndim(value) < 2:
            return np.ravel(value)[-1].item()
        return newest_frame(value)

    def _forget(self) -> None:
        """Forget the files, and end their thread."""
        files, self._files = self._files, None
        if files is not None:
            files.shutdown(wait=False)
        self._readings.clear()
        self._resources.clear()
        self._documents.clear()


def preview_of(detector: StandardDetector) -> SignalR[Any] | None:
    """Return the part of a detector that is a signal of images; None if it has none."""
    parts = [part for _, part in detector.children()]
    while parts:
        part = parts.pop(0)
        if isinstance(part, SignalR) and part.datatype is np.ndarray:
            return part
        parts += [each for _, each in part.children()]
    return None


def _last(document: StreamDatum) -> StreamDatum:
    """Return `document` for the last of its indices."""
    stop = document["indices"]["stop"]
    return {**document, "indices": {"start": stop - 1, "stop": stop}}
