import numpy as np
import pytest


@pytest.fixture
def reading():
    """Make the reading of a camera: one image, and values read with it."""

    def make(image, key="camera", timestamp=0.0, **scalars):
        values = {key: {"value": image, "timestamp": timestamp}}
        for name, value in scalars.items():
            values[f"{key}-{name}"] = {"value": value, "timestamp": timestamp}
        return values

    return make


@pytest.fixture
def numbered():
    """Make a frame whose every pixel is its number."""

    def make(number, shape=(4, 5), dtype=np.uint16):
        return np.full(shape, number, dtype)

    return make
