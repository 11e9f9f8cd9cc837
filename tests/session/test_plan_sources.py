"""Plans of one's own: from a folder of files, and from other distributions."""

import logging
import re
import sys
import textwrap
import threading

import pytest
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator

from napari_skylight import Session
from napari_skylight.devices import Microscope
from napari_skylight.session import SessionState, _plan_sources, home_folder
from napari_skylight.testing import wait_until

HEADER = "from bluesky import plan_stubs as bps\nfrom bluesky.utils import MsgGenerator\n"

WAITS = """
import threading
GO = threading.Event()
threading.main_thread().go = GO
GO.wait(20)
"""

BUILT_IN = "live_view", "snap", "record", "count", "scan", "rel_scan", "list_scan", "grid_scan"


def plan(name, body="yield from bps.null()", returns=" -> MsgGenerator[None]"):
    return f"{HEADER}\n\ndef {name}(frames: int = 1){returns}:\n    {body}\n"


@pytest.fixture
def folder(home):
    folder = home / "plans"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def open_session(home):
    made = []

    def open_one():
        made.append(Session(home))
        return made[-1], made[-1].reload_plans().result(timeout=20)

    yield open_one
    for session in made:
        session.close()


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Install a distribution of one module, with the entry points given."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)
    modules = set(sys.modules)

    def install(name, points, **files):
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{point} = {value}" for point, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[napari_skylight.plans]", *lines]))
        for file, source in files.items():
            (site / f"{file}.py").write_text(source)

    yield install
    for module in set(sys.modules) - modules:
        if module.startswith("lab_"):
            del sys.modules[module]


def test_a_reload_that_somebody_wants_to_cancel_does_not_prevent_the_next(open_session, folder):
    session, _ = open_session()
    (folder / "mine.py").write_text(plan("sweep"))
    session.reload_plans().cancel()
    assert session.reload_plans().result(timeout=20) == ()
    assert "sweep" in session.plans


def test_without_a_home_there_are_the_built_in_plans(session, distribution):
    distribution("lab", {"sweep": "lab_plans:sweep"}, lab_plans=plan("sweep"))
    assert list(session.plans) == [*BUILT_IN]
    assert session.plans_folder is None
    assert session.plans.origin("snap") == "built in"
    assert session.reload_plans().result(timeout=20) == ()
    assert list(session.plans) == [*BUILT_IN, "sweep"]


def test_home_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_SKYLIGHT_HOME", str(tmp_path / "elsewhere"))
    assert home_folder() == tmp_path / "elsewhere"
    monkeypatch.delenv("NAPARI_SKYLIGHT_HOME")
    assert home_folder().name == "napari-skylight"


def test_plans_of_the_folder_are_there_from_the_start(home, folder):
    (folder / "mine.py").write_text(plan("sweep"))
    with Session(home) as session:
        assert session.plans_folder == folder
        wait_until(lambda: "sweep" in session.plans)
        assert session.plans.origin("sweep") == "from mine.py"
        session.start("sweep").result(timeout=10)
        assert session.state is SessionState.IDLE


def test_a_home_without_a_folder_is_left_alone(home, open_session):
    session, problems = open_session()
    assert problems == ()
    assert session.problem == ""
    assert not home.exists()


def test_public_generator_functions_are_plans_and_nothing_else_is(folder, open_session):
    source = plan("sweep") + textwrap.dedent("""
        from bluesky.plans import count
        from collections.abc import Iterator
        from functools import wraps

        def _hidden() -> MsgGenerator[None]:
            yield from bps.null()

        def corners() -> Iterator[int]:
            yield 1

        def number() -> int:
            return 1

        def careful(plan):
            @wraps(plan)
            def wrapper(*args, **kwargs):
                return plan(*args, **kwargs)
            return wrapper

        @careful
        def wrapped() -> MsgGenerator[None]:
            yield from bps.null()
    """)
    (folder / "mine.py").write_text(source)
    (folder / "_helpers.py").write_text(plan("no_plan"))
    session, problems = open_session()
    assert list(session.plans) == [*BUILT_IN, "sweep", "wrapped"]
    assert problems == ()


