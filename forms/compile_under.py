"""Choices that hang on another choice: `under`, checked once all fields are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from forms.compile_context import Context
from forms.model import Field, Lines
from forms.problems import Path, suggest

OUTER = "parent."
"""In lines: a choice of the record."""


def stand_under(context: Context, fields: Mapping[str, Field]) -> dict[str, Field]:
    """The fields, those that others stand under and that stand under none marked as `heads`.

    Notes every `under` that leads to no choice of the same tree of options.
    """
    heads: set[str] = set()
    for one, path in _standing(fields):
        head = _head(context, fields, one, path)
        if head is None:
            continue
        if _circle(fields, one):
            context.problem("under_circle", path, key=one.under)
        elif not head.under:
            heads.add(head.path)
    return {name: _marked(one, heads) for name, one in fields.items()}


def _marked(one: Field, heads: set[str]) -> Field:
    if isinstance(one, Lines):
        if not any(inner.path in heads for inner in one.fields.values()):
            return one
        return replace(one, fields={n: _marked(inner, heads) for n, inner in one.fields.items()})
    return replace(one, heads=True) if one.path in heads else one


def _standing(fields: Mapping[str, Field]) -> Iterator[tuple[Field, Path]]:
    for one in fields.values():
        if one.under:
            yield one, ("fields", one.id, "under")
        if isinstance(one, Lines):
            for inner in one.fields.values():
                if inner.under:
                    yield inner, ("fields", one.id, "fields", inner.id, "under")


def head_of(fields: Mapping[str, Field], one: Field) -> Field | None:
    """The field a choice stands under; None where there is no such field."""
    if not one.within:
        return fields.get(one.under)
    if one.under.startswith(OUTER):
        return fields.get(one.under.removeprefix(OUTER))
    lines = fields[one.within]
    return lines.fields.get(one.under) if isinstance(lines, Lines) else None


def _head(context: Context, fields: Mapping[str, Field], one: Field, path: Path) -> Field | None:
    head = head_of(fields, one)
    if head is None or head is one:
        known = [name for name in _names(fields, one) if name != one.id]
        context.problem(
            "under_unknown",
            path,
            key=one.under,
            suggestion=suggest(one.under, known),
            allowed=", ".join(known),
        )
    elif head.type != "choice" or head.many:
        context.problem("under_no_choice", path, key=one.under)
    elif one.options is not None and head.options is not None:
        if one.options is not head.options and (
            not one.options.id or one.options.id != head.options.id
        ):
            context.problem("under_other_options", path, key=one.under)
        elif not any(value.parent for value in one.options.values.values()):
            context.problem("under_no_parents", path)
        else:
            return head
    return None


def _names(fields: Mapping[str, Field], one: Field) -> list[str]:
    """The choices a field could stand under, as it would write them."""
    own = [f.id for f in fields.values() if f.type == "choice" and not f.many]
    if not one.within:
        return own
    lines = fields[one.within]
    inside = lines.fields.values() if isinstance(lines, Lines) else ()
    return [f.id for f in inside if f.type == "choice" and not f.many] + [
        OUTER + name for name in own
    ]


def _circle(fields: Mapping[str, Field], one: Field) -> bool:
    seen, at = {one.path}, head_of(fields, one)
    while at is not None and at.under:
        if at.path in seen:
            return True
        seen.add(at.path)
        at = head_of(fields, at)
    return False
