"""Opening a microscope that cannot be opened leaves the former one open."""

from functools import partial
from pathlib import Path

import pytest

from napari_skylight.devices import DeviceFileError, Microscope, mmcore, sim
from napari_skylight.testing import FakeCamera, wait_until

ADAPTER = "Property,Core,Initialize,0\nDevice,Camera,DemoCamera,DCam\nProperty,Core,Initialize,1\n"

FORMERS = {
    "the simulator": (sim.microscope, "Simulated microscope"),
    "Micro-Manager": (mmcore.microscope, "Micro-Manager (MMConfig_demo.cfg)"),
}


@pytest.fixture(params=FORMERS)
def former(request, session):
    """A session with a microscope open, and what its docks heard since."""
    factory, title = FORMERS[request.param]
    session.open_microscope(factory).result(timeout=20)
    session.heard = []
    hear = lambda: session.heard.append(session.microscope and session.microscope.title)  # noqa: E731
    session.microscope_changed.connect(hear)
    session.title, session.former = title, session.microscope
    return session


def config(folder, text):
    """Open a Micro-Manager configuration."""
    (folder / "other.cfg").write_bytes(text)
    return lambda session: session.open_microscope(partial(mmcore.microscope, folder / "other.cfg"))


def devices(folder, text):
    """Open a devices file."""
    (folder / "other.toml").write_bytes(text)
    return lambda session: session.open_devices(folder / "other.toml")


def missing_config(_folder):
    return lambda session: session.open_microscope(partial(mmcore.microscope, "nowhere.cfg"))


def missing_devices(folder):
    return lambda session: session.open_devices(folder / "nowhere.toml")


CHECKED = {
    "no configuration": (missing_config, "no Micro-Manager configuration nowhere.cfg"),
    "garbage for a configuration": (
        lambda folder: config(folder, b"\x00\xff\x12garbage"),
        "other.cfg names no camera",
    ),
    "an adapter that is not installed": (
        lambda folder: config(folder, b"Device,Camera,Nikon,DCam\n"),
        "other.cfg, line 1: The adapter Nikon is not installed",
    ),
    "no devices file": (missing_devices, "There is no file"),
    "garbage for a devices file": (
        lambda folder: devices(folder, b"\x00\xff\x12garbage"),
        "other.toml cannot be read",
    ),
    "a devices file that is no TOML": (
        lambda folder: devices(folder, b"[[simulated_microscope]]\nseed = \n"),
        "other.toml, line 2",
    ),
    "factories that do not exist": (
        lambda folder: devices(folder, b"[[nothing_of_the_kind]]\n"),
        "other.toml, line 1, nothing_of_the_kind",
    ),
    "a devices file with a missing configuration": (
        lambda folder: devices(folder, b"[[micro_manager]]\nconfig = './nowhere.cfg'\n"),
        "nowhere.cfg",
    ),
}


@pytest.mark.parametrize("case", CHECKED)
def test_a_file_is_checked_before_anything_is_released(former, tmp_path, case):
    prepare, reason = CHECKED[case]
    error = prepare(tmp_path)(former).exception(timeout=20)
    assert error is not None
    assert reason in former.problem
    assert former.problem.endswith(f"{former.title} is still open.")
    assert former.microscope is former.former
    assert former.heard == []
    former.start("snap").result(timeout=20)


class Unplugged(FakeCamera):
    async def connect(self):
        raise OSError("It does not answer.")


def broken():
    raise OSError("The controller on COM3 does not answer.")


HALFWAY = {
    "a configuration that breaks halfway": (
        lambda folder: config(folder, f"{ADAPTER}Property,Camera,Color,red\n".encode()),
        "other.cfg, line 4",
    ),
    "a devices file of which nothing connects": (
        lambda folder: devices(folder, f"[[{__name__}.Unplugged]]\nname = 'b'\n".encode()),
        "other.toml, line 1, b: It does not answer",
    ),
    "a factory that fails": (
        lambda _folder: lambda session: session.open_microscope(broken),
        "The controller on COM3 does not answer",
    ),
    "a device that does not connect": (
        lambda _folder: (
            lambda session: session.open_microscope(lambda: Microscope("B", (Unplugged("b"),)))
        ),
        "It does not answer",
    ),
}


@pytest.mark.parametrize("case", HALFWAY)
def test_the_former_microscope_is_opened_again(former, tmp_path, case):
    prepare, reason = HALFWAY[case]
    error = prepare(tmp_path)(former).exception(timeout=20)
    assert error is not None
    assert reason in former.problem
    assert former.problem.endswith(f"{former.title} is open again.")
    assert former.microscope.title == former.title
    assert former.heard[0] is None
    assert former.heard[-1] == former.title
    assert former.heard.count(former.title) == 1
    assert list(former.devices) == ["camera", "stage", "focus", "light"]
    assert not former.opening
    former.start("snap").result(timeout=20)


def test_a_former_microscope_that_does_not_open_again_is_named_too(session):
    makes = iter([Microscope("First", (FakeCamera("a"),))])

    def once():
        try:
            return next(makes)
        except StopIteration:
            raise OSError("The stage is gone.") from None

    session.open_microscope(once).result(timeout=10)
    with pytest.raises(OSError, match="COM3"):
        session.open_microscope(broken).result(timeout=10)
    assert session.problem == (
        "The controller on COM3 does not answer. "
        "First could not be opened again: The stage is gone."
    )
    assert session.microscope is None
    assert not session.devices
    session.open_microscope(sim.microscope).result(timeout=20)
    assert session.problem == ""


def test_a_script_finds_the_microscope_that_was_opened_again(session):
    session.open_microscope(sim.microscope).result(timeout=20)
    session.open_microscope(broken).exception(timeout=20)
    there = session.ensure_microscope(broken)
    assert there.result(timeout=0) is session.microscope


def test_other_devices_of_a_file_are_opened_when_one_table_is_wrong(session, tmp_path):
    session.open_microscope(sim.microscope).result(timeout=20)
    text = b"[[nothing]]\n[[napari_skylight.testing.FakeCamera]]\nname = 'camera'\n"
    devices(tmp_path, text)(session).result(timeout=20)
    wait_until(lambda: "line 1, nothing" in session.problem)
    assert list(session.devices) == ["camera"]


def test_a_file_that_cannot_be_read_is_an_error_of_devices(tmp_path):
    from napari_skylight.devices import make_microscope

    (Path(tmp_path) / "folder.toml").mkdir()
    with pytest.raises((DeviceFileError, FileNotFoundError)):
        make_microscope(tmp_path / "folder.toml")
