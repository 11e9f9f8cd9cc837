"""What the engine costs, beside redsun 0.9.1, in one run.

Makes a virtual environment with redsun in build/, then times both engines in turn, each in a
process of its own: 2048x2048 uint16 readings, and a cache that keeps a reference. Prints medians of
all rounds; the last line is JSON with the ratios ours/theirs.

The last row, images, is the cost of a point of `count` with its image shown over that without, both
on our engine: see engine_images.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path
from statistics import median
from typing import Any

REFERENCE = "redsun==0.9.1"
FRAMES_PER_SECOND = 50
NEVER = 1.0  # s: what counts for a click the plan does not notice
CLICK = 1e-3  # s, and
READS = 49.0  # a second: what ours must reach, whatever the other does
IMAGES = 1.15  # with over without
AT_MOST = {"read_and_stash": 0.2, "stash": 0.2, "wait_for_actions": 0.5, "status": 0.02}


# -- in the process of each engine


def measure(engine_name: str, repeats: int) -> dict[str, float]:
    """Return seconds for each operation, and reads a second for the last."""
    if engine_name == "redsun":
        from redsun.engine import RunEngine, Status, actions, plan_stubs
    else:
        from napari_skylight.engine import RunEngine, Status, actions, plan_stubs

    import numpy as np
    from bluesky.plan_stubs import close_run, open_run

    frame = np.full((2048, 2048), 7, np.uint16)
    engine = RunEngine()
    times: dict[str, float] = {}

    class Camera:
        name, parent = "camera", None

        def trigger(self) -> Any:
            status = Status()
            status.set_finished()
            return status

        def read(self) -> Any:
            return {"camera": {"value": frame, "timestamp": time.time()}}

        def describe(self) -> Any:
            return {"camera": {"source": "x", "dtype": "array", "shape": [2048, 2048]}}

    class Cache:
        name, parent = "cache", None

        def stash(self, values: Any) -> Any:
            self.values = values
            status = Status()
            status.set_finished()
            return status

        def clear(self) -> Any:
            return self.stash({})

    class Live(Camera):
        """Has a new frame every 1/50 s, asked or not; a trigger is done with the next one."""

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.asked: list[Any] = []
            threading.Thread(target=self.run, name="skylight-live", daemon=True).start()

        def run(self) -> None:
            due = time.perf_counter()
            while True:
                due += 1 / FRAMES_PER_SECOND
                time.sleep(max(0.0, due - time.perf_counter()))
                with self.lock:
                    asked, self.asked = self.asked, []
                for status in asked:
                    status.set_finished()

        def trigger(self) -> Any:
            with self.lock:
                self.asked.append(Status())
                return self.asked[-1]

    def timed(step: Any, name: str) -> Any:
        samples = []
        for n in range(repeats + 10):
            began = time.perf_counter()
            yield from step()
            if n >= 10:
                samples.append(time.perf_counter() - began)
        times[name] = median(samples)

    camera, cache = Camera(), Cache()
    reading = camera.read()
    latches = {"a": actions.SRLatch(), "b": actions.SRLatch()}

    def costs() -> Any:
        yield from open_run()
        yield from timed(
            lambda: plan_stubs.read_and_stash([camera], [cache], wait=True), "read_and_stash"
        )
        yield from close_run()
        yield from timed(lambda: plan_stubs.stash(cache, reading, group=None, wait=True), "stash")
        yield from timed(lambda: plan_stubs.wait_for_actions(latches, 0), "wait_for_actions")

    engine(costs()).result()

    def status() -> Any:
        began = time.perf_counter()
        for _ in range(20):
            one = Status()
            one.set_finished()
            one.wait()
        samples.append((time.perf_counter() - began) / 20)

    samples: list[float] = []
    for _ in range(repeats):
        status()
    times["status"] = median(samples)
    times["click"] = median(clicks(engine, actions, plan_stubs, engine_name))
    times["reads_per_second"] = reads_per_second(engine, Live(), actions, plan_stubs, engine_name)
    return times


def clicks(engine: Any, actions: Any, plan_stubs: Any, engine_name: str) -> list[float]:
    """Time from a click in this thread to the plan's next line."""
    action = actions.Action(name="snap")
    latch = action.event_map["snap"]
    click = action.request if engine_name != "redsun" else latch.set
    number = 100 if engine_name != "redsun" else 3
    awake = threading.Event()
    seen: list[float] = []

    def plan() -> Any:
        for _ in range(number):
            yield from plan_stubs.wait_for_actions(action.event_map, timeout=None)
            seen.append(time.perf_counter())
            latch.reset()
            awake.set()

    future = engine(plan())
    waited = []
    for _ in range(number):
        time.sleep(0.02)  # the plan waits again
        began = time.perf_counter()
        click()
        if awake.wait(NEVER):
            waited.append(seen[-1] - began)
        else:
            waited.append(NEVER)
            engine.loop.call_soon_threadsafe(lambda: None)  # or it would wait for ever
            awake.wait(5)
        awake.clear()
    future.result()
    return waited


