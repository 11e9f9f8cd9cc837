"""Live Bluesky plans in napari.

The names below are loaded when first used; importing the package imports neither Qt nor napari.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_skylight.engine.actions import Action, continuous
    from napari_skylight.plugin._attachments import attach
    from napari_skylight.protocols import Camera, FrameCaches, HasCache, Light
    from napari_skylight.session import Session

__all__ = [
    "Action",
    "Camera",
    "FrameCaches",
    "HasCache",
    "Light",
    "Session",
    "attach",
    "continuous",
]

_HOMES = {
    "Action": "engine.actions",
    "Camera": "protocols",
    "FrameCaches": "protocols",
    "HasCache": "protocols",
    "Light": "protocols",
    "Session": "session",
    "attach": "plugin._attachments",
    "continuous": "engine.actions",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
