"""A plan added in napari's console appears in the dock."""

import pytest

ADD_PLAN = """
from bluesky.utils import Msg, MsgGenerator

def look_round() -> MsgGenerator[None]:
    yield Msg("null")

{before}
plans = dock().findChild(QComboBox, "plan")
viewer.update_console({{"look_round": look_round}})
viewer.window._qt_viewer.console.execute("session.add_plan(look_round)")
wait(lambda: plans.findText("Look round") >= 0)
viewer.close()
"""


@pytest.mark.parametrize("before", ["", "viewer.window._qt_viewer.console"])
def test_a_plan_added_in_the_console_is_in_the_dock(run_napari, before):
    run_napari(ADD_PLAN.format(before=before))
