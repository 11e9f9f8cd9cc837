"""Images in OME-Zarr folders, of ours and of other programs, also while they are written."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_skylight.recording._frame_lines import LINES, read_lines
from napari_skylight.recording._stored_image import Channel, StoredFrames, StoredImage
from napari_skylight.recording._writer import library
from napari_skylight.recording._zarr_sink import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_skylight.frames import Frame

_UNITS = {"micrometer": "um", "": "pixel"}


def read_zarr(path: Path) -> list[StoredImage]:
    """Return the images of a Zarr group, or those of the groups in it; empty if it has none."""
    zarr = library("zarr")
    try:
        group = zarr.open_group(str(path), mode="r")
    except (FileNotFoundError, ValueError):  # neither a group nor in one
        return []
    return list(_images_in(group, path))


def _images_in(group: Any, path: Path) -> Iterator[StoredImage]:
    attributes = dict(group.attrs)
    ome = attributes.get("ome", attributes)  # 0.5, or before
    if "multiscales" in ome:
        yield _image_of(group, path, ome, attributes.get(NAMESPACE, {}))
        return
    # Cameras or positions in one folder.
    groups: list[str] = sorted(name for name, _ in group.groups() if name != "OME")
    for place in groups:
        yield from _images_in(group[place], path / place)


def _image_of(
    group: Any, path: Path, ome: Mapping[str, Any], own: Mapping[str, Any]
) -> StoredImage:
    image = ome["multiscales"][0]
    axes: list[dict[str, Any]] = [
        each if isinstance(each, dict) else {"name": each} for each in image["axes"]
    ]
    names = "".join(each["name"] for each in axes)
    levels = [group[each["path"]] for each in image["datasets"]]
    scale, translate = [1.0] * len(axes), [0.0] * len(axes)
    for change in image["datasets"][0].get("coordinateTransformations", ()):
        if change["type"] == "scale":
            scale = list(change["scale"])
        elif change["type"] == "translation":
            translate = list(change["translation"])
    given = [str(each.get("unit", "")) for each in axes]
    units = [_UNITS.get(unit, unit) for unit in given]
    name = str(own.get("name") or image.get("name") or path.stem.removesuffix(".ome"))
    if own and "t" in names:  # a stack is shown by number, as it was
        place = names.index("t")
        scale[place], units[place] = 1.0, "pixel"
    spatial = [place for place, letter in enumerate(names) if letter != "c"]
    count = levels[0].shape[0] if names.startswith("t") else 1
    lines = path / image["datasets"][0]["path"] / LINES

    def load() -> list[Frame]:
        return list(islice(read_lines(lines), count))

    limits = own.get("contrast_limits")
    return StoredImage(
        name=name,
        levels=levels,
        axes=names,
        scale=tuple(float(scale[place]) for place in spatial),
        translate=tuple(float(translate[place]) for place in spatial),
        units=tuple(units[place] for place in spatial),
        channels=_channels_of(ome, name, tuple(limits) if limits else None, own=bool(own)),
        rgb=bool(own.get("rgb", False)),
        colormap=str(own.get("colormap", "")),
        runs=tuple(own.get("runs", ())),
        metadata=dict(own.get("metadata", {})),
        frames=StoredFrames(load) if lines.exists() else (),
    )


def _channels_of(
    ome: Mapping[str, Any], name: str, limits: tuple[float, float] | None, *, own: bool
) -> tuple[Channel, ...]:
    channels: list[Channel] = []
    for each in ome.get("omero", {}).get("channels", ()):
        window = each.get("window", {})
        if not own and "start" in window and "end" in window:
            limits = (float(window["start"]), float(window["end"]))
        label = str(each.get("label") or name)
        channels.append(Channel(label, str(each.get("color", "FFFFFF")), limits))
    return tuple(channels) or (Channel(name, contrast_limits=limits),)
