"""A whole simulated microscope, without hardware or downloads.

Cells with stained nuclei, actin and mitochondria on a slide several times wider than the field of
view, seen by a fluorescence microscope with stage, focus, light and camera. `Imager` computes the
frames with NumPy; the devices are thin ophyd-async shells around it.
``python -m napari_skylight.devices.sim`` shows it in a terminal.
"""

from __future__ import annotations

from napari_skylight.devices import Microscope
from napari_skylight.devices.sim._camera import Camera
from napari_skylight.devices.sim._light import ChannelName, Light
from napari_skylight.devices.sim._stage import FocusDrive, XYStage
from napari_skylight.devices.sim.specimen import Imager, SampleImage, Shot, sample_image

__all__ = [
    "Camera",
    "ChannelName",
    "FocusDrive",
    "Imager",
    "Light",
    "SampleImage",
    "Shot",
    "XYStage",
    "microscope",
    "sample_image",
]


def microscope(
    seed: int = 0, *, sensor: tuple[int, int] = (1024, 1024), noise: bool = True
) -> Microscope:
    """Return ``camera``, ``stage``, ``focus`` and ``light``, simulated and not connected yet.

    Parameters
    ----------
    seed
        The same seed gives the same specimen and the same noise.
    sensor
        Height and width of the camera sensor, in pixels of 0.325 µm on the specimen.
    noise
        False: frames without noise.
    """
    stage, focus, light = XYStage("stage"), FocusDrive("focus"), Light("light")
    camera = Camera(Imager(seed, noise=noise), stage, focus, light, sensor=sensor, name="camera")
    return Microscope("Simulated microscope", (camera, stage, focus, light), camera.close)
