"""What is remembered from one start to the next."""

import json
import sys
import threading
import types
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum, Flag, IntEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator
from pydantic import BaseModel

from napari_skylight import Session
from napari_skylight.testing import FakeCamera, wait_until


class Stain(Enum):
    DAPI = object()
    GFP = "green"


class Binning(IntEnum):
    ONE = 1
    TWO = 2


class Flags(Flag):
    A = 1
    B = 2


@dataclass(frozen=True)
class Window:
    corner: tuple[int, int]
    stain: Stain


class Grid(BaseModel):
    rows: int
    names: tuple[str, ...] = ()


KEPT = [
    True,
    3,
    2.5,
    float("inf"),
    "µm\ud800",
    None,
    [1, [2.0, "x"]],
    (1, (2, "y")),
    {1, 2},
    frozenset({"a"}),
    {"a": (1, 2), 3: Path("b")},
    range(1, 10, 3),
    slice(None, 5),
    Path("/data/réf") / "x.tif",
    datetime(2026, 11, 22, 19, 0, 0, 5),
    date(2026, 11, 22),
    time(7, 30),
    timedelta(days=2, microseconds=7),
    Stain.DAPI,
    Binning.TWO,
    [Stain.GFP, Stain.DAPI],
    Window((3, 4), Stain.DAPI),
    Grid(rows=2, names=("a", "b")),
]


def take(value: Any = None, frames: int = 1) -> MsgGenerator[None]:
    yield from bps.null()


def remembers(home, values, later=take):
    """What a second session remembers of `values` for `take`, which may be another plan then."""
    with Session(home) as session:
        session.add_plan(take)
        session.remember("take", values)
    with Session(home) as session:
        session.add_plan(later, "take")
        return session.remembered("take")


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_values_come_back_as_what_they_were(home, value):
    found = remembers(home, {"value": value, "frames": 4})
    assert found == {"value": value, "frames": 4}
    assert type(found["value"]) is type(value)


@pytest.mark.parametrize(
    "value", [object(), FakeCamera(), np.zeros(3), Flags.A | Flags.B, lambda: 1, [object()]]
)
def test_what_cannot_be_written_is_left_out(home, value):
    assert remembers(home, {"value": value, "frames": 4}) == {"frames": 4}


def test_a_number_of_numpy_comes_back_as_a_number(home):
    assert remembers(home, {"value": np.float64(0.5)})["value"] == 0.5


def plan_of(annotation, default):
    def take(value=default, frames: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    take.__annotations__["value"] = annotation
    return take


@pytest.mark.parametrize(
    ("value", "annotation", "default"),
    [
        (3, list[int], [1]),
        ((1, 2), tuple[int, int, int], (0, 0, 0)),
        ("five", float, 1.0),
        (4, Literal["a", "b"], "a"),
        (Stain.GFP, Binning, Binning.ONE),
        (Path("x"), date, date(2026, 1, 1)),
    ],
)
def test_a_value_that_no_longer_fits_gives_way_to_the_default(home, value, annotation, default):
    found = remembers(home, {"value": value, "frames": 4}, plan_of(annotation, default))
    assert found == {"value": default, "frames": 4}


def test_a_parameter_that_has_gone_is_forgotten(home):
    def plain(frames: int = 1) -> MsgGenerator[None]:
        yield from bps.null()

    assert remembers(home, {"value": 1, "frames": 4}, plain) == {"frames": 4}


def test_an_enum_that_is_not_there_any_more_is_left_out(home, monkeypatch):
    module = types.ModuleType("lab_stains")
    exec("from enum import Enum\nclass Dye(Enum):\n    RED = 1\n", module.__dict__)
    monkeypatch.setitem(sys.modules, "lab_stains", module)
    with Session(home) as session:
        session.add_plan(take)
        session.remember("take", {"value": module.Dye.RED, "frames": 4})
    monkeypatch.delitem(sys.modules, "lab_stains")
    with Session(home) as session:
        session.add_plan(take)
        assert session.remembered("take") == {"frames": 4}
    assert "lab_stains" not in sys.modules, "a file makes nothing be imported"


def test_an_enum_of_a_plan_file_outlives_a_reload(home):
    source = (
        "from enum import Enum\nfrom bluesky.utils import MsgGenerator\n"
        "class Dye(Enum):\n    RED = 1\n    BLUE = 2\n"
        "def paint(dye: Dye = Dye.RED) -> MsgGenerator[None]:\n    yield\n"
    )
    (home / "plans").mkdir(parents=True)
    (home / "plans" / "mine.py").write_text(source)
    with Session(home) as session:
        session.reload_plans().result(timeout=20)
        before = session.plans["paint"].__globals__["Dye"]
        session.remember("paint", {"dye": before.BLUE})
        (home / "plans" / "mine.py").write_text(f"# edited\n{source}")
        session.reload_plans().result(timeout=20)
        after = session.plans["paint"].__globals__["Dye"]
        assert after is not before
        assert session.remembered("paint") == {"dye": after.BLUE}


def test_the_last_plan_is_the_one_chosen_or_started_last(home):
    with Session(home) as session:
        assert session.last_plan == ""
        session.add_plan(take)
        session.choose("snap", {})
        assert session.last_plan == "snap"
        session.start("take").result(timeout=10)
        assert session.last_plan == "take"
    with Session(home) as session:
        assert session.last_plan == "take"


def test_a_start_is_kept_at_once_and_off_the_callers_thread(home, monkeypatch):
    threads = []
    fsync = __import__("os").fsync
    monkeypatch.setattr(
        "os.fsync", lambda fd: (threads.append(threading.current_thread().name), fsync(fd))
    )
    with Session(home) as session:
        session.add_plan(take)
        session.start("take", {"frames": 6}).result(timeout=10)
        wait_until(lambda: (home / "choices.json").exists())
        assert json.loads((home / "choices.json").read_text())["last_plan"] == "take"
    assert set(threads) == {"skylight-save-choices"}
    assert [file.name for file in home.iterdir()] == ["choices.json"]


def test_without_a_home_nothing_is_written(home, session):
    session.add_plan(take)
    session.start("take").result(timeout=10)
    session.close()
    assert not home.exists()


def test_a_session_in_which_nothing_was_chosen_writes_nothing(home):
    Session(home).close()
    assert not home.exists()


def test_what_was_chosen_for_plans_that_are_not_loaded_is_kept(home):
    remembers(home, {"value": (1, 2), "frames": 4})
    with Session(home) as session:
        session.remember("snap", {"frames": 3})
    with Session(home) as session:
        session.add_plan(take)
        assert session.last_plan == "snap"
        assert session.remembered("take") == {"value": (1, 2), "frames": 4}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("{", "it is not JSON: Expecting property name enclosed in double quotes: line 1 column 2"),
        ("\x00\x01", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "maximum recursion depth exceeded"),
        ("[]", "it must hold an object in braces)"),
        ("null", "it must hold an object in braces)"),
        ('{"snap": {}}', 'it has no "format")'),
        ('{"format": 2, "last_plan": "snap", "plans": {}}', "its format is 2, not 1)"),
        ('{"format": 1, "last_plan": "snap"}', 'it has no "plans")'),
        (
            '{"format": 1, "last_plan": "snap", "plans": {"snap": 3}}',
            'its "plans" must hold an object for each plan)',
        ),
    ],
    ids=lambda text: text[:12],
)
def test_a_file_that_cannot_be_read_is_put_aside_and_told(home, content, reason):
    home.mkdir()
    (home / "choices.json").write_text(content)
    with Session(home) as session:
        start = f"The values used last cannot be read from choices.json ({reason}"
        assert session.problem.startswith(start)
        assert session.problem.endswith("It is kept as choices-unreadable.json.")
        assert session.last_plan == ""
        session.remember("snap", {"frames": 3})
    assert (home / "choices-unreadable.json").read_text() == content
    with Session(home) as session:
        assert (session.problem, session.last_plan) == ("", "snap")


