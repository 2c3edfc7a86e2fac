"""One field's definition → one `Field`: its keys, rules, formula, default, options and link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forms.compile_context import Context
from forms.compile_links import check_fills, field_options, link_fill, link_target, link_where
from forms.compile_values import field_default, field_formula
from forms.expr import Expr, Scope, Type
from forms.model import Field, Lines
from forms.problems import Path, suggest
from forms.signature import is_reserved
from forms.templates import Template
from forms.types import FieldType, field_type, suggest_type, type_ids
from forms.types.choice import ChoiceType
from forms.types.links import LinkType
from forms.types.money import MoneyType, is_currency

COMMON_KEYS = (
    "type",
    "label",
    "help",
    "was",
    "after",
    "required",
    "visible",
    "readonly",
    "default",
    "formula",
    "index",
)
MOST_FIELDS = 300
BOOLEAN = Type("boolean")
TEXT = Type("text")


def compile_fields(context: Context, raw: object, path: Path, lines: str = "") -> dict[str, Field]:
    """Compile a map of fields: the record's, or with `lines` one table's."""
    if not isinstance(raw, Mapping):
        if raw is None:
            context.problem("no_fields", path, allowed="fields: {id: {type: …}}")
        else:
            context.problem("not_a_mapping", path, allowed="fields: {id: {type: …}}")
        return {}
    if not raw:
        context.problem("no_fields", path, allowed="fields: {id: {type: …}}")
    if len(raw) > MOST_FIELDS:
        context.problem("too_many_fields", path, count=len(raw), max=MOST_FIELDS)
        return {}
    found: dict[str, Field] = {}
    scope = context.scope(lines)
    for key, definition in raw.items():
        at = (*path, key)
        if not context.good_id(key, at) or not _free(context, str(key), at, lines):
            continue
        one = context.mapping(definition, at, "type: …")
        if one is None:
            if definition is None:
                context.problem("missing_type", at, allowed=", ".join(type_ids()))
            continue
        made = compile_field(context, str(key), one, at, scope, lines)
        if made is not None:
            found[made.id] = made
        for name, gone in (("after", "bad_after"), ("was", "bad_was")):
            _other_id(context, raw, one, name, gone, at)
    check_fills(context, found, raw, path)
    return found


def compile_field(
    context: Context,
    field_id: str,
    definition: Mapping[str, object],
    path: Path,
    scope: Scope,
    lines: str = "",
) -> Field | None:
    """Compile one field; None where its type is not known. Problems go to the context."""
    kind = _kind(context, definition, path)
    if kind is None:
        return None
    _keys(context, definition, kind, path)
    if kind.id == "lines" and lines:
        context.problem("lines_in_lines", (*path, "type"))
        return None
    values: dict[str, Any] = {
        "form": context.form_id,
        "id": field_id,
        "kind": kind,
        "within": lines,
        "label": context.text(definition, "label", path, field_id),
        "help": context.text(definition, "help", path),
        "was": definition["was"] if isinstance(definition.get("was"), str) else "",
    }
    values |= kind.settings(definition, context.report(path))
    extra = {k: v for k, v in values.items() if k not in Field.__dataclass_fields__}
    if extra:
        values = {k: v for k, v in values.items() if k not in extra} | {"extra": extra}
    if isinstance(kind, ChoiceType):
        values["options"] = field_options(context, definition, path, values["label"])
    if isinstance(kind, LinkType):
        values["to"] = link_target(context, definition, path)
    for rule, idle in (("required", False), ("visible", True), ("readonly", False)):
        values[rule] = _rule(context, definition, rule, path, scope, idle)
    if kind.id == "lines":
        return _lines(context, field_id, definition, path, values)
    values["index"] = _index(context, definition, kind, values, path)
    if isinstance(kind, MoneyType):
        values["currency"] = currency_rule(
            context, definition.get("currency"), (*path, "currency"), scope
        )
    shape = Field(**values)
    if isinstance(kind, LinkType) and shape.to:
        values["where"] = link_where(context, definition, path, shape, lines)
        values["fill"] = link_fill(context, definition, path, shape, scope)
    values["formula"] = field_formula(context, definition, path, shape, scope)
    values["default"] = field_default(context, definition, path, shape, scope)
    _contradictions(context, definition, path, values)
    return Field(**values)


def currency_rule(context: Context, raw: object, path: Path, scope: Scope) -> str | Expr | None:
    """A `currency` key: an ISO code, an expression giving one, or nothing."""
    if raw is None:
        return None
    if is_currency(raw):
        return str(raw)
    if not isinstance(raw, str) or (raw.isalpha() and raw.isupper()):
        context.problem(
            "bad_currency", path, value=raw, allowed="CNY, or a path such as order.currency"
        )
        return None
    return context.expr(raw, path, scope, TEXT)


def _lines(
    context: Context,
    field_id: str,
    definition: Mapping[str, object],
    path: Path,
    values: dict[str, Any],
) -> Lines:
    fields = compile_fields(context, definition.get("fields"), (*path, "fields"), field_id)
    from forms.compile_layout import compile_unique

    for key in ("default", "formula"):
        if key in definition:
            context.problem(f"{key}_not_for_type", (*path, key), type="lines", on_key=True)
    if definition.get("index"):
        context.problem("index_not_for_type", (*path, "index"), type="lines")
    _contradictions(context, definition, path, values)
    return Lines(
        **values,
        fields=fields,
        unique=compile_unique(context, definition.get("unique"), (*path, "unique"), fields),
        title=_row_title(context, field_id, definition.get("title"), (*path, "title")),
    )


def _row_title(context: Context, lines: str, raw: object, path: Path) -> Template | None:
    """What a row is called. It reads the row and what that links to: no record, no totals, which
    would have to be fetched wherever a row is named."""
    if raw is None:
        return None
    if not isinstance(raw, str):
        context.problem("title_not_text", path, allowed='"{product.name} × {quantity}"')
        return None
    found = context.template(raw, path, replace(context.scope(lines), parent=None))
    totals = {name for expr in found.exprs for name in expr.aggregates} if found else set()
    if totals:
        context.problem("row_title_reads_totals", path, names=", ".join(sorted(totals)))
    return found


def _free(context: Context, key: str, path: Path, lines: str) -> bool:
    """Whether the id may be a field's: no name of the system."""
    if is_reserved(key, lines) or (lines and key == context.form_id):
        context.problem("reserved_name", path, key=key, on_key=True)
        return False
    return True


