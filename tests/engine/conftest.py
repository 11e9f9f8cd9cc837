import threading

import pytest

from napari_skylight.engine import RunEngine
from napari_skylight.testing import Documents


@pytest.fixture
def RE():
    with RunEngine() as engine:
        yield engine


@pytest.fixture
def documents(RE):
    documents = Documents()
    RE.subscribe(documents)
    return documents


@pytest.fixture
def gate():
    """An event that opens by itself at the end of the test, so that nothing waits for it for ever."""
    event = threading.Event()
    yield event
    event.set()
