"""One field's definition → one `Field`: its keys, rules, formula, default, options and link."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from forms.compile_context import Context
from forms.compile_options import OPTION_ID, read_values
from forms.expr import Expr, Scope, Type
from forms.messages import message
from forms.model import Field, Lines, Options
from forms.problems import Path, suggest
from forms.signature import is_reserved
from forms.types import FieldType, Invalid, field_type, suggest_type, type_ids
from forms.types.choice import ChoiceType
from forms.types.links import IdType, LinkType
from forms.types.money import MoneyType, is_currency
from forms.values import Text

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

_NO_FORMULA = frozenset({"lines", "file", "image"})


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
    _check_fills(context, found, raw, path)
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
        values["options"] = _options(context, definition, path, values["label"])
    if isinstance(kind, LinkType):
        values["to"] = _target(context, definition, path)
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
        values["where"] = _where(context, definition, path, shape, lines)
        values["fill"] = _fill(context, definition, path, shape, scope)
    values["formula"] = _formula(context, definition, path, shape, scope)
    values["default"] = _default(context, definition, path, shape, scope)
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
    )


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


def _formula(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, scope: Scope
) -> Expr | None:
    raw = definition.get("formula")
    if raw is None:
        if shape.round:
            context.problem("round_unused", (*path, "round"), on_key=True)
        return None
    at = (*path, "formula")
    if shape.type in _NO_FORMULA:
        context.problem("formula_not_for_type", at, type=shape.type, on_key=True)
        return None
    found = context.expr(raw, at, scope, shape.expr_type)
    if (
        found is not None
        and isinstance(shape.kind, MoneyType)
        and not shape.round
        and found.inexact_money
    ):
        context.problem(
            "money_needs_round",
            at,
            allowed="round: down, up, half_up or half_even",
        )
    return found


def _default(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, scope: Scope
) -> object:
    """A constant of the field's type, or an expression; None where there is no default."""
    raw = definition.get("default")
    if raw is None:
        return None
    at = (*path, "default")
    if shape.type in _NO_FORMULA:
        context.problem("default_not_for_type", at, type=shape.type, on_key=True)
        return None
    if isinstance(raw, bool | int | Decimal | list | tuple | Mapping) or _is_constant(raw, shape):
        try:
            return shape.kind.parse(raw, shape)
        except Invalid as wrong:
            why = message(wrong.code, wrong.params).en
            context.problem("bad_default", at, value=raw, why=why)
            return None
    count = len(context.problems)
    found = context.expr(raw, at, scope, shape.expr_type)
    if found is None and shape.type in ("text", "choice") and str(raw).isidentifier():
        del context.problems[count:]
        if shape.type == "choice" and shape.options is not None:
            known = tuple(shape.options.values)
            context.problem(
                "bad_default",
                at,
                value=raw,
                why="it is not one of the options",
                allowed=", ".join(known),
                suggestion=suggest(str(raw), known),
            )
        else:
            context.problem("default_needs_quotes", at, value=raw, allowed=f"\"'{raw}'\"")
    if found is not None and found.constant:
        return _constant(context, found, shape, at)
    return found


def _is_constant(raw: object, shape: Field) -> bool:
    """Whether a text is a value of the field as it stands: 2026-03-01, 2h, an option's id."""
    if (
        not isinstance(raw, str)
        or shape.type in ("text", "link", "boolean")
        or shape.kind.id.startswith("_")
    ):
        return False
    if isinstance(shape.kind, IdType):
        return False
    try:
        return shape.kind.parse(raw, shape) is not None
    except Invalid:
        return False


def _constant(context: Context, found: Expr, shape: Field, path: Path) -> object:
    """The value of a constant default, held to the field's own limits."""
    from datetime import UTC, datetime

    from forms.expr import Env, EvalError

    try:
        value = found.evaluate({}, Env(datetime(2000, 1, 1, tzinfo=UTC)))
        return None if value is None else shape.kind.parse(value, shape)
    except Invalid as wrong:
        context.problem(
            "bad_default", path, value=found.source, why=message(wrong.code, wrong.params).en
        )
    except EvalError as wrong:
        context.problem("bad_default", path, value=found.source, why=wrong.message.en)
    return None


