"""Measures rows in processes of their own, and prints them beside their limits."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

TIMEOUT = 400  # s for one row

Figures = dict[str, Any]
Row = Callable[[bool], Figures]
"""A function of whether to be quick, that returns figures."""


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


def print_table(limits: Mapping[str, Limit], figures: Figures) -> dict[str, float]:
    """Print what was asked for and what came out; return the values."""
    values = {}
    print(f"{'':34}{'others':>12}{'ours':>12}{'value':>10}{'limit':>12}")
    for name, limit in limits.items():
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


def measure(name: str, quick: bool) -> Figures:
    """Measure one row in a process of its own."""
    command = [sys.executable, sys.argv[0], "--measure", name, *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def run(benchmark: str, about: str, rows: Mapping[str, Row], limits: Mapping[str, Limit]) -> None:
    """Measure the rows that the command line names, or all; the last line printed is JSON."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(rows)}; or all")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    parser.add_argument("--measure", choices=rows, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.rows) - set(rows):
        parser.error(f"there is no row called {', '.join(unknown)}")
    if options.measure:
        print(json.dumps(rows[options.measure](options.quick)))
        return
    figures: Figures = {}
    with display():
        for name in options.rows or rows:
            figures |= measure(name, options.quick)
            print(f"measured {name}", flush=True)
    renderer = figures.pop("renderer", "not asked")
    print(f"\nOpenGL renderer: {renderer}\n")
    ratios = print_table(limits, figures)
    figures = {name: round(value, 4) for name, value in figures.items()}
    result = {"benchmark": benchmark, "renderer": renderer, "ratios": ratios, "figures": figures}
    print(json.dumps(result))
