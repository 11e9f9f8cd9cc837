"""A session with its devices; and nothing that a test starts may outlive it."""

import gc
import logging
import threading

import pytest

from napari_skylight import Session
from napari_skylight.testing import FakeCamera, FakeLight, wait_until


def skylight_threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("skylight-")}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = skylight_threads()
    yield
    if not skylight_threads() - before:
        return
    gc.collect()
    wait_until(lambda: not skylight_threads() - before, timeout=5)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """The folder for a person's own files: never that of whoever runs the tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("NAPARI_SKYLIGHT_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def log_as_by_default(caplog):
    """Log warnings and worse, whatever a library set the root logger to when it was imported.

    pytest keeps every record of a test, and bluesky's debug records hold the engine.
    """
    caplog.set_level(logging.WARNING)


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