def _options(
    context: Context, definition: Mapping[str, object], path: Path, label: Text
) -> Options | None:
    raw = definition.get("options")
    at = (*path, "options")
    if raw is None:
        context.problem("missing_options", path, allowed="options: an id, or a list of ids")
        return None
    if isinstance(raw, str):
        found = context.library.options(raw)
        if found is None:
            known = tuple(context.library.options_ids())
            context.problem(
                "unknown_options",
                at,
                value=raw,
                allowed=", ".join(sorted(known)[:20]),
                suggestion=suggest(raw, known),
            )
        return found
    if isinstance(raw, Mapping) and raw:
        return Options("", label, read_values(raw, at, context.problems))
    if not isinstance(raw, list | tuple):
        context.problem("bad_options", at, allowed="an id, [a, b] or {a: {label: …}}")
        return None
    if not raw:
        context.problem("no_options", at, allowed="[a, b]")
        return None
    values: dict[str, object] = {}
    for index, one in enumerate(raw):
        if not isinstance(one, str) or not OPTION_ID.fullmatch(one):
            context.problem("bad_option", (*at, index), value=one)
        elif one in values:
            context.problem("repeated_option", (*at, index), value=one)
        else:
            values[one] = {}
    return Options("", label, read_values(values, at, context.problems))


def _target(context: Context, definition: Mapping[str, object], path: Path) -> str:
    """Where a link goes: "order" or "order.lines"; "" where that does not exist."""
    raw = definition.get("to")
    if raw is None:
        context.problem(
            "missing_target", path, allowed="to: a form, or a form's lines (order.lines)"
        )
        return ""
    at = (*path, "to")
    form, _, lines = str(raw).partition(".")
    found = context.library.signature(form)
    if found is None:
        known = tuple(context.library.form_ids())
        context.problem(
            "unknown_target",
            at,
            value=form,
            suggestion=suggest(form, known),
            allowed=", ".join(sorted(known)[:20]),
        )
        return ""
    if lines and lines not in found.lines:
        context.problem(
            "unknown_target_lines",
            at,
            form=form,
            value=lines,
            suggestion=suggest(lines, found.lines),
            allowed=", ".join(found.lines),
        )
        return ""
    return str(raw)


def _where(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, lines: str
) -> Expr | None:
    raw = definition.get("where")
    if raw is None:
        return None
    scope = context.candidates(shape.to, lines)
    return None if scope is None else context.expr(raw, (*path, "where"), scope, BOOLEAN)


def _fill(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, scope: Scope
) -> dict[str, Expr]:
    raw = context.mapping(definition.get("fill"), (*path, "fill"), "{mine: link.theirs}")
    if raw is None:
        return {}
    at = (*path, "fill")
    if shape.many:
        context.problem("fill_from_many", at, on_key=True)
        return {}
    found: dict[str, Expr] = {}
    for mine, theirs in raw.items():
        names = (
            context.signature.lines.get(shape.within, {})
            if shape.within
            else context.signature.names
        )
        wanted = names.get(str(mine))
        if mine == shape.id:
            context.problem("fill_itself", (*at, mine), on_key=True)
        elif wanted is None or is_reserved(str(mine), shape.within):
            own = [n for n in names if not is_reserved(n, shape.within)]
            context.problem(
                "fill_unknown",
                (*at, mine),
                key=mine,
                on_key=True,
                suggestion=suggest(str(mine), own),
                allowed=", ".join(own),
            )
        else:
            expr = context.expr(theirs, (*at, mine), scope, wanted)
            if expr is not None:
                found[str(mine)] = expr
    return found


def _check_fills(
    context: Context, fields: Mapping[str, Field], raw: Mapping[str, object], path: Path
) -> None:
    """What the fills of one table may not do together."""
    filled: dict[str, str] = {}
    for one in fields.values():
        for mine in one.fill:
            at = (*path, one.id, "fill", mine)
            target = fields.get(mine)
            if target is None:
                continue
            if target.type in _NO_FORMULA:
                context.problem("fill_not_for_type", at, type=target.type, on_key=True)
            elif target.formula is not None:
                context.problem("formula_and_fill", at, target=mine, on_key=True)
            elif mine in filled:
                context.problem("fill_twice", at, key=mine, other=filled[mine], on_key=True)
            filled[mine] = one.id
    for one in fields.values():
        if (
            one.required is True
            and one.readonly is True
            and one.default is None
            and one.id not in filled
            and one.formula is None
        ):
            context.problem("required_but_readonly", (*path, one.id, "readonly"))


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
