import pytest

from napari_skylight.testing import Documents


@pytest.fixture
def documents(session):
    documents = Documents()
    session.engine.subscribe(documents)
    return documents
