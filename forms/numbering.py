"""Record numbers (流水号): `RMA-{yyyy}{mm}-{seq:5}` and when the count starts over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from forms.codes import problem
from forms.problems import Problem, suggest

RESETS = ("never", "year", "month", "day")
MOMENTS = ("create", "submit")

_DATES = ("yyyy", "yy", "mm", "dd")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SEQ = re.compile(r"seq(?::([0-9]+))?")
_NEEDS = {"never": 0, "year": 1, "month": 2, "day": 3}
_LONGEST = 60
_KEYS = ("pattern", "reset", "at", "gapless")


@dataclass(frozen=True, slots=True)
class Numbering:
    """How records are numbered, and at which moment a number is given.

    `reset` is "never", "year", "month" or "day"; `at` is "create" or "submit". `gapless` trades
    concurrency for numbers without gaps.
    """

    pattern: str
    reset: str = "never"
    at: str = "create"
    gapless: bool = False

    def period(self, day: date) -> str:
        """The key of the count that a number of that day comes from."""
        if self.reset == "never":
            return ""
        return day.isoformat()[: {"year": 4, "month": 7, "day": 10}[self.reset]]

    def format(self, seq: int, day: date) -> str:
        """The number with that place in its period's count."""
        iso = day.isoformat()
        parts = {"yyyy": iso[:4], "yy": iso[2:4], "mm": iso[5:7], "dd": iso[8:]}

        def fill(found: re.Match[str]) -> str:
            name = found[1]
            if name in parts:
                return parts[name]
            digits = _SEQ.fullmatch(name)
            return str(seq).zfill(int(digits[1])) if digits and digits[1] else str(seq)

        return _PLACEHOLDER.sub(fill, self.pattern)


def compile_numbering(definition: object) -> tuple[Numbering | None, list[Problem]]:
    """Read a form's `number`; problems have paths below it."""
    if isinstance(definition, str):
        definition = {"pattern": definition}
    if not isinstance(definition, Mapping):
        return None, [problem("not_a_mapping", (), allowed=", ".join(_KEYS))]
    problems = [
        problem(
            "unknown_key",
            (key,),
            on_key=True,
            key=key,
            allowed=", ".join(_KEYS),
            suggestion=suggest(str(key), _KEYS),
        )
        for key in definition
        if key not in _KEYS
    ]
    reset = definition.get("reset", "never")
    if reset not in RESETS:
        problems.append(
            problem(
                "number_bad_reset",
                ("reset",),
                value=reset,
                allowed=", ".join(RESETS),
                suggestion=suggest(str(reset), RESETS),
            )
        )
        reset = "never"
    at = definition.get("at", "create")
    if at not in MOMENTS:
        problems.append(
            problem(
                "number_bad_at",
                ("at",),
                value=at,
                allowed=", ".join(MOMENTS),
                suggestion=suggest(str(at), MOMENTS),
            )
        )
    gapless = definition.get("gapless", False)
    if not isinstance(gapless, bool):
        problems.append(problem("not_true_or_false", ("gapless",), allowed="true or false"))
    pattern = definition.get("pattern")
    if not isinstance(pattern, str) or not pattern.strip():
        problems.append(
            problem("number_no_pattern", ("pattern",), allowed="RMA-{yyyy}{mm}-{seq:5}")
        )
        return None, problems
    problems += _pattern_problems(pattern, str(reset))
    if problems:
        return None, problems
    return Numbering(pattern, str(reset), str(at), bool(gapless)), []


def _pattern_problems(pattern: str, reset: str) -> list[Problem]:
    where = ("pattern",)
    problems: list[Problem] = []
    if len(pattern) > _LONGEST or not pattern.isprintable():
        problems.append(problem("number_too_long", where, max=_LONGEST))
    rest = _PLACEHOLDER.sub("", pattern)
    if "{" in rest or "}" in rest:
        open_brace = problem("unbalanced_brace", where, allowed="{yyyy} {yy} {mm} {dd} {seq:5}")
        return [*problems, open_brace]
    shown: set[str] = set()
    counts = 0
    for found in _PLACEHOLDER.finditer(pattern):
        name = found[1]
        digits = _SEQ.fullmatch(name)
        if digits:
            counts += 1
            if not digits[1] or not 1 <= int(digits[1]) <= 12:
                problems.append(
                    problem(
                        "number_seq_digits",
                        where,
                        offset=found.start(),
                        allowed="{seq:1} to {seq:12}",
                    )
                )
        elif name in _DATES:
            shown.add(name)
        else:
            problems.append(
                problem(
                    "number_placeholder",
                    where,
                    offset=found.start(),
                    name=name,
                    allowed="{yyyy} {yy} {mm} {dd} {seq:5}",
                    suggestion=suggest(name.lower(), (*_DATES, "seq")),
                )
            )
    if counts == 0:
        problems.append(problem("number_no_seq", where, allowed="one {seq:5}"))
    elif counts > 1:
        problems.append(problem("number_seq_twice", where, allowed="one {seq:5}"))
    level = 0
    if shown & {"yyyy", "yy"}:
        level = 1 + ("mm" in shown) + ("mm" in shown and "dd" in shown)
    if level < _NEEDS[reset]:
        needed = ("", "{yyyy}", "{yyyy} and {mm}", "{yyyy}, {mm} and {dd}")[_NEEDS[reset]]
        problems.append(
            problem("number_repeats", where, reset=reset, allowed=f"a pattern with {needed}")
        )
    return problems
