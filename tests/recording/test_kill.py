"""What is left of a recording whose program was killed."""

import random

import pytest
from killed_recording import kill_recording

SLOW = [pytest.param(turn, marks=pytest.mark.slow) for turn in range(3, 20)]


@pytest.mark.parametrize("turn", [*range(3), *SLOW])
def test_a_killed_recording_keeps_its_frames(tmp_path, turn):
    left = kill_recording(tmp_path, random.uniform(1.1, 2.5))
    assert left.due > 0
    assert left.readable == left.due
    assert left.damaged == 0
