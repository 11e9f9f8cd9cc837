"""The dock, opened again another day."""

import pytest

from napari_skylight import Session
from napari_skylight.devices import Microscope
from napari_skylight.testing import FakeCamera, FakeLight

PLAN = """
from bluesky import plan_stubs as bps
from bluesky.utils import MsgGenerator

def sweep(frames: int = 1) -> MsgGenerator[None]:
    yield from bps.null()
"""


@pytest.fixture
def session(home):
    """A session that begins where another ended: its person had chosen Sweep, from a file."""
    (home / "plans").mkdir(parents=True)
    (home / "plans" / "mine.py").write_text(PLAN)
    with Session(home) as earlier:
        earlier.reload_plans().result(timeout=20)
        earlier.remember("snap", {"frames": 5})
        earlier.remember("sweep", {"frames": 7})
    with Session(home) as made:
        made.add_device(FakeCamera(seconds=0.002)).result(timeout=5)
        yield made


def test_the_last_plan_is_chosen_as_soon_as_it_is_there(person, session):
    person.waits(lambda: person.text("plan") == "Sweep")
    assert person.text("param:frames") == "7"


def test_a_plan_chosen_meanwhile_stays(open_dock, session, home):
    session.reload_plans().result(timeout=20)
    person = open_dock()
    person.chooses("plan", "Snap")
    assert person.text("param:frames") == "5"
    (home / "plans" / "mine.py").write_text(PLAN + PLAN.replace("sweep", "other"))
    session.reload_plans().result(timeout=20)
    person.waits(lambda: person.find("plan").findText("Other") >= 0)
    assert person.text("plan") == "Snap"
    assert session.last_plan == "snap"


WATCH = """
from bluesky.utils import MsgGenerator
from napari_skylight import Action, continuous
from napari_skylight.engine.plan_stubs import wait_for_actions

MARK = Action(name="mark", description="Mark this moment.")

@continuous
def watch(mark: Action = MARK) -> MsgGenerator[None]:
    for _ in range(2):
        yield from wait_for_actions(mark.event_map, timeout=None)
        mark.event_map["mark"].reset()
"""


def test_buttons_act_in_the_run_whose_file_was_edited_and_then_in_the_next(person, session, home):
    for edited in ("", "# edited once"):
        (home / "plans" / "watch.py").write_text(WATCH + edited)
        session.reload_plans().result(timeout=20)
        person.waits(lambda: person.find("plan").findText("Watch") >= 0)
        person.chooses("plan", "Watch")
        person.clicks("run")
        (home / "plans" / "watch.py").write_text(WATCH + edited + "# and again")
        session.reload_plans().result(timeout=20)
        person.clicks("action:mark")
        person.clicks("action:mark")
        person.waits(lambda: person.text("run") == "Run")
        assert session.run.exit_status == "success"


LESS = {"cameras": ["camera"], "light": "light", "stage": "stage", "channels": ("DAPI",)}


def test_run_takes_no_device_of_another_day(person, session):
    session.remember("live_view", LESS)
    person.chooses("plan", "Live view")
    person.clicks("run")
    live = session.caches.live(session.devices["camera"])
    person.waits(lambda: live.counts.stashed > 3)
    person.clicks("run")
    person.waits(lambda: not session.state.busy)
    assert session.problem == ""


def test_run_takes_no_device_of_the_microscope_before(person, session):
    person.sees("plan", "Sweep")  # the last plan, once its file is loaded
    person.chooses("plan", "Live view")
    live = session.caches.live(session.devices["camera"])
    for device in (FakeLight("light"), FakeCamera("other")):
        microscope = Microscope("Bench", (device,))
        session.open_microscope(lambda made=microscope: made).result(timeout=10)
        has_light = device.name == "light"
        person.waits(lambda there=has_light: person.has("param:light") == there)
        before = live.counts.stashed
        person.clicks("run")
        person.waits(lambda before=before: live.counts.stashed > before + 3)
        assert session.run.values.get("light") == ("light" if has_light else None)
        person.clicks("run")
        person.waits(lambda: not session.state.busy)
        assert session.problem == ""
