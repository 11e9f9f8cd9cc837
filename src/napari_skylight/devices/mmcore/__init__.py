"""Micro-Manager microscopes, over its C++ core (extra ``mmcore``).

`microscope` imports the core when it is called, not before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_skylight.devices import Microscope, checked_by
from napari_skylight.devices.mmcore._camera import Camera
from napari_skylight.devices.mmcore._core import Core, check_configuration
from napari_skylight.devices.mmcore._light import Channel, Light, channel_group
from napari_skylight.devices.mmcore._stage import Focus, Stage

__all__ = ["microscope"]


@checked_by(check_configuration)
def microscope(config: str | Path | None = None) -> Microscope:
    """Load a Micro-Manager configuration and return its devices.

    Always a `camera`; a `stage`, a `focus` and a `light` where the configuration names an XY stage,
    a focus drive and a shutter. A channel group is `light.channel`, or a device `channel` where
    there is no shutter.

    Parameters
    ----------
    config : str or Path, optional
        The configuration file, looked for here and beside Micro-Manager's device adapters;
        ``MMConfig_demo.cfg`` when left out. The environment variable ``MICROMANAGER_PATH`` says
        where Micro-Manager is.

    Raises
    ------
    ImportError
        When Micro-Manager's core is not installed.
    FileNotFoundError
        When there is no such file.
    ValueError
        When the configuration cannot be loaded; the message names file and line. Nothing stays
        loaded.
    """
    core = Core(config)
    try:
        devices = tuple(_devices(core))
    except BaseException:  # the threads must end in any case
        core.close()
        raise

    return Microscope(title=f"Micro-Manager ({core.path.name})", devices=devices, close=core.close)


def _devices(core: Core) -> Iterator[Any]:
    mmc = core.mmc
    yield Camera(core)
    if mmc.getXYStageDevice():
        yield Stage(core)
    if mmc.getFocusDevice():
        yield Focus(core)
    if mmc.getShutterDevice():
        yield Light(core)
    elif group := channel_group(mmc):
        yield Channel(core, "channel", group)
