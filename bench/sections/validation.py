"""Validating 12 fields and 3 lines without reading links: closures only."""

from __future__ import annotations

from bench.lab import Lab
from bench.report import Result, at_most, result
from bench.validation import WHOLE, figures

SECTION = "7 Validation: 12 fields, 3 lines, no link reads"


def run(lab: Lab) -> list[Result]:
    """The best of many short rounds: whatever else runs on the machine only adds."""
    target = at_most(20)
    return [
        result(SECTION, "none", what, us, "µs", target if what == WHOLE else None)
        for what, us in figures(lab.sizes.of(300, 5)).items()
    ]
