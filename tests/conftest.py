"""Nothing that a test starts may outlive it."""

import gc
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
