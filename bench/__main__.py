"""`python -m bench [--only SECTION] [--quick]`"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module

from bench.lab import Lab, open_lab
from bench.report import Result, show

SECTIONS = (
    "create",
    "http",
    "clients",
    "pages",
    "reports",
    "statements",
    "validation",
    "imports",
    "definitions",
    "memory",
    "policies",
    "advance",
    "flows",
    "moving",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sections asked for and print their tables; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="one section (again for more)"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that all runs")
    asked = parser.parse_args(argv)
    found: list[Result] = []
    print(surroundings(), flush=True)
    with open_lab(quick=asked.quick) as lab:
        for name in asked.only or SECTIONS:
            found += measure(lab, name)
    missed = sum(one.good is False for one in found)
    judged = sum(one.good is not None for one in found)
    print(
        "quick run: nothing judged" if asked.quick else f"{judged - missed} of {judged} targets met"
    )
    return int(missed > 0)


def surroundings() -> str:
    """What the figures were taken on, and how much else was running."""
    load = os.getloadavg()[0]
    return (
        f"{platform.system()}, {os.cpu_count()} processors, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}; load average {load:.1f}\n"
    )


def measure(lab: Lab, name: str) -> list[Result]:
    """Run one section and print its table."""
    run: Callable[[Lab], list[Result]] = import_module(f"bench.sections.{name}").run
    begin = time.monotonic()
    found = run(lab)
    if lab.sizes.quick:  # so small that a target says nothing
        found = [replace(one, good=None) for one in found]
    show(found)
    taken = time.monotonic() - begin
    print(f"({name}: {taken:.0f} s, load average {os.getloadavg()[0]:.1f})\n", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
