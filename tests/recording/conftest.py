import pytest


@pytest.fixture
def folder(tmp_path):
    """A folder whose name has spaces and umlauts."""
    return tmp_path / "Größe und Ort"
