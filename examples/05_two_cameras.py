"""Take frames with two cameras at once and save one TIFF stack for each."""

import tifffile

from napari_skylight import Session
from napari_skylight.devices import Microscope, sim


def two_cameras() -> Microscope:
    """Return the simulated microscope with a second, smaller camera."""
    microscope = sim.microscope()
    _, stage, focus, light = microscope.devices
    side = sim.Camera(sim.Imager(), stage, focus, light, sensor=(512, 512), name="side")

    def close() -> None:
        side.close()
        microscope.close()

    return Microscope("Two cameras", (*microscope.devices, side), close)


with Session() as session:
    session.open_microscope(two_cameras).result(timeout=30)
    # Both cameras are triggered together; their frames are in one event.
    session.start("snap", {"cameras": ["camera", "side"], "frames": 2}).result(timeout=30)

    for name in ("camera", "side"):
        stack = session.caches.stack(session.devices[name]).reader().take(name)
        tifffile.imwrite(f"{name}.tif", stack.data)
        print(f"{name}.tif: {stack.data.shape}")
