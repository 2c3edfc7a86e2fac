"""Computing a record's formulas again after something else than a person wrote its fields.

The same prepared steps run in the same order as in a validation, so currency, rounding and
visibility cannot differ. Nothing is read from a submission, and nothing is judged.
"""

from __future__ import annotations

from typing import Any

from forms.compile_steps import Given, Path
from forms.expr import Env, EvalError
from forms.model import Field, Form, Row
from forms.types import Invalid

_NOTHING: Given = {}


class Recomputation:
    """One run over a record. `errors`: (path, what went wrong), in the order found."""

    __slots__ = ("currency", "env", "errors", "row", "tenant_currency")

    def __init__(self, env: Env, row: Row) -> None:
        self.env = env
        self.row = row
        self.currency = env.currency
        self.tenant_currency = env.currency
        self.errors: list[tuple[Path, Invalid | EvalError]] = []

    def refuse(self, path: Path, wrong: Invalid) -> None:
        """A value that the field cannot take."""
        self.errors.append((path, wrong))

    def cannot(self, path: Path, wrong: EvalError) -> None:
        """An expression without a value."""
        self.errors.append((path, wrong))

    def hide(self, path: Path) -> None:
        """What is not visible has been cleared."""

    def takes(self, one: Field) -> bool:
        """Nothing was given."""
        return False


def recompute(form: Form, row: Row, before: Row, env: Env) -> Recomputation:
    """Run fills (of links that differ from `before`), formulas and visibility over `row`, in place.

    `env.currency` is the record's own, or the tenant's where the form says how to find it; after
    the run it is the record's. Lines are matched with those of `before` by id.
    """
    run = Recomputation(env, row)
    parent = env.parent
    for table, steps in form.plan.program:
        if not table:
            env.parent = None
            for step in steps:
                step(run, row, (), _NOTHING, before, False)
            continue
        env.parent = row
        earlier: dict[Any, Row] = (
            {} if before is row else {one["id"]: one for one in before.get(table) or ()}
        )
        for index, line in enumerate(row.get(table) or ()):
            old = line if before is row else earlier.get(line["id"], line)
            for step in steps:
                step(run, line, (table, index), _NOTHING, old, False)
    env.parent = parent
    env.currency = run.currency
    return run