def reads_per_second(
    engine: Any, camera: Any, actions: Any, plan_stubs: Any, engine_name: str
) -> float:
    """Read a camera that takes 50 frames a second for two seconds."""
    from bluesky.plan_stubs import close_run, open_run

    action = actions.Action(name="stop")
    reads: list[float] = []

    def plan() -> Any:
        yield from open_run()
        yield from plan_stubs.read_while_waiting([camera], action.event_map)
        yield from close_run()

    future = engine(plan(), {"event": lambda name, doc: reads.append(time.perf_counter())})
    time.sleep(2)
    engine.loop.call_soon_threadsafe(action.event_map["stop"].set)
    future.result()
    return (len(reads) - 1) / (reads[-1] - reads[0])


# -- in the process that compares


def reference_python(directory: Path) -> Path:
    """Make the environment with redsun, once, and return its Python."""
    python = directory / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = directory / REFERENCE
    if not done.exists():
        print(f"Installing {REFERENCE} in {directory}", flush=True)
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", REFERENCE], check=True)
        done.touch()
    return python


def run(python: Path | str, engine_name: str, repeats: int) -> dict[str, float]:
    command = [python, __file__, "--measure", engine_name, "--repeats", str(repeats)]
    # the engines' prints and warnings are not the figures
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def images(rounds: int) -> float:
    """Print and return the ratio of the costs of a point with its image shown and without."""
    script = Path(__file__).with_name("engine_images.py")
    done = [
        subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
        for _ in range(rounds)
    ]
    figures = [json.loads(each.stdout.splitlines()[-1]) for each in done]
    ratio = 0.0
    for name in ("time", "work"):
        plain, shown = (
            median(each[f"{name}_{how}"] for each in figures) for how in ("plain", "shown")
        )
        ratio = max(ratio, shown / plain)
        print(
            f"{'images, ' + name:20}{plain * 1e6:14.1f}µs{shown * 1e6:12.1f}µs"
            f"{shown / plain:10.4f}{IMAGES:10.4f}"
        )
    return round(ratio, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="times each engine is measured")
    parser.add_argument("--repeats", type=int, default=300, help="of each operation in a round")
    parser.add_argument("--measure", choices=["redsun", "skylight"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.repeats)))
        return
    python = reference_python(Path(__file__).parents[1] / "build" / "bench-engine")
    rounds = [
        (run(python, "redsun", options.repeats), run(sys.executable, "skylight", options.repeats))
        for _ in range(options.rounds)
    ]
    ratios = {}
    print(f"{'':20}{REFERENCE:>16}{'ours':>14}{'ratio':>10}{'at most':>10}")
    for name in rounds[0][0]:
        theirs, ours = (median(r[which][name] for r in rounds) for which in (0, 1))
        ratios[name] = round(ours / theirs, 5)
        limit = {"click": CLICK / theirs, "reads_per_second": READS / theirs, **AT_MOST}[name]
        scale, unit = (1, "/s") if name.endswith("per_second") else (1e6, "µs")
        print(
            f"{name:20}{theirs * scale:14.1f}{unit}{ours * scale:12.1f}{unit}"
            f"{ratios[name]:10.4f}{limit:10.4f}{' at least' if unit == '/s' else ''}"
        )
    ratios["images"] = images(options.rounds)
    print(json.dumps({"benchmark": "engine", "ratios": ratios}))


if __name__ == "__main__":
    main()
