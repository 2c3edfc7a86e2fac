"""What a condition rested on, as JSON for the trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.advance.work import Work
from flows.plain import plain
from forms.expr import Expr


def facts_of(work: Work, row: Mapping[str, Any], expr: Expr) -> dict[str, Any]:
    """The fields an expression read, by their dotted names; of links and totals what was found."""
    found: dict[str, Any] = {}
    for name in sorted(expr.names):
        head, _, tail = name.partition(".")
        value = row.get(head)
        if tail:
            value = [one.get(tail) for one in value or ()]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            value = len(value)
        found[name] = plain(value)
    probe = work.flow.reading.probes.get(id(expr))
    if probe is not None:
        probe(row, work.env, _Found(work, found))
    return found


class _Found:
    """Notes the values a probe comes by."""

    def __init__(self, work: Work, found: dict[str, Any]) -> None:
        self.work = work
        self.found = found

    def link(self, target: str, key: Any, name: str) -> None:
        row = (self.work.env.links.get(target) or {}).get(key)
        if row is not None:
            self.found[f"{target}:{key}.{name}"] = plain(row.get(name))

    def total(self, aggregate: str, key: Any) -> None:
        row = (self.work.env.aggregates.get(aggregate) or {}).get(key)
        self.found[f"{aggregate}:{key}"] = plain(row or {})
