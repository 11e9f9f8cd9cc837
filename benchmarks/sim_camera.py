"""How fast the simulated camera makes frames, beside the plain NumPy way, on one core.

Each pair of figures comes from the same run: 1024x1024 uint16 frames with shot and read noise, from
the simulated camera, and from ``Generator.poisson`` plus ``Generator.normal`` over the same light.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_skylight.devices.sim import ChannelName, Imager, Shot

if TYPE_CHECKING:
    from collections.abc import Callable


def rate(take: Callable[[int], object], seconds: float) -> float:
    """Return how many times a second `take` can be called."""
    take(0)
    start, calls = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - start) < seconds:
        calls += 1
        take(calls)
    return calls / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure")
    seconds = parser.parse_args().seconds
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    rng = np.random.default_rng(0)
    slowest, ratios = float("inf"), {}
    for channel in ChannelName:
        imager, clean = Imager(), Imager(noise=False)
        shot = Shot(channel=channel.value)
        electrons = clean.take(shot).astype(np.float64) - 100

        def plain(_: int, electrons: np.ndarray = electrons) -> np.ndarray:
            noisy = rng.poisson(electrons) + rng.normal(100, 1.6, electrons.shape)
            return np.clip(noisy, 0, 65535).astype(np.uint16)

        def still(number: int, imager: Imager = imager, shot: Shot = shot) -> np.ndarray:
            return imager.take(shot, number)

        def moving(number: int, imager: Imager = imager, shot: Shot = shot) -> np.ndarray:
            return imager.take(replace(shot, x=0.65 * (number % 50)), number)

        for number in range(50):
            moving(number)
        fast, moved, slow = (rate(take, seconds) for take in (still, moving, plain))
        slowest, ratios[channel.value] = min(slowest, fast), round(fast / slow, 1)
        print(
            f"{channel.value:12} {fast:7.0f} frames/s   stage moving {moved:5.0f}   "
            f"plain NumPy {slow:5.1f}   {fast / slow:5.1f} times as fast"
        )
    result = {"benchmark": "sim_camera", "frames_per_second": round(slowest), "ratios": ratios}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
