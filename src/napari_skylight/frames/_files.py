"""Reads what a detector has written into files, while it writes."""

from __future__ import annotations

from collections import ChainMap
from functools import cache
from importlib.metadata import entry_points
from math import prod
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from event_model import Filler

from napari_skylight.frames._frame import is_colour

if TYPE_CHECKING:
    from collections.abc import Mapping

    from event_model import DataKey
    from numpy.typing import NDArray


class FileNotReadyError(RuntimeError):
    """A file does not hold yet what its documents say."""


def read_newest(resource: Mapping[str, Any], data_key: DataKey, stop: int) -> Any:
    """Return the last of the data that a detector has written into files.

    Parameters
    ----------
    resource : dict
        The stream resource.
    data_key : dict
        Its data key in the descriptor.
    stop : int
        The number of data written: the end of the indices in the last stream datum.

    Returns
    -------
    ndarray or scalar
        An image may have leading axes, such as that of the frames of one event.

    Raises
    ------
    ImportError
        If the packages that read files are not installed.
    FileNotReadyError
        If the file is shorter.
    Exception
        Whatever the library raises that reads the file.
    """
    tools = _tools()
    adapter, consolidator = _open(resource, data_key, stop - 1, stop)
    shape = adapter.structure().shape
    has_many = isinstance(consolidator, tools.MultipartRelatedConsolidator)
    row = stop - 1
    if has_many:
        row = shape[0] - 1
    elif 1 < len(shape) == len(consolidator.datum_shape):  # the frames of all events in a row
        row = stop * consolidator.datum_shape[0] - 1
    if not 0 <= row < shape[0]:
        raise FileNotReadyError(f"it holds {shape[0]} of {row + 1} images yet")
    return adapter.read(slice=tools.NDSlice(row))


class FileFrames:
    """The frames that a detector has written into files, read when they are indexed.

    Opening them takes a second the first time. Raises as `read_newest` does.

    Parameters
    ----------
    resource : dict
        The stream resource.
    data_key : dict
        Its data key in the descriptor.
    start, stop : int
        Of the indices in its stream datums.

    Attributes
    ----------
    shape : tuple of int
        (N, Y, X), or (N, Y, X, 3) in colour.
    dtype : numpy.dtype
    ndim : int
    uris : tuple of str
        Of the files.
    """

    def __init__(
        self, resource: Mapping[str, Any], data_key: DataKey, start: int, stop: int
    ) -> None:
        self._adapter, consolidator = _open(resource, data_key, start, stop)
        self.uris = tuple(str(asset.data_uri) for asset in consolidator.assets)
        structure = self._adapter.structure()
        ndim = 3 if is_colour(structure.shape) else 2
        self._lead = structure.shape[:-ndim]
        per_datum = prod(consolidator.datum_shape[:-ndim])
        has_many = isinstance(consolidator, _tools().MultipartRelatedConsolidator)
        self._first = 0 if has_many else start * per_datum
        there = prod(self._lead) - self._first
        count = max(0, min((stop - start) * per_datum, there))
        if not count:
            raise FileNotReadyError("it holds no images")
        self.shape: tuple[int, ...] = (count, *structure.shape[-ndim:])
        self.ndim = len(self.shape)
        self.dtype = structure.data_type.to_numpy_dtype()
        self._lock = Lock()
        self._last: tuple[int, NDArray[Any]] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        index = index if isinstance(index, tuple) else (index,)
        places = np.arange(len(self))[index[0]]
        if not places.ndim:
            frame: NDArray[Any] = self._frame(int(places))[index[1:]]
            return frame
        frames = [self._frame(int(place))[index[1:]] for place in places]
        return np.stack(frames) if frames else np.empty((0, *self.shape[1:]), self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)

    def _frame(self, place: int) -> NDArray[Any]:
        with self._lock:
            if self._last is None or self._last[0] != place:
                indices = np.unravel_index(self._first + place, self._lead)
                part = _tools().NDSlice(*map(int, indices))
                self._last = place, np.asarray(self._adapter.read(slice=part))
            return self._last[1]


