"""Images in our OME-TIFF files, also while they are written and after a crash."""

from __future__ import annotations

import json
import struct
import weakref
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from napari_skylight.frames import Frame
from napari_skylight.recording._frame_lines import frames_in, read_lines
from napari_skylight.recording._stored_image import Channel, StoredFrames, StoredImage
from napari_skylight.recording._tiff_sink import NAMESPACE, lines_path
from napari_skylight.recording._writer import library

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OME = "{http://www.openmicroscopy.org/Schemas/OME/2016-06}"


class TiffPages:
    """The pages of a TIFF as an array, (…, Y, X) or (…, Y, X, 3), read when they are indexed."""

    def __init__(self, path: Path) -> None:
        self._file = library("tifffile").TiffFile(path)
        self._end = weakref.finalize(self, self._file.close)
        self._lock = Lock()
        pages = self._file.pages
        self.ome_xml = str(self._file.ome_metadata or "")
        self.count = len(pages)
        self.page_shape = tuple(pages.first.shape)
        self.dtype = np.dtype(pages.first.dtype)
        self.arrange(self.count)

    def arrange(self, *lead: int) -> None:
        """Give the pages leading axes of these lengths."""
        self._pages = np.arange(self.count).reshape(lead)
        self.shape = (*lead, *self.page_shape)
        self.ndim = len(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in index:
            place = index.index(Ellipsis)
            missing = self.ndim - len(index) + 1
            index = (*index[:place], *[slice(None)] * missing, *index[place + 1 :])
        lead = self._pages.ndim
        pages = np.asarray(self._pages[index[:lead]])
        rest = index[lead:]
        with self._lock:
            if not pages.ndim:
                return np.asarray(self._file.pages[int(pages)].asarray()[rest])
            pixels = np.empty((pages.size, *self.page_shape), self.dtype)
            for place, page in enumerate(pages.flat):
                pixels[place] = self._file.pages[int(page)].asarray()
        inner = (slice(None),) * pages.ndim
        return pixels.reshape(*pages.shape, *self.page_shape)[(*inner, *rest)]

    def close(self) -> None:
        """Close the file."""
        self._end()


def read_tiff(path: Path) -> list[StoredImage]:
    """Return the image of one of our files; empty for a file of another program."""
    tifffile = library("tifffile")
    try:
        pages = TiffPages(path)
    except (tifffile.TiffFileError, struct.error, IndexError, ValueError):  # not one, or cut short
        return []
    if NAMESPACE not in pages.ome_xml:
        pages.close()
        return []
    root = ElementTree.fromstring(pages.ome_xml)
    own, lines = _own_values(root)
    image = root.find(f"{_OME}Image")
    stored = image.find(f"{_OME}Pixels") if image is not None else None
    if stored is None or not own:
        pages.close()
        return []
    size = {axis: int(stored.get(f"Size{axis}", 1)) for axis in "TZ"}
    depth = stored.get("PhysicalSizeZ")
    rgb = bool(own["rgb"])
    count = pages.count
    lead = str(own["axes"])
    if lead != "t" and count != size["T"] * size["Z"]:  # it was not completed
        lead = "t"
    pages.arrange(*({"t": count // size["Z"], "z": size["Z"]}[axis] for axis in lead))
    limits = own.get("contrast_limits")
    places = [float(depth) if axis == "z" and depth else 1.0 for axis in lead]
    units = ["um" if axis == "z" and depth else "pixel" for axis in lead]
    crashed = lines_path(path)

    def load() -> list[Frame]:
        if crashed.exists():  # or still being written
            return list(islice(read_lines(crashed), count))
        return list(frames_in(lines.splitlines(keepends=True)))

    channel = stored.find(f"{_OME}Channel")
    colour = _hexadecimal(int(channel.get("Color", -1))) if channel is not None else "FFFFFF"
    return [
        StoredImage(
            name=str(own["name"]),
            levels=[pages],
            axes=f"{lead}yx{'c' * rgb}",
            scale=(*places, *own["scale"]),
            translate=(*(0.0 for _ in places), *own["translate"]),
            units=(*units, own["unit"], own["unit"]),
            channels=(Channel(str(own["name"]), colour, tuple(limits) if limits else None),),
            rgb=rgb,
            colormap=str(own["colormap"]),
            runs=tuple(own["runs"]),
            metadata=dict(own["metadata"]),
            frames=StoredFrames(load) if lines or crashed.exists() else (),
        )
    ]


def _own_values(root: ElementTree.Element) -> tuple[dict[str, Any], str]:
    """Return what we have written beside the standard's own values, and the line of each frame."""
    for annotation in root.iter(f"{_OME}MapAnnotation"):
        if annotation.get("Namespace") == NAMESPACE:
            texts = {str(each.get("K")): each.text or "" for each in annotation.iter(f"{_OME}M")}
            lines = texts.pop("frames", "")
            return {key: json.loads(text) for key, text in texts.items()}, lines
    return {}, ""


def _hexadecimal(rgba: int) -> str:
    """Return red, green and blue of a colour of OME-XML."""
    return f"{rgba % 2**32:08X}"[:6]