def _kind(context: Context, definition: Mapping[str, object], path: Path) -> FieldType | None:
    raw = definition.get("type")
    if raw is None:
        near = next((k for k in definition if suggest(str(k), ["type"])), None)
        context.problem("missing_type", path, allowed=", ".join(type_ids()))
        if near is not None:
            context.unknown_keys({near: None}, ("type",), path)
        return None
    kind = field_type(raw)
    if kind is None:
        context.problem(
            "unknown_type",
            (*path, "type"),
            value=raw,
            allowed=", ".join(type_ids()),
            suggestion=suggest_type(str(raw)),
        )
    return kind


def _keys(context: Context, definition: Mapping[str, object], kind: FieldType, path: Path) -> None:
    """Note keys that no field has, and keys that belong to another type."""
    known = (*COMMON_KEYS, *sorted(kind.keys))
    for key in definition:
        if key in known:
            continue
        owners = [t for t in type_ids() if key in (field_type(t) or kind).keys]
        if owners:
            context.problem(
                "key_not_for_type",
                (*path, key),
                key=key,
                type=kind.id,
                on_key=True,
                allowed=f"{key} belongs to: {', '.join(owners)}",
            )
        else:
            context.unknown_keys({key: None}, known, path)


def _other_id(
    context: Context,
    raw: Mapping[str, object],
    one: Mapping[str, object],
    key: str,
    code: str,
    path: Path,
) -> None:
    """`after` names another field; `was` names none that is still there."""
    value = one.get(key)
    if value is None:
        return
    if not isinstance(value, str) or (key == "after") != (value in raw):
        known = [str(k) for k in raw] if key == "after" else []
        context.problem(
            code,
            (*path, key),
            key=value,
            suggestion=suggest(str(value), known),
            allowed=", ".join(known[:20]),
        )


def _rule(
    context: Context,
    definition: Mapping[str, object],
    key: str,
    path: Path,
    scope: Scope,
    idle: bool,
) -> bool | Expr:
    """`required`, `visible` or `readonly`: true, false or a condition."""
    raw = definition.get(key)
    if raw is None:
        return idle
    if isinstance(raw, bool):
        return raw
    found = context.expr(raw, (*path, key), scope, BOOLEAN)
    return idle if found is None else found


def _index(
    context: Context,
    definition: Mapping[str, object],
    kind: FieldType,
    values: Mapping[str, Any],
    path: Path,
) -> bool:
    raw = definition.get("index")
    if raw is None or raw is False:
        return False
    if raw is not True:
        context.problem("not_true_or_false", (*path, "index"), allowed="true or false")
    elif not kind.indexable:
        context.problem("index_not_for_type", (*path, "index"), type=kind.id)
    elif values.get("many"):
        context.problem("index_in_many", (*path, "index"))
    elif values.get("lines", 1) > 1:
        context.problem("index_not_for_type", (*path, "index"), type="text with several lines")
    return True


def _contradictions(
    context: Context, definition: Mapping[str, object], path: Path, values: Mapping[str, Any]
) -> None:
    if values.get("required") is True and values.get("visible") is False:
        context.problem("required_but_hidden", (*path, "required"))
    if definition.get("formula") is None:
        return
    if values.get("required") not in (None, False):
        context.problem("formula_and_required", (*path, "required"), on_key=True)
    if "readonly" in definition:
        context.problem("formula_and_readonly", (*path, "readonly"), on_key=True)
    if definition.get("default") is not None:
        context.problem("formula_and_default", (*path, "default"), on_key=True)
