"""The Python, commands, links and names in the documentation exist and work."""

import datetime
import enum
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import typing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import annotated_types
import numpy as np
import pytest
from bluesky.utils import MsgGenerator
from npe2 import PluginManifest
from numpy.typing import NDArray
from pymmcore_plus import find_micromanager

import napari_skylight
from napari_skylight import Session, attach, cli, protocols
from napari_skylight._compat import app_model
from napari_skylight.devices import factory_names, sim
from napari_skylight.plans.spec import ChoicesOf, create_plan_spec
from napari_skylight.session import SessionState
from napari_skylight.testing import wait_until

ROOT = Path(__file__).parents[1]
# Links within the site are checked by its build.
OUTSIDE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*OUTSIDE, *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = ROOT / "docs" / "explanation" / "decisions"

API = ROOT / "docs" / "reference" / "api.md"
MODULES = re.findall(r"^::: napari_skylight\.([a-z_.]*(?<!attach))$", API.read_text(), re.MULTILINE)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMANDS = ("make ", "napari-skylight", "pip ", "python ")


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks_of(page, language):
    """Return the blocks of a page, each with its line numbers kept by empty lines in front."""
    text = page.read_text()
    found = [block for block in FENCE.finditer(text) if block[1] == language]
    return ["\n" * text[: block.start(2)].count("\n") + block[2] for block in found]


def python_of(page):
    return blocks_of(page, "python")


def commands_of(page):
    """Return the shell commands on a page."""
    text = page.read_text()
    lines = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    inline = INLINE.findall(FENCE.sub("", text))
    return [shlex.split(line, comments=True) for line in lines + inline if is_command(line)]


def is_command(line):
    return line.startswith(COMMANDS) and "=" not in line.split()[0]


@pytest.fixture
def viewer(session, make_napari_viewer):
    session.open_microscope(sim.microscope).result(timeout=30)
    viewer = make_napari_viewer(show=False)
    attach(viewer, session)
    return viewer


@pytest.mark.parametrize("page", [*filter(python_of, PAGES)], ids=name_of)
def test_the_python_of_a_page_runs(page, viewer, session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(Path(find_micromanager()) / "MMConfig_demo.cfg", tmp_path / "my.cfg")
    for block in blocks_of(page, "toml"):
        if "project" not in tomllib.loads(block):
            (tmp_path / "my_devices.toml").write_text(block)
    plans_before = set(session.plans)
    names = {"__name__": "console", "viewer": viewer, "session": session}
    for block in python_of(page):
        exec(compile(block, page, "exec"), names)
    for plan in set(session.plans) - plans_before:
        stashed = sum(cache.counts.stashed for cache in session.caches)
        session.start(plan)
        wait_until(lambda n=stashed: sum(c.counts.stashed for c in session.caches) > n)
        session.stop().result(timeout=5)
    assert session.state is SessionState.IDLE
    assert session.problem == ""


@pytest.mark.parametrize("page", OUTSIDE, ids=name_of)
def test_the_links_of_a_page_outside_the_site_exist(page):
    for link in LINK.findall(page.read_text()):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            assert (page.parent / path).exists(), link
            assert not anchor, f"{link}: link to a page, whose headings may change"


@pytest.fixture(scope="module")
def targets():
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.fixture
def options(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    return set(re.findall(r"--[a-z-]+", capsys.readouterr().out))


@pytest.mark.parametrize("page", [*filter(commands_of, PAGES)], ids=name_of)
def test_the_commands_of_a_page_exist(page, targets, options):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for program, *words in commands_of(page):
        if program == "make":
            assert words[0] in targets, f"make {words[0]}"
        elif program == "napari-skylight":
            assert {word for word in words if word.startswith("--")} <= options, words
        elif program == "python":
            assert words[0] == "-m"
            assert find_spec(f"{words[1]}.__main__"), words
        else:
            asked = re.findall(r"\[([a-z0-9,]+)\]", words[1])
            assert {name for names in asked for name in names.split(",")} <= set(extras), words


class Stain(enum.Enum):
    DAPI = 1


@dataclass
class Region:
    left: int
    right: int


FORM = ROOT / "docs" / "how-to" / "own-plan.md"
TABLE = FORM.read_text().partition("\n## The form\n")[2].partition("\n## ")[0]
ROWS = [row.split(" | ")[0] for row in TABLE.splitlines() if row.startswith("| `")]


@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.startswith(("| `FrameC", "| `Act"))]
)
def test_every_annotation_in_the_table_has_a_field(row):
    names = {**vars(typing), **vars(annotated_types), **vars(datetime), **vars(protocols)}
    names |= {"ChoicesOf": ChoicesOf, "Path": Path, "Stain": Stain, "Region": Region}
    names |= {"np": np, "NDArray": NDArray}
    microscope = {device.name: device for device in sim.microscope().devices}
    for annotation in INLINE.findall(row.replace("\\|", "|")):

        def plan(x) -> MsgGenerator:
            yield

        plan.__annotations__["x"] = eval(annotation, names)
        (param,) = create_plan_spec(plan, microscope).parameters
        assert param.has_field, annotation


@pytest.mark.parametrize(
    ("page", "group"),
    [("own-plan.md", "napari_skylight.plans"), ("own-devices.md", "napari_skylight.devices")],
)
def test_the_entry_points_of_a_page_are_found(page, group, monkeypatch):
    looked_for = []
    monkeypatch.setattr(
        "napari_skylight._entry_points.entry_points", lambda group: looked_for.append(group) or ()
    )
    with Session(home=ROOT / "no-such-folder") as session:
        session.reload_plans().result(timeout=10)
        factory_names()
    shown = [tomllib.loads(block) for block in blocks_of(ROOT / "docs" / "how-to" / page, "toml")]
    (project,) = (block["project"] for block in shown if "project" in block)
    assert list(project["entry-points"]) == [group]
    assert group in looked_for


