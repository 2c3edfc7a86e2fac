"""Where a field's values lead: its options, the form it links to, `where` and `fill`."""

from __future__ import annotations

from collections.abc import Mapping

from forms.compile_context import Context
from forms.compile_options import OPTION_ID, read_values
from forms.compile_values import NO_FORMULA
from forms.expr import Expr, Scope, Type
from forms.model import Field, Options
from forms.problems import Path, suggest
from forms.signature import is_reserved
from forms.values import Text

BOOLEAN = Type("boolean")


def field_options(
    context: Context, definition: Mapping[str, object], path: Path, label: Text
) -> Options | None:
    """The options of a choice: a shared list by id, or one written in the field.

    Notes missing_options and unknown_options; None where there is nothing to choose from.
    """
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


def link_target(context: Context, definition: Mapping[str, object], path: Path) -> str:
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


def link_where(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, lines: str
) -> Expr | None:
    raw = definition.get("where")
    if raw is None:
        return None
    scope = context.candidates(shape.to, lines)
    return None if scope is None else context.expr(raw, (*path, "where"), scope, BOOLEAN)


def link_fill(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, scope: Scope
) -> dict[str, Expr]:
    """What a link copies when it changes: own field → expression over the row (`order.customer`).

    Notes every entry that names no field, itself, a computed one, or a value that does not fit.
    """
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


def check_fills(
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
            if target.type in NO_FORMULA:
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
