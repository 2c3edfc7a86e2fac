"""What the analysis is told of the things around a flow: plain protocols, no catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from forms.model import Form


class Grant(Protocol):
    """What a role may do with one form. `hide` and `readonly` are dotted paths of fields."""

    @property
    def actions(self) -> frozenset[str]: ...
    @property
    def hide(self) -> frozenset[str]: ...
    @property
    def readonly(self) -> frozenset[str]: ...


class Role(Protocol):
    """A role: its rights by form and the roles whose rights it takes over."""

    @property
    def includes(self) -> tuple[str, ...]: ...
    @property
    def can(self) -> Mapping[str, Grant]: ...


class ActionSpec(Protocol):
    """An action of a capability: what it must be given, what it answers, the codes it may fail
    with, and whether it moves money."""

    @property
    def arguments(self) -> Mapping[str, object]: ...
    @property
    def fails(self) -> Iterable[str]: ...
    @property
    def gives(self) -> Mapping[str, object]: ...
    @property
    def money(self) -> bool: ...


class Capability(Protocol):
    """What connections may serve."""

    @property
    def actions(self) -> Mapping[str, ActionSpec]: ...
    @property
    def events(self) -> Mapping[str, object]: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything around one flow.

    `forms`: all forms by id, the flow's own among them. `ends`: form → the outcomes its flow may
    end with (a form that is missing has no flow). `ended`: form → fields that are filled at
    every end of its flow. `pays`: forms whose flow moves money. `given`: fields of this form
    that every flow which starts such a record fills (None: people make it, too, and nothing is
    sure but what the form requires). `written`: fields of this form that events from outside fill;
    `saved`: event → those it fills whoever tells it.
    """

    forms: Mapping[str, Form]
    roles: Mapping[str, Role] = field(default_factory=dict)
    capabilities: Mapping[str, Capability] = field(default_factory=dict)
    ends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ended: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pays: frozenset[str] = frozenset()
    given: frozenset[str] | None = None
    written: frozenset[str] = frozenset()
    saved: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def told(
        self,
        ends: Mapping[str, frozenset[str]],
        ended: Mapping[str, frozenset[str]],
        given: frozenset[str] | None,
    ) -> World:
        """The same with what other flows say."""
        return replace(self, ends=ends, ended=ended, given=given)

    def action(self, use: str) -> ActionSpec | None:
        """The action `payment.refund`, where its capability is known."""
        name, _, action = use.partition(".")
        found = self.capabilities.get(name)
        return None if found is None else found.actions.get(action)

    def grants(self, role: str, form: str) -> tuple[Grant, ...]:
        """All grants of a role on a form, its own and those of the roles it includes."""
        found: list[Grant] = []
        seen: set[str] = set()
        ahead = [role]
        while ahead:
            name = ahead.pop()
            known = self.roles.get(name)
            if name in seen or known is None:
                continue
            seen.add(name)
            ahead.extend(known.includes)
            if form in known.can:
                found.append(known.can[form])
        return tuple(found)
