"""Frames on screen: the only package that touches napari's layers.

A `ViewerLink` lives on the GUI thread. It takes the newest frames out of a session's caches as
often as the screen can draw, and puts them into image layers.
"""

from napari_skylight.viewer._contrast import Autoscale
from napari_skylight.viewer._has_frames import HasFrames
from napari_skylight.viewer._link import ViewerLink
from napari_skylight.viewer._run_images import show_run_images

__all__ = ["Autoscale", "HasFrames", "ViewerLink", "show_run_images"]
