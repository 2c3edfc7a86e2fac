"""What connections can serve: capabilities, their actions and events. Plain data, no behaviour.

A flow names an action as `payment.refund` and never a plugin; a connection says which plugin
serves it. The standard ones stand here; a plugin adds its own by the hook `capabilities`.

Types of arguments and of what an action gives are words: text, integer, decimal, money, boolean,
date, datetime, record (a link to a record), lines (rows), file, any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TYPES = (
    *("text", "integer", "decimal", "money", "boolean", "date", "datetime"),
    *("record", "lines", "file", "any"),
)
"""Words for what a value is. A plugin gets money as {"amount": "12.30", "currency": "CNY"},
decimals as text, dates as ISO text, records as their 13 characters, rows as a list of maps."""


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action. `arguments` must be given, `optional` may be; others are passed on as they are.

    `gives`: what a success carries. `fails`: codes of failures a flow may expect, without
    "failed."; "unavailable" may happen to every action. `money`: it moves money, so it must never
    happen twice.
    """

    arguments: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    fails: tuple[str, ...] = ()
    money: bool = False

    @property
    def takes(self) -> dict[str, str]:
        """All arguments it knows, with their types."""
        return {**self.arguments, **self.optional}


@dataclass(frozen=True, slots=True)
class EventSpec:
    """Something the service tells by itself. `data`: the parts of it, with their types."""

    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capability:
    """What a service can do and tell."""

    id: str
    actions: Mapping[str, ActionSpec]
    events: Mapping[str, EventSpec] = field(default_factory=dict)


PAYMENT = Capability(
    "payment",
    {
        "refund": ActionSpec(
            {"amount": "money"},
            {"order": "record", "method": "text", "reference": "text", "reason": "text"},
            {"reference": "text", "at": "datetime"},
            ("declined",),
            money=True,
        ),
        "authorise": ActionSpec(
            {"amount": "money"},
            {"order": "record", "raise": "text"},
            {"reference": "text", "at": "datetime"},
            ("declined",),
            money=True,
        ),
        "capture": ActionSpec(
            {"reference": "text"},
            {"amount": "money"},
            {"reference": "text", "at": "datetime"},
            ("declined", "expired"),
            money=True,
        ),
        "release": ActionSpec(
            {"reference": "text"}, {}, {"reference": "text"}, ("expired",), money=True
        ),
    },
    {
        "authorised": EventSpec({"reference": "text", "amount": "money", "at": "datetime"}),
        "refunded": EventSpec({"reference": "text", "amount": "money", "at": "datetime"}),
    },
)
CARRIER = Capability(
    "carrier",
    {
        "create_label": ActionSpec(
            {"address": "text"},
            {"payer": "text", "contact": "text", "weight": "decimal", "reference": "text"},
            {"tracking_no": "text", "file": "text"},
            ("bad_address",),
        ),
        "void_label": ActionSpec({}, {"tracking_no": "text"}, {}, ("already_used",)),
    },
    {
        "collected": EventSpec({"tracking_no": "text", "at": "datetime"}),
        "delivered": EventSpec({"tracking_no": "text", "at": "datetime"}),
        "lost": EventSpec({"tracking_no": "text", "at": "datetime", "reason": "text"}),
    },
)
_GOODS = {
    **{"sku": "text", "product": "record", "quantity": "decimal", "to": "text", "from": "text"},
    **{"lines": "lines", "reference": "text"},
}
STOCK = Capability(
    "stock",
    {
        "move": ActionSpec({}, _GOODS, {"record": "text"}, ("no_stock",)),
        "reserve": ActionSpec({}, _GOODS, {"record": "text"}, ("no_stock",)),
        "release": ActionSpec({}, _GOODS, {"record": "text"}),
    },
)

STANDARD: Mapping[str, Capability] = {one.id: one for one in (PAYMENT, CARRIER, STOCK)}
"""The capabilities every installation knows."""

_known: dict[str, Capability] = dict(STANDARD)


def known() -> Mapping[str, Capability]:
    """The standard ones and those of the plugins this process has loaded."""
    return _known


def offer(capabilities: Iterable[Capability]) -> None:
    """Make capabilities of a plugin known. Raises ValueError where one is malformed or is already
    there and says something else."""
    for one in capabilities:
        _check(one)
        before = _known.setdefault(one.id, one)
        if before != one:
            raise ValueError(f"the capability {one.id!r} is already known and differs")


def action(capabilities: Mapping[str, Capability], use: str) -> ActionSpec | None:
    """The action `<capability>.<action>`, or None."""
    capability, _, name = use.partition(".")
    found = capabilities.get(capability)
    return found.actions.get(name) if found is not None else None


def event(capabilities: Mapping[str, Capability], name: str) -> EventSpec | None:
    """The event `<capability>.<event>`, or None."""
    capability, _, short = name.partition(".")
    found = capabilities.get(capability)
    return found.events.get(short) if found is not None else None


def _check(one: Capability) -> None:
    if not isinstance(one, Capability) or not one.id.isidentifier():
        raise ValueError(f"{one!r} is no Capability with an id of letters, digits and _")
    for name, spec in one.actions.items():
        for argument, kind in {**spec.takes, **spec.gives}.items():
            if kind not in TYPES:
                raise ValueError(f"{one.id}.{name}: {argument} is {kind!r}; allowed: {TYPES}")
    for name, told in one.events.items():
        for part, kind in told.data.items():
            if kind not in TYPES:
                raise ValueError(f"{one.id}.{name}: {part} is {kind!r}; allowed: {TYPES}")
