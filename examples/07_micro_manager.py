"""Take two channels with Micro-Manager's demo microscope and save them as one TIFF file.

For your own microscope: `partial(mmcore.microscope, "my.cfg")`, from `functools`.
Needs ``pip install "napari-skylight[mmcore]"``.
"""

import numpy as np
import tifffile

from napari_skylight import Session
from napari_skylight.devices import mmcore

CHANNELS = ["DAPI", "FITC"]  # presets of the configuration's channel group

with Session() as session:
    session.open_microscope(mmcore.microscope).result(timeout=60)
    print("Devices:", *session.devices)
    session.set("camera.exposure", 20).result(timeout=5)  # ms
    session.set("stage.x", 100).result(timeout=30)  # µm
    session.start("snap", {"channels": CHANNELS}).result(timeout=60)

    camera = session.devices["camera"]
    stacks = [session.caches.stack(camera, channel=name) for name in CHANNELS]
    images = np.stack([stack.reader().take("camera").data[-1] for stack in stacks])
    tifffile.imwrite("channels.tif", images, imagej=True, metadata={"axes": "CYX"})
    print(f"channels.tif: {images.shape}")
