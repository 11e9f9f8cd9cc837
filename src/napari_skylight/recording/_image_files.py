"""The image files of a run, by its documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from event_model import DataKey, DocumentRouter

from napari_skylight.frames import FileFrames, is_colour
from napari_skylight.recording._run_files import read_documents


@dataclass(frozen=True)
class ImageFile:
    """Images that a detector has written, as the documents of a run say."""

    resource: Mapping[str, Any]
    """The stream resource."""
    data_key: DataKey
    device: str
    start: int
    stop: int
    """Of the data points."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The configuration of the devices."""

    @property
    def key(self) -> str:
        """The name of the data key."""
        return str(self.resource["data_key"])

    @property
    def path(self) -> Path:
        """The file, or the folder of the files; of an OME-Zarr image, the folder of its pixels."""
        return path_of(self.resource["uri"])

    @property
    def count(self) -> int:
        """The number of images; of OME-Zarr, where colours come first, one for each data point."""
        shape = [each or 1 for each in self.data_key["shape"]]
        per_point = prod(shape[: -3 if is_colour(shape) else -2])
        return (self.stop - self.start) * (1 if ".ome.zarr" in str(self.path) else per_point)

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def beside(self, run_file: Path) -> ImageFile:
        """Return the same images in a copy beside `run_file`, if only that exists."""
        if self.exists:
            return self
        parts = self.path.parts
        # the path may go on within the copy: camera.ome.zarr/0
        for place in range(len(parts) - 1, 0, -1):
            copy = run_file.parent.joinpath(*parts[place:])
            if copy.exists():
                uri = f"file://localhost/{copy.absolute().as_posix().lstrip('/')}"
                return replace(self, resource={**self.resource, "uri": uri})
        return self

    def paths(self) -> list[Path]:
        """Return the path of each file; raise as `FileFrames` does."""
        return [path_of(uri) for uri in self.open().uris]

    def open(self) -> FileFrames:
        """Return the frames, read when they are indexed; raise as `FileFrames` does."""
        return FileFrames(self.resource, self.data_key, self.start, self.stop)


@dataclass(frozen=True)
class RunImages:
    """The image files of a run."""

    files: tuple[ImageFile, ...] = ()
    """Those that are there."""
    missing: tuple[Path, ...] = ()
    """Those that are not."""

    @classmethod
    def of(cls, images: Iterable[ImageFile]) -> RunImages:
        """Look which of `images` are there."""
        images = list(images)
        return cls(
            tuple(each for each in images if each.exists),
            tuple(each.path for each in images if not each.exists),
        )


def read_run_images(run_file: Path) -> RunImages:
    """Return the image files that are named in a run file, or their copies beside it."""
    named = image_files(read_documents(run_file))
    return RunImages.of(each.beside(run_file) for each in named)


def path_of(uri: str) -> Path:
    """Return the local path of a file URI, quoted or not."""
    parts = urlsplit(uri, allow_fragments=False)
    path = Path(url2pathname(parts.path))
    return path if path.exists() else Path(unquote(parts.path))


def image_files(documents: Iterable[tuple[str, Mapping[str, Any]]]) -> list[ImageFile]:
    """Return the images in files that a run names in its stream resources."""
    found = _ImageFiles()
    for name, document in documents:
        found(name, dict(document))
    return found.all()


class _ImageFiles(DocumentRouter):
    def __init__(self) -> None:
        super().__init__()
        self._descriptors: dict[str, Any] = {}
        self._resources: dict[str, Any] = {}
        self._ranges: dict[str, tuple[str, int, int]] = {}

    def descriptor(self, doc: Any) -> None:
        self._descriptors[doc["uid"]] = doc

    def stream_resource(self, doc: Any) -> None:
        self._resources[doc["uid"]] = doc

    def stream_datum(self, doc: Any) -> None:
        start, stop = doc["indices"]["start"], doc["indices"]["stop"]
        uid = doc["stream_resource"]
        _, first, last = self._ranges.get(uid, ("", start, stop))
        self._ranges[uid] = doc["descriptor"], min(first, start), max(last, stop)

    def all(self) -> list[ImageFile]:
        files = []
        for uid, (descriptor_uid, start, stop) in self._ranges.items():
            resource = self._resources.get(uid, {})
            descriptor = self._descriptors.get(descriptor_uid, {})
            key = resource.get("data_key")
            data_key = descriptor.get("data_keys", {}).get(key)
            if data_key is None or len(data_key["shape"]) < 2:
                continue
            owners = descriptor.get("object_keys", {}).items()
            device = next((name for name, keys in owners if key in keys), key)
            values = {
                name: value
                for each in descriptor.get("configuration", {}).values()
                for name, value in each["data"].items()
            }
            files.append(ImageFile(resource, data_key, device, start, stop, values))
        return files
