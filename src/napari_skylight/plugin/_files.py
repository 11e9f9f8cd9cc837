"""What napari's File menu uses: image files as layers, and layers as image files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from napari.utils.colormaps import AVAILABLE_COLORMAPS, Colormap, ensure_colormap

from napari_skylight.frames import Frame, is_colour
from napari_skylight.recording import (
    Axis,
    Channel,
    FileSettings,
    ImageInfo,
    StoredImage,
    open_images,
    save_image,
)

LayerData = tuple[Any, dict[str, Any], str]

_IN_MEMORY = 64_000_000  # bytes; larger images are read when they are looked at
_MOST_CHUNKS = 2_000  # of a dask array: each takes time to make
_SECONDS = {"second": 1.0, "millisecond": 1e-3, "minute": 60.0, "hour": 3600.0}
_UM = {"micrometer": 1.0, "nanometer": 1e-3, "millimeter": 1e3, "meter": 1e6, "centimeter": 1e4}


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """Return the reader of OME-Zarr folders and of our OME-TIFF files; None for other files."""
    first = path if isinstance(path, str) else path[0]
    opened = {first: open_images(first)}
    return partial(_read, opened) if opened[first] else None


def _read(opened: dict[str, list[StoredImage]], path: str | Sequence[str]) -> list[LayerData]:
    """Return the layers of one or more files, of which some are open already."""
    paths = [path] if isinstance(path, str) else path
    images = [image for each in paths for image in opened.pop(each, None) or open_images(each)]
    return [layer for image in images for layer in _layers_of(image)]


def write_zarr(path: str, layers: list[LayerData]) -> list[str]:
    """Save image layers as OME-Zarr; return the paths."""
    return _write(path, layers, "ome-zarr")


def write_tiff(path: str, layers: list[LayerData]) -> list[str]:
    """Save image layers as OME-TIFF; return the paths."""
    return _write(path, layers, "ome-tiff")


def _layers_of(image: StoredImage) -> list[LayerData]:
    """Return a layer for each channel, or one in colour."""
    axis = image.axes.find("c")
    levels = [_pixels_of(each, axis, rgb=image.rgb) for each in image.levels]
    metadata: dict[str, Any] = dict(image.metadata)
    if image.frames:
        metadata |= {"frames": image.frames}
    if image.runs:
        metadata |= {"uids": image.runs}
    common = {
        "scale": image.scale,
        "translate": image.translate,
        "units": image.units,
        "axis_labels": tuple(image.axes.replace("c", "")),
        "metadata": metadata,
        "rgb": image.rgb,
    }
    if image.rgb:
        return [(_or_one(levels), common | {"name": image.name}, "image")]
    layers: list[LayerData] = []
    for number, channel in enumerate(image.channels):
        pixels = levels if axis < 0 else [np.take(each, number, axis) for each in levels]
        if number and axis < 0:
            break
        several = axis >= 0 and len(image.channels) > 1
        settings = common | {
            "name": channel.name if several else image.name,
            "colormap": _colormap_of(image, channel),
        }
        if channel.contrast_limits is not None:
            settings["contrast_limits"] = channel.contrast_limits
        if several and number:
            settings["blending"] = "additive"
        layers.append((_or_one(pixels), settings, "image"))
    return layers


def _or_one(levels: list[Any]) -> Any:
    return levels if len(levels) > 1 else levels[0]


def _pixels_of(array: Any, channel_axis: int, *, rgb: bool) -> Any:
    """Return an array in memory if it is small, or else one of dask; colours last."""
    colours_last = rgb and 0 <= channel_axis < array.ndim - 1
    if int(np.prod(array.shape)) * array.dtype.itemsize <= _IN_MEMORY:
        pixels = np.asarray(array[...])
        return np.moveaxis(pixels, channel_axis, -1) if colours_last else pixels
    import dask.array

    chunks = list(getattr(array, "chunks", (1,) * (array.ndim - 2) + array.shape[-2:]))
    if rgb and not colours_last:
        chunks = [*(1,) * (array.ndim - 3), *array.shape[-3:]]
    number = int(np.prod([-(-n // chunk) for n, chunk in zip(array.shape, chunks, strict=True)]))
    if number > _MOST_CHUNKS:
        chunks[0] = min(array.shape[0], chunks[0] * -(-number // _MOST_CHUNKS))
    pixels = dask.array.from_array(array, chunks=tuple(chunks), name=False)
    return dask.array.moveaxis(pixels, channel_axis, -1) if colours_last else pixels


def _colormap_of(image: StoredImage, channel: Channel) -> str:
    if image.colormap in AVAILABLE_COLORMAPS:
        return image.colormap
    return "gray" if channel.colour.upper() == "FFFFFF" else f"#{channel.colour}"


def _write(path: str, layers: list[LayerData], kind: Literal["ome-zarr", "ome-tiff"]) -> list[str]:
    """Write each layer to a file of its own; several have the layer's name in theirs."""
    settings = FileSettings(kind)
    base = Path(path)
    if not _has_suffix(base, kind):
        base = base.with_name(base.name + settings.suffix)
    stem, suffix = _split(base, kind)
    written = []
    for pixels, attributes, _ in layers:
        target = base
        if len(layers) > 1:
            name = re.sub(r"[^\w.-]+", "_", _name(attributes))
            target = base.with_name(f"{stem}_{name}{suffix}")
        if attributes.get("multiscale", False):
            pixels = pixels[0]
        frames = _frames_of(attributes, len(pixels))
        save_image(target, _info_of(pixels, attributes, frames), pixels, frames, settings)
        written.append(str(target))
    return written


