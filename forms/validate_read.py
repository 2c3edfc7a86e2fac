"""What was submitted → typed rows. A quick pass for clean input, a careful one that explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forms.compile_plan import Plan, TablePlan
from forms.compile_reader import Unusual
from forms.messages import did_you_mean, got
from forms.model import Row
from forms.problems import suggest
from forms.types import Invalid
from forms.types.dates import localise
from forms.types.links import read_id
from forms.validate_result import FieldRights, Path
from forms.values import new_id, new_ids

Refuse = Callable[[Path, Invalid], None]
_NOTHING: Mapping[str, object] = {}


class Reading:
    """The rows read from a submission.

    `row` is the record's row, its lines fields holding fresh row dicts. `given` is what was
    submitted for the record, `given_rows[lines]` for each row, `before[lines]` the earlier rows in
    step with them. `claims` are values given for fields the person does not write: they have to
    turn out equal. `fresh`: the record is new.
    """

    __slots__ = ("before", "claims", "fresh", "given", "given_rows", "previous", "row")

    def __init__(self, previous: Row | None) -> None:
        self.previous = previous
        self.fresh = previous is None
        self.row: Row = {}
        self.given: Mapping[str, object] = _NOTHING
        self.given_rows: dict[str, list[Mapping[str, object]]] = {}
        self.before: dict[str, list[Row | None]] = {}
        self.claims: list[tuple[Path, str, object]] = []


def read(
    plan: Plan,
    submitted: Mapping[str, object],
    previous: Row | None,
    rights: FieldRights,
    refuse: Refuse,
) -> Reading:
    """Read a submission. Never raises for what a person may have sent; `refuse` is told."""
    reading = Reading(previous)
    if rights.plain:
        try:
            _quick(plan, submitted, previous, reading)
        except (Invalid, Unusual, KeyError, TypeError, AttributeError, ArithmeticError):
            reading = Reading(previous)
        else:
            return reading
    _Careful(plan, rights, refuse, reading).read(submitted)
    return reading


def _quick(
    plan: Plan, submitted: Mapping[str, object], previous: Row | None, reading: Reading
) -> None:
    """Read clean input; anything unusual raises, and the careful pass starts over."""
    if previous is None:
        row = plan.header.new_row(submitted)
        row["id"] = new_id()
        for name, table in plan.lines.items():
            given: Any = row[name]
            if type(given) is not list or len(given) > plan.row_limits[name][1]:
                raise Unusual
            new_row = table.new_row
            row[name] = lines = [new_row(one) for one in given]
            for line, fresh in zip(lines, new_ids(len(lines)), strict=True):
                line["id"] = fresh
            reading.before[name] = [None] * len(given)
            reading.given_rows[name] = given
    else:
        row = {**plan.header.empty, **previous}
        takers = plan.header.takers
        for key, raw in submitted.items():
            row[key] = takers[key](raw)
        for table in plan.lines.values():
            _quick_lines(plan, table, submitted, previous, row, reading)
    reading.row = row
    reading.given = submitted


def _quick_lines(
    plan: Plan,
    table: TablePlan,
    submitted: Mapping[str, object],
    previous: Row,
    row: Row,
    reading: Reading,
) -> None:
    """The rows of a record that was there before."""
    name = table.name
    earlier: list[Row] = previous.get(name) or []
    if name not in submitted:
        row[name] = [dict(one) for one in earlier]
        reading.before[name] = [*earlier]
        reading.given_rows[name] = [_NOTHING] * len(earlier)
        return
    given: Any = submitted[name]
    if type(given) is not list or len(given) > plan.row_limits[name][1]:
        raise Unusual
    known = {one["id"]: one for one in earlier}
    takers = table.takers
    made: list[Row] = []
    before: list[Row | None] = []
    for raw_row in given:
        key = raw_row.get("id")
        if key is None:
            made.append(table.new_row({k: v for k, v in raw_row.items() if k != "id"}))
            made[-1]["id"] = new_id()
            before.append(None)
            continue
        old = known.pop(key)
        line = {**table.empty, **old}
        for field, raw in raw_row.items():
            line[field] = takers[field](raw)
        made.append(line)
        before.append(old)
    row[name] = made
    reading.before[name] = before
    reading.given_rows[name] = given


class _Careful:
    """Reads value by value and explains each refusal; also minds what a person may write."""

    def __init__(self, plan: Plan, rights: FieldRights, refuse: Refuse, reading: Reading) -> None:
        self.plan = plan
        self.rights = rights
        self.refuse = refuse
        self.reading = reading

    def read(self, submitted: Mapping[str, object]) -> None:
        reading, plan = self.reading, self.plan
        previous = reading.previous
        if not isinstance(submitted, Mapping):
            self.refuse((), Invalid("not_a_mapping", got=got(submitted)))
            submitted = _NOTHING
        if previous is None:
            row = dict(plan.header.fresh)
            row["id"] = new_id()
        else:
            row = {**plan.header.empty, **previous}
        reading.row = row
        reading.given = submitted
        self.values(plan.header, submitted, row, previous, ())
        for name, table in plan.lines.items():
            earlier: list[Row] = list((previous or {}).get(name) or ())
            if name in submitted:
                self.lines(table, submitted[name], earlier)
            else:
                self.keep(name, earlier)

    def values(
        self,
        table: TablePlan,
        given: Mapping[str, object],
        row: Row,
        previous: Row | None,
        path: Path,
        *,
        closed: bool = False,
    ) -> None:
        """Read the values of one row into `row`; those of a closed row may only be as they are."""
        for key, raw in given.items():
            reader = table.readers.get(key)
            if reader is None:
                self.unknown(table, key, (*path, key))
                continue
            if key in self.plan.lines if not table.name else key == "id":
                continue
            try:
                value = reader(raw)
            except Invalid as wrong:
                if not closed and self.rights.takes(table.fields[key]):
                    row[key] = None
                    self.refuse((*path, key), wrong)
                else:
                    self.refuse((*path, key), Invalid("readonly"))
                continue
            if not closed and self.rights.takes(table.fields[key]):
                row[key] = value
            else:
                self.reading.claims.append(((*path, key), table.name, value))

    def lines(self, table: TablePlan, raw: object, earlier: list[Row]) -> None:
        """Read the rows given for a lines field; earlier rows not among them are removed."""
        name, reading = table.name, self.reading
        most = self.plan.row_limits[name][1]
        if raw is None:
            raw = []
        if not isinstance(raw, list | tuple) or len(raw) > most:
            if isinstance(raw, list | tuple):
                self.refuse((name,), Invalid("too_many_rows", max=most, count=len(raw)))
            else:
                self.refuse((name,), Invalid("not_rows", got=got(raw)))
            self.keep(name, earlier)
            return
        if name in self.rights.fixed:
            self.fixed_lines(table, raw, earlier)
            return
        known = {one["id"]: one for one in earlier}
        used: set[int] = set()
        made: list[Row] = []
        old: list[Row | None] = []
        given: list[Mapping[str, object]] = []
        claims = len(reading.claims)
        for index, one in enumerate(raw):
            path: Path = (name, index)
            if not isinstance(one, Mapping):
                self.refuse(path, Invalid("not_a_mapping", got=got(one)))
                one = _NOTHING
            before = self.earlier(one.get("id"), known, used, (*path, "id"))
            line = dict(table.fresh) if before is None else {**table.empty, **before}
            if before is None:
                line["id"] = new_id()
            shut = before is not None and not self.rights.opens(name, before["id"])
            self.values(table, one, line, before, path, closed=shut)
            made.append(line)
            old.append(before)
            given.append(one)
        if not self.rights.takes(self.plan.header.fields[name]):
            del reading.claims[claims:]
            self.locked_lines(name, made, earlier)
            return
        reading.row[name] = made
        reading.before[name] = old
        reading.given_rows[name] = given

    def fixed_lines(
        self, table: TablePlan, raw: list[object] | tuple[object, ...], earlier: list[Row]
    ) -> None:
        """Read values into rows that are there; their number and order stay."""
        name = table.name
        self.keep(name, earlier)
        rows = {line["id"]: at for at, line in enumerate(self.reading.row[name])}
        known = {one["id"]: one for one in earlier}
        used: set[int] = set()
        for index, one in enumerate(raw):
            path: Path = (name, index)
            if not isinstance(one, Mapping):
                self.refuse(path, Invalid("not_a_mapping", got=got(one)))
                continue
            before = self.earlier(one.get("id"), known, used, (*path, "id"))
            if before is None:
                if one.get("id") is None:
                    self.refuse(path, Invalid("readonly"))
                continue
            at = rows[before["id"]]
            closed = not self.rights.opens(name, before["id"])
            line = self.reading.row[name][at]
            self.values(table, one, line, before, (name, at), closed=closed)
            if not closed:
                self.reading.given_rows[name][at] = one

    def locked_lines(self, name: str, made: list[Row], earlier: list[Row]) -> None:
        """Rows given where none may be written: the earlier ones stay, others are refused."""
        same = [m["id"] for m in made] == [e["id"] for e in earlier] and all(
            m.get(k) == v for m, e in zip(made, earlier, strict=True) for k, v in e.items()
        )
        if not same:
            self.refuse((name,), Invalid("readonly"))
        self.keep(name, earlier)

    def keep(self, name: str, earlier: list[Row]) -> None:
        """The rows stay as they were."""
        reading = self.reading
        reading.row[name] = [dict(one) for one in earlier]
        reading.before[name] = list(earlier)
        reading.given_rows[name] = [_NOTHING] * len(earlier)

    def earlier(
        self, raw: object, known: Mapping[int, Row], used: set[int], path: Path
    ) -> Row | None:
        """The row as it was before, found by the id given with it."""
        try:
            key = read_id(raw)
        except Invalid as wrong:
            self.refuse(path, wrong)
            return None
        if key is None:
            return None
        if key not in known:
            self.refuse(path, Invalid("unknown_row"))
            return None
        if key in used:
            self.refuse(path, Invalid("repeated_row"))
            return None
        used.add(key)
        return known[key]

    def unknown(self, table: TablePlan, key: object, path: Path) -> None:
        name = str(key)[:60]
        hint = did_you_mean(suggest(name, table.fields))
        self.refuse(path, Invalid("unknown_field", name=name, hint=hint))


def place_moments(plan: Plan, reading: Reading, zone: Any) -> None:
    """Understand moments that came without a zone in the tenant's."""
    if not plan.moments:
        return
    row = reading.row
    for key in plan.header.moments:
        value = row[key]
        if value is not None and value.tzinfo is None:
            row[key] = localise(value, zone)
    for name, table in plan.lines.items():
        if table.moments:
            for line in row[name]:
                for key in table.moments:
                    value = line[key]
                    if value is not None and value.tzinfo is None:
                        line[key] = localise(value, zone)