def test_all_says_which_are_plans(folder, open_session):
    source = "from functools import partial\n" + plan("sweep")
    source += "long_sweep = partial(sweep, frames=9)\n__all__ = ['long_sweep', 'missing']\n"
    (folder / "mine.py").write_text(source)
    session, problems = open_session()
    assert list(session.plans) == [*BUILT_IN, "long_sweep"]
    assert problems == ("mine.py: __all__ names missing, which is not defined.",)


def test_files_import_from_each_other(folder, open_session):
    (folder / "_helpers.py").write_text("FRAMES = 3\n")
    source = plan("sweep").replace("int = 1", "int = FRAMES")
    (folder / "mine.py").write_text(f"from ._helpers import FRAMES\n{source}")
    session, _ = open_session()
    assert session.remembered("sweep") == {"frames": 3}
    (folder / "_helpers.py").write_text("FRAMES = 4\n")
    assert session.reload_plans().result(timeout=20) == ()
    assert session.remembered("sweep") == {"frames": 4}


def test_an_edit_within_the_same_second_is_seen(folder, open_session):
    session, _ = open_session()
    for frames in range(10):
        (folder / "mine.py").write_text(plan("sweep").replace("int = 1", f"int = {frames}"))
        session.reload_plans().result(timeout=20)
        assert session.remembered("sweep") == {"frames": frames}


@pytest.mark.parametrize(
    ("source", "where", "reason"),
    [
        (plan("sweep") + "\ndef (:\n", "line 8", "invalid syntax"),
        (plan("sweep") + "\nimport nowhere\n", "line 8", "No module named 'nowhere'"),
        (plan("sweep") + "\nraise SystemExit(3)\n", "line 8", "The code raised SystemExit"),
        (plan("sweep") + "\nraise KeyboardInterrupt\n", "line 8", "KeyboardInterrupt"),
        (
            plan("sweep") + "\nclass Odd(BaseException): pass\nraise Odd('x')\n",
            "line 9",
            "x",
        ),
        (
            plan("sweep") + "\nimport asyncio\nraise asyncio.CancelledError\n",
            "line 9",
            "Cancelled.",
        ),
        (plan("sweep", returns=""), "line 5", "sweep has no return type annotation"),
        ("__all__ = 3\n", None, "'int' object is not iterable"),
        ("x = '\x00'\n", None, ""),
    ],
)
def test_a_broken_file_is_named_with_its_line_and_the_rest_load(
    folder, open_session, caplog, source, where, reason
):
    (folder / "broken.py").write_text(source)
    (folder / "fine.py").write_text(plan("fine"))
    with caplog.at_level(logging.WARNING, "napari_skylight"):
        session, problems = open_session()
    assert len(problems) == 1
    place = f"broken.py, {where}" if where else "broken.py"
    assert problems[0].startswith(f"{place}: {reason}")
    assert session.problem == problems[0]
    assert problems[0] in caplog.text
    assert "fine" in session.plans
    assert "sweep" not in session.plans


def test_several_broken_files_are_told_in_a_line_each(folder, open_session):
    (folder / "a.py").write_text("x = [\n")
    (folder / "b.py").write_text("1 / 0\n")
    session, problems = open_session()
    assert len(problems) == 2
    assert session.problem == "\n".join(problems)
    assert len(session.last_exception.exceptions) == 2


def test_a_mended_file_takes_its_report_back(folder, open_session):
    (folder / "mine.py").write_text("def (:\n")
    session, _ = open_session()
    (folder / "mine.py").write_text(plan("sweep"))
    assert session.reload_plans().result(timeout=20) == ()
    assert session.problem == ""
    assert "sweep" in session.plans


def test_opening_a_microscope_does_not_hide_a_broken_file(folder, open_session):
    (folder / "mine.py").write_text("def (:\n")
    session, problems = open_session()
    session.open_microscope(lambda: Microscope("None", ())).result(timeout=10)
    assert session.problem == problems[0]


def test_plans_of_a_file_broken_later_stay_as_they_were(folder, open_session):
    (folder / "mine.py").write_text(plan("sweep"))
    session, _ = open_session()
    before = session.plans["sweep"]
    (folder / "mine.py").write_text("def (:\n")
    (problem,) = session.reload_plans().result(timeout=20)
    assert problem == "mine.py, line 1: invalid syntax. Its plans stay as they were."
    assert session.plans["sweep"] is before
    session.start("sweep").result(timeout=10)


