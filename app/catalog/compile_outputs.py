"""Outputs of policies: the fields they are written to, and how several values become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.catalog.compiling import Compiling
from flows.policy import Edition, Output, Rule
from flows.policy.conditions import KINDS
from flows.policy.model import COLLECT
from flows.policy.plain import plain_of
from forms.expr import Type
from forms.model import Field, Form, Lines
from forms.problems import Path, listed
from forms.values import Money, Text

OUTPUT_KEYS = ("label", "combine")

_COMBINES = {
    "choice": ("max", "min"),
    "integer": ("max", "min", "sum"),
    "decimal": ("max", "min", "sum"),
    "money": ("max", "min", "sum"),
    "date": ("max", "min"),
    "duration": ("max", "min", "sum"),
    "boolean": ("any", "all"),
    "text": (),
}
_ZEROS: Mapping[str, Any] = {"decimal": Decimal(0), "duration": timedelta(0)}


def field_of(name: str, form: Form, lines: str) -> Field | None:
    """The field of a name as a policy sees it: the line's, else the record's."""
    found = form.field_at(f"{lines}.{name}") if lines else None
    return found or form.field_at(name)


def compile_output(name: str, raw: Any, form: Form, lines: str, at: Compiling) -> Output | None:
    """Compile one output, or None where it has no field that rules can write to."""
    path: Path = ("outputs", name)
    own = form.field_at(f"{lines}.{name}") if lines else None
    whole = form.field_at(name)
    combine, collects = str(raw.get("combine", "")), at.data.get("hit") == COLLECT
    field = own or whole
    if field is None:
        rows = [*one.fields] if isinstance(one := form.fields.get(lines), Lines) else []
        at.unknown_field(form.id, name, path, [*rows, *form.fields], on_key=True)
        return None
    kind = field.expr_type.kind
    if kind not in KINDS or isinstance(field, Lines):
        at.problem(
            "policy_output",
            path,
            f"rules cannot give {field.expr_type}",
            "a single value",
            on_key=True,
        )
        return None
    if field.formula is not None:
        at.problem(
            "policy_output",
            path,
            f"{field.path} is computed by its formula, so nothing can be written to it",
            "a field without a formula",
            on_key=True,
        )
    if combine and own is not None and whole is not None and _differ(own, whole):
        at.problem(
            "policy_output",
            path,
            f"{own.path} and {whole.path} are not of one type",
            "the same type, with the same options in the same order",
            on_key=True,
        )
    _check_combine(name, combine, kind, bool(lines), own is not None, collects, at)
    return Output(
        id=name,
        label=Text.of(raw.get("label"), name),
        kind=kind,
        line=own is not None,
        record=whole is not None and (not lines or bool(combine)),
        combine=combine,
        fold=_fold(combine, kind, field.expr_type.options or ()) if combine else None,
        plain=plain_of(kind),
    )


def _differ(own: Field, whole: Field) -> bool:
    left, right = own.expr_type, whole.expr_type
    return (left.kind, left.options) != (right.kind, right.options)


def _check_combine(
    name: str, combine: str, kind: str, lines: bool, own: bool, collects: bool, at: Compiling
) -> None:
    path: Path = ("outputs", name)
    allowed = _COMBINES[kind]
    words = listed([*allowed]) if allowed else "nothing: such values cannot be combined"
    if combine and combine not in allowed:
        unfit = f"{combine} does not fit {Type(kind)}"
        at.problem("policy_combine", (*path, "combine"), unfit, words)
    elif combine and not lines and not collects:
        at.problem(
            "policy_combine",
            (*path, "combine"),
            "there is one value only: the policy judges the record, by one rule",
            "combine belongs to policies for lines, or with hit: collect",
            on_key=True,
        )
    elif not combine and collects:
        at.problem(
            "policy_combine",
            path,
            f"several rules may match: how do their values of {name} become one?",
            f"combine: {words}",
            on_key=True,
        )
    elif not combine and lines and not own:
        at.problem(
            "policy_combine",
            path,
            f"the lines have no field {name}: how do their values become the record's?",
            f"combine: {words}" if allowed else f"a field {name} of the lines",
            on_key=True,
        )


def check_currencies(
    outputs: Mapping[str, Output], editions: tuple[Edition, ...], at: Compiling
) -> None:
    """Amounts that become one must be of one currency."""
    for output in outputs.values():
        given = (rule.then[output.id] for edition in editions for rule in conclusions(edition))
        known = sorted({value.currency for value in given if isinstance(value, Money)})
        if output.combine and len(known) > 1:
            at.problem(
                "policy_combine",
                ("outputs", output.id, "combine"),
                f"amounts of {', '.join(known)} cannot become one",
                "one currency in all rules",
            )


def conclusions(edition: Edition) -> tuple[Rule, ...]:
    """The rules of an edition, and its `else`."""
    return edition.rules if edition.otherwise is None else (*edition.rules, edition.otherwise)


def _fold(combine: str, kind: str, options: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    if combine in ("any", "all"):
        return any if combine == "any" else all
    if combine == "sum":
        zero = _ZEROS.get(kind, 0)
        return _sum_money if kind == "money" else lambda values: sum(values, start=zero)
    order = {value: place for place, value in enumerate(options)}
    rank = order.__getitem__ if kind == "choice" else None
    pick: Callable[..., Any] = max if combine == "max" else min
    return lambda values: pick(values, key=rank, default=None)


def _sum_money(values: list[Any]) -> Money | None:
    if not values:
        return None
    return Money(sum((v.amount for v in values), Decimal(0)), values[0].currency)
