"""Take three frames with the simulated microscope and save them as a TIFF stack."""

import tifffile

from napari_skylight import Session
from napari_skylight.devices import sim

with Session() as session:
    session.open_microscope(sim.microscope).result(timeout=30)
    session.set("camera.exposure", 50).result(timeout=5)  # ms
    session.start("snap", {"frames": 3}).result(timeout=30)  # switches the light on and off

    camera = session.devices["camera"]
    stack = session.caches.stack(camera).reader().take("camera")
    pixel_size = stack.frames[0].metadata["camera-pixel_size"]  # µm
    tifffile.imwrite(
        "snapshots.tif",
        stack.data,  # (frame, y, x), uint16
        imagej=True,
        resolution=(1 / pixel_size, 1 / pixel_size),
        metadata={"axes": "TYX", "unit": "um"},
    )
    print(f"snapshots.tif: {stack.data.shape} {stack.data.dtype}, {pixel_size} µm per pixel")
