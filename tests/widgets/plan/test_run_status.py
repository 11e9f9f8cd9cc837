"""How fast frames come, as the dock says it."""

from napari_skylight.widgets.plan._status_parts import Rate


def test_a_rate_is_that_of_the_last_two_seconds():
    rate = Rate()
    assert rate.update(0, now=0.0) == 0.0
    assert rate.update(50, now=1.0) == 50.0
    assert rate.update(100, now=2.0) == 50.0
    assert rate.update(100, now=3.0) == 25.0
    assert rate.update(100, now=5.5) == 0.0
    rate.reset()
    assert rate.update(100, now=6.0) == 0.0
