"""How well live layers keep up, beside the two ways others do it, in one run.

The others: a queued Qt signal per frame whose slot does ``layer.data = frame``, and a 33 ms timer
that does so with the latest frame (16 ms in the rows *painted* and *mouse*). Each row is measured
in a process of its own, the ways in turn; medians count. Without a display it starts a virtual one.
The last line is JSON.
"""

from __future__ import annotations

import os
from typing import Any

from benchmark_table import Limit, run


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


if __name__ == "__main__":
    os.environ.setdefault("QT_API", "pyqt6")
    from live_pace import ROWS

    run("live", __doc__, ROWS, LIMITS)
