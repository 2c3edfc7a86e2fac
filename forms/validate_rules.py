"""The judging part of a validation: required, row counts, uniqueness, links, claims, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forms.compile_plan import LinkPlan, TablePlan
from forms.compile_under import OUTER
from forms.expr import EvalError
from forms.model import Field, Row
from forms.types import Invalid
from forms.types.choice import ChoiceType
from forms.types.dates import localise
from forms.validate_facts import is_judged, is_new
from forms.validate_result import FieldError, Path
from forms.values import Money

if TYPE_CHECKING:
    from forms.validate import Draft

_MISSING = {
    "@user": "user_missing",
    "@department": "department_missing",
    "@file": "file_missing",
}


def judge(draft: Draft) -> None:
    """Hold the draft's computed rows to every rule; errors and warnings go to the draft."""
    plan, env, row, reading = draft.plan, draft.env, draft.row, draft.reading
    strict = "save" not in draft.moments
    header = plan.header
    if strict and draft.rights.required:
        _demanded(draft)
    if not header.plain or header.missing(row):
        _row_rules(draft, header, row, (), reading.previous, strict)
    if plan.lines:
        env.parent = row
        for name, table in plan.lines.items():
            lines = row[name]
            before = reading.before[name]
            low = plan.row_limits[name][0]
            if (
                len(lines) < low
                and strict
                and (name,) not in draft.hidden
                and draft.rights.may_write(name)
                and name not in draft.rights.fixed
            ):
                draft.refuse((name,), Invalid("too_few_rows", min=low, count=len(lines)))
            plain, missing = table.plain, table.missing
            for index, line in enumerate(lines):
                if not plain or missing(line):
                    _row_rules(draft, table, line, (name, index), before[index], strict)
            unique = plan.unique[name]
            if unique:
                _unique_rows(draft, name, lines, unique)
        env.parent = None
    if reading.claims:
        _claims(draft)
    for check in plan.checks:
        if not check.at or not set(draft.moments).isdisjoint(check.at):
            _check(draft, check)


def _row_rules(
    draft: Draft, table: TablePlan, row: Row, path: Path, before: Row | None, strict: bool
) -> None:
    """The rules of one row. `path` leads to the row."""
    env = draft.env
    if strict:
        if table.missing(row):
            for key in table.required:
                value = row[key]
                if value is None or value == []:
                    _require(draft, table, key, path)
        for key, expr in table.required_when:
            value = row[key]
            if value is None or value == []:
                try:
                    if expr.evaluate(row, env) is True:
                        _require(draft, table, key, path)
                except EvalError as wrong:
                    draft.cannot((*path, key), wrong)
    for key, expr in table.readonly_when:
        _readonly(draft, table, key, expr, row, path, before)
    for link in table.links:
        if row[link.field.id] is not None:
            _link(draft, link, row, path, before)
    for one in table.dated:
        value = row[one.id]
        if value is not None and (before is None or before.get(one.id) != value):
            try:
                one.kind.active(value, one, env.today)
            except Invalid as wrong:
                draft.refuse((*path, one.id), wrong)
    for one in table.trees:
        if row[one.id]:
            _stands(draft, one, row, path, before)


def _stands(draft: Draft, one: Field, row: Row, path: Path, before: Row | None) -> None:
    """A choice stands under what is chosen above it; looked at when either of them changes."""
    outer = one.under.startswith(OUTER)
    key = one.under.removeprefix(OUTER)
    above, previous = (draft.row, draft.reading.previous) if outer else (row, before)
    head = above[key] if key else None
    same = before is not None and before.get(one.id) == row[one.id]
    if same and (not key or (previous is not None and previous.get(key) == head)):
        return
    at = (*path, one.id)
    if at in draft.bad or at in draft.hidden:
        return
    assert isinstance(one.kind, ChoiceType)
    try:
        one.kind.stands(row[one.id], head, one)
    except Invalid as wrong:
        draft.refuse(at, wrong)


def _demanded(draft: Draft) -> None:
    """Refuse what this act needs and nobody has filled in, beyond what the definition requires."""
    for dotted in sorted(draft.rights.required):
        lines, _, key = dotted.rpartition(".")
        table = draft.plan.lines[lines] if lines else draft.plan.header
        if key not in table.fields or table.fields[key].formula is not None:
            continue
        rows = draft.row[lines] if lines else (draft.row,)
        for index, row in enumerate(rows):
            value = row[key]
            if value is not None and value != []:
                continue
            if lines and not draft.rights.opens(lines, row["id"]):
                continue
            at: Path = (lines, index, key) if lines else (key,)
            if at not in draft.bad and draft.hidden.isdisjoint((at, (lines,))):
                draft.refuse(at, Invalid("required"))


