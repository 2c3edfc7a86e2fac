"""Connections: which plugin serves which capability, for what, and whose events find which record.

A condition of `serves` reads what the action is called with, typed by the capability. Secrets are
names; their values are known to the installation alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.capabilities import ActionSpec, Capability, action, event
from app.catalog.compiling import Compiling
from app.catalog.model import Connection, ConnectionEvent
from forms.expr import BOOLEAN, Expr, Scope, Type
from forms.expr.types import DATE, DATETIME, DECIMAL, INTEGER, MONEY, TEXT
from forms.problems import Path, listed, suggest

KEYS = "connection label help was plugin settings secrets serves events".split()
EVENT_KEYS = ("match", "save")
MATCH_KEYS = ("form", "field")

_TYPES: Mapping[str, Type] = {
    "text": TEXT,
    "integer": INTEGER,
    "decimal": DECIMAL,
    "money": MONEY,
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": DATETIME,
    "record": TEXT,
}
"""What a condition can read of an argument; rows and files it cannot."""

_MATCHED = frozenset({"text", "integer"})


def compile_connection(connection_id: str, at: Compiling) -> Connection:
    """Compile one connection; what is wrong with it is noted in `at`."""
    serves: dict[str, Expr | None] = {}
    for name, when in at.data.get("serves", {}).items():
        path: Path = ("serves", name)
        specs = served(name, at.capabilities)
        if not specs:
            _unknown_capability(name, path, at)
            continue
        scope = Scope(_arguments(specs), None, None, at.library)
        condition = at.condition(when, path, scope)
        if when is not False:
            serves[name] = condition
    return Connection(
        id=connection_id,
        label=at.text("label", connection_id),
        plugin=str(at.data.get("plugin", "")),
        settings=dict(at.data.get("settings", {})),
        secrets=dict(at.data.get("secrets", {})),
        serves=serves,
        events=dict(_events(at)),
    )


def served(name: str, capabilities: Mapping[str, Capability]) -> list[ActionSpec]:
    """The actions a key of `serves` stands for: all of a capability, or one."""
    if "." in name:
        found = action(capabilities, name)
        return [found] if found is not None else []
    capability = capabilities.get(name)
    return list(capability.actions.values()) if capability is not None else []


def _arguments(specs: Iterable[ActionSpec]) -> dict[str, Type]:
    """The names a condition may read. What one action knows and another does not is null there;
    what two know as different things cannot be read."""
    found: dict[str, set[str]] = {}
    for spec in specs:
        for name, kind in spec.takes.items():
            found.setdefault(name, set()).add(kind)
    names = {n: _TYPES[k] for n, (k, *more) in found.items() if not more and k in _TYPES}
    return {**names, "form": TEXT}


def _unknown_capability(name: str, path: Path, at: Compiling) -> None:
    everything = [
        *at.capabilities,
        *(f"{one.id}.{act}" for one in at.capabilities.values() for act in one.actions),
    ]
    at.problem(
        "unknown_capability",
        path,
        f"there is no capability {name}",
        listed(sorted(at.capabilities)) + ", or <capability>.<action>",
        suggest(name, everything),
        on_key=True,
    )


def _events(at: Compiling) -> Iterable[tuple[str, ConnectionEvent]]:
    for name, raw in at.data.get("events", {}).items():
        path: Path = ("events", name)
        spec = event(at.capabilities, name)
        if spec is None:
            known = [f"{one.id}.{e}" for one in at.capabilities.values() for e in one.events]
            at.problem(
                "unknown_event",
                path,
                f"no capability has an event {name}",
                listed(sorted(known)),
                suggest(name, known),
                on_key=True,
            )
            continue
        form, field = raw["match"]["form"], raw["match"]["field"]
        if not at.refers("form", form, (*path, "match", "form")):
            continue
        if not at.has_field(form, field, (*path, "match", "field")):
            continue
        kind = at.type_at(form, field)
        if kind is not None and kind.kind not in _MATCHED:
            at.problem(
                "event_key",
                (*path, "match", "field"),
                f"{field} is {kind}; what comes from outside is compared with a text or number",
                "a text or integer field of the record or its lines",
            )
        for target, part in raw.get("save", {}).items():
            if at.has_field(form, target, (*path, "save", target), on_key=True):
                _demand_no_rows(form, target, (*path, "save", target), at)
            if part not in spec.data:
                at.problem(
                    "unknown_part",
                    (*path, "save", target),
                    f"{name} carries no {part}",
                    listed([*spec.data]) if spec.data else "it carries nothing",
                    suggest(part, spec.data),
                )
        yield name, ConnectionEvent(name, form, field, dict(raw.get("save", {})))


def _demand_no_rows(form: str, target: str, path: Path, at: Compiling) -> None:
    kind = at.type_at(form, target)
    if kind is not None and kind.kind == "lines":
        at.problem(
            "event_save",
            path,
            f"{target} are rows; a part of an event is one value",
            f"a field of the record, or of its rows: {target}.<field>",
            on_key=True,
        )
