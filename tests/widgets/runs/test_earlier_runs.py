"""Runs of earlier sessions in the Runs dock."""

import json

import pytest
from event_model import compose_run
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QTreeView, QWidget

from napari_skylight import Session
from napari_skylight.recording import RunStore
from napari_skylight.testing import FakeCamera
from napari_skylight.widgets import RunsPanel
from napari_skylight.widgets.runs import _run_details


@pytest.fixture
def open_session(home):
    """Open sessions that store their runs in the same folder, one after the other."""
    opened = []

    def open_one(camera=True):
        session = Session(home)
        opened.append(session)
        if camera:
            session.add_device(FakeCamera()).result(timeout=5)
        return session

    yield open_one
    for session in opened:
        session.close()


def rows(dock):
    model = dock.findChild(QTreeView, "runs").model()
    return [[model.index(row, n).data() for n in range(5)] for row in range(model.rowCount())]


def select(dock, row):
    table = dock.findChild(QTreeView, "runs")
    table.setCurrentIndex(table.model().index(row, 0))


def nodes(dock):
    """Return name and value of every line of the tree."""
    tree = dock.findChild(QTreeView, "metadata")
    model = tree.model()

    def below(parent):
        for row in range(model.rowCount(parent)):
            index = model.index(row, 0, parent)
            yield index.data(), index.siblingAtColumn(1).data()
            yield from below(index)

    return list(below(tree.rootIndex()))


@pytest.fixture
def dock(qtbot, open_session, put_up):
    """The dock of a session after another that has run snap and count."""
    before = open_session()
    before.start("snap", {"frames": 3}).result(timeout=10)
    before.start("count", {"detectors": ["camera"], "num": 2}).result(timeout=10)
    before.close()
    dock = put_up(RunsPanel(open_session()), 300, 600)
    qtbot.waitUntil(lambda: len(rows(dock)) == 2, timeout=5000)
    return dock


def test_they_are_listed_with_their_parameters_and_metadata(qtbot, dock):
    assert [row[1:3] + row[4:] for row in rows(dock)] == [
        ["Count", "2", "Finished"],
        ["Snap", "3", "Finished"],
    ]
    select(dock, 1)
    qtbot.waitUntil(lambda: ("Frames", "3") in nodes(dock), timeout=5000)
    assert ("plan_name", "snap") in nodes(dock)
    assert ("exit_status", "success") in nodes(dock)
    assert "Finished" in dock.findChild(QWidget, "run-status").text()
    assert "3 frames" in dock.findChild(QWidget, "run-status").text()


def test_their_parameters_go_into_the_form(qtbot, open_session, dock):
    session = dock._session
    select(dock, 1)
    qtbot.waitUntil(lambda: ("Frames", "3") in nodes(dock), timeout=5000)
    qtbot.mouseClick(dock.findChild(QWidget, "use-settings"), Qt.MouseButton.LeftButton)
    assert session.last_plan == "snap"
    assert session.remembered("snap")["frames"] == 3


def test_new_runs_come_above_them_and_the_selection_stays(qtbot, dock):
    select(dock, 1)
    dock._session.start("snap", {"frames": 1}).result(timeout=10)
    qtbot.waitUntil(lambda: len(rows(dock)) == 3, timeout=5000)
    assert [row[1] for row in rows(dock)] == ["Snap", "Count", "Snap"]
    assert dock.findChild(QTreeView, "runs").currentIndex().row() == 2


def test_a_search_and_the_filters_leave_those_that_match(qtbot, dock):
    search = dock.findChild(QWidget, "run-search")
    qtbot.keyClicks(search, "snap FINISHED")
    assert [row[1] for row in rows(dock)] == ["Snap"]
    search.setText("no such run")
    assert rows(dock) == []
    search.clear()
    plan = dock.findChild(QComboBox, "filter-plan")
    plan.setCurrentText("Count")
    assert [row[1] for row in rows(dock)] == ["Count"]
    status = dock.findChild(QComboBox, "filter-status")
    status.setCurrentText("Interrupted")
    assert rows(dock) == []
    plan.setCurrentIndex(0)
    status.setCurrentText("Finished")
    dock.findChild(QComboBox, "filter-date").setCurrentText("Today")
    assert len(rows(dock)) == 2


def test_ten_thousand_are_listed(qtbot, open_session, put_up, home):
    folder = home / "runs" / "2026-01"
    folder.mkdir(parents=True)
    lines = []
    for number in range(10_000):
        (folder / f"{number}.jsonl").touch()
        line = {"uid": f"run-{number}", "file": f"2026-01/{number}.jsonl", "time": 1e9 + number}
        line |= {"plan": "count", "title": "Count", "text": f"slide{number:05}"}
        lines.append(line | {"ended": 2e9, "exit_status": "success"})
    (home / "runs" / "index.jsonl").write_text("\n".join(map(json.dumps, lines)))
    dock = put_up(RunsPanel(open_session(camera=False)), 300, 600)
    model = dock.findChild(QTreeView, "runs").model()
    qtbot.waitUntil(lambda: model.rowCount() == 10_000, timeout=30_000)
    dock.findChild(QWidget, "run-search").setText("slide0770 COUNT")
    assert model.rowCount() == 10  # 07700 to 07709


def test_a_run_is_exported_to_the_chosen_folder(qtbot, dock, tmp_path, monkeypatch):
    button = dock.findChild(QWidget, "export-run")
    monkeypatch.setattr(_run_details, "choose_folder", lambda *_: str(tmp_path / "stick"))
    select(dock, 1)
    qtbot.waitUntil(button.isEnabled, timeout=5000)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(list(tmp_path.glob("stick/*/*.jsonl"))) == 1, timeout=5000)


def test_the_button_for_images_says_why_there_are_none(qtbot, dock):
    select(dock, 1)
    button = dock.findChild(QWidget, "show-images")
    qtbot.waitUntil(lambda: "were written to files" in button.toolTip(), timeout=5000)
    assert not button.isEnabled()


def test_a_run_cut_short_is_marked(qtbot, open_session, put_up, home):
    store = RunStore(home / "runs", print)
    store("start", compose_run(metadata={"plan_name": "grid_scan"}).start_doc)
    store.close(timeout=10)
    index = home / "runs" / "index.jsonl"
    line = json.loads(index.read_text())
    line["by"][1:] = [2**22 + 1, 0.0]  # a program that is gone
    index.write_text(json.dumps(line))
    dock = put_up(RunsPanel(open_session(camera=False)), 300, 600)
    qtbot.waitUntil(lambda: len(rows(dock)) == 1, timeout=5000)
    assert rows(dock)[0][1] == "Grid scan"
    assert rows(dock)[0][4] == "Interrupted"
