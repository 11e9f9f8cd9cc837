"""Runs in a Tiled server."""

import re
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import indent

import pytest
import stamina
from tiled.client import from_uri
from tiled.server import SimpleTiledServer

from napari_skylight import Session
from napari_skylight.testing import FakeCamera, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = SimpleTiledServer(
        tmp_path_factory.mktemp("tiled"), readable_storage=[tmp_path_factory.getbasetemp()]
    )
    yield server
    server.close()


@pytest.fixture
def session(home):
    with Session(home) as session:
        session.add_device(FakeCamera()).result(timeout=5)
        yield session


def connections():
    return [each for each in threading.enumerate() if each.name.startswith("skylight-tiled")]


def test_a_run_is_in_the_catalogue(session, server):
    session.write_to_tiled(server.uri)
    session.start("snap", {"frames": 3}).result(timeout=10)
    [uid] = session.runs[0].run.uids
    catalogue = from_uri(server.uri)
    wait_until(lambda: uid in catalogue, timeout=20)
    run = catalogue[uid]
    wait_until(lambda: catalogue[uid].metadata.get("stop"), timeout=20)
    run = catalogue[uid]
    assert run.metadata["start"]["plan_name"] == "snap"
    assert run.metadata["stop"]["exit_status"] == "success"
    session.write_to_tiled("")
    wait_until(
        lambda: not any(each.name.startswith("skylight-tiled") for each in threading.enumerate())
    )
    session.start("snap").result(timeout=10)
    session.close()
    assert session.runs[0].run.uids[0] not in catalogue


def test_what_has_come_is_written_before_the_session_is_closed(home, server):
    with Session(home) as session:
        session.add_device(FakeCamera()).result(timeout=5)
        session.write_to_tiled(server.uri)
        session.start("snap", {"frames": 3}).result(timeout=10)
        [uid] = session.runs[0].run.uids
        session.close(timeout=60)
    assert from_uri(server.uri)[uid].metadata["stop"]["num_events"]


def test_a_server_that_is_not_there_is_a_problem(session):
    stamina.set_testing(True, attempts=1)  # the client tries for half a minute
    session.write_to_tiled("http://localhost:1/api/v1")
    session.start("snap").result(timeout=10)
    wait_until(lambda: "not written to Tiled" in session.problem, timeout=60)
    assert session.runs[0].run.exit_status == "success"
    stamina.set_testing(False)


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "read-runs.md"


def test_the_code_of_the_how_to_reads_what_is_stored(home, capfd):
    with Session(home) as session:
        session.add_device(FakeCamera()).result(timeout=5)
        session.start("snap", {"frames": 2}).result(timeout=10)
        session.start("count", {"detectors": ["camera"], "num": 3}).result(timeout=10)
        uids = [record.run.uids[0] for record in session.runs]
    # in a process of its own: there can be one server in each
    code = "\n".join(
        re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    )
    code = (
        f"from napari_skylight import Session\nwith Session() as session:\n{indent(code, '    ')}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
    out = capfd.readouterr().out
    for uid in uids:
        assert uid in out
    assert "snap ['primary'" in out
    assert "count ['primary'" in out
