"""What a step of a scenario expects, held against what came out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from app.records.errors import Refused
from app.scenarios.names import Known, Unnamed
from app.scenarios.world import World
from forms.values import Money, Text, decode_id

_CALLED = re.compile(r"^([a-z_][a-z0-9_]*)\(([^)]*)\)(?:\.([a-z_][a-z0-9_]*))?$")
RULE, COUNT = "rule", "count"
_CLOCK = {"due_at": "due"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as told."""

    what: str
    expected: str
    found: Text | str


@dataclass(frozen=True, slots=True)
class Since:
    """Where the world stood before a step."""

    calls: int
    messages: frozenset[int]
    stuck: frozenset[str]

    @classmethod
    def now(cls, world: World) -> Since:
        """As it stands now."""
        return cls(len(world.recorder.calls), frozenset(world.notified()), frozenset(world.stuck()))


def judge(
    world: World, known: Known | None, expected: Mapping[str, Any], since: Since
) -> list[Finding]:
    """Everything that is not as `expected` says."""
    findings = [
        Finding("effects", "all done", why)
        for key, why in world.stuck().items()
        if key not in since.stuck and "incident" not in expected
    ]
    for key, told in expected.items():
        try:
            found = _found(world, known, key, since)
            fits = found.fits(told)
        except (Unnamed, Refused) as wrong:
            findings.append(Finding(key, _shown(told), str(wrong)))
            continue
        if not fits:
            findings.append(Finding(key, _shown(told), found.shown()))
    return findings


@dataclass(frozen=True, slots=True)
class _Value:
    """Something found; `same` holds it against what is told."""

    value: Any
    same: Callable[[Any, Any], bool]

    def fits(self, told: Any) -> bool:
        return self.same(self.value, told)

    def shown(self) -> str:
        return _shown(self.value)


def _found(world: World, known: Known | None, key: str, since: Since) -> _Value:
    if key == "calls":
        return _Value(world.recorder.calls[since.calls :], _same_list)
    if key == "messages":
        made = world.notified()
        return _Value([name for i, name in made.items() if i not in since.messages], _same_set)
    called = _CALLED.match(key)
    if called is not None:
        return _called(world, known, called[1], called[2], called[3])
    alias = key.partition(".")[0].partition("[")[0]
    if alias in world.names.records:
        record, path = _split(world, key)
        return _of_record(world, record, path)
    if known is None:
        raise Unnamed("`on` names the record this is about")
    return _of_record(world, known, key)


def _split(world: World, key: str) -> tuple[Known, str]:
    """`r.refund.stage` → the record `r.refund` and `stage`."""
    parts = key.split(".")
    if len(parts) == 1:
        raise Unnamed(f"{key} is a record; name something of it")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            return world.names.record(".".join(parts[:cut])), ".".join(parts[cut:])
        except Unnamed:
            continue
    raise Unnamed(f"{key} leads nowhere")


def _of_record(world: World, known: Known, key: str) -> _Value:
    match key:
        case "step":
            return _Value(_steps(world, known), _among)
        case "outcome":
            return _Value(world.flow(known).outcome, _same)
        case "tasks":
            return _tasks(world, known)
        case "incident":
            return _Value([one.code for one in world.flow(known).incidents], _among)
        case "decisions":
            return _Value(_acts(world, known), _same_list)
    if key.startswith("sla.") and key.count(".") == 2:
        _, name, part = key.split(".")
        return _Value(_sla(world, known, name, part), lambda a, b: _same_moment(world, a, b))
    value, _ = world.names.value(known, key)
    return _Value(value, lambda found, told: _same_value(world, found, told))


# --- one kind after the other -------------------------------------------------------------------


def _steps(world: World, known: Known) -> list[str]:
    """Paths of the steps at which something stands still; nothing once the record has ended."""
    view = world.flow(known)
    if view.outcome is not None:
        return []
    still = [one for one in view.tokens if one.outcome is None and not one.children]
    return sorted({f"{one.scope}/{one.step}" if one.scope else one.step for one in still})


def _tasks(world: World, known: Known) -> _Value:
    names = {key: name for name, key in world.cast.ids.items()}
    found: dict[str, list[str]] = {}
    for view in world.flow(known).tasks:
        step = f"{view.path}.{view.task.level}" if view.task.level else view.path
        found.setdefault(step, []).extend(_seat(seat, names) for seat in view.task.seats)
    kept = {step: sorted(set(seats)) for step, seats in found.items()}

    def same(value: Mapping[str, list[str]], told: Any) -> bool:
        if isinstance(told, int):
            return len(world.flow(known).tasks) == told
        if isinstance(told, list):
            return sorted(told) == sorted(value)
        if not isinstance(told, Mapping):
            return False
        return {k: sorted(_listed(v)) for k, v in told.items()} == value

    return _Value(kept, same)


def _seat(seat: str, names: Mapping[int, str]) -> str:
    kind, _, value = seat.partition(":")
    if kind == "user":
        return names.get(int(value), value)
    return value if kind == "role" else kind


def _acts(world: World, known: Known) -> list[str]:
    """What people and rules decided, oldest first: `step outcome`."""
    every = [one for entry in world.why(known) for one in entry.trace]
    return [
        f"{one.get('step')} {one.get('outcome')}" for one in every if one.get("kind") == "leave"
    ]


def _sla(world: World, known: Known, name: str, part: str) -> Any:
    clock = world.flow(known).slas.get(name)
    if clock is None:
        raise Unnamed(f"the clock of {name} does not run")
    return clock.get(_CLOCK.get(part, part))


