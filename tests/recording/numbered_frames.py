"""Frames whose pixels say which they are."""

import numpy as np

from napari_skylight.frames import Frame


def picture(number, shape=(48, 64), dtype=np.uint16):
    """Return a frame with its number in every pixel, and a ramp that shows a swapped axis."""
    ramp = np.arange(shape[1], dtype=np.int64) % 3
    ramp = ramp[:, np.newaxis] if len(shape) > 2 else ramp
    colours = np.arange(shape[2]) * 5 if len(shape) > 2 else 0
    return np.broadcast_to(number * 3 % 200 + ramp + colours, shape).astype(dtype)


def described(number, **changed):
    """Return what was read with a frame that was taken every 0.1 s."""
    values = {
        "camera-pixel_size": 0.5,
        "camera-exposure": 0.02,
        "stage-x": 100.0,
        "stage-y": 200.0,
        "light-on": True,
        **changed,
    }
    return Frame("camera", number, 1_700_000_000.0 + number / 10, values)
