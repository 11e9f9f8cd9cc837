"""Numbers as text, and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_skylight.plans.spec import read_number, say_number


@given(st.floats())
def test_a_number_is_read_as_written(number: float) -> None:
    again = read_number(say_number(number), whole=False)
    assert repr(again) == repr(number)


@given(st.integers())
def test_a_whole_number_is_read_as_written(number: int) -> None:
    assert read_number(say_number(number), whole=True) == number


@pytest.mark.parametrize(
    ("number", "said"),
    [(1.0, "1"), (1e-9, "1e-9"), (1e22, "1e22"), (0.1, "0.1"), (2**70, str(2**70)), (True, "1")],
)
def test_numbers_are_short(number: float, said: str) -> None:
    assert say_number(number) == said


@pytest.mark.parametrize(
    ("text", "number"), [("1e3", 1000), ("12.0", 12), ("-7", -7), ("1e30", 10**30)]
)
def test_whole_numbers_can_be_written_with_exponents(text: str, number: int) -> None:
    assert read_number(text, whole=True) == number


@pytest.mark.parametrize("text", ["", "one", "1.5", "inf", "nan", "1e99999", "1e999999999999"])
def test_a_text_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^enter a whole number, not {text}.$"):
        read_number(text, whole=True)


def test_infinity_and_nan_are_numbers() -> None:
    assert read_number("-inf", whole=False) == -math.inf
    assert math.isnan(read_number("NaN", whole=False))
    with pytest.raises(ValueError, match="enter a number, not 1e"):
        read_number("1e", whole=False)
