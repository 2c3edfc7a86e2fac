"""What the expressions of a notification read beyond the record, asked for round by round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from forms.expr import Env, Expr
from forms.model import Form, Row
from forms.validate_result import Wanted

Forms = Mapping[str, Form]
OWN = "@"
"""Targets beginning so come with the event and are never fetched."""


def wanted(exprs: Iterable[Expr], form: Form, forms: Forms, row: Row, env: Env) -> list[Wanted]:
    """What is missing in `env` and can be asked for now; paths over several links need several
    rounds."""
    found: list[Wanted] = []
    links: dict[str, dict[int, set[str]]] = {}
    for expr in exprs:
        for path, name in expr.link_reads:
            target, ids = _at(path, form, forms, row, env)
            if target and not target.startswith(OWN):
                for one in ids:
                    if name not in env.links.get(target, {}).get(one, {}):
                        links.setdefault(target, {}).setdefault(one, set()).add(name)
        for aggregate, path in expr.aggregate_reads:
            _, ids = _at(path, form, forms, row, env)
            missing = ids - set(env.aggregates.get(aggregate, {}))
            if missing:
                found.append(Wanted(aggregates={(aggregate, key) for key in missing}))
    for target, rows in links.items():
        names = frozenset(name for one in rows.values() for name in one)
        found.append(Wanted({target: set(rows)}, {target: names}))
    return found


def _at(path: str, form: Form, forms: Forms, row: Row, env: Env) -> tuple[str, set[int]]:
    """Where a path of links leads: the target and the ids. ("", …) for what is no link here."""
    if path in ("id", "this"):
        return form.id, {row["id"]}
    head, _, rest = path.partition(".")
    if head not in form.fields:
        return OWN, set()
    field = form.fields[head]
    inner = getattr(field, "fields", None)
    if inner is not None:
        head, _, rest = rest.partition(".")
        if head not in inner:
            return "", set()
        field, values = (
            inner[head],
            [line.get(head) for line in row.get(path.partition(".")[0]) or ()],
        )
    else:
        values = [row.get(head)]
    target, ids = _target(field), set(_ids(values))
    while rest and target:
        head, _, rest = rest.partition(".")
        target, ids = _step(target, ids, head, forms, env)
    return target, ids


def _step(target: str, ids: set[int], name: str, forms: Forms, env: Env) -> tuple[str, set[int]]:
    form, _, lines = target.partition(".")
    found = forms.get(form)
    if found is None:
        return "", set()
    if lines:
        if name == form:
            leads = form
        else:
            field = getattr(found.fields[lines], "fields", {}).get(name)
            leads = _target(field) if field is not None else ""
    else:
        leads = target if name == "id" else _target(found.fields.get(name))
    known = env.links.get(target, {})
    return leads, set(_ids(known.get(one, {}).get(name) for one in ids))


def _target(field: object) -> str:
    to = getattr(field, "to", "")
    return to if isinstance(to, str) else ""


def _ids(values: Iterable[object]) -> Iterator[int]:
    for value in values:
        if isinstance(value, int) and not isinstance(value, bool):
            yield value
        elif isinstance(value, list | tuple):
            yield from (one for one in value if isinstance(one, int))
