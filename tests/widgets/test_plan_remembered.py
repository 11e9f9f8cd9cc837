"""The dock, opened again another day."""

import pytest

from napari_skylight import Session
from napari_skylight.testing import FakeCamera

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
    person.waits(lambda: person.find("plan").count() == 4)
    assert person.text("plan") == "Snap"
    assert session.last_plan == "snap"