def _open(resource: Mapping[str, Any], data_key: DataKey, start: int, stop: int) -> tuple[Any, Any]:
    """Return tiled's adapter of data points, and the consolidator; it may hold those before."""
    tools = _tools()
    resource = {**resource, "parameters": dict(resource["parameters"])}
    descriptor = {"data_keys": {resource["data_key"]: data_key}}
    consolidator = tools.consolidator_factory(resource, descriptor)
    adapter_class = tools.adapters.get(resource["mimetype"])
    if adapter_class is None or not isinstance(consolidator, tools.ConsolidatorBase):
        raise ValueError(f"nothing can read images of the type {resource['mimetype']}")
    has_many = isinstance(consolidator, tools.MultipartRelatedConsolidator)
    # of many files, only those of these data points
    indices = {"start": start if has_many else 0, "stop": stop}
    consolidator.consume_stream_datum({"indices": indices, "seq_nums": {"start": 0, "stop": 0}})
    # from the documents, as `init_adapter` makes it, it fails for a file that is ahead of them
    adapter = adapter_class.from_uris(
        *(asset.data_uri for asset in consolidator.assets), **consolidator.adapter_parameters()
    )
    return adapter, consolidator


def read_datum(resource: Mapping[str, Any], datum: Mapping[str, Any]) -> Any:
    """Return what a datum document announces, by the handler for its resource.

    Handlers are installed with packages such as area-detector-handlers.

    Raises
    ------
    ImportError
        If there is no handler.
    Exception
        Whatever the handler raises.
    """
    spec = resource["spec"]
    handlers = entry_points(group="databroker.handlers", name=spec)
    if not handlers:
        raise ImportError(
            f"No handler for files of the kind {spec} is installed: "
            "pip install area-detector-handlers"
        )
    registry = {spec: next(iter(handlers)).load()}
    # a new one each time: the file may have grown
    with Filler(registry, inplace=False, retry_intervals=[]) as filler:
        handler = filler.get_handler(resource)
        try:
            return handler(**datum["datum_kwargs"])
        finally:
            if hasattr(handler, "close"):
                handler.close()


@cache
def _tools() -> SimpleNamespace:
    """Import what reads files, which takes a second."""
    try:
        from bluesky_tiled_plugins.writing import consolidators
        from ome_tiled import OME_ZARR_MIMETYPE, OmeZarrAdapter
        from ome_tiled.bluesky import register_consolidator
        from tiled.mimetypes import DEFAULT_ADAPTERS_BY_MIMETYPE
        from tiled.ndslice import NDSlice
    except ImportError as error:
        raise ImportError(
            f"Reading the files of detectors takes the package {error.name}: "
            'pip install "napari-skylight[files]"'
        ) from error
    register_consolidator()
    # tiled's own adapter of Zarr arrays needs a catalogue
    own = {
        OME_ZARR_MIMETYPE: OmeZarrAdapter,
        "application/x-zarr": OmeZarrAdapter,
        "application/x-hdf5": _hdf5_adapter(),
    }
    return SimpleNamespace(
        NDSlice=NDSlice,
        ConsolidatorBase=consolidators.ConsolidatorBase,
        consolidator_factory=consolidators.consolidator_factory,
        MultipartRelatedConsolidator=consolidators.MultipartRelatedConsolidator,
        adapters=ChainMap(own, DEFAULT_ADAPTERS_BY_MIMETYPE),
    )


def _hdf5_adapter() -> Any:
    """Return tiled's adapter of HDF5 datasets; a read takes the same time for any number of frames.

    The original makes one task a frame: 0.2 s for 5000 frames.
    """
    import dask.array
    import h5py
    from tiled.adapters.hdf5 import HDF5ArrayAdapter

    class Adapter(HDF5ArrayAdapter):  # type: ignore[misc]  # tiled has no types
        @staticmethod
        def lazy_load_hdf5_array(path: Any, dataset: str, **how: Any) -> Any:
            values = h5py.File(path, "r", **how)[dataset]  # closed with the last reference
            return dask.array.from_array(values, chunks=values.shape, name=False)

    return Adapter
