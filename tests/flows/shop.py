"""Small shops whose flows are compiled for the tests of this folder."""

from __future__ import annotations

import textwrap
from typing import Any

from app.catalog.build import Built, build
from app.catalog.model import Catalog
from app.catalog.sources import Sources
from flows.model import Flow
from flows.soundness import CODES as SOUNDNESS
from tests.catalog.support import documents

PACK = "pack: shop\nlabel: Shop\n"

FORMS = """
form: customer
title: "{name}"
fields:
  name: {type: text, required: true}
---
form: order
title: "{number}"
fields:
  number: {type: text, required: true}
  customer: {type: link, to: customer}
  currency: {type: text}
  lines:
    type: lines
    fields:
      sku: {type: text, required: true}
      quantity: {type: decimal, required: true}
---
form: request
label: Request
title: "{note}"
currency: CNY
fields:
  order: {type: link, to: order}
  customer: {type: link, to: customer}
  note: {type: text}
  amount: {type: money}
  limit: {type: money}
  level: {type: integer}
  kind: {type: choice, options: [small, large]}
  urgent: {type: boolean}
  wanted_on: {type: date}
  done_at: {type: datetime}
  owner: {type: user}
  team: {type: department}
  helpers: {type: user}
  reference: {type: text}
  child: {type: link, to: child}
  lines:
    type: lines
    fields:
      order_line: {type: link, to: order.lines}
      quantity: {type: decimal}
      price: {type: money}
      total: {type: money, round: half_up, formula: price * quantity}
      good: {type: boolean}
      state: {type: text}
      checker: {type: user}
  total: {type: money, formula: sum(lines.total)}
---
form: child
fields:
  request: {type: link, to: request}
  amount: {type: money, currency: CNY}
  parts:
    type: lines
    fields:
      of: {type: link, to: request.lines}
      quantity: {type: decimal}
---
calendar: office
zone: Asia/Shanghai
hours: {mon: 09:00-18:00, tue: 09:00-18:00, wed: 09:00-18:00, thu: 09:00-18:00, fri: 09:00-18:00}
"""

ROLES = "clerk lead finance boss admin quality nobody"

HEAD = """
flow: request
calendar: office
stages: {open: {label: Open}, later: {label: Later}, closed: {label: Closed}, gone: {label: Gone}}
"""


def build_shop(*more: str) -> Built:
    """Build the shop with further definitions."""
    from app.catalog.schemas import FOLDERS

    files = {"packs/shop/pack.yaml": PACK}
    for text in (FORMS, *more):
        for one in documents("text.yaml", textwrap.dedent(text).lstrip()):
            files[f"packs/shop/{FOLDERS[one.kind]}/{one.id}.yaml"] = one.text
    for role in ROLES.split():
        files[f"packs/shop/roles/{role}.yaml"] = f"role: {role}\nlabel: {role}\n"
    return build(Sources(files))


def catalog(*more: str) -> Catalog:
    """The shop's catalog, which has to build; what can go wrong in its flows is wanted here."""
    found = build_shop(*more)
    assert [str(p) for p in found.problems if p.problem.code not in SOUNDNESS] == []
    assert found.whole is not None
    return found.whole


def flow_of(steps: str, *more: str, head: str = HEAD) -> Flow:
    """The compiled flow of `request` from its steps (and slas, interrupts) as YAML."""
    return catalog(head.lstrip() + textwrap.dedent(steps).lstrip("\n"), *more).flows["request"]


def problems_of(steps: str, *more: str, head: str = HEAD) -> list[tuple[Any, str, str]]:
    """(path, code, suggestion) of every problem of a flow."""
    found = build_shop(head.lstrip() + textwrap.dedent(steps).lstrip("\n"), *more)
    return [
        (".".join(str(s) for s in p.problem.path), p.problem.code, p.problem.suggestion)
        for p in found.problems
    ]
