"""What the canvas says of recordings."""

import errno
import os

import pytest

from napari_skylight import Session
from napari_skylight.recording import FileNames, FrameWriter
from napari_skylight.testing import FakeCamera
from napari_skylight.viewer import ViewerLink


class Full(FrameWriter):
    """A writer on a disk that has room for three frames."""

    def append(self, pixels, frame=None):
        if self.written == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().append(pixels, frame)


@pytest.fixture
def session(tmp_path):
    with Session() as made:
        made.add_device(FakeCamera(seconds=0.002)).result(timeout=5)
        made.recordings.names = FileNames("{camera}", tmp_path)
        yield made


@pytest.fixture
def text(make_napari_viewer, session):
    """Return the text on the canvas, on one line."""
    link = ViewerLink(make_napari_viewer(), session)
    overlays = link.viewer.canvas.overlays

    def text():
        return " ".join(overlays["recording"].text.split()) if "recording" in overlays else ""

    yield text
    link.close()
    assert text() == ""


def test_says_that_it_records_and_why_that_ended(session, text, qtbot):
    def sees(expected):
        qtbot.waitUntil(lambda: text() == expected, timeout=5000)

    session.start("live_view")
    qtbot.waitUntil(lambda: session.caches.live(session.devices["camera"]).counts.stashed > 2)
    session.request("record", True)
    sees("● recording")
    session.request("record", False)
    sees("")
    session.recordings.writer = Full
    session.request("record", True)
    sees(
        "The recording of camera ended after 3 frames: the disk is full. "
        "Free some space, or choose a folder on another disk."
    )
    session.recordings.writer = FrameWriter
    session.request("record", True)
    sees("● recording")
    qtbot.waitUntil(lambda: session.recordings.last[-1].path is not None)
    session.recordings.last[-1].path.rename(session.recordings.names.folder / "away")
    qtbot.waitUntil(lambda: "camera_3.ome.zarr is gone" in text(), timeout=5000)
    session.stop().result(timeout=10)
    session.start("live_view")
    sees("")
    session.stop().result(timeout=10)