def _require(draft: Draft, table: TablePlan, key: str, path: Path) -> None:
    """Refuse an empty required field, unless it is not this person's to fill in."""
    at = (*path, key)
    if at in draft.bad or at in draft.hidden:
        return
    if path and (path[0],) in draft.hidden:
        return
    dotted = f"{table.name}.{key}" if table.name else key
    if draft.rights.may_write(dotted) and (
        not path or draft.rights.opens(table.name, _row_at(draft, path)["id"])
    ):
        draft.refuse(at, Invalid("required"))


def _readonly(
    draft: Draft, table: TablePlan, key: str, expr: Any, row: Row, path: Path, before: Row | None
) -> None:
    """Refuse a new value where a condition says that the field is read-only now."""
    dotted = f"{table.name}.{key}" if table.name else key
    given = _given(draft, path)
    if key not in given or dotted in draft.rights.granted or key in table.locked:
        return
    idle = table.fresh[key] if before is None else before.get(key)
    if (row[key] or None) == (idle or None) and type(row[key]) is type(idle):
        return
    try:
        if expr.evaluate(row, draft.env) is True and (*path, key) not in draft.hidden:
            draft.refuse((*path, key), Invalid("readonly"))
    except EvalError as wrong:
        draft.cannot((*path, key), wrong)


def _row_at(draft: Draft, path: Path) -> Row:
    row: Row = draft.row[str(path[0])][int(path[1])]
    return row


def _given(draft: Draft, path: Path) -> Any:
    if not path:
        return draft.reading.given
    return draft.reading.given_rows[str(path[0])][int(path[1])]


def _link(draft: Draft, link: LinkPlan, row: Row, path: Path, before: Row | None) -> None:
    """A chosen record exists and meets the field's `where`."""
    given = _given(draft, path)
    if not is_judged(draft, link, row, before, given):
        return
    key = link.field.id
    value = row[key]
    known = draft.env.links.get(link.target) or {}
    at = (*path, key)
    if at in draft.bad:
        return
    for one in value if link.many else (value,):
        candidate = known.get(one)
        if candidate is None:
            if is_new(link, row, before, given):
                draft.refuse(at, Invalid(_MISSING.get(link.target, "link_missing")))
            return
        if link.where is not None and not _meets(draft, link, candidate, row, at, outer=bool(path)):
            return


def _meets(
    draft: Draft, link: LinkPlan, candidate: Any, row: Row, at: Path, *, outer: bool
) -> bool:
    env = draft.env
    env.this_row = row
    env.parent = draft.row if outer else None
    try:
        good = link.where is None or link.where.evaluate(candidate, env) is True
    except EvalError as wrong:
        draft.cannot(at, wrong)
        return False
    finally:
        env.this_row = None
    if not good:
        draft.refuse(at, Invalid("link_refused"))
    return good


def _unique_rows(draft: Draft, name: str, lines: list[Row], unique: Any) -> None:
    """Rows differ in each combination of fields that has to be unique."""
    columns = draft.plan.lines[name].fields
    for rule in unique:
        seen: dict[tuple[Any, ...], int] = {}
        for index, line in enumerate(lines):
            key = tuple(line[one] for one in rule.fields)
            if None in key:
                continue
            first = seen.setdefault(key, index)
            if first == index:
                continue
            at = (name, index, rule.fields[0])
            if rule.message is not None:
                draft.bad.add(at)
                draft.errors.append(FieldError("repeated_in_rows", at, rule.message, rule.id))
            else:
                names = ", ".join(columns[one].label.en for one in rule.fields)
                draft.refuse(at, Invalid("repeated_in_rows", row=first + 1, fields=names))


def _claims(draft: Draft) -> None:
    """Values given for fields the person does not write have to be the ones they have."""
    for path, _, claimed in draft.reading.claims:
        at: Any = draft.row
        for part in path:
            at = at[part]
        if not _same(claimed, at, draft):
            draft.refuse(path, Invalid("readonly"))


def _same(claimed: Any, actual: Any, draft: Draft) -> bool:
    if isinstance(claimed, Money) and isinstance(actual, Money) and not claimed.currency:
        return claimed.amount == actual.amount
    if getattr(claimed, "tzinfo", True) is None:
        claimed = localise(claimed, draft.env.zone)
    return claimed == actual or (
        not claimed
        and claimed is not False
        and not actual
        and actual is not False
        and claimed != 0
        and actual != 0
    )


def _check(draft: Draft, check: Any) -> None:
    row, env = draft.row, draft.env
    try:
        if check.that.evaluate(row, env) is not False:
            return
        text = check.message.render(row, env)
    except EvalError as wrong:
        draft.cannot((), wrong)
        return
    heads = {name.partition(".")[0] for name in check.that.names}
    heads &= set(draft.form.fields)
    path: Path = (next(iter(heads)),) if len(heads) == 1 else ()
    found = FieldError("check_failed", path, text, check.id)
    (draft.warnings if check.warn else draft.errors).append(found)
