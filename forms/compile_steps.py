"""The steps that give a row its computed values: fills, defaults, formulas, clearing, currency.

A step is a closure over its field. It gets the run (see `Run`), the row it works on, where that
row stands (its path in errors), what was given for the row, and the row as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol

from forms.expr import Env, EvalError, Expr
from forms.model import Field, Lines, Row
from forms.types import Invalid
from forms.types.money import MONEY_LIMIT, ROUNDINGS, quantum_of
from forms.types.numbers import DECIMAL_LIMIT
from forms.values import MONEY_SCALE, NUMBER_SCALE, Money

Path = tuple[str | int, ...]
Given = Mapping[str, object]


class Run(Protocol):
    """The validation a step runs in."""

    env: Env
    row: Row
    currency: str | None
    tenant_currency: str | None

    def refuse(self, path: Path, wrong: Invalid) -> None:
        """Note that a value cannot be taken."""

    def cannot(self, path: Path, wrong: EvalError) -> None:
        """Note that an expression has no value."""

    def hide(self, path: Path) -> None:
        """Note that a field is not visible."""

    def takes(self, one: Field) -> bool:
        """Whether what was given for a field counts."""


Step = Callable[[Run, Row, Path, Given, "Row | None", bool], None]
"""(run, row, path, given, previous, fresh): `fresh` says the row is new."""

_MICRO = Decimal(1).scaleb(-NUMBER_SCALE)
_FINEST = Decimal(1).scaleb(-MONEY_SCALE)


def steps_of(one: Field, every: Mapping[str, Field]) -> list[Step]:
    """The steps of one field, in order: default, fills into it, formula, visibility."""
    steps: list[Step] = []
    if isinstance(one.default, Expr):
        steps.append(_default(one, one.default))
    steps += [
        _fill(one, other, other.fill[one.id])
        for other in every.values()
        if other.within == one.within and one.id in other.fill
    ]
    if one.formula is not None:
        steps.append(_formula(one, one.formula))
    if isinstance(one.currency, Expr):
        steps.append(_own_currency(one, one.currency))
    if isinstance(one.visible, Expr):
        steps.append(_visibility(one, one.visible))
    return steps


def _default(one: Field, expr: Expr) -> Step:
    key, evaluate, settle = one.id, expr.evaluate, settler(one)

    def step(
        run: Run, row: Row, path: Path, given: Given, previous: Row | None, fresh: bool
    ) -> None:
        if not fresh or (key in given and run.takes(one)):
            return
        try:
            value = evaluate(row, run.env)
            row[key] = None if value is None else settle(value, run)
        except Invalid as wrong:
            run.refuse((*path, key), wrong)
        except EvalError as wrong:
            run.cannot((*path, key), wrong)

    return step


def _fill(target: Field, link: Field, expr: Expr) -> Step:
    key, source, evaluate, settle = target.id, link.id, expr.evaluate, settler(target)

    def step(
        run: Run, row: Row, path: Path, given: Given, previous: Row | None, fresh: bool
    ) -> None:
        before = None if previous is None else previous.get(source)
        if row[source] == before:
            return
        # What a person wrote stays, unless it is only the old value sent along.
        written = given.get(key) not in (None, "") and run.takes(target)
        if written and (previous is None or row[key] != previous.get(key)):
            return
        try:
            value = evaluate(row, run.env)
            row[key] = None if value is None else settle(value, run)
        except Invalid as wrong:
            run.refuse((*path, key), wrong)
        except EvalError as wrong:
            run.cannot((*path, key), wrong)

    return step


def _formula(one: Field, expr: Expr) -> Step:
    key, evaluate, settle = one.id, expr.evaluate, settler(one)

    def step(
        run: Run, row: Row, path: Path, given: Given, previous: Row | None, fresh: bool
    ) -> None:
        row[key] = None
        try:
            value = evaluate(row, run.env)
            if value is not None:
                row[key] = settle(value, run)
        except Invalid as wrong:
            run.refuse((*path, key), wrong)
        except EvalError as wrong:
            run.cannot((*path, key), wrong)

    return step


def _visibility(one: Field, expr: Expr) -> Step:
    key, evaluate = one.id, expr.evaluate
    several = isinstance(one, Lines)

    def step(
        run: Run, row: Row, path: Path, given: Given, previous: Row | None, fresh: bool
    ) -> None:
        try:
            seen = evaluate(row, run.env)
        except EvalError as wrong:
            run.cannot((*path, key), wrong)
            return
        if seen is not True:
            row[key] = [] if several else None
            run.hide((*path, key))

    return step


def _own_currency(one: Field, expr: Expr) -> Step:
    """An amount whose field has a currency expression of its own."""
    key, evaluate = one.id, expr.evaluate

    def step(
        run: Run, row: Row, path: Path, given: Given, previous: Row | None, fresh: bool
    ) -> None:
        value = row[key]
        if value is None:
            return
        try:
            row[key] = _in_currency(value, evaluate(row, run.env))
        except Invalid as wrong:
            run.refuse((*path, key), wrong)
        except EvalError as wrong:
            run.cannot((*path, key), wrong)

    return step


def currency_step(currency: str | Expr | None, every: Iterable[Field]) -> Step:
    """Find the record's currency, and give it to the amounts that came without one."""
    header: list[tuple[str, str | None]] = []
    lines: dict[str, list[tuple[str, str | None]]] = {}
    for one in every:
        if one.type != "money" or isinstance(one.currency, Expr):
            continue
        known = one.currency if isinstance(one.currency, str) else None
        if one.within:
            lines.setdefault(one.within, []).append((one.id, known))
        else:
            header.append((one.id, known))
    tables = tuple((name, tuple(keys)) for name, keys in lines.items())

    def give(run: Run, row: Row, keys: Iterable[tuple[str, str | None]], path: Path) -> None:
        default = run.currency
        for key, known in keys:
            value = row[key]
            if value is not None and (value[1] != (known or default) or not value[1]):
                try:
                    row[key] = _in_currency(value, known or default)
                except Invalid as wrong:
                    run.refuse((*path, key), wrong)

    def step(
        run: Run, row: Row, path: Path, given: Given, previous: Row | None, fresh: bool
    ) -> None:
        env = run.env
        env.currency = currency if isinstance(currency, str) else run.tenant_currency
        if isinstance(currency, Expr):
            try:
                found = currency.evaluate(row, env)
                if found:
                    env.currency = str(found)
            except EvalError as wrong:
                run.cannot((), wrong)
        run.currency = env.currency
        if header:
            give(run, row, header, ())
        for name, keys in tables:
            for index, line in enumerate(row[name]):
                give(run, line, keys, (name, index))

    return step


