"""What a camera that runs free is made of; see `napari_skylight.protocols.StreamingCamera`.

`FrameStream` keeps the frames until a plan drains them. `FreeRun` is a thread that fills one, for
cameras whose driver has none.
"""

from napari_skylight.devices.streaming._frames import FrameStream
from napari_skylight.devices.streaming._free_run import FreeRun

__all__ = ["FrameStream", "FreeRun"]
