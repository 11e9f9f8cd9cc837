"""Microscopes: a simulated one (``devices.sim``) and Micro-Manager's (``devices.mmcore``).

Each offers ``microscope(...)``, which returns a `Microscope`; `make_microscope` puts one together
from a file. Nothing above this package knows a concrete device: plans see
`napari_skylight.protocols`, and any other Bluesky device does as well.
"""

from napari_skylight.devices._assembly import make_microscope
from napari_skylight.devices._factories import factory_names, find_factory
from napari_skylight.devices._microscope import Microscope, check_factory, checked_by
from napari_skylight.devices._tables import DeviceFileError

__all__ = [
    "DeviceFileError",
    "Microscope",
    "check_factory",
    "checked_by",
    "factory_names",
    "find_factory",
    "make_microscope",
]