def _in_currency(value: Any, currency: object) -> Money:
    if not value.currency:
        if not currency:
            raise Invalid("no_currency")
        return Money(value.amount, str(currency))
    if currency and value.currency != currency:
        raise Invalid("wrong_currency", expected=currency, got=value.currency)
    return value  # type: ignore[no-any-return]


def settler(one: Field) -> Callable[[Any, Run], object]:
    """Makes the result of an expression a value of the field. Raises `Invalid`."""
    check = one.kind.check
    bounded = one.min is not None or one.max is not None
    if one.type == "money":
        return _money_settler(one)
    if one.type in ("decimal", "percent"):

        def decimal(value: Any, run: Run) -> object:
            number = value if type(value) is Decimal else Decimal(value)
            if not -DECIMAL_LIMIT < number < DECIMAL_LIMIT:
                raise Invalid("out_of_range", limit=f"{DECIMAL_LIMIT:f}")
            number = number.quantize(_MICRO, ROUND_HALF_UP)
            if bounded:
                check(number, one)
            return number

        return decimal
    if one.type == "boolean":
        return lambda value, run: value
    if one.type == "datetime":

        def moment(value: datetime, run: Run) -> object:
            return value.replace(microsecond=value.microsecond // 1000 * 1000)

        return moment
    if one.type == "text":

        def text(value: Any, run: Run) -> object:
            return one.kind.parse(value, one)

        return text

    def other(value: Any, run: Run) -> object:
        if isinstance(value, tuple):
            value = list(value)
        if value == []:
            return None
        check(value, one)
        return value

    return other


def _money_settler(one: Field) -> Callable[[Any, Run], object]:
    rounding, known, check = one.round, one.currency, one.kind.check
    own = isinstance(known, Expr)
    expected = known if isinstance(known, str) else None
    mode = ROUNDINGS[rounding] if rounding else ""
    low = one.min if isinstance(one.min, Decimal) else 1 - MONEY_LIMIT
    high = one.max if isinstance(one.max, Decimal) else MONEY_LIMIT - 1
    new = tuple.__new__

    def money(value: Any, run: Run) -> object:
        amount, currency = value
        wanted = expected or run.currency
        if not own and currency != wanted:
            if not amount and not currency:
                return None
            currency = _in_currency(value, wanted).currency
        if rounding:
            amount = amount.quantize(quantum_of(currency), mode)
        elif amount.quantize(_FINEST) != amount:
            check(value, one)
        if not low <= amount <= high:
            check(Money(amount, currency), one)
        return new(Money, (amount, currency))

    return money
