"""What one validation costs: a return of 12 fields and 3 lines, values already typed, no links."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from forms.compile import StaticLibrary, compile_form
from forms.expr import Env
from forms.model import Form
from forms.validate import begin
from forms.values import Money

WHOLE = "validation, typed values"
CALLS = 100

DEFINITION: dict[str, Any] = {
    "form": "bench_return",
    "currency": "CNY",
    "fields": {
        "customer_no": {"type": "text", "required": True},
        "customer": {"type": "text", "required": True},
        "phone": {"type": "text"},
        "email": {"type": "text"},
        "applied_on": {"type": "date", "required": True},
        "channel": {"type": "choice", "options": ["desk", "portal", "phone"], "required": True},
        "urgent": {"type": "boolean"},
        "boxes": {"type": "integer", "min": 1, "max": 99},
        "freight": {"type": "money", "min": 0},
        "note": {"type": "text", "required": "channel == 'phone'"},
        "lines": {
            "type": "lines",
            "min": 1,
            "fields": {
                "sku": {"type": "text", "required": True},
                "quantity": {"type": "decimal", "min": Decimal("0.001"), "required": True},
                "price": {"type": "money", "required": True},
                "reason": {
                    "type": "choice",
                    "options": ["quality", "unwanted", "transit"],
                    "required": True,
                },
                "amount": {"type": "money", "round": "half_up", "formula": "quantity * price"},
            },
        },
        "total": {"type": "money", "formula": "sum(lines.amount)"},
    },
    "checks": {"not_too_much": {"that": "total < 100000", "message": "too much"}},
}


def bench_form() -> Form:
    """The form that is measured."""
    form, problems = compile_form("bench_return", DEFINITION, StaticLibrary())
    if form is None:
        raise SystemExit("\n".join(str(problem) for problem in problems))
    return form


def submission() -> dict[str, Any]:
    """What is submitted: typed values, as the importer and the API's reader hand them over."""
    line = {
        "sku": "85123A",
        "quantity": Decimal(2),
        "price": Money(Decimal("2.55"), "CNY"),
        "reason": "quality",
    }
    return {
        "customer_no": "17850",
        "customer": "Li Lei",
        "phone": "+86 21 5555 0000",
        "email": "li@example.com",
        "applied_on": date(2026, 3, 18),
        "channel": "desk",
        "urgent": False,
        "boxes": 1,
        "freight": Money(Decimal("12.00"), "CNY"),
        "note": None,
        "lines": [dict(line), dict(line, sku="71053"), dict(line, sku="22752")],
    }


def texts() -> dict[str, Any]:
    """The same as an HTML form posts it: everything a text."""
    given = submission()
    shown = {k: v if v is None else str(v) for k, v in given.items() if k != "lines"}
    shown |= {"applied_on": "2026-03-18", "urgent": "false", "freight": "12.00"}
    row = {"quantity": "2", "price": "2.55", "reason": "quality"}
    return shown | {"lines": [row | {"sku": line["sku"]} for line in given["lines"]]}


def per_call(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Microseconds of one call of each: the best of many short rounds, taken in turn, with the
    collector off.

    The best, because whatever else runs on the machine can only add to it.
    """
    best = dict.fromkeys(works, float("inf"))
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, work in works.items():
                start = time.perf_counter()
                for _ in range(CALLS):
                    work()
                best[name] = min(best[name], (time.perf_counter() - start) / CALLS * 1e6)
    finally:
        gc.enable()
    return best


def figures(rounds: int) -> dict[str, float]:
    """Microseconds of a validation, of its parts, and of its relatives, by what they are."""
    form, env = bench_form(), Env(datetime(2026, 3, 18, tzinfo=UTC))
    typed, posted = submission(), texts()
    saved = begin(form, typed, env=env).finish().values

    def whole() -> object:
        draft = begin(form, typed, moment="submit", env=env)
        draft.wanted()
        return draft.finish()

    def reading() -> object:
        return begin(form, typed, moment="submit", env=env)

    def computed() -> object:
        draft = begin(form, typed, moment="submit", env=env)
        draft.wanted()
        draft.compute()
        return draft

    def expressions() -> object:
        env.currency = "CNY"
        for line in saved["lines"]:
            amount(line, env)
        check(saved, env)
        required(saved, env)
        return total(saved, env)

    def from_texts() -> object:
        return begin(form, posted, moment="submit", env=env).finish()

    def partial() -> object:
        return begin(form, {"boxes": 2}, previous=saved, moment="submit", env=env).finish()

    amount = _evaluate(form, "lines.amount")
    total = _evaluate(form, "total")
    check = form.checks["not_too_much"].that.evaluate
    required = form.fields["note"].required.evaluate  # type: ignore[union-attr]
    took = per_call(
        {
            WHOLE: whole,
            "reading": reading,
            "computed": computed,
            "expressions": expressions,
            "texts": from_texts,
            "partial": partial,
        },
        rounds,
    )
    return {
        WHOLE: took[WHOLE],
        "… reading": took["reading"],
        "… formulas, defaults, fills": took["computed"] - took["reading"],
        "… rules and outcome": took[WHOLE] - took["computed"],
        "of it, bare expressions": took["expressions"],
        "validation, texts of a page": took["texts"],
        "partial update of one field": took["partial"],
    }


def _evaluate(form: Form, path: str) -> Callable[..., object]:
    found = form.field_at(path)
    if found is None or found.formula is None:
        raise SystemExit(f"{path} has no formula")
    return found.formula.evaluate
