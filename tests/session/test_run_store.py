"""The documents of runs, in files of the user's data folder."""

import json

import event_model
from bluesky import RunEngine
from bluesky import plans as bp
from event_model import DocumentNames
from ophyd.sim import hw

from napari_skylight.recording import read_documents
from napari_skylight.testing import Documents, FakeStreamingCamera, wait_until


def run_files(folder):
    return sorted(folder.glob("*/*.jsonl"))


def listed(session, number):
    wait_until(lambda: len(session.earlier_runs) == number)
    return list(session.earlier_runs)


def complete(session, record):
    wait_until(lambda: session.earlier_runs.complete(record) is not None)
    return session.earlier_runs.complete(record)


def live_with_snapshot(session):
    session.start("live_view")
    live = session.caches.live(session.devices["camera"])
    wait_until(lambda: live.counts.stashed > 5)
    session.request("snapshot")
    wait_until(lambda: session.caches.stack(session.devices["camera"]).counts.stashed)
    session.stop().result(timeout=10)


def test_every_run_is_in_a_file_whole_and_valid(open_session, folder):
    session = open_session(FakeStreamingCamera())
    documents = Documents()
    session.engine.subscribe(documents)
    live_with_snapshot(session)
    session.start("snap", {"frames": 2}).result(timeout=10)
    session.start("count", {"detectors": ["camera"], "num": 3}).result(timeout=10)
    session.close()
    starts = {start["uid"][:8]: start for start in documents.named("start")}
    files = {file.stem.split()[3]: file for file in run_files(folder)}
    assert files.keys() == starts.keys()
    for uid, start in starts.items():
        file = files[uid]
        assert start["plan_name"] in file.name
        written = list(read_documents(file))
        names = [name for name, _ in written]
        assert names[0] == "start"
        assert names[-1] == "stop"
        assert written[0][1] == json.loads(json.dumps(start))
        for name, document in written:
            event_model.schema_validators[DocumentNames[name]].validate(document)
        assert file.stat().st_size < 20_000


def test_a_run_is_listed_by_the_next_session_as_it_was(open_session):
    first = open_session(FakeStreamingCamera())
    live_with_snapshot(first)
    first.start("snap", {"frames": 2}).result(timeout=10)
    wait_until(lambda: first.runs[0].run.ended)
    then = list(first.runs)
    first.close()
    second = open_session()
    now = listed(second, 2)
    assert [each.number for each in now] == [0, -1]
    for record, before in zip(now, then, strict=True):
        whole = complete(second, record)
        assert whole.run.plan == before.run.plan
        assert whole.run.title == before.run.title
        assert whole.run.uids == before.run.uids
        assert whole.run.exit_status == before.run.exit_status == "success"
        assert whole.run.values == before.run.values
        assert whole.labels == before.labels
        assert whole.points == before.points
        assert whole.acquired == before.acquired
        assert whole.stashed == before.stashed
        assert [each.events for each in whole.documents] == [
            each.events for each in before.documents
        ]


def test_the_runs_of_a_followed_engine_are_stored(open_session, folder):
    session = open_session()
    engine = RunEngine({"sample": "glass"}, context_managers=[])
    unfollow = session.follow(engine)
    engine(bp.count([hw().det], num=2))
    unfollow()
    engine(bp.count([hw().det], num=2))
    session.close()
    [file] = run_files(folder)
    names = [name for name, _ in read_documents(file)]
    assert names == ["start", "descriptor", "event", "event", "stop"]
    [record] = listed(open_session(), 1)
    assert record.run.title == "Count"
    assert "glass" in record.text
