"""A small picture of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap

__all__ = ["thumbnail"]

_SIZE = 48  # pixels, of the longer side
_PERCENTILES = 1, 99


def thumbnail(frame: NDArray[Any]) -> QPixmap:
    """Return a frame, (Y, X), in grey from its darkest to its brightest pixels, or nearly those."""
    step = max(1, max(frame.shape) // (4 * _SIZE))
    small = np.nan_to_num(frame[::step, ::step].astype(np.float64))
    low, high = np.percentile(small, _PERCENTILES)
    span = high - low if high > low else 1.0
    grey = np.ascontiguousarray(np.clip((small - low) / span * 255, 0, 255).astype(np.uint8))
    height, width = grey.shape
    pixels = grey.tobytes()  # not the image's own: they must live until it is painted
    image = QImage(pixels, width, height, width, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(
        image.scaled(
            *(_SIZE, _SIZE),
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    )
