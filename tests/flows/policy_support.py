"""A small returns company for tests of policies."""

from __future__ import annotations

from typing import Any

from app.catalog.build import build
from app.catalog.problems import Located
from flows.policy import Policy
from tests.catalog.support import sources

FILES = {
    "packs/p/options/reason.yaml": """
options: reason
attributes: {fault: [customer, merchant, carrier]}
values:
  unwanted: {label: Unwanted, fault: customer}
  quality:  {label: Quality, fault: merchant}
  transit:  {label: Transit, fault: carrier}
""",
    "packs/p/forms/order.yaml": """
form: order
currency: CNY
fields:
  nr:           {type: text, required: true}
  placed_on:    {type: date, required: true}
  delivered_on: {type: date}
  lines: {type: lines, fields: {sku: {type: text}, total: {type: money}}}
""",
    "packs/p/forms/claim.yaml": """
form: claim
currency: CNY
fields:
  order:      {type: link, to: order, required: true}
  applied_on: {type: date}
  opened_at:  {type: datetime}
  waited:     {type: duration}
  note:       {type: text}
  total:      {type: money}
  score:      {type: decimal}
  points:     {type: integer, required: true, min: 0, max: 100}
  vip:        {type: boolean}
  tags:       {type: choice, options: [a, b], many: true}
  freight:    {type: choice, options: [customer, merchant]}
  verdict:    {type: choice, options: [refuse, auto, review]}
  level:      {type: integer}
  fee:        {type: money}
  ok:         {type: boolean}
  by_then:    {type: duration}
  doubled:    {type: integer, formula: points * 2}
  wide:       {type: choice, options: [auto, refuse]}
  lines:
    type: lines
    fields:
      order_line: {type: link, to: order.lines}
      reason:     {type: choice, options: reason, required: true}
      intact:     {type: boolean, required: true}
      quantity:   {type: decimal}
      verdict:    {type: choice, options: [refuse, auto, review]}
      percent:    {type: decimal, min: 0, max: 100}
      fee:        {type: money}
      wide:       {type: choice, options: [refuse, auto]}
""",
}


def problems(text: str) -> list[Located]:
    """What is wrong with a policy."""
    return build(sources({**FILES, "packs/p/policies/tested.yaml": text})).problems


def found(text: str) -> list[tuple[str, str]]:
    """The same as (code, message)."""
    return [(one.problem.code, one.problem.message) for one in problems(text)]


def policy(text: str) -> Policy:
    """A policy without problems, compiled."""
    result = build(sources({**FILES, "packs/p/policies/tested.yaml": text}))
    assert result.catalog is not None, [str(one) for one in result.problems]
    return result.catalog.policies["tested"]


def line(number: int, **values: Any) -> dict[str, Any]:
    """A line with all its names."""
    names = ("order_line", "reason", "intact", "quantity", "verdict", "percent", "fee", "wide")
    return {**dict.fromkeys(names), "id": number, **values}


def claim(*lines: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A claim with all its names; its order is 7."""
    names = (
        *("applied_on", "opened_at", "waited", "note", "total", "score", "points", "vip"),
        *("tags", "freight", "verdict", "level", "fee", "ok", "by_then", "doubled", "wide"),
    )
    return {**dict.fromkeys(names), "id": 1, "order": 7, "lines": [*lines], **values}
