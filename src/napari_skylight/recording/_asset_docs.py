"""The documents of a recording's file, as Tiled's consolidators read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from event_model import ComposeStreamResource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    import numpy as np
    from bluesky.protocols import Reading, StreamAsset
    from event_model import ComposeStreamResourceBundle, DataKey
    from event_model.documents.event_descriptor import Dtype

    from napari_skylight.frames import Frame

ZARR_MIMETYPE = "application/x-zarr"
TIFF_MIMETYPE = "multipart/related;type=image/tiff"


class AssetDocs:
    """Makes the documents of one file, with frames of `shape` and `dtype`, and its `first`.

    Each frame of an OME-Zarr image is a data point, to be read while the file grows. An OME-TIFF
    file is one data point, all of its frames, when it is closed: Tiled reads TIFF files as a whole.
    """

    def __init__(
        self, path: Path, first: Frame, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._path = path
        self._first = first
        self._data_key = first.key
        self._is_zarr = path.suffix == ".zarr"
        if self._is_zarr and len(shape) > 2:  # colours are channels there
            shape = (shape[2], *shape[:2])
        self._shape = shape
        self._dtype = dtype
        self._bundle: ComposeStreamResourceBundle | None = None
        self._collected = 0

    def index(self, frames: int, is_closed: bool) -> int:
        """Return the number of data points of a file with `frames` frames."""
        return frames if self._is_zarr else int(is_closed and frames > 0)

    def describe(self, frames: int) -> dict[str, DataKey]:
        """Describe a data point of a file with `frames` frames."""
        return {
            self._data_key: {
                "source": self._uri,
                "dtype": "array",
                "dtype_numpy": self._dtype.str,
                "shape": list(self._shape if self._is_zarr else (frames, *self._shape)),
                "external": "STREAM:",
            }
        }

    def read_configuration(self) -> dict[str, Reading[Any]]:
        """Return what was read with the first frame."""
        return {
            key: {"value": value, "timestamp": self._first.timestamp}
            for key, value in self._first.metadata.items()
            if isinstance(value, (bool, int, float, str))
        }

    def describe_configuration(self, source: str) -> dict[str, DataKey]:
        """Describe `read_configuration`, which `source` returns."""
        return {
            key: {"source": source, "dtype": _dtype(reading["value"]), "shape": []}
            for key, reading in self.read_configuration().items()
        }

    def collect(self, index: int, frames: int) -> Iterator[StreamAsset]:
        """Yield the documents of the data points up to `index`, each once."""
        if index <= self._collected:
            return
        if self._bundle is None:
            chunk = (1 if self._is_zarr else frames, *self._shape)
            parameters: dict[str, Any] = {"chunk_shape": list(chunk)}
            if not self._is_zarr:
                parameters["template"] = ""  # the uri is that of the only file
            self._bundle = ComposeStreamResource()(
                mimetype=ZARR_MIMETYPE if self._is_zarr else TIFF_MIMETYPE,
                uri=self._uri,
                data_key=self._data_key,
                parameters=parameters,
            )
            yield "stream_resource", self._bundle.stream_resource_doc
        start, self._collected = self._collected, index
        yield (
            "stream_datum",
            self._bundle.compose_stream_datum({"start": start, "stop": index}),
        )

    @property
    def _uri(self) -> str:
        # Not quoted: Tiled takes the path as it is, so spaces and umlauts must be, too.
        path = self._path.absolute().as_posix()
        return f"file://localhost/{path.lstrip('/')}{'/0' if self._is_zarr else ''}"


def _dtype(value: Any) -> Dtype:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"
