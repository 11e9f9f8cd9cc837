"""The numbers of the newest run."""

import bluesky
import pytest
from bluesky import plans as bp
from ophyd.sim import SynAxis, SynGauss

from napari_skylight.testing import FakeCamera


@pytest.fixture
def axis():
    return SynAxis(name="axis")


@pytest.fixture
def gauss(axis):
    return SynGauss("gauss", axis, "axis", center=0, Imax=1)


def test_a_scan_gives_its_points_and_the_last_values(session, axis, gauss):
    assert session.values.series is None
    assert session.values.newest == {}
    session.engine(bp.scan([gauss, FakeCamera()], axis, -1, 1, 3)).result(timeout=10)
    series = session.values.series
    assert (series.title, series.x_label, series.x) == ("scan", "axis", (-1.0, 0.0, 1.0))
    assert list(series.y) == ["gauss"]
    assert series.y["gauss"] == pytest.approx((0.6065, 1.0, 0.6065), abs=1e-3)
    assert session.values.newest == {"axis": "1.000", "gauss": "0.607"}


def test_a_count_is_plotted_over_time(session, gauss):
    session.engine(bp.count([gauss], 3)).result(timeout=10)
    series = session.values.series
    assert series.x_label == "Time (s)"
    assert len(series.x) == 3
    assert all(0 <= each < 10 for each in series.x)
    assert list(series.x) == sorted(series.x)
    assert series.y["gauss"] == (1.0, 1.0, 1.0)


def test_a_run_without_numbers_has_no_last_values_and_leaves_the_points(session, gauss):
    session.engine(bp.count([gauss], 2)).result(timeout=10)
    session.engine(bp.count([FakeCamera()], 2)).result(timeout=10)
    assert session.values.series.y["gauss"] == (1.0, 1.0)
    assert session.values.newest == {}


def test_the_numbers_of_another_engine_are_shown_until_undone(session, axis, gauss):
    engine = bluesky.RunEngine({})
    undo = session.follow(engine)
    engine(bp.scan([gauss], axis, 0, 2, 2))
    assert session.values.series.x == (0.0, 2.0)
    undo()
    engine(bp.scan([gauss], axis, 5, 6, 2))
    assert session.values.series.x == (0.0, 2.0)
