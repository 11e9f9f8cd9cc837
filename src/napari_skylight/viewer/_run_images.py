"""The images of an earlier run, as layers of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari.layers import Image

from napari_skylight.frames import is_colour
from napari_skylight.viewer._contrast import Contrast
from napari_skylight.viewer._layer import look_of
from napari_skylight.viewer._layer_transform import placement_of
from napari_skylight.viewer._slider import FRAME_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer

    from napari_skylight.session import KeptImages, RunRecord
    from napari_skylight.viewer._link import ViewerLink


def show_run_images(
    link: ViewerLink, record: RunRecord, images: Iterable[KeptImages]
) -> list[Image]:
    """Add a layer for each of `images`, or show the one that is there already.

    Nothing is copied: a layer shows the memory of the stack, and keeps it when the stack is
    cleared. It has the place of its first frame; ``metadata["frames"]`` has that of each.

    Parameters
    ----------
    link : ViewerLink
        Of the viewer to show them in; colours are those of its layer of the same cache.
    record : RunRecord
    images : iterable of KeptImages
        Of that run.

    Returns
    -------
    list of napari.layers.Image
    """
    viewer = link.viewer
    layers: list[Image] = []
    for kept in images:
        layer = _find(link, record, kept)
        if layer is None:
            layer = _make(link, record, kept)
            if not layers:  # hides what is below; other channels are added to it
                layer.blending = "translucent"
            viewer.add_layer(layer)
        elif len(layer.data) != len(kept.data):  # the run has gone on since
            layer.data = kept.data
            layer.metadata["frames"] = kept.frames
        layer.visible = True
        layers.append(layer)
    if layers:
        viewer.layers.selection.active = layers[-1]
        _bring_into_sight(link, len(layers[0].data))
    return layers


def is_of_run(layer: Layer) -> bool:
    """Return whether `show_run_images` has made this layer."""
    return all(key in layer.metadata for key in ("run", "uids", "frames"))


def _identity(record: RunRecord, kept: KeptImages) -> tuple[float, str, str]:
    return record.run.started, kept.cache.name, kept.key


def _find(link: ViewerLink, record: RunRecord, kept: KeptImages) -> Image | None:
    identity = _identity(record, kept)
    found = (each for each in link.viewer.layers if each.metadata.get("run") == identity)
    return next(found, None)


def _make(link: ViewerLink, record: RunRecord, kept: KeptImages) -> Image:
    frame = kept.frames[0]
    place = placement_of(frame)
    contrast = Contrast()
    contrast.rescale()  # there may be no later frame
    started = time.strftime("%H:%M", time.localtime(record.run.started))
    title = kept.cache.title
    like = link.layer(kept.cache, kept.key)
    layer = Image(
        kept.data,
        name=" · ".join(
            [f"{record.run.title} {started}", title, *([] if kept.key in title else [kept.key])]
        ),
        rgb=is_colour(kept.data.shape),
        contrast_limits=contrast.start(kept.data[0], frame),
        scale=(1.0, place.scale, place.scale),
        translate=(0.0, *place.translate),
        units=("pixel", place.unit, place.unit),
        axis_labels=FRAME_LABELS,
        metadata={
            **frame.metadata,
            "run": _identity(record, kept),
            "uids": record.run.uids,
            "time": frame.timestamp,
            "frames": kept.frames,
        },
        **({} if like is None else look_of(like)),
    )
    contrast.attach(layer)
    return layer


def _bring_into_sight(link: ViewerLink, length: int) -> None:
    """Move the slider to these images if it is outside of them."""
    dims = link.viewer.dims
    axis = dims.ndim - 3
    if axis not in dims.displayed and not 0 <= round(dims.point[axis]) < length:
        dims.set_point(axis, length - 1)
