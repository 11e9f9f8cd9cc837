"""How fast and how safely recordings are written, beside the writer library alone.

The camera streams frames of noise through the plan *record* while a live view of them is open; the
library, ome-writers, gets the same frames on the same disk in the same run. Each row is measured in
a process of its own. Without a display it starts a virtual one. The last line is JSON.
"""

from __future__ import annotations

import os

from benchmark_table import Limit, run

SIZES = 512, 1024, 2048

LIMITS = {
    f"written_{size}": Limit(
        f"frames/s written, {size}²", f"written_{size}_ours", f"written_{size}_alone", at_least=0.9
    )
    for size in SIZES
} | {
    "painted": Limit("painted/s, recording", "painted_recording", "painted_live", at_least=0.7),
    "memory": Limit("memory over the queue, MB", "memory_over_queue", at_most=64),
    "killed": Limit("frames left after kill -9", "killed_readable", "killed_due", at_least=1.0),
    "damaged": Limit("frames damaged by kill -9", "killed_damaged", at_most=0),
}


if __name__ == "__main__":
    os.environ.setdefault("QT_API", "pyqt6")
    from record_rows import ROWS

    run("record", __doc__, ROWS, LIMITS)
