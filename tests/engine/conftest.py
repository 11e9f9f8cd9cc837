import threading

import pytest

from napari_skylight.engine import RunEngine
from napari_skylight.testing import Documents


@pytest.fixture
def engine():
    with RunEngine() as made:
        yield made


@pytest.fixture
def documents(engine):
    documents = Documents()
    engine.subscribe(documents)
    return documents


@pytest.fixture
def gate():
    """An event that opens at the end of the test, so that nothing waits for it for ever."""
    event = threading.Event()
    yield event
    event.set()
