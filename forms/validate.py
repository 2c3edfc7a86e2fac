"""Judging what was submitted: `begin` a draft, load the facts it wants, `finish` it.

    draft = begin(form, submitted, previous=row, moment="submit", rights=rights, env=env)
    while wanted := draft.wanted():
        load(wanted)                      # into env.links and env.aggregates
    outcome = draft.finish()

Nothing a person can submit raises; it becomes a `FieldError`. The order of things: values are read,
the record's currency is found, defaults, fills, formulas and visibility run in dependency order,
then required fields, limits, links, uniqueness and checks are judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forms import validate_facts, validate_read, validate_rules
from forms.compile_plan import Plan, TablePlan
from forms.expr import Env, EvalError, Expr
from forms.messages import message
from forms.model import Field, Form, Row
from forms.types import Invalid
from forms.validate_result import (
    ALL_RIGHTS,
    FieldError,
    FieldRights,
    Path,
    Wanted,
)

__all__ = [
    "ALL_RIGHTS",
    "Draft",
    "FieldError",
    "FieldRights",
    "Outcome",
    "Wanted",
    "begin",
    "validate",
]

MAX_ROUNDS = 3
MAX_ERRORS = 500
"""Errors told about one submission."""


def begin(
    form: Form,
    submitted: Mapping[str, object],
    *,
    previous: Row | None = None,
    moment: str | tuple[str, ...] = "submit",
    rights: FieldRights = ALL_RIGHTS,
    env: Env,
) -> Draft:
    """Read what was submitted for a new record, or for `previous`, which then may be partial.

    `moment` is "create", "save" (a draft: nothing is required yet), "submit" or a step's id, or
    several of them at once.
    """
    return Draft(form, submitted, previous, moment, rights, env)


def validate(
    form: Form,
    submitted: Mapping[str, object],
    *,
    previous: Row | None = None,
    moment: str = "submit",
    rights: FieldRights = ALL_RIGHTS,
    env: Env,
    load: Callable[[Wanted], None] | None = None,
) -> Outcome:
    """`begin`, loading, `finish` in one call; without `load` nothing linked is known."""
    draft = Draft(form, submitted, previous, moment, rights, env)
    if load is not None:
        while wanted := draft.wanted():
            load(wanted)
    return draft.finish()


class Draft:
    """A submission on its way to an outcome. Made by `begin`; used once."""

    __slots__ = (
        "asked",
        "asked_keys",
        "bad",
        "base",
        "computed",
        "currency",
        "env",
        "errors",
        "form",
        "hidden",
        "moments",
        "plan",
        "reading",
        "rights",
        "rounds",
        "row",
        "stale",
        "tenant_currency",
        "warnings",
    )

    def __init__(
        self,
        form: Form,
        submitted: Mapping[str, object],
        previous: Row | None,
        moment: str | tuple[str, ...],
        rights: FieldRights,
        env: Env,
    ) -> None:
        self.form = form
        self.plan: Plan = form.plan
        self.moments = (moment,) if isinstance(moment, str) else moment
        self.rights = rights
        self.env = env
        self.errors: list[FieldError] = []
        self.warnings: list[FieldError] = []
        self.bad: set[Path] = set()
        self.hidden: set[Path] = set()
        self.currency: str | None = None
        self.tenant_currency = env.currency
        self.computed = False
        self.stale = True
        self.rounds = 0
        self.asked: dict[str, set[int]] = {}
        self.asked_keys: set[tuple[str, int]] = set()
        self.reading = validate_read.read(self.plan, submitted, previous, rights, self.refuse)
        validate_read.place_moments(self.plan, self.reading, env.zone)
        self.row: Row = self.reading.row
        self.base: tuple[Row, int, int] | None = None

    # -- facts
    def wanted(self) -> Wanted | None:
        """What has to be loaded next, or None where nothing is missing."""
        if not self.plan.needs_facts or self.rounds >= MAX_ROUNDS:
            return None
        found = validate_facts.wanted(self) if not self.rounds else None
        if not found:
            # Defaults, fills and formulas may bring links and keys of their own.
            self.compute()
            found = validate_facts.wanted(self)
        self.rounds += 1
        self.stale = bool(found)
        return found or None

    # -- values
    def compute(self) -> None:
        """Run defaults, fills, formulas and visibility over the values as they were read."""
        if self.computed:
            self._restore()
        elif self.plan.needs_facts:
            self._keep()
        self.computed = True
        run_program(self)

    def _keep(self) -> None:
        kept = dict(self.reading.row)
        for name in self.plan.lines:
            kept[name] = [dict(line) for line in kept[name]]
        self.base = (kept, len(self.errors), len(self.warnings))

    def _restore(self) -> None:
        if self.base is None:
            return
        kept, errors, warnings = self.base
        self.row = dict(kept)
        for name in self.plan.lines:
            self.row[name] = [dict(line) for line in kept[name]]
        for gone in self.errors[errors:]:
            self.bad.discard(gone.path)
        del self.errors[errors:]
        del self.warnings[warnings:]
        self.hidden.clear()

    def finish(self) -> Outcome:
        """Judge the whole. With `wanted()` run to its end the outcome is final."""
        if self.stale:
            self.compute()
        validate_rules.judge(self)
        self.env.currency = self.tenant_currency
        return Outcome(self)

    # -- what steps and rules report
    def takes(self, one: Field) -> bool:
        """Whether what was given for the field counts: not computed, not locked."""
        return self.rights.takes(one)

    def refuse(self, path: Path, wrong: Invalid) -> None:
        """Note that a value is refused."""
        self.bad.add(path)
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(FieldError(wrong.code, path, message(wrong.code, wrong.params)))

    def cannot(self, path: Path, wrong: EvalError) -> None:
        """Note that an expression has no value here."""
        self.bad.add(path)
        text = message("calculation", {"reason": wrong.message})
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(FieldError(wrong.code, path, text))

    def hide(self, path: Path) -> None:
        """Note that a field is not visible."""
        self.hidden.add(path)


def run_program(draft: Draft) -> None:
    """Run the plan's steps over the draft's rows."""
    env, row, reading = draft.env, draft.row, draft.reading
    given, previous, fresh = reading.given, reading.previous, reading.fresh
    for table, steps in draft.plan.program:
        if not table:
            for step in steps:
                step(draft, row, (), given, previous, fresh)
            continue
        env.parent = row
        before, given_rows = reading.before[table], reading.given_rows[table]
        for index, line in enumerate(row[table]):
            earlier = before[index]
            path = (table, index)
            for step in steps:
                step(draft, line, path, given_rows[index], earlier, earlier is None)
        env.parent = None


class Outcome:
    """The result. `values` is the complete row, lines included, ids set; it is typed throughout.

    `currency` is the record's currency. Maps for pages (`visible`, `required`, `readonly`, keyed
    by path) and `changed` are worked out when they are asked for, before the env is used again.
    """

    __slots__ = ("_draft", "currency", "errors", "values", "warnings")

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.values: Row = draft.row
        self.errors: list[FieldError] = draft.errors
        self.warnings: list[FieldError] = draft.warnings
        self.currency: str | None = draft.currency

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    @property
    def changed(self) -> frozenset[str]:
        """The record's fields whose value differs from before (all that have one, if new)."""
        previous = self._draft.reading.previous or {}
        found = set()
        for key in self._draft.form.fields:
            old, new = previous.get(key), self.values[key]
            table = self._draft.plan.lines.get(key)
            if old != new if table is None else _rows_differ(table, old or [], new):
                found.add(key)
        return frozenset(found)

    @property
    def visible(self) -> dict[Path, bool]:
        """Path → whether the person sees the field: rights, `visible`, cleared or not."""
        draft = self._draft
        return self._map(
            lambda table, key, path, row: (
                draft.rights.may_see(_dotted(table, key))
                and table.fields[key].visible is not False
                and path not in draft.hidden
            )
        )

    @property
    def required(self) -> dict[Path, bool]:
        """Path → whether the field has to be filled in by this person."""
        draft = self._draft
        when = {t.name: dict(t.required_when) for t in _tables(draft.plan)}

        def required(table: TablePlan, key: str, path: Path, row: Row) -> bool:
            if path in draft.hidden or not draft.rights.may_write(_dotted(table, key)):
                return False
            if table.name and not draft.rights.opens(table.name, row["id"]):
                return False
            if _dotted(table, key) in draft.rights.required:
                return True
            expr = when[table.name].get(key)
            if expr is None:
                return table.fields[key].required is True
            return self._holds(expr, row)

        return self._map(required)

    @property
    def readonly(self) -> dict[Path, bool]:
        """Path → whether the person cannot write the field."""
        draft = self._draft
        when = {t.name: dict(t.readonly_when) for t in _tables(draft.plan)}

        def readonly(table: TablePlan, key: str, path: Path, row: Row) -> bool:
            if not draft.rights.takes(table.fields[key]):
                return True
            if table.name and not draft.rights.opens(table.name, row["id"]):
                return True
            if _dotted(table, key) in draft.rights.granted:
                return False
            expr = when[table.name].get(key)
            return expr is not None and self._holds(expr, row)

        return self._map(readonly)

    def _holds(self, expr: Expr, row: Row) -> bool:
        try:
            return expr.evaluate(row, self._draft.env) is True
        except EvalError:
            return False

    def _map(self, answer: Callable[[TablePlan, str, Path, Row], bool]) -> dict[Path, bool]:
        """Ask about each field of the record, each column, and each field of each row."""
        draft = self._draft
        plan, env = draft.plan, draft.env
        found: dict[Path, bool] = {}
        env.parent, env.currency = None, self.currency
        for key in plan.header.fields:
            found[(key,)] = answer(plan.header, key, (key,), self.values)
        env.parent = self.values
        for name, table in plan.lines.items():
            for index, line in enumerate(self.values[name]):
                for key in table.fields:
                    path: Path = (name, index, key)
                    found[path] = answer(table, key, path, line)
        env.parent, env.currency = None, draft.tenant_currency
        return found


def _rows_differ(table: TablePlan, old: list[Row], new: list[Row]) -> bool:
    if len(old) != len(new):
        return True
    names = ("id", *table.fields)
    return any(a.get(name) != b.get(name) for a, b in zip(old, new, strict=True) for name in names)


def _dotted(table: TablePlan, key: str) -> str:
    return f"{table.name}.{key}" if table.name else key


def _tables(plan: Plan) -> list[TablePlan]:
    return [plan.header, *plan.lines.values()]
