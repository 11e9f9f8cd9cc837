"""Micro-Manager's microscopes, over its own C++ core (extra ``mmcore``).

Everything goes through `microscope`. The core is imported when that is called, not before.
"""

from napari_skylight.devices.mmcore._microscope import microscope

__all__ = ["microscope"]
