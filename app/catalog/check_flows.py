"""Hold every flow against what is around it: forms, roles, capabilities, the other flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.capabilities import Capability
from app.catalog.model import Connection, Import, Role
from flows.model import Do, Flow, Start
from flows.soundness import Analysis, World, analyse, filled_at_end, findings, given_by
from forms.model import Form
from forms.problems import Problem

_ROUNDS = 3
"""A record's ends tell the flow that started it what is filled, and the other way round: what is
known grows with each round, and is true after any."""


@dataclass(frozen=True, slots=True)
class Around:
    """What flows are judged by. `raw`: kind → id → plain definition, of what is not compiled."""

    forms: Mapping[str, Form]
    roles: Mapping[str, Role]
    capabilities: Mapping[str, Capability]
    connections: Mapping[str, Connection]
    imports: Mapping[str, Import]
    raw: Mapping[str, Mapping[str, Any]]


def check_flows(
    flows: Mapping[str, Flow], around: Around, ends: Mapping[str, frozenset[str]]
) -> Iterator[tuple[str, Problem]]:
    """(flow, finding) for every flow. `ends`: form → the ends its flow names."""
    told = _told(around)
    pays = frozenset(name for name, flow in flows.items() if _pays(flow, around))
    opened = _opened(around)
    worlds = {
        name: World(
            forms=around.forms,
            roles=around.roles,
            capabilities=around.capabilities,
            ends=ends,
            pays=pays,
            written=frozenset().union(*(fields for _, fields in told.get(name, ()))),
            saved=_saved(told.get(name, ())),
        )
        for name in flows
    }
    known = {name: analyse(flow, worlds[name]) for name, flow in flows.items()}
    tied = any(
        isinstance(step.body, Start) for flow in flows.values() for step in flow.steps.values()
    )
    for _ in range(_ROUNDS if tied else 0):
        after = _next(worlds, known, opened, ends)
        changed = [name for name in flows if after[name] != worlds[name]]
        if not changed:
            break
        worlds = after
        known |= {name: analyse(flows[name], worlds[name]) for name in changed}
    for name, analysis in known.items():
        for problem in findings(analysis):
            yield name, problem


def _next(
    worlds: Mapping[str, World],
    known: Mapping[str, Analysis],
    opened: frozenset[str],
    ends: Mapping[str, frozenset[str]],
) -> dict[str, World]:
    """The worlds with what the last analysis has shown of the other flows."""
    now = {**ends, **{name: one.graphs[""].ends for name, one in known.items()}}
    ended = {name: filled_at_end(one) for name, one in known.items()}
    found = {}
    for name, world in worlds.items():
        given = None
        if name not in opened:
            each = [facts for one in known.values() for facts in given_by(one, name)]
            given = each[0].intersection(*each[1:]) if each else None
        found[name] = world.told(now, ended, given)
    return found


def _opened(around: Around) -> frozenset[str]:
    """Forms whose records people, files or a timetable make, not only flows."""
    found = {
        form
        for role in around.roles.values()
        for form, grant in role.can.items()
        if "create" in grant.actions or "import" in grant.actions
    }
    found.update(one.into for one in around.imports.values())
    for portal in around.raw.get("portal", {}).values():
        found.update(portal.get("start", ()))
    for trigger in around.raw.get("trigger", {}).values():
        found.add(trigger["start"]["form"])
    return frozenset(found)


Told = list[tuple[str, frozenset[str]]]


def _told(around: Around) -> dict[str, Told]:
    """Form → every (event, fields it fills) that a connection tells a record of it."""
    found: dict[str, Told] = {}
    for connection in around.connections.values():
        for event in connection.events.values():
            found.setdefault(event.form, []).append((event.name, frozenset(event.save)))
    return found


def _saved(told: Iterable[tuple[str, frozenset[str]]]) -> dict[str, frozenset[str]]:
    """Event → what every connection that tells it fills."""
    found: dict[str, frozenset[str]] = {}
    for name, fields in told:
        found[name] = found.get(name, fields) & fields
    return found


def _pays(flow: Flow, around: Around) -> bool:
    """Whether a flow moves money itself."""
    for step in flow.steps.values():
        if isinstance(step.body, Do):
            for action in step.body.actions.values():
                capability, _, name = action.use.partition(".")
                known = around.capabilities.get(capability)
                spec = known.actions.get(name) if known is not None else None
                if spec is not None and spec.money:
                    return True
    return False
