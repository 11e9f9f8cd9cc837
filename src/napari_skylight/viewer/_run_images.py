"""The images of an earlier run, as layers of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari.layers import Image

from napari_skylight.frames import is_colour, placement_of
from napari_skylight.viewer._contrast import Contrast
from napari_skylight.viewer._layer import look_of
from napari_skylight.viewer._slider import FRAME_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer

    from napari_skylight.session import FiledImages, KeptImages, RunRecord
    from napari_skylight.viewer._link import ViewerLink


def show_run_images(
    link: ViewerLink, record: RunRecord, images: Iterable[KeptImages | FiledImages]
) -> list[Image]:
    """Add a layer for each of `images`, or show the one that is there already.

    Nothing is copied: a layer shows the memory of the stack, and keeps it when the stack is
    cleared; or it reads from the file what it shows. It has the place of its first frame;
    ``metadata["frames"]`` has that of each.

    Parameters
    ----------
    link : ViewerLink
        Of the viewer to show them in; colours are those of its layer of the same cache.
    record : RunRecord
    images : iterable of KeptImages or FiledImages
        Of that run.

    Returns
    -------
    list of napari.layers.Image
    """
    viewer = link.viewer
    layers: list[Image] = []
    for kept in images:
        identity = record.run.started, kept.name, kept.key
        found = (each for each in viewer.layers if each.metadata.get("run") == identity)
        layer = next(found, None)
        if layer is None:
            layer = _make(link, record, kept)
            layer.metadata["run"] = identity
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
        dims, length = viewer.dims, len(layers[0].data)
        axis = dims.ndim - 3
        if axis not in dims.displayed and not 0 <= round(dims.point[axis]) < length:
            dims.set_point(axis, length - 1)  # the slider was outside of these images
    return layers


def is_of_run(layer: Layer) -> bool:
    """Return whether `show_run_images` has made this layer."""
    return all(key in layer.metadata for key in ("run", "uids", "frames"))


def _make(link: ViewerLink, record: RunRecord, kept: KeptImages | FiledImages) -> Image:
    frame = kept.frames[0]
    contrast = Contrast()
    contrast.rescale()  # there may be no later frame
    started = time.strftime("%H:%M", time.localtime(record.run.started))
    names = [f"{record.run.title} {started}", kept.title]
    if kept.key not in kept.title:
        names.append(kept.key)
    like = None if kept.cache is None else link.layer(kept.cache, kept.key)
    layer = Image(
        kept.data,
        name=" · ".join(names),
        rgb=is_colour(kept.data.shape),
        contrast_limits=contrast.start(kept.data[0], frame),
        axis_labels=FRAME_LABELS,
        metadata={
            **frame.metadata,
            "uids": record.run.uids,
            "time": frame.timestamp,
            "frames": kept.frames,
        },
        **placement_of(frame).geometry(1),
        **({} if like is None else look_of(like)),
    )
    contrast.attach(layer)
    return layer
