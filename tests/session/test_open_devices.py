"""Opening the devices of a file, some of which may be missing."""

import asyncio
import threading
import time
from concurrent.futures import CancelledError

import pytest
from ophyd.sim import SynAxis

from napari_skylight.devices import Microscope
from napari_skylight.session import _devices
from napari_skylight.testing import FakeCamera, wait_until

FILE = """
[[napari_skylight.testing.FakeCamera]]
name = "camera"

[[ophyd.sim.SynAxis]]
name = "wheel"
"""


class Unplugged(FakeCamera):
    async def connect(self):
        raise OSError("It does not answer.")


class Silent(FakeCamera):
    async def connect(self):
        await asyncio.sleep(60)


class Cancels(FakeCamera):
    async def connect(self):
        raise asyncio.CancelledError


class Exits(FakeCamera):
    def __init__(self, name):
        raise SystemExit(3)


class Waits(SynAxis):
    """As ophyd's: it connects by itself, and waiting for that blocks."""

    waited = None

    def wait_for_connection(self, all_signals=False, timeout=2.0):
        self.waited = threading.current_thread().name


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "scope.toml"
    file.write_text(FILE)
    return file


def add(file, kind, name):
    with file.open("a") as stream:
        stream.write(f"\n[[{__name__}.{kind}]]\nname = '{name}'\n")


def test_opening_cannot_be_cancelled_halfway(session):
    go = threading.Event()

    def factory():
        go.wait(10)
        return Microscope("Slow", (FakeCamera("camera"),))

    opened = session.open_microscope(factory)
    assert not opened.cancel()
    go.set()
    assert opened.result(timeout=10).title == "Slow"
    assert not session.opening


def test_a_microscope_is_there_when_its_devices_are(session):
    asked, go = threading.Event(), threading.Event()

    class Late(FakeCamera):
        async def connect(self):
            asked.set()
            while not go.is_set():
                await asyncio.sleep(0.001)

    opened = session.open_microscope(lambda: Microscope("Late", (Late(),)))
    assert asked.wait(10)
    assert session.opening
    assert session.microscope is None
    go.set()
    opened.result(timeout=10)
    assert session.microscope.title == "Late"
    assert list(session.devices) == ["camera"]


def test_the_devices_of_a_file_take_the_place_of_those_before(session, file):
    closed = []
    before = Microscope("Before", (FakeCamera("old"),), close=lambda: closed.append("before"))
    session.open_microscope(lambda: before).result(timeout=10)
    scope = session.open_devices(file).result(timeout=20)
    assert session.microscope is scope
    assert (scope.title, closed) == ("scope.toml", ["before"])
    assert list(session.devices) == ["camera", "wheel"]
    assert session.problem == ""
    session.start("snap").result(timeout=10)
    session.open_devices("simulated_microscope").result(timeout=20)
    assert session.microscope.title == "Simulated microscope"
    assert "wheel" not in session.devices


def test_what_does_not_connect_is_named_with_its_line_and_the_others_are_there(
    session, file, monkeypatch
):
    monkeypatch.setattr(_devices, "CONNECT_SECONDS", 0.3)
    add(file, "Unplugged", "second")
    add(file, "Silent", "third")
    add(file, "Nothing", "fourth")
    add(file, "FakeCamera", "camera")
    add(file, "FakeCamera", "last")
    session.open_devices(str(file)).result(timeout=20)
    assert list(session.devices) == ["camera", "wheel", "last"]
    told = session.problem.split("\n")
    assert told[0].startswith("scope.toml, line 14, fourth: ")
    assert told[1] == "scope.toml, line 8, second: It does not answer."
    assert told[2] == "scope.toml, line 11: third did not connect within 0.3 s."
    assert told[3].startswith("scope.toml, line 17, camera: There is a device called camera")
    assert len(told) == len(session.last_exception.exceptions) == 4


