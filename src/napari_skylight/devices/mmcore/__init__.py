"""Micro-Manager microscopes, over its C++ core (extra ``mmcore``).

`microscope` imports the core when it is called, not before.
"""

from napari_skylight.devices.mmcore._microscope import microscope

__all__ = ["microscope"]