def test_a_reload_is_one_change_and_keeps_the_order(folder, open_session):
    (folder / "a.py").write_text(plan("first") + plan("second"))
    session, _ = open_session()
    session.add_plan(by_hand)
    changes = []
    session.plans_changed.connect(lambda: changes.append(list(session.plans)))
    (folder / "a.py").write_text(plan("third") + plan("second"))
    session.reload_plans().result(timeout=20)
    assert changes == [[*BUILT_IN, "second", "by_hand", "third"]]
    session.reload_plans().result(timeout=20)
    assert len(changes) == 1, "nothing has changed"


def by_hand() -> MsgGenerator[None]:
    yield from bps.null()


def test_a_file_that_is_gone_takes_its_plans_along(folder, open_session):
    (folder / "mine.py").write_text(plan("sweep"))
    session, _ = open_session()
    (folder / "mine.py").unlink()
    session.reload_plans().result(timeout=20)
    assert list(session.plans) == [*BUILT_IN]


def test_a_plan_under_way_goes_on_while_its_file_is_edited(folder, open_session):
    body = "steps.append(1)\n    yield from bps.sleep(60)\n    yield from bps.null()"
    (folder / "mine.py").write_text("steps = []\n" + plan("sweep", body))
    session, _ = open_session()
    steps = session.plans["sweep"].__globals__["steps"]
    future = session.start("sweep")
    wait_until(lambda: steps)
    (folder / "mine.py").unlink()
    session.reload_plans().result(timeout=20)
    assert "sweep" not in session.plans
    assert session.state is SessionState.RUNNING
    session.stop().result(timeout=10)
    wait_until(lambda: future.done())
    assert session.run.exit_status == "success"


@pytest.mark.parametrize("name", ["snap", "sweep"])
def test_a_name_that_is_taken_is_told_with_both_origins(folder, open_session, name):
    (folder / "a.py").write_text(plan("sweep"))
    (folder / "b.py").write_text(plan(name))
    session, problems = open_session()
    there = {"snap": "built in", "sweep": "from a.py"}[name]
    assert session.plans.origin(name) == there
    assert problems == (
        f"There is a plan called {name} already ({there}): give the one from b.py another name.",
    )
    assert session.problem == problems[0]


def test_a_plan_by_hand_takes_nobodys_name_but_its_own(session):
    def snap() -> MsgGenerator[None]:
        yield from bps.null()

    with pytest.raises(ValueError, match=r"called snap already \(built in\)"):
        session.add_plan(snap)
    session.add_plan(snap, "my_snap")
    session.add_plan(by_hand, "my_snap")
    assert session.plans["my_snap"] is by_hand
    assert session.plans.origin("my_snap") == "added by hand"


def test_a_listener_that_fails_is_not_the_fault_of_who_adds_a_plan(session, caplog):
    def stumble():
        raise RuntimeError("I fell over.")

    session.plans.changed.connect(stumble)
    with caplog.at_level(logging.ERROR, "napari_skylight"):
        session.add_plan(by_hand)
    assert "by_hand" in session.plans
    assert "I fell over." in caplog.text


def test_an_entry_point_gives_one_plan_or_a_module_of_them(distribution, open_session):
    distribution(
        "lab",
        {"long_sweep": "lab_one:sweep", "all": "lab_many"},
        lab_one=plan("sweep"),
        lab_many=plan("up") + plan("down"),
    )
    session, problems = open_session()
    assert problems == ()
    assert list(session.plans) == [*BUILT_IN, "up", "down", "long_sweep"]
    assert session.plans.origin("up") == session.plans.origin("long_sweep") == "from lab"
    session.start("long_sweep", {"frames": 2}).result(timeout=10)


def test_entry_points_are_loaded_off_the_callers_thread(distribution, open_session):
    source = f"import threading\nTHREAD = threading.current_thread().name\n{plan('sweep')}"
    distribution("lab", {"sweep": "lab_plans:sweep"}, lab_plans=source)
    session, _ = open_session()
    assert session.plans["sweep"].__globals__["THREAD"] == "skylight-load-plans"
    wait_until(lambda: "skylight-load-plans" not in {t.name for t in threading.enumerate()})


