"""What the run store stands: crashes, broken files, full disks, and two programs at once."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from napari_skylight.recording import RunIndex, read_documents
from napari_skylight.recording import _run_store as run_store
from napari_skylight.testing import FakeCamera, FakeStreamingCamera, wait_until


def snap(session, times=1):
    for _ in range(times):
        session.start("snap").result(timeout=10)


def statuses(session, number):
    """Return plan and exit status of the earlier runs, once there are so many."""
    wait_until(lambda: len(session.earlier_runs) == number)
    return [(record.run.plan, record.run.exit_status) for record in session.earlier_runs]


def run_files(folder):
    return sorted(folder.glob("*/*.jsonl"))


PROGRAM = """
import sys, time
from pathlib import Path
from napari_skylight import Session
from napari_skylight.testing import FakeStreamingCamera, wait_until
session = Session(Path(sys.argv[1]))
session.add_device(FakeStreamingCamera()).result(timeout=5)
session.start("live_view")
stack = session.caches.stack(session.devices["camera"])
wait_until(lambda: session.request("snapshot") and stack.counts.stashed > 2, timeout=20)
print("running", flush=True)
time.sleep(60)
"""


def test_a_run_of_a_killed_program_is_interrupted(open_session, folder):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder.parent)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout.readline() == "running\n"
        [file] = folder.glob("*/*.jsonl")
        wait_until(lambda: [name for name, _ in read_documents(file)].count("event") > 1)
        assert statuses(open_session(), 1) == [("live_view", "")]  # another program's
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait(timeout=10)
        program.stdout.close()
    session = open_session()
    assert statuses(session, 1) == [("live_view", "interrupted")]
    [record] = session.earlier_runs
    assert record.run.ended >= record.run.started
    wait_until(lambda: session.earlier_runs.complete(record))
    [documents] = session.earlier_runs.complete(record).documents
    assert documents.events["snapshots"] > 1
    assert documents.stop is None
    # the next session reads that from the index
    assert '"interrupted"' in (folder / "index.jsonl").read_text()


def test_a_missing_index_is_made_again(open_session, folder):
    first = open_session(FakeCamera())
    snap(first, 3)
    first.close()
    (folder / "index.jsonl").unlink()
    assert statuses(open_session(), 3) == [("snap", "success")] * 3
    assert statuses(open_session(), 3) == [("snap", "success")] * 3
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert len({line["uid"] for line in lines if "file" in line}) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: bytes(range(256)) * 40,
        lambda content: content[: len(content) // 2],
        lambda content: b"[1, 2]\nnull\n{}\n" + content.replace(b'"uid"', b'"id"', 1),
        lambda content: content.replace(b'"time": ', b'"time": "yesterday", "then": '),
        lambda content: content + b'{"uid": "gone", "file": "2020-01/gone.jsonl"}\n{"uid": "torn',
    ],
)
def test_a_broken_index_is_mended(open_session, folder, damage):
    first = open_session(FakeCamera())
    snap(first, 3)
    first.close()
    index = folder / "index.jsonl"
    index.write_bytes(damage(index.read_bytes()))
    second = open_session(FakeCamera())
    assert statuses(second, 3) == [("snap", "success")] * 3
    snap(second)
    second.close()
    assert statuses(open_session(), 4) == [("snap", "success")] * 4


def test_broken_lines_of_a_run_are_left_out(open_session, folder):
    first = open_session(FakeCamera())
    snap(first, 2)
    first.close()
    whole, torn = run_files(folder)
    lines = torn.read_bytes().splitlines(keepends=True)
    torn.write_bytes(lines[0] + b'["event", {"data"\n\xff\xfe\n' + lines[1] + lines[-1][:-9])
    (folder / "index.jsonl").unlink()
    (folder / "2020-01").mkdir()
    (folder / "2020-01" / "empty.jsonl").touch()
    (folder / "2020-01" / "note.txt").write_text("mine")
    second = open_session()
    assert sorted(statuses(second, 2)) == [("snap", "interrupted"), ("snap", "success")]
    assert [name for name, _ in read_documents(torn)] == ["start", "descriptor"]
    assert [name for name, _ in read_documents(whole)][-1] == "stop"


def test_deleted_files_are_no_longer_listed(open_session, folder):
    first = open_session(FakeCamera())
    snap(first, 2)
    first.close()
    run_files(folder)[0].unlink()
    assert statuses(open_session(), 1) == [("snap", "success")]


def test_two_sessions_at_once_share_the_folder(open_session, folder):
    sessions = [open_session(FakeCamera()) for _ in range(2)]
    threads = [threading.Thread(target=snap, args=(session, 10)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    for session in sessions:
        session.close()
    for line in (folder / "index.jsonl").read_text().splitlines():
        json.loads(line)
    assert statuses(open_session(), 20) == [("snap", "success")] * 20


def test_without_a_folder_to_write_to_the_plan_goes_on(open_session, folder):
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    session = open_session(FakeCamera())
    problems = []
    session.reported.connect(problems.append)
    snap(session, 2)
    assert session.runs[0].run.exit_status == "success"
    wait_until(lambda: any(problems))
    wait_until(lambda: str(folder) in session.problem)
    assert "not stored" in session.problem
    folder.unlink()
    snap(session)
    session.close()
    assert statuses(open_session(), 1) == [("snap", "success")]


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_full_disk_is_one_problem_and_the_plan_goes_on(open_session, folder, monkeypatch, broken):
    session = open_session(FakeStreamingCamera())
    problems = []
    session.reported.connect(lambda text: problems.append(text) if "stored" in text else None)

    def fail(run):
        if not isinstance(run, run_store._OpenRun) or run.is_whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        if broken == "write":
            full.setattr(run_store._OpenRun, "flush", fail)
        else:
            full.setattr(run_store.os, "fsync", fail)
        session.start("live_view")
        live = session.caches.live(session.devices["camera"])
        wait_until(lambda: live.counts.stashed > 10)
        session.request("snapshot")
        stack = session.caches.stack(session.devices["camera"])
        wait_until(lambda: stack.counts.stashed)
        session.stop().result(timeout=10)
        wait_until(lambda: problems)
    assert len(problems) == 1
    assert "No space left" in problems[0]
    assert session.runs[0].run.exit_status == "success"
    snap(session)
    wait_until(lambda: not session.problem)
    session.close()
    assert len(problems) == 1
    found = statuses(open_session(), 2)
    assert found == [("snap", "success"), ("live_view", "success")]


def test_a_value_that_is_not_for_json_is_stored_as_text(open_session, folder):
    session = open_session(FakeCamera())
    engine = session.engine
    from bluesky import plan_stubs as bps

    def odd():
        yield from bps.open_run({"when": complex(1, 2), "odd": {"a": float("nan")}, "who": {"me"}})
        yield from bps.close_run()

    engine(odd()).result(timeout=5)
    session.close()
    [file] = run_files(folder)
    assert [name for name, _ in read_documents(file)] == ["start", "stop"]


def test_documents_that_the_disk_cannot_take_are_given_up(open_session, folder, monkeypatch):
    monkeypatch.setattr(run_store, "_MOST_WAITING", 3)
    held, go = threading.Event(), threading.Event()
    original = run_store._OpenRun.flush

    def hang(run):
        held.set()
        go.wait(timeout=20)
        original(run)

    monkeypatch.setattr(run_store._OpenRun, "flush", hang)
    session = open_session(FakeCamera())
    future = session.start("count", {"detectors": ["camera"], "num": 20})
    assert held.wait(timeout=5)
    future.result(timeout=10)  # the plan does not wait for the disk
    go.set()
    wait_until(lambda: "too slow" in session.problem)


def test_the_list_is_complete_also_where_the_index_cannot_be_written(
    open_session, folder, monkeypatch
):
    first = open_session(FakeCamera())
    snap(first, 2)
    first.close()
    (folder / "index.jsonl").unlink()

    def fail(*_args):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(RunIndex, "_append", fail)
    assert statuses(open_session(), 2) == [("snap", "success")] * 2