def test_what_cancels_or_exits_is_named_with_its_line_too(session, file):
    add(file, "Cancels", "second")
    add(file, "Exits", "third")
    session.open_devices(file).result(timeout=20)
    assert list(session.devices) == ["camera", "wheel"]
    assert session.problem.split("\n") == [
        "scope.toml, line 11, third: It was not made: SystemExit.",
        "scope.toml, line 8, second: Cancelled.",
    ]


def test_missing_devices_are_told_until_another_microscope_is_open(session, file):
    add(file, "Unplugged", "second")
    session.open_devices(file).result(timeout=20)
    session.start("snap").result(timeout=10)
    assert session.problem == "scope.toml, line 8, second: It does not answer."
    session.open_microscope(lambda: Microscope("None", ())).result(timeout=10)
    assert session.problem == ""


def test_devices_connect_at_the_same_time(session, file, monkeypatch):
    monkeypatch.setattr(_devices, "CONNECT_SECONDS", 1.0)
    for n in range(8):
        add(file, "Silent", f"silent{n}")
    started = time.monotonic()
    session.open_devices(file).result(timeout=20)
    assert time.monotonic() - started < 5, "8 s one after the other"
    assert list(session.devices) == ["camera", "wheel"]


def test_the_engines_loop_goes_on_while_devices_are_made(session, tmp_path):
    (tmp_path / "scope.toml").write_text(f"[[{__name__}.make_slowly]]\n")
    GO.clear()
    opened = session.open_devices(tmp_path / "scope.toml")
    session.add_device(FakeCamera("other")).result(timeout=5)
    assert not opened.done()
    assert session.opening
    GO.set()
    opened.result(timeout=10)
    assert list(session.devices) == ["other", "slow"]


GO = threading.Event()


CLOSED = []


def make_slowly():
    GO.wait(20)
    camera = FakeCamera("slow")
    camera.close = lambda: CLOSED.append("slow")
    return camera


def test_a_device_that_comes_after_the_end_is_let_go_of(session, tmp_path):
    (tmp_path / "scope.toml").write_text(f"[[{__name__}.make_slowly]]\n")
    GO.clear()
    CLOSED.clear()
    opened = session.open_devices(tmp_path / "scope.toml")
    started = time.monotonic()
    session.close()
    assert time.monotonic() - started < 4
    with pytest.raises(CancelledError, match="The session was closed"):
        opened.result(timeout=0)
    GO.set()
    wait_until(lambda: CLOSED == ["slow"])


def test_a_file_of_which_nothing_connects_leaves_no_microscope(session, tmp_path):
    file = tmp_path / "scope.toml"
    file.write_text("")
    add(file, "Unplugged", "camera")
    session.add_device(FakeCamera("mine")).result(timeout=5)
    with pytest.raises(Exception, match="line 2, camera: It does not answer"):
        session.open_devices(file).result(timeout=20)
    assert session.microscope is None
    assert list(session.devices) == ["mine"]
    assert session.problem == "scope.toml, line 2, camera: It does not answer."


def test_a_file_that_is_not_there_is_reported(session, tmp_path):
    with pytest.raises(FileNotFoundError):
        session.open_devices(tmp_path / "nowhere.toml").result(timeout=20)
    assert session.problem.startswith("There is no file ")


def test_a_microscope_that_is_no_file_needs_all_its_devices(session):
    devices = (FakeCamera("camera"), Unplugged("second"))
    with pytest.raises(OSError, match="does not answer"):
        session.open_microscope(lambda: Microscope("Both", devices)).result(timeout=10)
    assert list(session.devices) == []


def test_ophyds_devices_are_waited_for_on_a_thread(session):
    device = Waits(name="motor")
    session.add_device(device).result(timeout=10)
    assert device.waited == "skylight-connect-device"
    wait_until(lambda: "skylight-connect-device" not in {t.name for t in threading.enumerate()})


def test_a_device_of_ophyd_async_connects_from_a_file(session, tmp_path):
    file = tmp_path / "scope.toml"
    file.write_text('[[ophyd_async.sim.SimMotor]]\nname = "motor"\n')
    session.open_devices(file).result(timeout=20)
    session.set("motor", 1.0).result(timeout=20)
    assert session.devices["motor"].user_readback.source
