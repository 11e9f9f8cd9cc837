"""Parts of a streaming camera; see `napari_skylight.protocols.StreamingCamera`.

`FrameStream` keeps the frames until a plan collects them. `FreeRun` fills one on a thread, for
cameras whose driver has none.
"""

from napari_skylight.devices.streaming._frames import FrameStream
from napari_skylight.devices.streaming._free_run import FreeRun

__all__ = ["FrameStream", "FreeRun"]
