"""Trial data, made up by a description: repeatable, through the same door as real data.

A `demo` definition says how many records of which form, and for each field how its value comes
about (docs/definitions/demo.md). The same seed gives the same values; times count back from the
moment given, so that a fresh demo is never stale.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from forms.problems import Problem

Value = object
Row = Mapping[str, Value]
_SPAN = re.compile(r"^(-?\d+)([dhm])$")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_PLACE = re.compile(r"\{n(?::(\d+))?\}")


class DemoError(Exception):
    """A demo definition that cannot be carried out; `problem` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{'.'.join(map(str, problem.path))}: {problem.message}")
        self.problem = problem


@dataclass(slots=True)
class Maker:
    """Makes values; holds the dice, the clock and the records made so far."""

    dice: random.Random
    now: datetime
    made: dict[str, list[Row]] = field(default_factory=dict)
    own: dict[str, Value] = field(default_factory=dict)
    """The fields of the record at hand that are made already."""

    def source(self, form: str, path: tuple[str, ...]) -> Row:
        """A record made before, picked at random (`like: <form>`)."""
        if not self.made.get(form):
            raise DemoError(
                Problem("demo_nothing_made", path, f"no record of `{form}` has been made yet")
            )
        return self.dice.choice(self.made[form])

    def fields(
        self, spec: Mapping[str, Value], number: int, source: Row | None, path: tuple[str, ...]
    ) -> dict[str, Value]:
        """Submitted values by a `with` map; `number` counts on, `source` is what `like` picked."""
        found: dict[str, Value] = {}
        for name, rule in spec.items():
            self.own = found
            found[name] = self.value(rule, number, source, (*path, name))
        return found

    def value(self, rule: Value, number: int, source: Row | None, path: tuple[str, ...]) -> Value:
        """One value by its rule: a plain value stands for itself, a map names a way of making."""
        if not isinstance(rule, Mapping):
            return rule
        for key, make in _WAYS.items():
            if key in rule:
                return make(self, rule, number, source, path)
        raise DemoError(
            Problem(
                "demo_unknown_rule",
                path,
                f"no such way to make a value: {', '.join(map(str, rule))}",
                f"one of {', '.join(_WAYS)}",
            )
        )


def _pick(maker: Maker, rule: Row, _n: int, _source: Row | None, path: tuple[str, ...]) -> Value:
    choices = rule["pick"]
    if isinstance(choices, Mapping):  # value → weight
        weights = [float(str(weight)) for weight in choices.values()]
        return maker.dice.choices(list(choices), weights)[0]
    if isinstance(choices, Sequence) and not isinstance(choices, str) and choices:
        return maker.dice.choice(choices)
    raise DemoError(Problem("demo_bad_rule", (*path, "pick"), "a list, or a map value: weight"))


def _number(maker: Maker, rule: Row, _n: int, _source: Row | None, path: tuple[str, ...]) -> Value:
    low, high = _pair(rule["number"], (*path, "number"))
    places = int(str(rule.get("decimals", 0)))
    scale = 10**places
    drawn = maker.dice.randint(int(Decimal(str(low)) * scale), int(Decimal(str(high)) * scale))
    return str(Decimal(drawn) / scale) if places else drawn


def _time(maker: Maker, rule: Row, _n: int, _source: Row | None, path: tuple[str, ...]) -> Value:
    low, high = (span(part, (*path, "time")) for part in _pair(rule["time"], (*path, "time")))
    seconds = maker.dice.randint(int(low.total_seconds()), int(high.total_seconds()))
    return (maker.now + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _date(maker: Maker, rule: Row, _n: int, _source: Row | None, path: tuple[str, ...]) -> Value:
    low, high = (span(part, (*path, "date")) for part in _pair(rule["date"], (*path, "date")))
    return (maker.now + timedelta(days=maker.dice.randint(low.days, high.days))).date().isoformat()


def _pattern(
    _maker: Maker, rule: Row, number: int, _source: Row | None, _path: tuple[str, ...]
) -> Value:
    return _PLACE.sub(lambda m: str(number).zfill(int(m[1] or 0)), str(rule["pattern"]))


def _link(maker: Maker, rule: Row, _n: int, _source: Row | None, path: tuple[str, ...]) -> Value:
    return maker.source(str(rule["link"]), (*path, "link"))["id"]


def _nth(maker: Maker, rule: Row, number: int, _source: Row | None, path: tuple[str, ...]) -> Value:
    entries = rule["nth"]
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise DemoError(Problem("demo_bad_rule", (*path, "nth"), "a list is expected"))
    return entries[(number - 1) % len(entries)]


def _plus(maker: Maker, rule: Row, n: int, source: Row | None, path: tuple[str, ...]) -> Value:
    """A moment after another field's, never in the future; a day where that was one."""
    own = str(rule.get("own", ""))
    base = maker.own.get(own) if own else _of(maker, {"of": rule.get("of")}, n, source, path)
    low, high = (span(part, (*path, "plus")) for part in _pair(rule["plus"], (*path, "plus")))
    if base is None:
        return None
    seconds = maker.dice.randint(int(low.total_seconds()), int(high.total_seconds()))
    text = base.isoformat() if isinstance(base, date) else str(base)
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=maker.now.tzinfo)
    found = min(moment + timedelta(seconds=seconds), maker.now)
    return found.date().isoformat() if rule.get("day") else found.isoformat(timespec="seconds")