@pytest.mark.parametrize(
    "stored",
    [
        {"enum": ["os", "system", "x"]},
        {"enum": 3},
        {"object": ["subprocess", "Popen", {"args": "x"}]},
        {"object": ["nowhere", "Grid", {}]},
        {"object": [__name__, "Grid", {"rows": "many"}]},
        {"magic": 1},
        {"path": 1},
        {"a": 1, "b": 2},
        {"timedelta": ["x"]},
        json.loads("[" * 900 + "]" * 900),
    ],
    ids=lambda stored: str(stored)[:30],
)
def test_foreign_values_are_left_out(home, stored):
    home.mkdir()
    plans = {"take": {"value": stored, "frames": 4}}
    content = {"format": 1, "last_plan": "take", "plans": plans}
    (home / "choices.json").write_text(json.dumps(content))
    with Session(home) as session:
        session.add_plan(take)
        assert session.remembered("take") == {"frames": 4}
        assert session.problem == ""


def test_a_folder_that_cannot_be_written_is_told_and_life_goes_on(home):
    home.write_text("a file where the folder should be")
    with Session(home) as session:
        session.add_plan(take)
        session.start("take").result(timeout=10)
        wait_until(lambda: session.problem)
        assert session.problem.startswith("The values are not saved for the next start:")
        session.start("take").result(timeout=10)


def test_a_list_that_holds_itself_keeps_nothing_else_from_being_kept(home):
    around = []
    around.append(around)
    with Session(home) as session:
        session.add_plan(take)
        session.remember("take", {"value": around, "frames": 4})
        assert session.remembered("take")["frames"] == 4
    with Session(home) as session:
        session.add_plan(take)
        assert session.remembered("take") == {"frames": 4}


@pytest.mark.parametrize("error", [PermissionError(13, "No"), OSError(36, "File name too long")])
def test_a_home_that_may_not_be_looked_into_is_told_and_life_goes_on(home, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    monkeypatch.setattr("pathlib.Path.stat", refuse)
    monkeypatch.setattr("os.replace", refuse)
    with Session(home) as session:
        assert session.problem.startswith("The values used last cannot be read from choices.json")
        session.add_plan(take)
        session.start("take").result(timeout=10)


def test_what_a_link_leads_to_is_written_and_the_link_stays(home, tmp_path):
    home.mkdir()
    real = tmp_path / "dotfiles.json"
    real.write_text(json.dumps({"format": 1, "last_plan": "snap", "plans": {}}))
    (home / "choices.json").symlink_to(real)
    remembers(home, {"frames": 4})
    assert (home / "choices.json").is_symlink()
    assert json.loads(real.read_text())["plans"]["take"] == {"frames": 4}


def test_two_sessions_that_write_at_once_leave_a_whole_file(home, monkeypatch):
    together = threading.Barrier(2, timeout=10)
    fsync = __import__("os").fsync
    monkeypatch.setattr("os.fsync", lambda number: (fsync(number), together.wait()))
    first, second = Session(home), Session(home)
    for session, frames in ((first, 3), (second, 40_000)):
        session.add_plan(take)
        session.start("take", {"frames": frames}).result(timeout=10)
    for session in (first, second):
        session.close()
        assert session.problem == ""
    assert [file.name for file in home.iterdir()] == ["choices.json"]
    assert json.loads((home / "choices.json").read_text())["last_plan"] == "take"
