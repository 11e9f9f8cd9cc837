"""Use an ophyd-async detector that writes HDF5 files as a camera.

Replace `SimBlobDetector` with the detector of your beamline or microscope.
Needs ``pip install "napari-skylight[files]" "ophyd-async[sim]"``.
"""

from pathlib import Path

from ophyd_async.core import StaticPathProvider, UUIDFilenameProvider
from ophyd_async.sim import PatternGenerator, SimBlobDetector

from napari_skylight import Session

files = StaticPathProvider(UUIDFilenameProvider(), Path.cwd())
detector = SimBlobDetector(files, PatternGenerator(), name="blob")

with Session() as session:
    session.add_device(detector).result(timeout=10)
    session.start("snap", {"cameras": ["blob"], "frames": 3}).result(timeout=30)

    stack = session.caches.stack(detector).reader().take("blob")
    for frame, image in zip(stack.frames, stack.data, strict=True):
        print(f"frame {frame.number}: {image.shape}, sum {frame.metadata['blob-sum']}")
