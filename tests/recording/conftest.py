"""A folder for images, and a session that records to it."""

import threading

import pytest

from napari_skylight.recording import FileNames, FrameWriter
from napari_skylight.testing import Documents, FakeStreamingCamera


@pytest.fixture
def folder(tmp_path):
    """A folder whose name has spaces and umlauts."""
    return tmp_path / "Größe und Ort"


@pytest.fixture
def files(session, folder):
    """The folder of the session's recordings."""
    session.recordings.names = FileNames(folder=folder)
    return folder


@pytest.fixture
def streaming(session):
    """A camera that streams, with a frame every 2 ms."""
    camera = FakeStreamingCamera("fast")
    session.add_device(camera).result(timeout=5)
    return camera


@pytest.fixture
def documents(session):
    documents = Documents()
    session.engine.subscribe(documents)
    return documents


class Gate:
    """Makes writers that wait at each frame until it is open, or raise `error` at a frame."""

    def __init__(self):
        self.open = threading.Event()
        self.error: BaseException | None = None
        self.fails_at = 0
        self.waiting = threading.Event()

    def __call__(self, *args, **options):
        gate = self

        class GatedWriter(FrameWriter):
            def append(self, pixels, frame=None):
                gate.waiting.set()
                assert gate.open.wait(20)
                if gate.error is not None and self.written + 1 >= gate.fails_at:
                    raise gate.error
                return super().append(pixels, frame)

        return GatedWriter(*args, **options)


@pytest.fixture
def gate(session):
    gate = Gate()
    session.recordings.writer = gate
    yield gate
    gate.open.set()
