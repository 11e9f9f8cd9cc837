"""Microscopes from a TOML file, and from what other distributions offer."""

import sys
import threading

import pytest

from napari_skylight.devices import (
    DeviceFileError,
    _device_files,
    factory_names,
    find_factory,
    make_microscope,
)
from napari_skylight.testing import wait_until

LAB = """
import threading

closed = []
GO = threading.Event()

class Device:
    def __init__(self, name="", **settings):
        self.name, self.settings = name, settings

class Stage(Device):
    def close(self):
        closed.append(self.name)

class Motor(Device):
    def destroy(self):
        closed.append(self.name)

def pair(names):
    return [Stage(name) for name in names]

def rack(size):
    return {n: Motor(f"slot{n}") for n in range(size)}

def nothing():
    return None

def broken(name):
    raise OSError("The controller on COM3 does not answer.")

def slow(name):
    GO.wait(20)
    return Stage(name)

def stuck():
    stage = Stage("stuck")
    def close():
        raise OSError("It is stuck.")
    stage.close = close
    return stage
"""


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The module of a laboratory's own devices."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "lab_devices.py").write_text(LAB)
    monkeypatch.syspath_prepend(site)
    import lab_devices

    yield lab_devices
    lab_devices.GO.set()
    for name in [name for name in sys.modules if name.startswith("lab_")]:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path):
    def write(text, name="scope.toml"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_a_file_is_a_microscope_under_its_own_name(lab, write):
    scope = make_microscope(
        write("""
[[simulated_microscope]]
seed = 3
sensor = [64, 48]

[["lab_devices.Stage"]]
name = "piezo"
limits = [0, 100]

[[lab_devices.Motor]]
name = "wheel"
[[lab_devices.Motor.filters]]
colour = "red"
[[lab_devices.Motor.filters]]
colour = "blue"

[[lab_devices.Stage]]
name = "other"
""")
    )
    assert scope.title == "scope.toml"
    names = [device.name for device in scope.devices]
    assert names == ["camera", "stage", "focus", "light", "piezo", "wheel", "other"]
    assert scope.devices[4].settings == {"limits": [0, 100]}
    assert scope.devices[5].settings == {"filters": [{"colour": "red"}, {"colour": "blue"}]}
    assert scope.sources[:4] == ("scope.toml, line 2",) * 4
    assert scope.sources[4:] == tuple(f"scope.toml, line {n}" for n in (6, 10, 17))
    assert scope.problems == ()
    scope.close()
    scope.close()
    assert lab.closed == ["other", "wheel", "piezo"]


def test_a_factory_may_make_several(lab, write):
    scope = make_microscope(
        write('[[lab_devices.pair]]\nnames = ["a", "b"]\n\n[[lab_devices.rack]]\nsize = 2\n')
    )
    assert [device.name for device in scope.devices] == ["a", "b", "slot0", "slot1"]
    assert scope.sources == (*["scope.toml, line 1"] * 2, *["scope.toml, line 4"] * 2)


def test_double_brackets_within_a_text_are_no_device(lab, write):
    scope = make_microscope(
        write('''
note = """
[[lab_devices.Stage]]
"""
matrix = [
  [[1, 2]],
]
[site]
room = 3
[[lab_devices.Stage]]  # the one
name = "stage"
text = """
[[lab_devices.Motor]]
"""
''')
    )
    assert scope.sources == ("scope.toml, line 10",)
    assert scope.devices[0].settings == {"text": "[[lab_devices.Motor]]\n"}


def test_paths_are_told_from_the_folder_of_the_file(lab, write, tmp_path):
    scope = make_microscope(
        write("""
[[lab_devices.Stage]]
name = "stage"
config = "./scope.cfg"
more = ["../a", {b = "~/c"}]
prefix = ".x"
""")
    )
    settings = scope.devices[0].settings
    assert settings["config"] == str(tmp_path / "scope.cfg")
    assert settings["more"][0] == str(tmp_path.parent / "a")
    assert "~" not in settings["more"][1]["b"]
    assert settings["prefix"] == ".x"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("[[lab_devices.broken]]\nname = 'x'", "x: The controller on COM3 does not answer."),
        ("[[lab_devices.broken]]", "lab_devices.broken: .*missing 1 required .*'name'"),
        ("[[lab_devices.Nothing]]\nname = 'x'", "x: .*no attribute 'Nothing'"),
        ("[[nowhere.Stage]]\nname = 'x'", "x: No module named 'nowhere'"),
        ("[[stage]]\nname = 'x'", "x: Nothing makes devices under the name stage. There are sim"),
        ("[[lab_devices.nothing]]", "lab_devices.nothing: None is not a device: it has no name."),
        (
            "[[lab_devices.closed]]",
            "lab_devices.closed: This is not a class or function, ",
        ),
    ],
)
def test_a_device_that_cannot_be_made_is_named_with_its_line_and_the_rest_are_made(
    lab, write, table, reason
):
    text = f"[[lab_devices.Stage]]\nname = 'a'\n\n{table}\n\n[[lab_devices.Stage]]\nname = 'b'\n"
    scope = make_microscope(write(text))
    assert [device.name for device in scope.devices] == ["a", "b"]
    (problem,) = scope.problems
    assert isinstance(problem, DeviceFileError)
    with pytest.raises(DeviceFileError, match=f"^scope.toml, line 4, {reason}"):
        raise problem
    assert problem.__cause__ is not None