@pytest.mark.parametrize(
    ("value", "source", "reason"),
    [
        ("lab_broken:sweep", "import nowhere", "cannot be loaded: No module named 'nowhere'"),
        ("lab_broken:sweep", "", "cannot be loaded: .*no attribute 'sweep'"),
        ("lab_broken:sweep", "sweep = 3", "is not a plan"),
        ("lab_broken", "import pytest\npytest.exit('no bench')", "cannot be loaded: no bench"),
        ("lab_broken", plan("sweep", returns=""), "lab_broken.sweep: .* no return type annotation"),
    ],
)
def test_a_broken_entry_point_is_named_and_the_rest_load(
    distribution, open_session, folder, value, source, reason
):
    distribution("lab-fine", {"fine": "lab_fine:fine"}, lab_fine=plan("fine"))
    distribution("lab-broken", {"sweep": value}, lab_broken=source)
    (folder / "mine.py").write_text(plan("mine"))
    session, problems = open_session()
    assert list(session.plans) == [*BUILT_IN, "fine", "mine"]
    (problem,) = problems
    assert problem.startswith("lab-broken: ")
    assert re.search(reason, problem)
    assert session.problem == problem


def test_what_is_left_of_removed_distributions_hinders_no_other(
    distribution, open_session, tmp_path
):
    distribution("lab-fine", {"fine": "lab_fine:fine"}, lab_fine=plan("fine"))
    for name in ("lab-gone", "lab-lost"):
        distribution(name, {"sweep": "lab_gone:sweep"})
        (tmp_path / "site" / f"{name.replace('-', '_')}-1.0.dist-info" / "METADATA").unlink()
    session, problems = open_session()
    assert "fine" in session.plans
    assert problems[0].startswith("an unknown package: its entry point sweep (lab_gone:sweep)")


def test_a_distribution_installed_meanwhile_is_found(distribution, open_session):
    session, _ = open_session()
    distribution("lab", {"sweep": "lab_plans:sweep"}, lab_plans=plan("sweep"))
    assert session.reload_plans().result(timeout=20) == ()
    assert "sweep" in session.plans


def test_a_session_closes_while_a_file_is_loading(folder, home):
    (folder / "mine.py").write_text(WAITS + plan("sweep"))
    session = Session(home)
    main = threading.main_thread()
    wait_until(lambda: hasattr(main, "go"))
    session.close()
    with pytest.raises(RuntimeError, match="was closed"):
        session.reload_plans()
    main.go.set()
    del main.go
    wait_until(lambda: "skylight-load-plans" not in {t.name for t in threading.enumerate()})
    assert "sweep" not in session.plans


def test_a_file_whose_name_is_no_modules_is_told(folder, open_session):
    (folder / "my.plans.py").write_text(plan("sweep"))
    (folder / "my-plans 2.py").write_text(plan("fine"))
    session, problems = open_session()
    assert problems == ("my.plans.py: its name has more than one dot: rename it.",)
    assert "fine" in session.plans


def test_a_file_that_takes_long_is_named(folder, home, monkeypatch):
    monkeypatch.setattr(_plan_sources, "SLOW_SECONDS", 0.1)
    (folder / "mine.py").write_text(WAITS + plan("sweep"))
    with Session(home) as session:
        wait_until(lambda: "Loading plans waits for mine.py" in session.problem)
        threading.main_thread().go.set()
        wait_until(lambda: "sweep" in session.plans)
        wait_until(lambda: session.problem == "")
    del threading.main_thread().go


def test_two_sessions_with_homes_of_their_own_do_not_mix(folder, open_session, tmp_path):
    (folder / "mine.py").write_text(plan("sweep"))
    session, _ = open_session()
    other = tmp_path / "other"
    (other / "plans").mkdir(parents=True)
    (other / "plans" / "mine.py").write_text(plan("other"))
    with Session(other) as second:
        second.reload_plans().result(timeout=20)
        assert list(second.plans) == [*BUILT_IN, "other"]
    (folder / "mine.py").write_text("def (:\n")
    (problem,) = session.reload_plans().result(timeout=20)
    assert problem.endswith("Its plans stay as they were.")
    assert "sweep" in session.plans
