import pytest

from napari_skylight import Session
from napari_skylight.testing import Documents, FakeCamera, FakeLight


@pytest.fixture
def session():
    with Session() as made:
        yield made


@pytest.fixture
def camera(session):
    camera = FakeCamera(seconds=0.002)
    session.add_device(camera).result(timeout=5)
    return camera


@pytest.fixture
def light(session):
    light = FakeLight()
    session.add_device(light).result(timeout=5)
    return light


@pytest.fixture
def documents(session):
    documents = Documents()
    session.engine.subscribe(documents)
    return documents