def test_a_file_of_which_nothing_can_be_made_is_none(lab, write):
    file = write("[[lab_devices.broken]]\nname = 'x'\n[[nowhere]]\n")
    with pytest.raises(DeviceFileError, match=r"line 1, x: .*\nscope.toml, line 3, nowhere: "):
        make_microscope(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "scope.toml has no devices"),
        ("[camera]\nname = 'a'\n", "scope.toml has no devices"),
        ("[[camera]]\nname = \n", "scope.toml, line 2: Invalid value"),
        ("[[camera]]\nname = 'a", "scope.toml: .*end of document"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(write, text, message):
    with pytest.raises(DeviceFileError, match=message):
        make_microscope(write(text))


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*nowhere.toml"):
        make_microscope(tmp_path / "nowhere.toml")
    (tmp_path / "scope.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeviceFileError, match=r"scope.toml cannot be read"):
        make_microscope(tmp_path / "scope.toml")
    with pytest.raises(DeviceFileError, match="cannot be read"):
        make_microscope(tmp_path)


def test_one_that_takes_too_long_is_given_up_and_let_go_of_when_it_comes(lab, write, monkeypatch):
    monkeypatch.setattr(_device_files, "MAKE_SECONDS", 0.1)
    scope = make_microscope(
        write("[[lab_devices.slow]]\nname = 'late'\n[[lab_devices.Stage]]\nname = 'a'\n")
    )
    assert [device.name for device in scope.devices] == ["a"]
    assert str(scope.problems[0]) == "scope.toml, line 1, late: It was not made within 0.1 s."
    lab.GO.set()
    wait_until(lambda: lab.closed == ["late"])
    wait_until(lambda: "skylight-make-device" not in {t.name for t in threading.enumerate()})


def test_all_are_let_go_of_even_if_one_is_stuck(lab, write):
    scope = make_microscope(write("[[lab_devices.Stage]]\nname = 'a'\n[[lab_devices.stuck]]\n"))
    with pytest.raises(OSError, match="stuck"):
        scope.close()
    assert lab.closed == ["a"]


@pytest.fixture
def offer(tmp_path, lab):
    def offer(name, points):
        info = tmp_path / "site" / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{point} = {value}" for point, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[napari_skylight.devices]", *lines]))

    return offer


def test_entry_points_are_found_by_their_short_names(lab, offer, write):
    offer("lab", {"rack": "lab_devices:rack", "twins": "lab_devices:pair"})
    assert factory_names() == ("simulated_microscope", "micro_manager", "rack", "twins")
    assert find_factory("rack") is lab.rack
    scope = make_microscope(write("[[rack]]\nsize = 1\n"))
    assert [device.name for device in scope.devices] == ["slot0"]


def test_a_factory_is_a_microscope_by_itself(tmp_path, offer):
    offer("lab", {"both": "lab_more:both"})
    source = "from lab_devices import Stage\ndef both():\n    return Stage('a'), Stage('b')\n"
    (tmp_path / "site" / "lab_more.py").write_text(source)
    scope = make_microscope("both")
    assert scope.title == "both"
    assert [device.name for device in scope.devices] == ["a", "b"]
    assert make_microscope("simulated_microscope").title == "Simulated microscope"


def test_an_entry_point_that_does_not_load_is_named_with_its_distribution(offer, write):
    offer("lab", {"rack": "lab_nowhere:rack", "fine": "lab_devices:Stage"})
    scope = make_microscope(write("[[rack]]\n[[fine]]\nname = 'a'\n"))
    (problem,) = scope.problems
    assert str(problem) == (
        "scope.toml, line 1, rack: lab: its entry point rack (lab_nowhere:rack) cannot be loaded: "
        "No module named 'lab_nowhere'"
    )


def test_a_name_that_two_offer_is_told_with_both(offer, write):
    offer("lab", {"rack": "lab_devices:rack", "micro_manager": "lab_devices:rack"})
    offer("other", {"rack": "lab_devices:pair"})
    with pytest.raises(DeviceFileError) as caught:
        make_microscope(write("[[rack]]\n[[micro_manager]]\n"))
    first, second = str(caught.value).split("\n")
    assert "lab and other both offer rack" in first
    assert "[[lab_devices.pair]]" in first
    assert "napari-skylight and lab both offer micro_manager" in second
