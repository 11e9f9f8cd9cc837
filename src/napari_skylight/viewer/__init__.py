"""Frames on screen: the only package that changes napari's layers.

A `ViewerLink` takes the newest frames from a session's caches, as often as the screen can draw
them, and shows them in image layers.
"""

from napari_skylight.viewer._contrast import Autoscale
from napari_skylight.viewer._link import HasFrames, ViewerLink
from napari_skylight.viewer._run_images import show_run_images

__all__ = ["Autoscale", "HasFrames", "ViewerLink", "show_run_images"]
