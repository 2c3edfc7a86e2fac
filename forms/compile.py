"""A form's definition → a frozen `Form`, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forms.compile_context import Context
from forms.compile_fields import compile_fields, currency_rule
from forms.compile_layout import (
    compile_checks,
    compile_keep,
    compile_list,
    compile_sections,
    compile_unique,
)
from forms.compile_library import FormLibrary, OwnFirst, StaticLibrary
from forms.compile_options import compile_options
from forms.compile_order import Cycle, order
from forms.compile_plan import build_plan
from forms.compile_under import stand_under
from forms.expr import Expr
from forms.model import Field, Form
from forms.numbering import Numbering, compile_numbering
from forms.problems import Problem
from forms.signature import signature
from forms.templates import Template

__all__ = ["FormLibrary", "StaticLibrary", "compile_form", "compile_options"]

KEYS = (
    "form",
    "label",
    "help",
    "was",
    "number",
    "title",
    "currency",
    "fields",
    "sections",
    "checks",
    "unique",
    "list",
    "keep",
)


def compile_form(
    form_id: str, definition: Mapping[str, object], library: FormLibrary
) -> tuple[Form | None, list[Problem]]:
    """Compile a form; paths of problems are from its root. The form is None if there are any."""
    own = signature(form_id, definition, _values(library))
    library = OwnFirst(library, own)
    context = Context(form_id, own, library)
    context.unknown_keys(definition, KEYS, ())
    context.good_id(form_id, ("form",))
    fields = compile_fields(context, definition.get("fields"), ("fields",))
    fields = stand_under(context, fields)
    parts = _parts(context, definition, fields)
    if context.problems:
        _cycles(context, fields, parts["currency"])
        return None, context.problems
    found = order(fields, parts["currency"])
    if isinstance(found, Cycle):
        _report_cycle(context, found)
        return None, context.problems
    was = definition.get("was")
    plan = build_plan(form_id, fields, found, library, **parts)
    form = Form(
        id=form_id,
        label=context.text(definition, "label", (), form_id),
        help=context.text(definition, "help", ()),
        was=was if isinstance(was, str) else "",
        fields=fields,
        signature=context.signature,
        plan=plan,
        links=plan.reads,
        **parts,
    )
    return form, []


def _parts(
    context: Context, definition: Mapping[str, object], fields: Mapping[str, Field]
) -> dict[str, Any]:
    for key in ("label", "help"):
        context.text(definition, key, ())
    number = _number(context, definition, fields)
    return {
        "number": number,
        "title": _title(context, definition),
        "currency": _currency(context, definition, fields),
        "checks": compile_checks(context, definition.get("checks"), ("checks",)),
        "unique": compile_unique(context, definition.get("unique"), ("unique",), fields),
        "list": compile_list(
            context, definition.get("list"), ("list",), fields, numbered=number is not None
        ),
        "sections": compile_sections(context, definition.get("sections"), ("sections",), fields),
        "keep": compile_keep(context, definition.get("keep"), ("keep",), fields),
    }


def _number(
    context: Context, definition: Mapping[str, object], fields: Mapping[str, Field]
) -> Numbering | None:
    raw = definition.get("number")
    if raw is None:
        return None
    found, problems = compile_numbering(raw)
    context.problems += [p.under("number") for p in problems]
    if "number" in fields:
        context.problem("number_and_field", ("fields", "number"), on_key=True)
    return found


def _title(context: Context, definition: Mapping[str, object]) -> Template | None:
    raw = definition.get("title")
    if raw is None:
        return None
    if not isinstance(raw, str):
        context.problem("title_not_text", ("title",), allowed='"{number} · {customer.name}"')
        return None
    return context.template(raw, ("title",), context.scope())


def _currency(
    context: Context, definition: Mapping[str, object], fields: Mapping[str, Field]
) -> str | Expr | None:
    """The `currency` key; without it a text or choice field named `currency` is the record's."""
    raw = definition.get("currency")
    if raw is None and "currency" in fields and fields["currency"].type in ("text", "choice"):
        raw = "currency"
    return currency_rule(context, raw, ("currency",), context.scope())


def _cycles(context: Context, fields: Mapping[str, Field], currency: str | Expr | None) -> None:
    found = order(fields, currency)
    if isinstance(found, Cycle):
        _report_cycle(context, found)


def _report_cycle(context: Context, cycle: Cycle) -> None:
    head, _, tail = cycle.path[0].partition(".")
    at = ("fields", head, "fields", tail) if tail else ("fields", head)
    key = {"formula": "formula", "default": "default", "visible": "visible"}[cycle.cause]
    context.problem(
        f"{cycle.cause}_cycle",
        (*at, key),
        cycle=" → ".join(cycle.path),
        allowed="break the circle at one of them",
    )


def _values(library: FormLibrary):  # type: ignore[no-untyped-def]
    def values(options_id: str) -> tuple[str, ...] | None:
        found = library.options(options_id)
        return tuple(found.values) if found else None

    return values
