"""Microscopes: a simulated one (``devices.sim``) and Micro-Manager's (``devices.mmcore``).

Each has a function ``microscope(...)`` that returns a `Microscope`; `make_microscope` makes one
from a file. Code above this package uses `napari_skylight.protocols`, never a concrete device.
"""

from napari_skylight.devices._device_files import DeviceFileError, make_microscope
from napari_skylight.devices._microscope import (
    Microscope,
    check_factory,
    checked_by,
    factory_names,
    find_factory,
)

__all__ = [
    "DeviceFileError",
    "Microscope",
    "check_factory",
    "checked_by",
    "factory_names",
    "find_factory",
    "make_microscope",
]
