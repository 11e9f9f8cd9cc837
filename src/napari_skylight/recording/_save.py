"""Saves frames that are in memory to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_skylight.recording._writer import FrameWriter

if TYPE_CHECKING:
    from pathlib import Path

    from napari_skylight.frames import Frame
    from napari_skylight.recording._image_info import FileSettings, ImageInfo


def save_image(
    path: Path | str,
    info: ImageInfo,
    pixels: Any,
    frames: Sequence[Frame] = (),
    settings: FileSettings | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Write an image, frame by frame, and return how many frames were written.

    Parameters
    ----------
    path : Path
        See `FrameWriter`.
    info : ImageInfo
        Its axes have the lengths of the leading axes of `pixels`.
    pixels : array
        Of shape (…, Y, X), or (…, Y, X, 3) in colour; read frame by frame if it is not in memory.
    frames : sequence of Frame
        What was read with each frame; one for each, or none.
    settings : FileSettings, optional
    go_on : callable
        Called after each frame; if it returns False, the file is closed with the frames so far.

    Raises
    ------
    LibraryMissingError, FileExistsError, ValueError, OSError
        As `FrameWriter` does; nothing is left behind.
    """
    lead = tuple(int(axis.count or 0) for axis in info.axes)
    if lead != tuple(pixels.shape[: len(lead)]):
        raise ValueError(f"Axes of {lead} do not fit an image of {tuple(pixels.shape)}.")
    shape = tuple(pixels.shape[len(lead) :])
    writer = FrameWriter(path, info, shape, np.dtype(pixels.dtype), settings)
    try:
        for number, index in enumerate(np.ndindex(lead)):
            frame = frames[number] if frames else None
            writer.append(np.asarray(pixels[index]), frame)
            if not go_on():
                break
        writer.close()
    except BaseException:  # an interrupt too: half a file would pass for the image
        writer.discard()
        raise
    return writer.written