def test_the_documented_keys_are_the_registered_ones(shown, plugin_session, qtbot):
    plugin_session.start("live_view")
    qtbot.waitUntil(lambda: bool(plugin_session.actions), timeout=5000)
    ours = {
        str(each.keybinding).replace("Shift+Alt+", "Alt+Shift+")
        for each in app_model().keybindings
        if each.command_id.startswith("napari-skylight")
    }
    page = (ROOT / "docs" / "how-to" / "keyboard.md").read_text()
    documented = set(re.findall(r"Ctrl\+Alt\+(?:Shift\+)?\S", page))
    assert documented - {"Ctrl+Alt+9"} == ours - {f"Ctrl+Alt+{number}" for number in (2, 3, 4)}


def test_every_option_of_the_command_is_documented(options):
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    assert options - {"--help"} <= set(re.findall(r"--[a-z-]+", page))


def test_every_preference_is_documented():
    manifest = PluginManifest.from_file(ROOT / "napari.yaml")
    (page,) = manifest.contributions.configurations.values()
    told = (ROOT / "docs" / "reference" / "preferences.md").read_text()
    words = {True: "on", False: "off", "": "empty"}
    for each in page.properties.values():
        default = re.escape(str(words.get(each.default, each.default)))
        assert re.search(
            rf"^\| {re.escape(each.title)} \|.*\| {default} \|$", told, re.MULTILINE
        ), each


BROKEN = [
    ("[page](nowhere.md)", "link 'nowhere.md'"),
    ("[heading](../index.md#nowhere)", "anchor '#nowhere'"),
    ("![picture](../pictures/nowhere.png)", "link '../pictures/nowhere.png'"),
    ("[file](../../nowhere.py)", "link '../../nowhere.py'"),
    ("[name][napari_skylight.nowhere]", "target 'napari_skylight.nowhere'"),
    ("::: nowhere\n    options:\n      members: [lost]", "parameter 'gone'"),
]
NOWHERE = '''
def lost(here: int) -> None:
    """Do nothing.

    Parameters
    ----------
    gone : int
        It is not there.
    """
'''


def test_the_build_fails_on_broken_links_and_names(tmp_path):
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("mkdocs.yml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    (tmp_path / "src" / "nowhere.py").write_text(NOWHERE)
    page = tmp_path / "docs" / "how-to" / "own-plan.md"
    page.write_text(page.read_text() + "".join(f"\n\n{broken}\n" for broken, _ in BROKEN))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    build = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert build.returncode != 0
    for _, complaint in BROKEN:
        assert complaint in build.stderr.casefold()
    assert build.stderr.count("WARNING -") == len(BROKEN), build.stderr


def test_every_public_module_is_in_the_reference():
    package = ROOT / "src" / "napari_skylight"
    files = [*package.glob("**/[!_]*.py"), *package.glob("*/**/__init__.py")]
    modules = {".".join(file.relative_to(package).with_suffix("").parts) for file in files}
    public = {
        module.removesuffix(".__init__")
        for module in modules
        if "._" not in f".{module}".replace(".__init__", "")
    }
    inside = public - set(MODULES) - {"devices.sim.specimen"}  # its names are those of sim
    assert {module.partition(".")[0] for module in inside} == {"cli", "plugin", "widgets"}


def test_every_public_name_has_a_place_on_the_api_page(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=100)
    page = (tmp_path / "reference" / "api" / "index.html").read_text()
    places = set(re.findall(r'id="(napari_skylight[\w.]*)"', page))
    assert len(places) > 300
    for name in MODULES:
        module = import_module(f"napari_skylight.{name}")
        for each in module.__all__:
            found = getattr(module, each)
            own = getattr(found, "__module__", "").startswith("napari_skylight")
            if own and found.__name__ == each:  # neither another package's nor an alias
                assert f"{module.__name__}.{each}" in places
        assert f"](#{module.__name__})" in API.read_text()
    for each in napari_skylight.__all__:
        assert f"[`{each}`][napari_skylight." in API.read_text()


def test_every_example_is_on_the_page_of_examples():
    page = (ROOT / "docs" / "how-to" / "examples.md").read_text()
    shown = re.findall(r'^--8<-- "examples/(.+)"$', page, re.MULTILINE)
    assert shown == sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def test_every_decision_is_in_the_list():
    listed = LINK.findall((DECISIONS / "README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in DECISIONS.glob("0*.md"))


@pytest.mark.gl
@pytest.mark.slow
def test_the_pictures_can_be_taken_again(tmp_path):
    script = ROOT / "docs" / "make_pictures.py"
    subprocess.run(
        [sys.executable, script, "paused", "--folder", tmp_path], check=True, timeout=100
    )
    assert (tmp_path / "paused.png").stat().st_size > 10_000


def test_every_picture_is_made_by_the_script_and_shown():
    made = {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    pages = "".join(page.read_text() for page in PAGES)
    assert made == set(re.findall(r"pictures/([\w-]+\.png)", pages))
    script = (ROOT / "docs" / "make_pictures.py").read_text()
    functions = re.findall(r"^@picture\ndef (\w+)", script, re.MULTILINE)
    assert made == {f"{name.replace('_', '-')}.png" for name in functions}
