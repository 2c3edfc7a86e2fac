"""Judging a line by a policy, proving its rules complete, counting working time."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Any

from app.catalog.build import build
from app.catalog.sources import Sources
from bench.lab import Lab
from bench.report import Result, at_most, result
from bench.validation import per_call
from flows.calendars import add, working_seconds
from flows.model import Duration
from flows.policy import decide
from forms.expr import Env

SECTION = "11 Policies and working time"
LINES = 10
_FORM = """
form: claim
fields:
  bought_on:  {type: date}
  applied_on: {type: date}
  verdict:    {type: choice, options: [refuse, auto, review]}
  lines:
    type: lines
    fields:
      cause:   {type: choice, options: [whim, fault, transport]}
      unused:  {type: boolean}
      verdict: {type: choice, options: [refuse, auto, review]}
"""
_POLICY = """
policy: terms
for: claim.lines
as_of: bought_on
params: {short: 7, long: 15}
inputs:
  days: days_between(bought_on, applied_on)
  cause: cause
  unused: unused
outputs: {verdict: {combine: max}}
branch: verdict
rules:
  unknown: {when: {days: none}, then: {verdict: review}}
  faulty:  {when: {days: 0..long, cause: [fault, transport]}, then: {verdict: auto}}
  unused:  {when: {days: 0..short, unused: true}, then: {verdict: auto}}
  used:    {when: {days: 0..short, unused: false}, then: {verdict: review}}
else: {verdict: refuse}
editions: {later: {from: 2026-07-01, params: {short: 14}}}
"""
_CALENDAR = """
calendar: office
zone: Asia/Shanghai
hours:
  mon: [09:00-12:00, 13:00-18:00]
  tue: [09:00-12:00, 13:00-18:00]
  wed: [09:00-12:00, 13:00-18:00]
  thu: [09:00-12:00, 13:00-18:00]
  fri: [09:00-12:00, 13:00-18:00]
"""


def run(lab: Lab) -> list[Result]:
    """Times without a database."""
    files = {
        "packs/bench/pack.yaml": "pack: bench\nlabel: Bench\n",
        "packs/bench/forms/claim.yaml": _FORM,
        "packs/bench/policies/terms.yaml": _POLICY,
        "packs/bench/policies/large.yaml": large_policy(),
        "packs/bench/calendars/office.yaml": _CALENDAR,
    }
    start = time.perf_counter()
    built = build(Sources(files))
    checked = (time.perf_counter() - start) * 1e3
    if built.catalog is None:
        raise SystemExit("\n".join(str(problem) for problem in built.problems))
    policy, office = built.catalog.policies["terms"], built.catalog.calendars["office"]
    row, env = claim(), Env(datetime(2026, 3, 18, tzinfo=UTC))
    moment, later = datetime(2026, 3, 18, 2, tzinfo=UTC), datetime(2026, 4, 18, 2, tzinfo=UTC)
    figures = per_call(
        {
            "decide": lambda: decide(policy, row, env),
            "hours": lambda: add(moment, Duration(((8, "wh"),)), office),
            "days": lambda: add(moment, Duration(((3, "wd"),)), office),
            "month": lambda: working_seconds(office, moment, later),
        },
        lab.sizes.of(100, 3),
    )
    each = figures["decide"] / LINES
    return [
        result(SECTION, "none", "decide, a line: 3 inputs, 4 rules", each, "µs", at_most(10)),
        result(SECTION, "none", "8wh on from now", figures["hours"], "µs"),
        result(SECTION, "none", "3wd on from now", figures["days"], "µs"),
        result(SECTION, "none", "working time of a month", figures["month"], "µs"),
        result(SECTION, "none", "check, 100 rules over 3 inputs among it", checked, "ms"),
    ]


def claim() -> dict[str, Any]:
    """A claim whose lines meet every rule."""
    causes, bought, applied = ("whim", "fault"), date(2026, 3, 1), date(2026, 3, 6)
    lines = [
        {"id": n, "cause": causes[n % 2], "unused": n % 3 == 0, "verdict": None}
        for n in range(LINES)
    ]
    return {"id": 1, "bought_on": bought, "applied_on": applied, "verdict": None, "lines": lines}


def large_policy() -> str:
    """A hundred rules: for each cause and state a stretch of days."""
    rules = [
        f"  r{n}: {{when: {{days: {n * 3}..{n * 3 + 2 + n % 2}, cause: {cause}, unused: {unused}}},"
        " then: {verdict: review}}"
        for n, (cause, unused) in enumerate(
            [("whim", "true"), ("fault", "false"), ("[fault, transport]", "true")] * 33
        )
    ]
    head = _POLICY.replace("terms", "large").partition("rules:")[0]
    return f"{head}rules:\n" + "\n".join(rules) + "\nelse: {verdict: refuse}\n"
