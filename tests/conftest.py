"""Nothing that a test starts may outlive it."""

import gc
import logging
import threading

import pytest

from napari_skylight.testing import wait_until


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
def log_as_by_default(caplog):
    """Log warnings and worse, whatever a library set the root logger to when it was imported.

    pytest keeps every record of a test, and bluesky's debug records hold the engine.
    """
    caplog.set_level(logging.WARNING)
