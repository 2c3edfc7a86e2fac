"""What surrounds the fields: uniqueness, checks, list, sections, retention."""

from __future__ import annotations

import re
from collections.abc import Mapping

from forms.compile_context import Context
from forms.expr import Type
from forms.model import Check, Field, Keep, ListView, Section, Unique
from forms.problems import Path, suggest
from forms.signature import SYSTEM_NAMES

UNIQUE_KEYS = ("fields", "message")
CHECK_KEYS = ("that", "at", "message", "warn", "label", "after")
LIST_KEYS = ("columns", "sort", "filters", "search")
SECTION_KEYS = ("label", "help", "fields", "after")
KEEP_KEYS = ("for", "since")

_NOT_UNIQUE = frozenset({"lines", "file", "image"})
_NOT_SORTED = frozenset({"lines", "file", "image"})
_MOMENT = re.compile(r"[a-z][a-z0-9_]{0,59}")
_KEEP = re.compile(r"([1-9][0-9]{0,3})(d|w|mo|y)")
_DEFAULT_COLUMNS = 6
_SYSTEM_TYPES = {name: kind.kind for name, kind in SYSTEM_NAMES.items()}


def compile_unique(
    context: Context, raw: object, path: Path, fields: Mapping[str, Field]
) -> dict[str, Unique]:
    """`unique`: a list of fields, or a map name → list or {fields, message}."""
    if raw is None:
        return {}
    if isinstance(raw, list | tuple):
        names = _unique_fields(context, raw, path, fields)
        return {"_".join(names): Unique("_".join(names), names)} if names else {}
    if not isinstance(raw, Mapping):
        context.problem("not_a_list", path, allowed="[field, …] or {name: {fields: [field, …]}}")
        return {}
    found: dict[str, Unique] = {}
    for key, one in raw.items():
        at = (*path, key)
        if not context.good_id(key, at):
            continue
        text = None
        if isinstance(one, Mapping):
            context.unknown_keys(one, UNIQUE_KEYS, at)
            if "message" in one:
                text = context.text(one, "message", at)
            one, at = one.get("fields"), (*at, "fields")
        if not isinstance(one, list | tuple):
            context.problem("not_a_list", at, allowed="[field, …]")
            continue
        names = _unique_fields(context, one, at, fields)
        if names:
            found[str(key)] = Unique(str(key), names, text)
    return found


def _unique_fields(
    context: Context,
    raw: list[object] | tuple[object, ...],
    path: Path,
    fields: Mapping[str, Field],
) -> tuple[str, ...]:
    if not raw:
        context.problem("unique_empty", path, allowed="[field, …]")
    names: list[str] = []
    for index, name in enumerate(raw):
        at = (*path, index)
        target = fields.get(str(name))
        if target is None:
            context.problem(
                "unique_unknown",
                at,
                value=name,
                suggestion=suggest(str(name), fields),
                allowed=", ".join(fields),
            )
        elif target.type in _NOT_UNIQUE or target.many:
            kind = f"{target.type} with many values" if target.many else target.type
            context.problem("unique_not_for_type", at, value=name, type=kind)
        elif name in names:
            context.problem("unique_repeated", at, value=name)
        else:
            names.append(str(name))
    return tuple(names)


def compile_checks(context: Context, raw: object, path: Path) -> dict[str, Check]:
    """`checks.<id> {that, at, message, warn}`."""
    found: dict[str, Check] = {}
    scope = context.scope()
    for key, one in (context.mapping(raw, path, "{id: {that: …}}") or {}).items():
        at = (*path, key)
        if not context.good_id(key, at):
            continue
        definition = context.mapping(one, at, ", ".join(CHECK_KEYS))
        if definition is None:
            continue
        context.unknown_keys(definition, CHECK_KEYS, at)
        that = definition.get("that")
        if that is None:
            context.problem("check_without_that", at, allowed="that: a condition")
        expr = that is not None and context.expr(that, (*at, "that"), scope, Type("boolean"))
        warn = definition.get("warn", False)
        if not isinstance(warn, bool):
            context.problem("not_true_or_false", (*at, "warn"), allowed="true or false")
        moments = _moments(context, definition.get("at"), (*at, "at"))
        label = context.text(definition, "label", at, str(key))
        default = {"zh": f"不符合规则“{label.zh}”", "en": f"The rule “{label.en}” does not hold"}
        escaped = {k: v.replace("{", "{{").replace("}", "}}") for k, v in default.items()}
        message = context.text_template(definition.get("message", escaped), (*at, "message"), scope)
        if expr and message is not None:
            found[str(key)] = Check(str(key), expr, message, moments, bool(warn), label)
    return found


def _moments(context: Context, raw: object, path: Path) -> tuple[str, ...]:
    if raw is None:
        return ()
    words = raw if isinstance(raw, list | tuple) else [raw]
    good = [w for w in words if isinstance(w, str) and _MOMENT.fullmatch(w)]
    if not words or len(good) != len(words):
        context.problem("check_bad_at", path, allowed="[create, save, submit, a step's id, …]")
    return tuple(good)


