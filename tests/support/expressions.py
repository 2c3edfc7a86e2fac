"""All expressions of a catalog that people may come to read, with what bare names mean in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from app.catalog.model import Catalog
from flows.model import Each, Start
from forms.expr import Expr
from forms.model import Lines

_ELSEWHERE = frozenset({"plan", "signature", "shape", "policies", "words", "reading", "scope"})

Placed = tuple[str, str, Expr]
"""(what bare names belong to, what `this.x` does where they mean another row, the expression)"""


def expressions_of(catalog: Catalog) -> Iterator[Placed]:
    """Every expression of forms, policies, flows, roles and aggregates."""
    for form in catalog.forms.values():
        yield from _placed(form.id, [form.currency, form.checks])
        for one in form.fields.values():
            inner = one.fields.values() if isinstance(one, Lines) else ()
            yield from _field(form.id, one)
            for cell in inner:
                yield from _field(f"{form.id}.{one.id}", cell)
    for policy in catalog.policies.values():
        yield from _placed(policy.target, [policy.inputs, policy.as_of])
    for flow in catalog.flows.values():
        yield from _placed(flow.form, flow.interrupts)
        for step in flow.steps.values():
            yield from _step(flow.form, step)
    for role in catalog.roles.values():
        for form_id, grant in role.can.items():
            yield from _placed(form_id, grant.rows)
    for total in catalog.aggregates.values():
        for measure in total.measures.values():
            yield from _placed(measure.source, [measure.sum, measure.where])


def _field(target: str, one: Any) -> Iterator[Placed]:
    yield from _placed(target, [one.required, one.visible, one.readonly, one.default, one.formula])
    if one.where is not None:
        yield one.to, target, one.where


def _step(form: str, step: Any) -> Iterator[Placed]:
    for one in step.sets:
        own = form if len(one.path) == 1 or one.current else f"{form}.{one.path[0]}"
        yield own, "", one.value
    yield from _placed(form, [step.due, step.exits])
    body = step.body
    if isinstance(body, Each):
        yield from _placed(f"{form}.{body.over}", body.where)
    elif isinstance(body, Start):
        yield from _placed(form, body.values)
        for rows in body.rows.values():
            yield from _placed(f"{form}.{rows.over}", [rows.where, rows.values])
    else:
        yield from _placed(form, body)


def _placed(target: str, within: Any) -> Iterator[Placed]:
    for expr in _found(within):
        yield target, "", expr


def _found(one: Any) -> Iterator[Expr]:
    if isinstance(one, Expr):
        yield one
    elif isinstance(one, Mapping):
        for inner in one.values():
            yield from _found(inner)
    elif isinstance(one, list | tuple):
        for inner in one:
            yield from _found(inner)
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            if field.name not in _ELSEWHERE:
                yield from _found(getattr(one, field.name))
