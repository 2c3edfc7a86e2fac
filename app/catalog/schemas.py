"""The JSON Schemas of all kinds, and their errors in plain words with stable codes.

The schemas say what is wrong themselves: `x-problem` beside a keyword gives code, message and what
is allowed. Everything else is worded here; jsonschema's own texts are never shown.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from app.catalog.nodes import Node, plain
from app.catalog.traps import QUOTE
from forms.problems import Path, Problem, listed, suggest
from forms.types import REGISTRY

FOLDER = FilePath(__file__).parent.parent.parent / "definitions" / "schemas"
COMMON = "common"

# A key that opens a map of things with ids; the folder of a kind is its plural.
FOLDERS = {
    "form": "forms",
    "options": "options",
    "policy": "policies",
    "flow": "flows",
    "calendar": "calendars",
    "role": "roles",
    "aggregate": "aggregates",
    "notification": "notifications",
    "report": "reports",
    "dashboard": "dashboards",
    "document": "documents",
    "connection": "connections",
    "portal": "portals",
    "scenario": "scenarios",
    "import": "imports",
    "trigger": "triggers",
}
SINGLE = ("pack", "tenant", "demo")
"""Kinds that are one file at the top of their folder, named after the kind."""

KINDS = (*FOLDERS, *SINGLE)

_TYPES = {
    "string": "text",
    "object": "a map",
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_CLASSES = ((bool, "boolean"), (int, "integer"), (str, "string"), (dict, "object"), (list, "array"))
_OF_THE_TYPE = ("wrong_type", "empty_value", "quote_expression")


@lru_cache
def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind (or of the shared parts: "common"), as read from its file."""
    found = json.loads((FOLDER / f"{kind}.schema.json").read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise TypeError(kind)
    return found


def validator(kind: str) -> Draft202012Validator:
    """The validator of a kind, built once; it can reach the shared parts and nothing else.

    Fields may carry the keys of every registered type, those of plugins too.
    """
    if kind != "form":
        return _validator(kind, frozenset())
    known = schema("form")["$defs"]["field"]["properties"]
    keys = frozenset(key for found in REGISTRY.values() for key in found.keys)
    return _validator(kind, keys.difference(known))


@lru_cache
def _validator(kind: str, more: frozenset[str]) -> Draft202012Validator:
    """`more`: keys of fields that the schema's file does not know."""
    shared = Resource.from_contents(schema(COMMON))
    registry = Registry[Any]().with_resource(f"{COMMON}.schema.json", shared)
    found = schema(kind)
    if more:
        found = copy.deepcopy(found)
        found["$defs"]["field"]["properties"] |= dict.fromkeys(sorted(more), True)
    return Draft202012Validator(found, registry=registry)


def validate(kind: str, root: Node) -> list[Problem]:
    """Every way in which a definition departs from its kind's schema, in no particular order."""
    data = plain(root)
    judge = validator(kind)
    if judge.is_valid(data):
        return []
    problems: list[Problem] = []
    for error in judge.iter_errors(data):
        problems.extend(_explain(error, root))
    return _settled(problems)


def _explain(error: ValidationError, root: Node) -> Iterator[Problem]:
    """One jsonschema error as our problems."""
    path: Path = tuple(error.absolute_path)
    keyword = str(error.validator)
    rule: Any = error.validator_value
    value: Any = error.instance
    own = error.schema if isinstance(error.schema, dict) else {}
    if "propertyNames" in error.absolute_schema_path:
        yield _of_key(error, own, path)
        return
    hint = _cut_text(root, path, own) if keyword in ("type", "additionalProperties") else None
    if hint is not None:
        yield hint
        return
    said = own.get("x-problem")
    if error.instance is None and keyword in ("type", "enum", "const", "oneOf", "anyOf"):
        yield Problem("empty_value", path, "nothing stands here", _allowed_types(own))
    elif isinstance(said, dict) and keyword in said.get("keywords", ()):
        yield _said(said, path, error.instance)
    elif keyword == "additionalProperties":
        yield from _unknown_keys(value, own, path)
    elif keyword == "required":
        yield from (_missing(path, key) for key in rule if key not in value)
    elif keyword == "dependentRequired":
        for present, needed in rule.items():
            if present in value:
                yield from (_missing(path, key) for key in needed if key not in value)
    else:
        yield _of_value(keyword, rule, value, own, path)


def _of_value(
    keyword: str, rule: Any, value: object, own: Mapping[str, Any], path: Path
) -> Problem:
    """The keywords that judge one value."""
    if keyword == "type":
        hint = (
            "; a number as text needs quotes"
            if _is_number(value) and "string" in _listed(rule)
            else ""
        )
        found = _class_name(value)
        return Problem("wrong_type", path, f"{found} stands here", _allowed_types(own) + hint)
    if keyword in ("enum", "const"):
        known = [str(item) for item in (rule if keyword == "enum" else [rule])]
        suggestion = suggest(str(value), known)
        return Problem(
            "not_allowed", path, f"{shown(value)} is not allowed here", listed(known), suggestion
        )
    if keyword in ("minItems", "minProperties", "minLength"):
        if keyword == "minLength" or not value:
            return Problem("empty_value", path, "nothing stands here", "at least one entry")
        return Problem("too_few", path, "there are too few entries", f"at least {rule}")
    if keyword in ("maxItems", "maxProperties"):
        return Problem("too_many", path, "there are too many entries", f"at most {rule}")
    if keyword == "maxLength":
        return Problem("too_long", path, "this text is too long", f"at most {rule} characters")
    if keyword in ("minimum", "maximum"):
        bound = "at least" if keyword == "minimum" else "at most"
        return Problem("out_of_range", path, f"{value} is out of range", f"{bound} {rule}")
    if keyword == "uniqueItems":
        items = [str(item) for item in value] if isinstance(value, list) else []
        twice = next((i for i, item in enumerate(items) if item in items[:i]), 0)
        named = items[twice] if items else ""
        return Problem("duplicate_item", (*path, twice), f"{named} is in the list twice", "once")
    return Problem("not_allowed", path, f"{shown(value)} does not fit here", "")


def _of_key(error: ValidationError, own: Mapping[str, Any], path: Path) -> Problem:
    key = str(error.instance)
    said = own.get("x-problem", {})
    message = str(said.get("message", "{value} cannot be a key")).replace("{value}", shown(key))
    code = str(said.get("code", "bad_id"))
    return Problem(code, (*path, key), message, str(said.get("allowed", "")), on_key=True)


def _said(said: Mapping[str, Any], path: Path, value: object) -> Problem:
    known = said.get("known", ())
    return Problem(
        str(said["code"]),
        path,
        str(said["message"]).replace("{value}", shown(value)),
        str(said.get("allowed", "")),
        suggest(str(value), known) if known else "",
    )


def _unknown_keys(
    value: Mapping[str, Any], own: Mapping[str, Any], path: Path
) -> Iterator[Problem]:
    known = [str(key) for key in own.get("properties", {})]
    for key in value:
        if key not in known:
            yield Problem(
                "unknown_key",
                (*path, key),
                f"the key {shown(key)} is not known here",
                listed(known),
                suggest(key, known),
                on_key=True,
            )


def _missing(path: Path, key: str) -> Problem:
    return Problem("missing_key", (*path, key), f"the key {key} is missing", on_key=True)


def _cut_text(root: Node, path: Path, own: Mapping[str, Any]) -> Problem | None:
    """`title: {number}` is a map with an empty value to YAML; the author meant a text."""
    node, found = root.find(path)
    if len(found) < len(path) or node.span.style != "{" or "string" not in _listed(own.get("type")):
        return None
    if not node.fields or not all(child.value is None for child in node.fields.values()):
        return None
    return Problem("quote_expression", path, "braces make a map of this text", QUOTE)


def _settled(problems: list[Problem]) -> list[Problem]:
    """One cause, one finding: drop what only follows from another problem at the same place."""
    by_path: dict[Path, list[Problem]] = {}
    for problem in problems:
        by_path.setdefault(problem.path, []).append(problem)
    typed = {
        p.path for p in problems if p.code in ("wrong_type", "empty_value", "quote_expression")
    }
    guessed: dict[Path, set[str]] = {}
    for problem in problems:
        if problem.code == "unknown_key" and problem.suggestion:
            guessed.setdefault(problem.path[:-1], set()).add(problem.suggestion)
    result = []
    for problem in problems:
        path, code = problem.path, problem.code
        if path in typed and code not in _OF_THE_TYPE:
            continue
        if code == "missing_key" and path[-1] in guessed.get(path[:-1], ()):
            continue
        if code in ("one_key", "step_kind") and guessed.get(path):
            continue
        if problem not in result:
            result.append(problem)
    return result


def shown(value: object) -> str:
    """A value inside a message, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _class_name(value)
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def _allowed_types(own: Mapping[str, Any]) -> str:
    names = [_TYPES[name] for name in _listed(own.get("type"))]
    return " or ".join(names) if names else listed([str(x) for x in own.get("enum", ())])


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | str | dict | list) and value is not None


def _class_name(value: object) -> str:
    for cls, name in _CLASSES:
        if isinstance(value, cls):
            return _TYPES[name] if name != "boolean" else shown(value)
    return "nothing" if value is None else "a number"
