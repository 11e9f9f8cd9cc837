"""The simulated picture: cells on a slide, optics and sensor, in plain NumPy."""

from napari_skylight.devices.sim.specimen._imager import Imager, SampleImage, Shot, sample_image
from napari_skylight.devices.sim.specimen._layout import PIXEL_SIZE
from napari_skylight.devices.sim.specimen._sensor import COUNTS
from napari_skylight.devices.sim.specimen._specimen import CHANNELS

__all__ = ["CHANNELS", "COUNTS", "PIXEL_SIZE", "Imager", "SampleImage", "Shot", "sample_image"]
