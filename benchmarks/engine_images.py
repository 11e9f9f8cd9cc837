"""What showing the images of `count` costs the engine: 100 points at 1024x1024 a round.

The rounds with and without alternate, on one engine and the simulated camera at its shortest
exposure. Prints the time of a point, and the work in it of the engine's thread, as JSON.
"""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

from bluesky import plan_stubs as bps
from bluesky.plans import count

from napari_skylight import Session
from napari_skylight.devices import sim
from napari_skylight.engine import RunEngine

POINTS = 100


def main() -> None:
    session, engine, microscope = Session(), RunEngine(), sim.microscope(noise=False)
    camera = microscope.devices[0]
    used: dict[str, tuple[float, float]] = {}

    def note(name: str, _document: Any) -> None:
        """Note the time, and that which the engine's thread has worked."""
        used[name] = time.perf_counter(), time.thread_time()

    def prepare() -> Any:
        yield from bps.wait_for([lambda: camera.connect()])
        yield from bps.mv(camera.exposure, 0.1)

    def once() -> tuple[float, float]:
        """Return the seconds a point takes, and those of work on the engine's thread."""
        engine(count([camera], POINTS)).result()
        wall, work = (b - a for a, b in zip(used["start"], used["stop"], strict=True))
        return wall / POINTS, work / POINTS

    engine.subscribe(note)
    engine(prepare()).result()
    once()
    plain, shown = [], []
    for _ in range(7):
        plain.append(once())
        undo = session.follow(engine)
        shown.append(once())
        undo()
    stashed = session.caches.live(camera).reader().take("camera")
    assert stashed is not None
    assert stashed.data.shape == (1024, 1024)
    names = [f"{what}_{which}" for which in ("plain", "shown") for what in ("time", "work")]
    figures = [median(each) for times in (plain, shown) for each in zip(*times, strict=True)]
    print(json.dumps(dict(zip(names, figures, strict=True))))
    engine.close()
    session.close()
    microscope.close()


if __name__ == "__main__":
    main()
