"""Cameras made from devices of other kinds: file-writing detectors, and colour cameras as grey."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from bluesky.protocols import Hints, Reading
from bluesky.utils import maybe_await
from event_model import DataKey
from numpy.typing import NDArray
from ophyd_async.core import AsyncStatus, StandardDetector, TriggerInfo

from napari_skylight.frames import is_colour
from napari_skylight.protocols import Camera, FrameBatch

__all__ = ["FileCamera", "Luminance"]

_log = logging.getLogger("napari_skylight")

T = TypeVar("T")

WEIGHTS = 0.2126, 0.7152, 0.0722
"""Of red, green and blue in the luminance: Recommendation ITU-R BT.709-6, item 3.2."""

FILE_SECONDS = 10.0
"""Time limit for reading a frame from a file."""


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

    Such a detector announces its frames in stream documents, and cannot describe itself before it
    is prepared. The events hold the readings in place of these documents. The thread
    ``skylight-files-<name>`` reads the files, from the first trigger to `unstage`.

    Parameters
    ----------
    detector : StandardDetector
        Writes HDF5 files (readable while written: SWMR), one collection per event.
    """

    parent = None

    def __init__(self, detector: StandardDetector) -> None:
        self.detector = detector
        self._files: _Files | None = None
        self._keys: dict[str, DataKey] | None = None
        self._readings: dict[str, Reading[Any]] = {}

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
        await self._end_files()
        await self.detector.stage()

    @AsyncStatus.wrap
    async def unstage(self) -> None:
        """Let the detector close its files."""
        await self._end_files()
        await self.detector.unstage()

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        """Take a frame and read it from its file.

        Raises
        ------
        ValueError
            From the status, if the detector writes other than HDF5 files.
        """
        await self.detector.trigger()
        documents = [document async for document in self.detector.collect_asset_docs()]
        if self._files is None:
            self._files = _Files(self.name)
        self._readings |= await self._files.newest(documents)

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

    async def describe(self) -> dict[str, DataKey]:
        """Return the data keys of `read`.

        The first call prepares the detector, which may leave a file without frames.
        """
        if self._keys is None:
            await self.detector.stage()
            await self.detector.prepare(TriggerInfo())
            keys = await self.detector.describe()
            await self.detector.stage()  # not unstage: it was staged before
            self._keys = {name: _inline(name, key) for name, key in keys.items()}
        return self._keys

    async def _end_files(self) -> None:
        files, self._files = self._files, None
        if files is not None:
            await files.close()


def _inline(name: str, key: DataKey) -> DataKey:
    """Return `key` without the axis of collections, and not external."""
    inline: DataKey = {**key, "source": f"hdf5://{name}", "shape": list(key["shape"][1:])}
    inline.pop("external", None)
    return inline


class _Files:
    """The HDF5 files that a detector writes, open for reading on their own thread."""

    def __init__(self, name: str) -> None:
        try:
            self._h5py = importlib.import_module("h5py")
        except ImportError as error:
            raise ImportError(
                f"Reading the files of {name} takes h5py: pip install h5py"
            ) from error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"skylight-files-{name}")
        self._open: dict[str, Any] = {}  # by path
        self._datasets: dict[str, tuple[str, Any]] = {}  # data key and dataset, by resource

    async def newest(self, documents: Sequence[tuple[str, Any]]) -> dict[str, Reading[Any]]:
        """Return the last reading of each stream in `documents`, by data key."""
        return await self._ask(self._newest, documents)

    async def close(self) -> None:
        try:
            await self._ask(self._close)
        finally:
            self._thread.shutdown(wait=False)

    async def _ask(self, job: Callable[..., T], *args: Any) -> T:
        answer = asyncio.get_running_loop().run_in_executor(self._thread, job, *args)
        async with asyncio.timeout(FILE_SECONDS):
            return await answer

    def _newest(self, documents: Sequence[tuple[str, Any]]) -> dict[str, Reading[Any]]:
        readings: dict[str, Reading[Any]] = {}
        for kind, document in documents:
            if kind == "stream_resource":
                self._add(document)
            elif kind == "stream_datum":
                key, dataset = self._datasets[document["stream_resource"]]
                dataset.id.refresh()
                value = dataset[document["indices"]["stop"] - 1]
                if value.ndim == 0:
                    value = value.item()
                readings[key] = {"value": value, "timestamp": time.time()}
        return readings

    def _add(self, resource: dict[str, Any]) -> None:
        if resource["mimetype"] != "application/x-hdf5":
            raise ValueError(
                f"{resource['data_key']} is written as {resource['mimetype']}; "
                "only HDF5 files can be shown."
            )
        path = url2pathname(urlsplit(resource["uri"]).path)
        if path not in self._open:
            self._open[path] = self._h5py.File(path, "r", libver="latest", swmr=True)
        dataset = self._open[path][resource["parameters"]["dataset"]]
        self._datasets[resource["uid"]] = resource["data_key"], dataset

    def _close(self) -> None:
        for file in self._open.values():
            file.close()
