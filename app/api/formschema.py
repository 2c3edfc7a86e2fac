"""The JSON Schemas of a form's values: what is accepted, and what is given back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.access.rights import Rights
from forms.compile_under import OUTER
from forms.model import Field, Form, Lines
from forms.types.choice import ChoiceType
from forms.values import Text

Json = dict[str, Any]
ID: Json = {"type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{13}$"}
_NULL: Json = {"type": "null"}
_UNDER = Text(
    "须是“{head}”所选项之下的选项。", "An option that stands under the one chosen in {head}."
)


def form_schema(form: Form, held: Rights, lang: str, *, response: bool) -> Json:
    """The JSON Schema of a form's values: what is accepted, or what is given back.

    What is accepted says of choices that stand `under` another what each choice above lets below
    it. What is given back may be older than the rule.
    """
    return _schema(form.fields, held, lang, response)


def _schema(fields: Mapping[str, Field], held: Rights, lang: str, response: bool) -> Json:
    filled = {name for field in fields.values() for name in field.fill}
    properties: Json = {}
    required: list[str] = []
    for field in fields.values():
        closed = field.path in held.readonly or field.formula is not None or field.readonly is True
        if field.path in held.hidden or (closed and not response):
            continue
        if isinstance(field, Lines):
            rows = _schema(field.fields, held, lang, response)
            rows["properties"] = {"id": ID} | rows["properties"]
            schema: Json = {"type": "array", "items": rows}
            if field.max is not None:
                schema["maxItems"] = field.max
        else:
            schema = {"anyOf": [field.kind.json_schema(field, response=response), _NULL]}
        title, text = field.label.pick(lang), field.help.pick(lang)
        properties[field.id] = schema | {"title": title or field.id}
        if text:
            properties[field.id]["description"] = text
        given = field.default is None and field.id not in filled
        if not response and field.required is True and given:
            required.append(field.id)
    found: Json = {"type": "object", "properties": properties}
    if required:
        found["required"] = required
    if not response:
        found["additionalProperties"] = False
        conditions = [
            condition
            for tree in _trees(fields, properties, held, lang)
            for condition in _conditions(tree, filled)
        ]
        if conditions:
            found["allOf"] = conditions
    return found


@dataclass(frozen=True, slots=True)
class _Tree:
    """A choice that stands under another one of the same object. `place`: where its schema goes,
    seen from that object."""

    below: Field
    head: Field
    place: Callable[[Json], Json]


def _trees(
    fields: Mapping[str, Field], properties: Json, held: Rights, lang: str
) -> Iterator[_Tree]:
    """The choices under others that this caller may write both of, their descriptions completed.
    A choice in lines that stands under one of the record is told of the record."""
    for one in fields.values():
        if one.id not in properties:
            continue
        if isinstance(one, Lines):
            rows = properties[one.id]["items"]["properties"]
            for inner in one.fields.values():
                head = fields.get(inner.under.removeprefix(OUTER))
                if head is None or inner.id not in rows or not inner.under.startswith(OUTER):
                    continue
                if held.sees(head.path):
                    _describe(rows[inner.id], head, lang)
                if head.id in properties:
                    yield _Tree(inner, head, partial(_in_rows, one.id, inner.id))
        elif one.under and not one.under.startswith(OUTER) and one.under in fields:
            if held.sees(fields[one.under].path):
                _describe(properties[one.id], fields[one.under], lang)
            if one.under in properties:
                yield _Tree(one, fields[one.under], partial(_in_object, one.id))


def _describe(schema: Json, head: Field, lang: str) -> None:
    said = _UNDER.pick(lang).format(head=head.label.pick(lang) or head.id)
    schema["description"] = " ".join(one for one in (schema.get("description"), said) if one)


def _in_object(name: str, schema: Json) -> Json:
    return {"properties": {name: schema}}


def _in_rows(lines: str, name: str, schema: Json) -> Json:
    return {"properties": {lines: {"items": _in_object(name, schema)}}}


def _conditions(tree: _Tree, filled: Collection[str]) -> Iterator[Json]:
    """For each choice above: what may stand below it. Nothing, where nothing is chosen above."""
    kind, below, head = tree.below.kind, tree.below, tree.head
    assert isinstance(kind, ChoiceType)
    options = below.options.values.values() if below.options else ()
    for chosen in head.choosable:
        allowed = [one.id for one in options if one.parent == chosen.id]
        schema = {"anyOf": [kind.schema_of(allowed, below), _NULL]} if allowed else _nothing(below)
        above: Json = {"properties": {head.id: {"const": chosen.id}}, "required": [head.id]}
        yield {"if": above, "then": tree.place(schema)}
    if head.default is None and head.id not in filled:
        empty = {"properties": {head.id: _NULL}}  # left out, or null
        yield {"if": empty, "then": tree.place(_nothing(below))}


def _nothing(below: Field) -> Json:
    return {"anyOf": [_NULL, {"type": "array", "maxItems": 0}]} if below.many else dict(_NULL)