def _of(_maker: Maker, rule: Row, _n: int, source: Row | None, path: tuple[str, ...]) -> Value:
    if source is None or str(rule["of"]) not in source:
        raise DemoError(
            Problem("demo_no_source", (*path, "of"), f"there is no `{rule['of']}` to take it from")
        )
    return source[str(rule["of"])]


def _up_to(maker: Maker, rule: Row, n: int, source: Row | None, path: tuple[str, ...]) -> Value:
    most = int(Decimal(str(_of(maker, {"of": rule["up_to"]}, n, source, path))))
    return maker.dice.randint(1, max(1, most))


def _rows(maker: Maker, rule: Row, number: int, source: Row | None, path: tuple[str, ...]) -> Value:
    low, high = _pair(rule["rows"], (*path, "rows"))
    spec = _map(rule.get("with"), (*path, "with"))
    return [
        maker.fields(spec, number, source, (*path, "with"))
        for _ in range(maker.dice.randint(int(str(low)), int(str(high))))
    ]


def _each(maker: Maker, rule: Row, number: int, source: Row | None, path: tuple[str, ...]) -> Value:
    rows = _of(maker, {"of": rule["each"]}, number, source, path)
    spec = _map(rule.get("with"), (*path, "with"))
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise DemoError(Problem("demo_bad_rule", (*path, "each"), "lines are expected"))
    most = min(int(str(rule.get("most", len(rows)))), len(rows))
    chosen = maker.dice.sample(list(rows), maker.dice.randint(1, max(1, most)))
    return [maker.fields(spec, number, row, (*path, "with")) for row in chosen]


Way = Callable[[Maker, Row, int, Row | None, tuple[str, ...]], Value]
_WAYS: dict[str, Way] = {
    "plus": _plus,
    "pick": _pick,
    "nth": _nth,
    "number": _number,
    "time": _time,
    "date": _date,
    "pattern": _pattern,
    "link": _link,
    "of": _of,
    "up_to": _up_to,
    "rows": _rows,
    "each": _each,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record to be made: of which form, with which submitted values."""

    form: str
    submitted: Mapping[str, Value]
    at: str = ""
    """The field with the moment it was made at."""
    then: Sequence[Row] = ()
    """What happened to it since."""


def wanted(definition: Mapping[str, Value], maker: Maker) -> Iterator[Wanted]:
    """The records a demo definition asks for, one after the other.

    The caller makes each and appends what was made (with its ids) to `maker.made[form]` before it
    asks for the next, since later records may link to it. Raises DemoError.
    """
    for step, spec in _map(definition.get("records"), ("records",)).items():
        path = ("records", step)
        rule = _map(spec, path)
        form = str(rule.get("form", step))
        fields = _map(rule.get("with"), (*path, "with"))
        at, then = str(rule.get("at", "")), rule.get("then")
        known = tuple(then) if isinstance(then, Sequence) and not isinstance(then, str) else ()

        def one(
            number: int, rule: Row = rule, fields: Row = fields, path: tuple[str, ...] = path
        ) -> dict[str, Value]:
            like = str(rule.get("like", ""))
            source = maker.source(like, (*path, "like")) if like else None
            return maker.fields(fields, number, source, (*path, "with"))

        numbers = range(1, int(str(rule.get("count", 1))) + 1)
        if at:  # as they came about
            made = sorted(map(one, numbers), key=lambda values: str(values.get(at)))
            yield from (Wanted(form, values, at, known) for values in made)
        else:
            yield from (Wanted(form, one(number), at, known) for number in numbers)


def _map(value: Value, path: tuple[str, ...]) -> Mapping[str, Value]:
    if not isinstance(value, Mapping):
        raise DemoError(Problem("demo_bad_rule", path, "a map is expected"))
    return value


def _pair(value: Value, path: tuple[str, ...]) -> tuple[Value, Value]:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        return value[0], value[1]
    raise DemoError(Problem("demo_bad_rule", path, "two values are expected: [from, to]"))


def span(value: Value, path: tuple[str, ...] = ()) -> timedelta:
    """A length of time as written: -90d, 4h, 30m. Raises DemoError."""
    matched = _SPAN.match(str(value))
    if not matched:
        raise DemoError(
            Problem("demo_bad_rule", path, f"`{value}` is no time span", "such as -90d, -4h, 30m")
        )
    return timedelta(**{_UNITS[matched[2]]: int(matched[1])})
