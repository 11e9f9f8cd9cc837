"""A plan that yields what is no message is told so, in words, and cleans up."""

import pytest
from bluesky import plan_stubs as bps
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, plan


def failure(engine, messages):
    return str(engine(messages).exception(timeout=5))


def yields_null():
    yield bps.null()


def own():
    yield from bps.null()


def yields_own():
    yield own()


def yields_seven():
    yield from bps.null()
    yield 7


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (yields_null, "yields_null must use 'yield from null(…)', not 'yield null(…)'"),
        (yields_own, "yields_own must use 'yield from own(…)', not 'yield own(…)'"),
        (yields_seven, "yields_seven yields 7, which is not a message"),
        (plan(yields_null), "yields_null must use 'yield from null(…)'"),
        (lambda: bpp.run_wrapper(yields_seven()), "yields_seven yields 7"),
        (lambda: [Msg("null"), None], "yields None, which is not a message"),
    ],
)
def test_the_plan_and_what_it_yielded_are_named(engine, messages, words, recwarn):
    text = failure(engine, messages())
    assert words in text
    assert not [w for w in recwarn if "never iterated" in str(w.message)]


def test_the_place_is_named(engine):
    line = yields_seven.__code__.co_firstlineno + 2
    assert f"(test_checked_plan.py, line {line})" in failure(engine, yields_seven())


def test_the_plan_may_catch_it_and_its_cleanup_runs(engine):
    seen = []

    def catches():
        try:
            yield bps.null()
        except TypeError:
            seen.append("caught")
            yield from bps.null()

    def cleans_up():
        seen.append("cleaned up")
        yield from bps.null()

    def work():
        yield from catches()
        yield object()

    assert "work yields <object" in failure(engine, bpp.finalize_wrapper(work(), cleans_up))
    assert seen == ["caught", "cleaned up"]


def test_a_cleanup_that_does_it_too_ends(engine):
    def stubborn():
        try:
            yield 1
        finally:
            yield 2

    assert "stubborn yields 2" in failure(engine, stubborn())
    assert engine.state == "idle"
