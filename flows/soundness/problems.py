"""Findings as problems: the code decides whether one is an error or a warning."""

from __future__ import annotations

from flows.soundness.codes import WARNINGS
from forms.problems import Path, Problem


def problem(
    code: str,
    path: Path,
    message: str,
    allowed: str = "",
    suggestion: str = "",
    *,
    on_key: bool = False,
) -> Problem:
    """A finding at a place of the definition."""
    found = Problem(code, path, message, allowed, suggestion, on_key=on_key)
    return found.softened() if code in WARNINGS else found
