"""The session's own record of its runs."""

import logging
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import MsgGenerator

from napari_skylight.engine import EngineBusyError
from napari_skylight.protocols import Camera
from napari_skylight.session import SessionState
from napari_skylight.session._run_history import RunHistory
from napari_skylight.testing import FakeCamera, wait_until


def run(session, plan, **values):
    session.start(plan, values).result(timeout=10)
    return session.runs[0]


def keep_some(session, camera, number):
    """Look live and click on snapshot `number` times."""
    stack = session.caches.stack(camera)
    before = stack.counts.stashed
    session.start("live_view")
    for _ in range(number):
        wait_until(lambda: session.request("snapshot"))
    wait_until(lambda: stack.counts.stashed == before + number)
    session.stop().result(timeout=5)
    wait_until(lambda: session.state is SessionState.IDLE)
    return session.runs[0]


def fails() -> MsgGenerator[None]:
    """Fall over."""
    yield from bps.null()
    raise RuntimeError("I fell over.")


def test_runs_are_listed_newest_first_with_what_they_were_and_brought(session, camera):
    assert len(session.runs) == 0
    run(session, "snap", frames=3)
    session.add_plan(fails)
    assert session.start("fails").exception(timeout=5) is not None
    failed, snapped = session.runs
    assert (failed.number, snapped.number) == (2, 1)
    assert snapped.run.title == "Snap"
    assert snapped.run.values["frames"] == 3
    assert snapped.run.exit_status == "success"
    assert (snapped.acquired, snapped.stashed, snapped.dropped) == (3, 3, 0)
    assert (failed.run.exit_status, failed.run.reason) == ("fail", "I fell over.")
    assert failed.acquired == 0
    assert failed.documents == ()


def test_the_documents_are_kept_without_their_data(session, camera):
    record = run(session, "snap", frames=3)
    (documents,) = record.documents
    assert record.run.uids == (documents.start["uid"],)
    assert documents.start["num_points"] == 3
    assert documents.start["cameras"] == ("camera",)
    assert documents.events == {"primary": 3}
    assert [each["name"] for each in documents.descriptors] == ["primary"]
    assert documents.stop["exit_status"] == "success"


def test_a_plan_may_open_several_runs(session, camera):
    def twice() -> MsgGenerator[None]:
        for number in range(2):
            yield from bpp.run_wrapper(bps.trigger_and_read([camera]), md={"number": number})

    session.add_plan(twice)
    record = run(session, "twice")
    assert [each.start["number"] for each in record.documents] == [0, 1]
    assert len(record.run.uids) == 2


def test_arrays_in_metadata_become_words(session):
    def labelled() -> MsgGenerator[None]:
        md = {"image": np.zeros((20, 30), np.uint8), "pair": np.array([1, 2]), "many": [0] * 5000}
        yield from bpp.run_wrapper(bps.null(), md=md)

    session.add_plan(labelled)
    start = run(session, "labelled").documents[0].start
    assert start["image"] == "array of 20 × 30 uint8"
    assert start["pair"] == (1, 2)
    assert start["many"] == "5000 values"


def test_a_record_cannot_be_changed(session, camera):
    record = run(session, "snap")
    with pytest.raises(FrozenInstanceError):
        record.acquired = 5
    for mapping in (record.run.values, record.documents[0].start, record.documents[0].events):
        with pytest.raises(TypeError):
            mapping["new"] = 1


def test_a_run_under_way_is_the_first_and_its_numbers_grow(session, camera):
    session.start("live_view")
    wait_until(lambda: session.runs[0].acquired > 3)
    assert session.runs[0].run.ended is None
    assert session.runs[0].stashed == 0
    session.request("snapshot")
    wait_until(lambda: session.runs[0].stashed == 1)
    wait_until(lambda: session.runs[0].documents[0].events == {"snapshots": 1})
    session.stop().result(timeout=5)
    wait_until(lambda: session.runs[0].run.ended is not None)
    assert len(session.runs) == 1


def test_frames_are_counted_for_their_own_run_alone(session, camera):
    for frames in (2, 5, 1):
        assert run(session, "snap", frames=frames).stashed == frames
    assert [record.acquired for record in session.runs] == [1, 5, 2]


def test_the_images_of_a_run_are_its_own_and_not_copied(session, camera):
    run(session, "snap", frames=2)
    second = run(session, "snap", frames=3)
    (kept,) = session.runs.images(second)
    assert kept.data.shape == (3, *camera.shape)
    assert kept.data[:, 0, 0].tolist() == [3, 4, 5]
    assert [frame.number for frame in kept.frames] == [3, 4, 5]
    assert not kept.data.flags.owndata
    assert not kept.data.flags.writeable
    assert (kept.cache.name, kept.key) == ("camera · snapshots", "camera")