def compile_list(
    context: Context, raw: object, path: Path, fields: Mapping[str, Field], *, numbered: bool
) -> ListView:
    """`list {columns, sort, filters, search}`, with defaults for what is left out."""
    definition = context.mapping(raw, path, ", ".join(LIST_KEYS)) or {}
    context.unknown_keys(definition, LIST_KEYS, path)
    columns = _names(context, definition, "columns", path, fields, _column)
    sort = _names(context, definition, "sort", path, fields, _sortable)
    filters = _names(context, definition, "filters", path, fields, _filterable)
    search = _names(context, definition, "search", path, fields, _searchable)
    if "columns" not in definition:
        plain = [f.id for f in fields.values() if f.type not in _NOT_SORTED and f.lines == 1]
        head = ["number"] if numbered else []
        columns = (*head, *plain[:_DEFAULT_COLUMNS])
    if "search" not in definition:
        search = ("number", "title") if numbered else ("title",)
    order = tuple((name.removeprefix("-"), name.startswith("-")) for name in sort)
    return ListView(columns, order or (("created_at", True),), filters, search)


def _names(  # type: ignore[no-untyped-def]
    context: Context,
    definition: Mapping[str, object],
    key: str,
    path: Path,
    fields: Mapping[str, Field],
    fit,
) -> tuple[str, ...]:
    """The names under one key of a list; `fit(kind id, field or None)` says which may stand."""
    raw = definition.get(key)
    if raw is None:
        return ()
    at = (*path, key)
    if isinstance(raw, str):
        raw = [raw]
    if not isinstance(raw, list | tuple):
        context.problem("not_a_list", at, allowed="[field, …]")
        return ()
    found: list[str] = []
    for index, one in enumerate(raw):
        name = str(one).removeprefix("-") if key == "sort" else str(one)
        target = fields.get(name)
        kind = target.type if target else _SYSTEM_TYPES.get(name)
        known = (*fields, *_SYSTEM_TYPES)
        if kind is None:
            context.problem(
                "list_unknown",
                (*at, index),
                value=name,
                suggestion=suggest(name, known),
                allowed=", ".join(known),
            )
        elif not fit(kind, target):
            context.problem("list_not_for_type", (*at, index), value=name, type=kind)
        elif name in (f.removeprefix("-") for f in found):
            context.problem("list_repeated", (*at, index), value=name)
        else:
            found.append(str(one))
    return tuple(found)


def _column(kind: str, field: Field | None) -> bool:
    return kind != "lines"


def _sortable(kind: str, field: Field | None) -> bool:
    return kind not in _NOT_SORTED and not (field and field.many)


def _filterable(kind: str, field: Field | None) -> bool:
    return kind not in _NOT_SORTED


def _searchable(kind: str, field: Field | None) -> bool:
    return kind == "text"


def compile_sections(
    context: Context, raw: object, path: Path, fields: Mapping[str, Field]
) -> dict[str, Section]:
    """`sections.<id> {label, help, fields}`; a field stands in at most one."""
    found: dict[str, Section] = {}
    shown: dict[str, str] = {}
    for key, one in (context.mapping(raw, path, "{id: {label: …, fields: […]}}") or {}).items():
        at = (*path, key)
        if not context.good_id(key, at):
            continue
        definition = context.mapping(one, at, ", ".join(SECTION_KEYS)) or {}
        context.unknown_keys(definition, SECTION_KEYS, at)
        names = definition.get("fields")
        if not isinstance(names, list | tuple) or not names:
            context.problem("section_empty", at, allowed="fields: [field, …]")
            continue
        for index, name in enumerate(names):
            where = (*at, "fields", index)
            if name not in fields:
                context.problem(
                    "section_unknown",
                    where,
                    value=name,
                    suggestion=suggest(str(name), fields),
                    allowed=", ".join(fields),
                )
            elif name in shown:
                context.problem("section_repeated", where, value=name, other=shown[name])
            else:
                shown[name] = str(key)
        label = context.text(definition, "label", at, str(key))
        found[str(key)] = Section(
            str(key), label, tuple(str(n) for n in names), context.text(definition, "help", at)
        )
    return found


def compile_keep(
    context: Context, raw: object, path: Path, fields: Mapping[str, Field]
) -> Keep | None:
    """`keep: 10y`, or `keep: {for: 10y, since: closed_on}`."""
    if raw is None:
        return None
    since: object = "created_at"
    at = path
    if isinstance(raw, Mapping):
        context.unknown_keys(raw, KEEP_KEYS, path)
        since, raw, at = raw.get("since", "created_at"), raw.get("for"), (*path, "for")
    found = _KEEP.fullmatch(raw) if isinstance(raw, str) else None
    if not found:
        context.problem("bad_keep", at, allowed="90d, 8w, 18mo or 10y")
        return None
    target = fields.get(str(since))
    kind = target.type if target else _SYSTEM_TYPES.get(str(since))
    if kind not in ("date", "datetime"):
        known = [f.id for f in fields.values() if f.type in ("date", "datetime")]
        known += ["created_at", "updated_at"]
        context.problem(
            "keep_unknown",
            (*path, "since"),
            value=since,
            suggestion=suggest(str(since), known),
            allowed=", ".join(known),
        )
        return None
    return Keep(int(found[1]), found[2], str(since))
