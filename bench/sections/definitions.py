"""Checking and publishing 200 definitions: forms of 12 fields with lines, and what uses them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from app.access.actor import SYSTEM
from app.catalog.build import build
from app.catalog.sources import Sources
from app.records import publish
from bench.lab import Lab
from bench.report import Result, at_most, result
from flows.soundness import World, check_flow

SECTION = "9 Check and publish 200 definitions"
FORMS, OPTIONS, ROLES, AGGREGATES, REPORTS = 80, 40, 10, 30, 40
_FORM = """
form: thing_{n}
label: {{zh: 事物, en: Thing {n}}}
title: "{{code}}"
number: {{pattern: "T{n}-{{yyyy}}-{{seq:5}}", reset: year, at: create}}
currency: currency
fields:
  code:     {{type: text, required: true, index: true}}
  before:   {{type: link, to: thing_{before}, index: true}}
  kind:     {{type: choice, options: kind_{kind}}}
  at:       {{type: datetime, default: now(), index: true}}
  day:      {{type: date}}
  currency: {{type: text, format: currency, default: "'CNY'"}}
  urgent:   {{type: boolean}}
  rate:     {{type: percent}}
  note:     {{type: text, lines: 3, visible: urgent == true}}
  lines:
    type: lines
    fields:
      sku:      {{type: text, required: true}}
      quantity: {{type: decimal, min: 0, required: true}}
      price:    {{type: money}}
      amount:   {{type: money, round: half_up, formula: quantity * price}}
  total:    {{type: money, formula: sum(lines.amount)}}
  pieces:   {{type: decimal, formula: sum(lines.quantity)}}
checks:
  some: {{that: pieces > 0, message: {{zh: 数量须大于零, en: Pieces must be more than zero}}}}
list: {{columns: [number, code, kind, total], sort: [-at], search: [number, code]}}
"""


def sources_of(forms: int, options: int, roles: int, aggregates: int, reports: int) -> Sources:
    """Generated definitions, the same at each run."""
    files = {"packs/many/pack.yaml": "pack: many\nlabel: Many\nversion: '1'\n"}
    for n in range(forms):
        text = _FORM.format(n=n, before=max(0, n - 1), kind=n % options)
        files[f"packs/many/forms/thing_{n}.yaml"] = text
    for n in range(options):
        values = "".join(f"  v{m}: {{label: {{zh: 值, en: Value {m}}}}}\n" for m in range(12))
        files[f"packs/many/options/kind_{n}.yaml"] = f"options: kind_{n}\nvalues:\n{values}"
    for n in range(roles):
        can = "".join(f"  thing_{m}: {{actions: [list, read, create]}}\n" for m in range(forms))
        files[f"packs/many/roles/role_{n}.yaml"] = f"role: role_{n}\nlabel: R{n}\ncan:\n{can}"
    for n in range(aggregates):
        files[f"packs/many/aggregates/sum_{n}.yaml"] = (
            f"aggregate: sum_{n}\nlabel: Sum {n}\nper: thing_{n % forms}\nmeasures:\n"
            f"  pieces: {{from: thing_{(n + 1) % forms}, by: before, sum: pieces}}\n"
        )
    for n in range(reports):
        files[f"packs/many/reports/report_{n}.yaml"] = (
            f"report: report_{n}\nlabel: Report {n}\nsource: thing_{n % forms}\ngroup:\n"
            "  month: {label: Month, by: at, unit: month}\nmeasures:\n"
            "  things: {label: Things, count: true}\n  total: {label: Total, sum: total}\n"
        )
    return Sources(files)


def run(lab: Lab) -> list[Result]:
    """Check once, then publish to an empty tenant and again with one field more."""
    share = lab.sizes.of(1, 10)
    numbers = (FORMS, OPTIONS, ROLES, AGGREGATES, REPORTS)
    sources = sources_of(*(number // share for number in numbers))
    problems = build(sources).problems
    if problems:
        raise SystemExit("\n".join(map(str, problems[:20])))
    count = sum(number // share for number in numbers)
    found = [
        result(SECTION, "none", f"check {count} definitions", seconds(lambda: build(sources)), "s")
    ]
    found.append(
        result(SECTION, "none", "follow a flow of 40 steps", 1e3 * checked(40), "ms", at_most(20))
    )
    path = "packs/many/forms/thing_1.yaml"
    text = sources.files[path].replace("  urgent:", "  extra: {type: text}\n  urgent:")
    more = sources.replaced(path, text)
    for backend in lab.backends:
        lab.tenants(backend).installation.create("many")
        tenant = lab.tenants(backend).get("many")
        for what, each in (("publish: first release", sources), ("publish: a field more", more)):
            taken = seconds(partial(publish, tenant, SYSTEM, each))
            found.append(result(SECTION, backend, what, taken, "s"))
    return found


def long_flow(steps: int) -> Sources:
    """A form with a flow of so many tasks and switches, any of which may lead back."""
    lines = "".join(
        f"  t{n}: {{task: {{by: [{{user: created_by}}], edit: [limit], require: [note]}}, next: "
        f"{{ok: s{n}, back: {{to: t{max(0, n - 3)}, max: 2}}}}}}\n"
        f"  s{n}: {{set: {{limit: amount}}, switch: limit > {n}, next: "
        f"{{true: t{n + 1}, false: t{n + 1}}}}}\n"
        for n in range(steps // 2)
    )
    form = "amount: {type: decimal, required: true}, limit: {type: decimal}, note: {type: text}"
    return Sources(
        {
            "packs/long/pack.yaml": "pack: long\nlabel: Long\n",
            "packs/long/forms/thing.yaml": f"form: thing\nfields: {{{form}}}\n",
            "packs/long/flows/thing.yaml": "flow: thing\nstages: {open: {label: Open}}\nsteps:\n"
            + f"{lines}  t{steps // 2}: {{stage: open, end: done}}\n",
        }
    )


def checked(steps: int) -> float:
    """Seconds to follow a flow every way, the best of five."""
    catalog = build(long_flow(steps)).catalog
    assert catalog is not None
    flow, world = catalog.flows["thing"], World(catalog.forms)
    assert len(flow.steps) > steps
    return min(seconds(lambda: check_flow(flow, world)) for _ in range(5))


def seconds(work: Callable[[], object]) -> float:
    """What one call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