def test_what_was_cleared_is_no_longer_kept_and_what_came_later_is(session, camera):
    first = run(session, "snap", frames=2)
    session.clear_stacks()
    second = run(session, "snap", frames=3)
    assert session.runs.kept(first) == 0
    assert session.runs.images(first) == []
    assert session.runs.kept(second) == 3
    assert session.runs.images(second)[0].data[:, 0, 0].tolist() == [3, 4, 5]


def test_a_clear_in_the_middle_of_a_run_leaves_what_came_after(session, camera):
    session.start("live_view")
    wait_until(lambda: session.request("snapshot"))
    wait_until(lambda: session.runs[0].stashed == 1)
    session.request("clear")
    wait_until(lambda: session.runs.kept(session.runs[0]) == 0)
    session.request("snapshot")
    wait_until(lambda: session.runs[0].stashed == 2)
    session.stop().result(timeout=5)
    record = session.runs[0]
    assert record.stashed == 2
    assert session.runs.kept(record) == 1


def test_shown_images_outlive_a_clear(session, camera):
    (kept,) = session.runs.images(run(session, "snap", frames=2))
    session.clear_stacks()
    run(session, "snap", frames=2)
    assert kept.data[:, 0, 0].tolist() == [1, 2]


def test_what_a_script_runs_is_no_record_and_its_frames_are_nobodys(session, camera):
    stack = session.caches.stack(camera)
    run(session, "snap")

    def by_hand():
        reading = yield from bps.read(camera)
        stack.stash(reading)

    session.engine(by_hand()).result(timeout=5)
    assert len(session.runs) == 1
    assert session.runs[0].stashed == 1
    record = run(session, "snap")
    assert len(session.runs) == 2
    assert record.stashed == 1


def test_live_frames_make_no_change_and_no_event(session, camera):
    session.start("live_view")
    wait_until(lambda: session.runs[0].documents != ())
    changes = []
    session.runs.changed.connect(lambda: changes.append(1))
    seen = camera.frames
    wait_until(lambda: camera.frames > seen + 10)
    assert changes == []
    assert session.runs[0].documents[0].events == {}


def test_a_listener_that_raises_changes_nothing(session, camera):
    def clumsy():
        raise RuntimeError("a broken dock")

    session.runs.changed.connect(clumsy)
    assert run(session, "snap").run.exit_status == "success"


def test_the_oldest_are_forgotten(session, camera):
    short = RunHistory(session.engine, session.tasks, session.caches, most=3)
    for _ in range(5):
        run(session, "snap")
    assert [record.number for record in short] == [5, 4, 3]


def test_parameters_are_called_as_in_the_form(session, camera):
    labels = run(session, "snap").labels
    assert labels["frames"] == "Frames"
    assert labels["exposure"] == "Exposure (ms)"


def test_devices_given_as_themselves_are_known_by_name(session, camera):
    def look(camera: Camera) -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(look)
    assert run(session, "look", camera=FakeCamera("mine")).run.values == {"camera": "mine"}


def test_what_only_looks_like_a_device_is_kept_as_it_is(session, tmp_path):
    class Side(Enum):
        LEFT = "left"

    def save(to: Path, sides: Sequence[Side] = (), rows: Any = None) -> MsgGenerator[None]:
        yield from bps.null()

    session.add_plan(save)
    rows = [[FakeCamera("mine"), 1, 2]]
    values = run(session, "save", to=tmp_path, sides=[Side.LEFT], rows=rows).run.values
    assert values["to"] == tmp_path
    assert values["sides"] == [Side.LEFT]
    assert values["rows"] == [["mine", 1, 2]]


def test_a_run_can_be_had_again_from_its_python(session, camera):
    record = run(session, "snap", frames=2)
    eval(record.python, {"session": session}).result(timeout=10)
    assert session.runs[0].run.values == record.run.values


def test_runs_are_logged_where_that_is_wanted(session, camera, caplog):
    caplog.set_level(logging.INFO, "napari_skylight")
    session.add_plan(fails)
    run(session, "snap")
    session.start("fails").exception(timeout=5)
    records = [each for each in caplog.records if each.name == "napari_skylight"]
    lines = [each.getMessage() for each in records if each.levelno == logging.INFO]
    assert lines[0] == "Snap started."
    assert lines[1].startswith("Snap finished after ")
    assert lines[2] == "Fails started."
    assert lines[3].startswith("Fails failed after ")


def test_choosing_a_plan_is_remembered_and_told(session, camera):
    told = []
    session.plan_chosen.connect(told.append)
    session.choose("snap", {"frames": 7})
    assert told == [session.last_plan] == ["snap"]
    assert session.remembered("snap")["frames"] == 7
    with pytest.raises(KeyError, match="no plan called nothing"):
        session.choose("nothing", {})


def test_nothing_is_chosen_while_a_plan_runs(session, camera):
    session.start("live_view")
    with pytest.raises(EngineBusyError):
        session.choose("snap", {"frames": 7})
    assert session.last_plan == "live_view"