def _called(world: World, known: Known | None, name: str, inside: str, measure: str) -> _Value:
    arguments = [one.strip() for one in inside.split(",") if one.strip()]
    if name == RULE:
        return _Value(_rule(world, known, arguments), _same)
    if name == COUNT:
        home = world.tenant.active().tables.forms.get(arguments[0])
        if home is None:
            raise Unnamed(f"there is no form {arguments[0]}")
        sql = f"SELECT count(*) FROM {home.table} WHERE deleted = 0"
        return _Value(world.tenant.db.query(sql)[0][0], _same)
    return _Value(_measure(world, name, arguments[0], measure), _same)


def _rule(world: World, known: Known | None, arguments: list[str]) -> str | None:
    """The rule by which a policy judged last: `rule(policy)`, `rule(policy, lines[0])`."""
    if known is None:
        raise Unnamed("`on` names the record this is about")
    policy = arguments[0]
    row: int | None = None
    if len(arguments) > 1:
        value, _ = world.names.value(known, arguments[1])
        row = int(value["id"])
    found = None
    for entry in world.why(known):
        for one in decisions(entry.trace):
            if one.get("policy") == policy and (row is None or _id(one.get("row")) == row):
                found = str(one.get("rule"))
    return found


def decisions(value: Any) -> Iterable[Mapping[str, Any]]:
    """Every verdict of a policy in a trace."""
    if isinstance(value, Mapping):
        if "policy" in value and "rule" in value:
            yield value
        for one in value.values():
            yield from decisions(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from decisions(one)


def _id(value: Any) -> int | None:
    if isinstance(value, str):
        return decode_id(value)
    return value if isinstance(value, int) else None


def _measure(world: World, name: str, key: str, measure: str) -> Any:
    """A measure of an aggregate under a record or row of the scenario."""
    found = world.names.link(key)
    catalog, tables = world.tenant.active().catalog, world.tenant.active().tables
    if found is None or name not in catalog.aggregates:
        raise Unnamed(f"{name}({key}) leads nowhere")
    one, home = catalog.aggregates[name], tables.aggregates[name]
    if measure not in one.measures:
        raise Unnamed(f"{name} has no measure {measure}")
    sql = f"SELECT {home.columns[measure]} FROM rf_aggregate WHERE aggregate = ? AND key = ?"
    rows = world.tenant.db.query(sql, (home.name, found))
    scale = one.measures[measure].scale
    return Decimal(rows[0][0] if rows else 0).scaleb(-scale).normalize()


# --- the same? ----------------------------------------------------------------------------------


def _same_value(world: World, found: Any, told: Any) -> bool:
    if isinstance(told, str) and isinstance(found, int) and not isinstance(found, bool):
        linked = world.names.link(told)
        if linked is not None:
            return linked == found
        person = world.cast.ids.get(told)
        if person is not None:
            return person == found
    if isinstance(found, datetime):
        return _same_moment(world, found, told)
    many = isinstance(found, list | tuple) and not isinstance(found, Money)
    if many and isinstance(told, int) and not isinstance(told, bool):
        return len(found) == told
    return _same(found, told)


def _same(found: Any, told: Any) -> bool:
    if told is None or found is None:
        return found is None and told in (None, "none")
    if isinstance(told, bool) or isinstance(found, bool):
        return found is told
    if isinstance(found, Money):
        number, _, currency = str(told).partition(" ")
        return _number(number) == found.amount and currency in ("", found.currency)
    if isinstance(found, int | Decimal):
        return _number(told) == Decimal(found)
    if isinstance(found, date | timedelta):
        return str(found) == str(told)
    if isinstance(found, list | tuple):
        return _same_list(found, told)
    return str(found) == str(told)


def _number(told: Any) -> Decimal | None:
    try:
        return Decimal(str(told))
    except InvalidOperation:
        return None


def _same_list(found: Any, told: Any) -> bool:
    listed = _listed(told)
    if isinstance(told, int) and not isinstance(told, bool):
        return len(found) == told
    return len(found) == len(listed) and all(map(_same, found, listed))


def _same_set(found: Any, told: Any) -> bool:
    if isinstance(told, int) and not isinstance(told, bool):
        return len(found) == told
    return set(_listed(told)) == set(found)


def _among(found: list[str], told: Any) -> bool:
    """Steps by their path, or by their id alone; a list means all of them."""
    if told is None or told == "none":
        return not found
    short = {one: one.rpartition("/")[2] for one in found}
    named = _listed(told)
    hit = [one for one in found if one in named or short[one] in named]
    return bool(hit) and (not isinstance(told, list) or len(hit) == len(found) == len(named))


def _listed(told: Any) -> list[Any]:
    return list(told) if isinstance(told, list | tuple) else [told]


def _same_moment(world: World, found: Any, told: Any) -> bool:
    if told is None or found is None:
        return found is None and told in (None, "none")
    if isinstance(found, int):
        found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found)
    try:
        at = datetime.fromisoformat(found) if isinstance(found, str) else found
        wanted = world.moment(str(told))
    except ValueError:
        return str(found) == str(told)
    at = at.replace(second=0, microsecond=0)
    if len(str(told)) == 10:
        return bool(at.astimezone(world.zone).date() == wanted.astimezone(world.zone).date())
    return bool(at == wanted.replace(second=0, microsecond=0))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Money):
        return f"{value.amount.normalize():f} {value.currency}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one) for one in value) or "nothing"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_shown(one)}" for key, one in value.items()) or "nothing"
    return str(value)
