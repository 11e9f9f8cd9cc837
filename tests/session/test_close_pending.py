"""Closing a session with something pending: quiet, and every future ends."""

import signal
import subprocess
import sys
import time

import pytest

from napari_skylight import Session

SCRIPT = """
import asyncio, threading, time
from concurrent.futures import CancelledError
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from napari_skylight import Session
from napari_skylight.devices import Microscope, mmcore, sim
from napari_skylight.engine import Status
from napari_skylight.session import SessionState
from napari_skylight.testing import FakeCamera, FakeLight, wait_until

session = Session()
never = threading.Event()
futures = []
{setup}
started = time.monotonic()
session.close()
assert time.monotonic() - started < 5, time.monotonic() - started
for future in futures:
    error = None
    try:
        error = future.exception(timeout=1)
    except CancelledError:
        pass
    print(type(error).__name__)
assert futures
print("closed", flush=True)
"""

CASES = {
    "sets on the simulator": """
session.open_microscope(sim.microscope).result(20)
session.set("stage.x.velocity", 5.0).result(5)
futures += [session.set(path, 40.0) for path in ("stage.x", "stage.y", "focus")]
wait_until(lambda: session.devices["stage"].x.position > 0)
""",
    "sets on Micro-Manager": """
session.open_microscope(mmcore.microscope).result(20)
futures += [session.set("stage.x", 1e6), session.set("camera.exposure", 5.0)]
wait_until(futures[-1].done)
""",
    "sets, not yet begun": """
session.open_microscope(sim.microscope).result(20)
futures += [session.set("stage.x", 10.0 * number) for number in range(50)]
""",
    "a set that never ends": """
class Motor(FakeCamera):
    def set(self, value):
        self.status = Status(timeout=1.0)
        return self.status
session.add_device(Motor("motor")).result(5)
futures += [session.set("motor", 1.0), session.set("motor", 2.0)]
""",
    "a set whose stop never ends": """
class Motor(FakeCamera):
    def set(self, value):
        return Status()
    async def stop(self, success=True):
        await asyncio.sleep(60)
session.add_device(Motor("motor")).result(5)
futures += [session.set("motor", 1.0)]
""",
    "a microscope that is being opened": """
def factory():
    never.wait(20)
    return sim.microscope()
futures += [session.open_microscope(factory), session.open_microscope(sim.microscope)]
""",
    "a device that connects for ever": """
class Camera(FakeCamera):
    async def connect(self):
        connecting.add(self.name)
        await asyncio.sleep(60)
connecting = set()
futures += [session.add_device(Camera())]
futures += [session.open_microscope(lambda: Microscope("Slow", (Camera("other"),)))]
wait_until(lambda: len(connecting) == 2)
""",
    "a running plan": """
session.open_microscope(sim.microscope).result(20)
futures += [session.start("live_view")]
wait_until(lambda: any(cache.counts.stashed for cache in session.caches))
""",
    "a paused plan": """
session.open_microscope(sim.microscope).result(20)
session.start("live_view")
wait_until(lambda: any(cache.counts.stashed for cache in session.caches))
session.pause()
wait_until(lambda: session.state is SessionState.PAUSED)
futures += [session.set("stage.x", 900.0)]
""",
    "a plan that waits for a device for ever": """
class Camera(FakeCamera):
    def trigger(self):
        return Status()
session.add_device(Camera()).result(5)
futures += [session.start("snap")]
wait_until(lambda: session.engine.state == "running")
""",
    "a device that blocks the engine": """
class Camera(FakeCamera):
    def trigger(self):
        began.set()
        never.wait(20)
began = threading.Event()
session.add_device(Camera()).result(5)
futures += [session.start("snap")]
began.wait(5)
futures += [session.set("camera.dial", 1.0), session.stop(), session.add_device(FakeCamera("b"))]
""",
    "a device that blocks the engine, and then returns": """
class Camera(FakeCamera):
    def trigger(self):
        began.set()
        never.wait(20)
        return super().trigger()
began = threading.Event()
session.add_device(Camera()).result(5)
futures += [session.start("snap")]
began.wait(5)
futures += [session.set("camera.dial", 1.0), session.stop(), session.add_device(FakeCamera("b"))]
session.close()
never.set()
loop = next(each for each in threading.enumerate() if each.name == "skylight-engine-loop")
loop.join(5)
assert not loop.is_alive()
wait_until(lambda: threading.active_count() == 1)
""",
    "settings that are watched": """
from napari_skylight.session import SettingsWatch
session.open_microscope(mmcore.microscope).result(20)
watches = [SettingsWatch(session, device) for device in session.devices.values()]
for watch in watches:
    watch.start()
    for setting in watch.settings:
        if setting.path in ("stage.x", "focus"):
            watch.set(setting.path, 5000.0)
futures += [session.set("stage.y", 1e6)]
wait_until(lambda: session.is_moving)
""",
}


@pytest.mark.parametrize("case", CASES)
def test_closing_prints_nothing(case):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("{setup}", CASES[case])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.endswith("closed\n")
    assert done.returncode == 0


@pytest.fixture
def sigterm():
    """The handler of SIGTERM, the default one at first."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield lambda: signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)


def test_the_last_session_restores_the_default_handler(sigterm):
    first, second = Session(), Session()
    assert callable(sigterm())
    first.close()
    assert callable(sigterm())
    second.close()
    assert sigterm() is signal.SIG_DFL


def test_the_handler_of_a_script_stays(sigterm):
    handler = lambda *_: None  # noqa: E731
    signal.signal(signal.SIGTERM, handler)
    with Session():
        assert sigterm() is handler
    assert sigterm() is handler


def test_a_signal_ends_a_program_whose_light_hangs():
    program = """
import threading
from napari_skylight import Session
from napari_skylight.testing import FakeLight

class Light(FakeLight):
    def stop(self, success=True):
        threading.Event().wait()

session = Session()
session.add_device(Light()).result(timeout=5)
session.set("light", True).result(timeout=5)
print("ready", flush=True)
threading.Event().wait(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdout.readline() == "ready\n"
        sent = time.monotonic()
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM
        assert time.monotonic() - sent < 10
    finally:
        process.kill()
        process.stdout.close()
