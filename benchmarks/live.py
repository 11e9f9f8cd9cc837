"""How well live layers keep up, beside the two ways others do it, in one run.

The others: a queued Qt signal per frame whose slot does ``layer.data = frame``, and a 33 ms timer
that does so with the latest frame (16 ms in the rows *painted* and *mouse*). Each row is measured
in a process of its own, the ways in turn; medians count. Without a display it starts a virtual one.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

TIMEOUT = 400  # s for one row


class Limit(NamedTuple):
    """What is asked of a figure, or of the ratio of two."""

    title: str
    figure: str
    beside: str = ""  # the figure it is divided by
    at_most: float = float("inf")
    at_least: float = float("-inf")
    painted: str = ""  # what a figure of frames painted a second, of both ways, is called

    def value(self, figures: dict[str, Any]) -> float:
        value = figures[self.figure]
        return value / figures[self.beside] if self.beside else value


def beside_timer(title: str, name: str, **limit: Any) -> Limit:
    return Limit(title, f"{name}_ours", f"{name}_timer", **limit)


def beside_fast_timer(title: str, name: str, painted: str = "", **limit: Any) -> Limit:
    return Limit(title, f"{name}_ours", f"{name}_timer16", painted=painted, **limit)


LIMITS = {
    "gui_gap_p95": beside_timer(
        "GUI gap p95, 500 Hz, ms", "gap_p95", at_most=0.8, painted="shown_per_second"
    ),
    "gui_gap_longest": beside_timer(
        "GUI gap longest, ms", "gap_longest", at_most=1.0, painted="shown_per_second"
    ),
    "gui_painting": beside_timer("of a gap, painting, ms", "painting", at_most=1.1),
    "frame_age_p95": Limit("frame age p95, 400 Hz, ms", "age_p95_ours", at_most=40),
    "gui_time_512": beside_timer("GUI time a frame, 512², ms", "gui_time_512", at_most=0.45),
    "gui_time_1024": beside_timer("GUI time a frame, 1024², ms", "gui_time_1024", at_most=0.5),
    "gui_time_2048": beside_timer("GUI time a frame, 2048², ms", "gui_time_2048", at_most=0.65),
    "producer_cost": Limit(
        "stash beside memcpy, 2048², ms", "producer_ours", "producer_memcpy", at_most=1.3
    ),
    "stack_cost": Limit(
        "10,000th stash beside 100th, µs", "stack_10000th", "stack_100th", at_most=1.3
    ),
    "engine_rate": beside_timer("engine events/s while drawing", "engine", at_least=1.15),
    "stashed": Limit("stashed of those offered", "stashed", "offered", at_least=1.0),
    "demo_drained": Limit(
        "drained of DemoCamera's, 300 Hz", "demo_drained", "demo_made", at_least=1.0
    ),
    "sim_rate": Limit("stashed a second, sim, 500 Hz", "sim_rate", at_least=490),
    "memory_growth": Limit("memory growth, MB", "memory_growth", at_most=20),
    "snapshot_100_p95": Limit("click to layer p95, 100 Hz, ms", "snapshot_100_p95", at_most=60),
    "snapshot_20_p95": Limit("click to layer p95, 20 Hz, ms", "snapshot_20_p95", at_most=100),
    "painted_512": beside_fast_timer("painted/s, 512²", "painted_512", at_least=1.0),
    "painted_1024": beside_fast_timer("painted/s, 1024²", "painted_1024", at_least=1.0),
    "painted_2048": beside_fast_timer("painted/s, 2048²", "painted_2048", at_least=1.0),
    "painted_gap_512": beside_fast_timer(
        "GUI gap p95, 512², ms", "painted_gap_512", "painted_512", at_most=0.8
    ),
    "painted_gap_1024": beside_fast_timer(
        "GUI gap p95, 1024², ms", "painted_gap_1024", "painted_1024", at_most=0.8
    ),
    "painted_gap_2048": beside_fast_timer(
        "GUI gap p95, 2048², ms", "painted_gap_2048", "painted_2048", at_most=0.8
    ),
    "mouse_delay": beside_fast_timer(
        "mouse move delay p95, ms", "mouse_delay", "mouse_moving", at_most=0.6
    ),
    "mouse_painted": Limit(
        "painted/s, mouse moving, of idle", "mouse_moving_ours", "mouse_idle_ours", at_least=0.5
    ),
}


def print_table(figures: dict[str, Any]) -> dict[str, float]:
    """Print what was asked for and what came out; return the values."""
    values = {}
    print(f"{'':34}{'others':>12}{'ours':>12}{'value':>10}{'limit':>12}")
    for name, limit in LIMITS.items():
        if limit.figure not in figures:
            continue
        value = values[name] = round(limit.value(figures), 4)
        met = limit.at_least <= value <= limit.at_most
        bound = f"≤ {limit.at_most:g}" if limit.at_most < float("inf") else f"≥ {limit.at_least:g}"
        others = f"{figures[limit.beside]:.2f}" if limit.beside else "–"
        painted = ""
        if limit.painted:
            each = [
                f"{limit.painted}_{name.split('_')[-1]}" for name in (limit.beside, limit.figure)
            ]
            painted = "  painted/s " + " : ".join(f"{figures[name]:.1f}" for name in each)
        print(
            f"{limit.title:34}{others:>12}{figures[limit.figure]:>12.2f}{value:>10.3g}"
            f"{bound:>12} {'met' if met else 'MISSED'}{painted}"
        )
    return values


@contextmanager
def display() -> Iterator[None]:
    """Start a virtual display if there is none."""
    if sys.platform != "linux" or os.environ.get("DISPLAY"):
        yield
        return
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1366x768x24"]
    server = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
    os.close(write_end)
    try:
        with os.fdopen(read_end) as numbers:
            os.environ["DISPLAY"] = f":{numbers.readline().strip()}"
        yield
    finally:
        server.terminate()
        server.wait(10)


def measure(name: str, quick: bool) -> dict[str, Any]:
    """Measure one row in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    os.environ.setdefault("QT_API", "pyqt6")
    from live_pace import ROWS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; or all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    parser.add_argument("--measure", choices=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"there is no row called {', '.join(unknown)}")
    if options.measure:
        print(json.dumps(ROWS[options.measure](options.quick)))
        return
    figures: dict[str, Any] = {}
    with display():
        for name in options.rows or ROWS:
            figures |= measure(name, options.quick)
            print(f"measured {name}", flush=True)
    renderer = figures.pop("renderer", "not asked")
    print(f"\nOpenGL renderer: {renderer}\n")
    ratios = print_table(figures)
    figures = {name: round(value, 4) for name, value in figures.items()}
    result = {"benchmark": "live", "renderer": renderer, "ratios": ratios, "figures": figures}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
