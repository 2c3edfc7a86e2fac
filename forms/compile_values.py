"""Where a field's values come from: its formula and its default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from forms.compile_context import Context
from forms.expr import Env, EvalError, Expr, Scope
from forms.messages import message
from forms.model import Field
from forms.problems import Path, suggest
from forms.types import Invalid
from forms.types.links import IdType
from forms.types.money import MoneyType

NO_FORMULA = frozenset({"lines", "file", "image"})


def field_formula(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, scope: Scope
) -> Expr | None:
    """A field's formula, typed as the field; None where it has none or it cannot be compiled.

    Notes types that take no formula, and amounts that multiply or divide without `round`.
    """
    raw = definition.get("formula")
    if raw is None:
        if shape.round:
            context.problem("round_unused", (*path, "round"), on_key=True)
        return None
    at = (*path, "formula")
    if shape.type in NO_FORMULA:
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


def field_default(
    context: Context, definition: Mapping[str, object], path: Path, shape: Field, scope: Scope
) -> object:
    """A constant of the field's type, or an expression; None where there is no default."""
    raw = definition.get("default")
    if raw is None:
        return None
    at = (*path, "default")
    if shape.type in NO_FORMULA:
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
    if not isinstance(raw, str) or shape.type in ("text", "link", "boolean"):
        return False
    if isinstance(shape.kind, IdType):
        return False
    try:
        return shape.kind.parse(raw, shape) is not None
    except Invalid:
        return False


def _constant(context: Context, found: Expr, shape: Field, path: Path) -> object:
    """The value of a constant default, held to the field's own limits."""
    if shape.type == "choice" and shape.options is None:
        return None  # its options are missing, which is told there
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