def _name(attributes: Mapping[str, Any]) -> str:
    return str(attributes.get("name") or "image")


def _has_suffix(path: Path, kind: str) -> bool:
    try:
        return FileSettings.for_path(path).format == kind
    except ValueError:
        return False


def _split(path: Path, kind: str) -> tuple[str, str]:
    """Return the name without its suffix, and the suffix."""
    stem = path.name.removesuffix(path.suffix)
    if stem.lower().endswith(".ome"):
        return stem[:-4], stem[-4:] + path.suffix
    return stem, path.suffix


def _frames_of(attributes: Mapping[str, Any], count: int) -> Sequence[Frame]:
    """Return what was read with each of our frames, if there is one for each."""
    frames = attributes.get("metadata", {}).get("frames", ())
    fits = isinstance(frames, Sequence) and len(frames) >= count > 0
    return frames[:count] if fits and isinstance(frames[0], Frame) else ()


def _info_of(pixels: Any, attributes: Mapping[str, Any], frames: Sequence[Frame]) -> ImageInfo:
    """Return what a layer's file says about it."""
    rgb = bool(attributes.get("rgb", False))
    lead = pixels.ndim - (3 if rgb else 2)
    if rgb and not is_colour(pixels.shape):
        raise ValueError(f"The image {_name(attributes)!r} is too small to be saved in colour.")
    if lead > 2:
        raise ValueError(
            f"The image {_name(attributes)!r} has {lead} axes before (Y, X); "
            "files have two: time and depth."
        )
    scale = [float(each) for each in attributes.get("scale", (1.0,) * (lead + 2))]
    translate = [float(each) for each in attributes.get("translate", (0.0,) * (lead + 2))]
    units = attributes.get("units") or ("pixel",) * (lead + 2)
    known = all(str(each) in _UM for each in units[-2:])
    y, x = (_UM.get(str(each), 1.0) if known else 1.0 for each in units[-2:])
    colormap = attributes.get("colormap", "gray")
    if isinstance(colormap, Mapping):  # as napari hands it to writers
        colormap = Colormap(**colormap)
    colormap = ensure_colormap(colormap)
    limits = attributes.get("contrast_limits")
    metadata = attributes.get("metadata", {})
    plain = {k: v for k, v in metadata.items() if isinstance(v, (bool, int, float, str))}
    return ImageInfo(
        name=_name(attributes),
        colormap=str(colormap.name),
        colour=hexadecimal(colormap),
        contrast_limits=None if limits is None or rgb else (float(limits[0]), float(limits[1])),
        scale=(scale[-2] * y, scale[-1] * x),
        translate=(translate[-2] * y, translate[-1] * x),
        unit="um" if known else "pixel",
        axes=_axes_of(pixels.shape[:lead], scale, units, stack=bool(frames)),
        runs=tuple(map(str, metadata.get("uids", ()))),
        metadata=frames[0].metadata if frames else plain,
    )


def hexadecimal(colormap: Any) -> str:
    """Return the brightest colour of a colormap as six hexadecimal digits."""
    return "".join(f"{round(255 * float(each)):02X}" for each in colormap.colors[-1][:3])


def _axes_of(
    shape: tuple[int, ...],
    scale: Sequence[float],
    units: Sequence[Any],
    *,
    stack: bool,
) -> tuple[Axis, ...]:
    """Return the leading axes: a length is depth, anything else time."""
    axes = []
    for place, count in enumerate(shape):
        unit = str(units[place])
        deep = place == 1 or (len(shape) == 1 and unit in _UM and not stack)
        factor = (_UM if deep else _SECONDS).get(unit)
        step = None if factor is None else scale[place] * factor
        axes.append(Axis("z" if deep else "t", int(count), step))
    return tuple(axes)
