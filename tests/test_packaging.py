"""What users get when they install the package, and what CI runs."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

ROOT = Path(__file__).parents[1]
PLUGIN = "napari-skylight"


def manifests(paths=()):
    found = PluginManifest.discover(paths=paths)
    return [
        result.manifest for result in found if result.manifest and result.manifest.name == PLUGIN
    ]


def test_the_manifest_at_the_root_is_a_link_to_the_packages():
    link = ROOT / "napari.yaml"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "src" / "napari_skylight" / "napari.yaml"


def test_an_editable_install_shows_the_plugin():
    (manifest,) = manifests()
    assert manifest.display_name == PLUGIN
    listing = subprocess.run(
        [Path(sys.executable).with_name("npe2"), "list", "-f", "json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert f'"name": "{PLUGIN}"' in listing.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(command, capture_output=True, check=True, timeout=100)
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_shows_the_plugin(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    found = [
        result.manifest
        for result in PluginManifest.discover(paths=[str(tmp_path)])
        if result.manifest and result.manifest.name == PLUGIN
    ]
    commands = {command.id for manifest in found for command in manifest.contributions.commands}
    assert f"{PLUGIN}.start_live_view" in commands


def test_a_wheel_holds_no_tests_and_is_typed(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "napari_skylight/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_every_command_of_the_manifest_can_be_imported():
    (manifest,) = manifests()
    for command in manifest.contributions.commands:
        assert callable(import_python_name(command.python_name))


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_importing_the_package_imports_neither_qt_nor_napari():
    modules = run_python("import sys, napari_skylight; print(*sys.modules)").split()
    assert not {"napari", "qtpy", "PyQt6", "PySide6", "bluesky"} & set(modules)


def test_a_session_needs_neither_qt_nor_napari():
    code = "import sys; from napari_skylight import Session; Session().close(); print(*sys.modules)"
    modules = run_python(code).split()
    assert not {"napari", "qtpy", "PyQt6", "PySide6", "magicgui", "superqt"} & set(modules)


def test_the_workflow_runs_targets_and_markers_that_exist():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"run: make (\S+)", workflow):
        assert f"\n{target}:" in makefile, target
    selections = re.findall(r"select: (.+)", workflow)
    assert len(selections) == len(
        yaml.safe_load(workflow)["jobs"]["no-gl"]["strategy"]["matrix"]["include"]
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {each.split(":")[0] for each in project["tool"]["pytest"]["ini_options"]["markers"]}
    assert set(" ".join(selections).split()) - {"not", "and"} <= declared


@pytest.mark.parametrize("form", ["bug_report", "feature_request"])
def test_an_issue_form_has_fields_of_kinds_that_github_knows(form):
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml"
    issue = yaml.safe_load(path.read_text())
    assert issue["name"]
    assert issue["description"]
    ids = [field["id"] for field in issue["body"]]
    assert len(ids) == len(set(ids))
    for field in issue["body"]:
        assert field["type"] in {"textarea", "dropdown", "input", "checkboxes"}
        assert field["attributes"]["label"]
