"""A claim by hand: reading it, checking it, working out its rows. No database, no framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from forms.values import decode_id, encode_id, new_id

GENESIS = bytes(32)
CHANNELS = frozenset({"desk", "portal", "phone", "shop"})
REASONS = frozenset({"broken", "wrong", "unwanted"})
VERDICTS = frozenset({"restock", "scrap", "pending"})
KNOWN = frozenset(
    "party received_at channel reference country currency contact urgent due_on note lines".split()
)
LINE_KNOWN = frozenset("sale_line item quantity price reason verdict".split())
MOST = 1_000_000 * 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = date(1970, 1, 1)
_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode

Error = tuple[str, tuple[str | int, ...]]


class Wrong(Exception):
    """What was sent cannot be saved; `errors` are (code, path)."""

    def __init__(self, errors: list[Error]) -> None:
        super().__init__(errors)
        self.errors = errors


class TooMany(Exception):
    """More is claimed than was sold."""


@dataclass(slots=True)
class Line:
    """One line: quantity in millionths, amounts in ten-thousandths."""

    id: int
    sale_line: int
    quantity: int
    reason: str
    verdict: str | None
    item: int = 0
    price: int = 0
    amount: int = 0


@dataclass(slots=True)
class Claim:
    """A claim as its columns hold it."""

    id: int
    party: int
    received_at: int
    channel: str
    reference: str | None
    country: str | None
    currency: str
    contact: str | None
    urgent: bool
    due_on: int | None
    note: str | None
    lines: list[Line]
    total: int = 0
    pieces: int = 0
    party_name: str = ""


def read(body: Mapping[str, Any], now: datetime) -> Claim:
    """Check what was sent, all of it, and give it types. Raises Wrong."""
    errors: list[Error] = [("unknown_field", (name,)) for name in body.keys() - KNOWN]
    party = _id(body.get("party"), ("party",), errors)
    received = _moment(body.get("received_at"), now, errors)
    channel = body.get("channel")
    if channel not in CHANNELS:
        errors.append(("required" if channel is None else "not_an_option", ("channel",)))
    currency = body.get("currency") or "CNY"
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isupper()):
        errors.append(("bad_format", ("currency",)))
    urgent = body.get("urgent", False)
    if not isinstance(urgent, bool):
        errors.append(("not_a_boolean", ("urgent",)))
    note = _text(body, "note", 10_000, errors)
    if channel == "phone" and not note:
        errors.append(("required", ("note",)))
    rows = body.get("lines")
    if not isinstance(rows, list) or not rows:
        errors.append(("too_few_lines", ("lines",)))
        rows = []
    claim = Claim(
        new_id(),
        party,
        received,
        str(channel),
        _text(body, "reference", 60, errors),
        _text(body, "country", 80, errors),
        str(currency),
        _text(body, "contact", 120, errors),
        urgent is True,
        _date(body.get("due_on"), errors),
        note,
        [_line(row, index, errors) for index, row in enumerate(rows)],
    )
    if errors:
        raise Wrong(errors)
    return claim


def complete(
    claim: Claim, party_name: str | None, sold: Mapping[int, tuple[int, int, int]]
) -> None:
    """Fill in what follows from the sale lines ((item, price, party) by id). Raises Wrong."""
    errors: list[Error] = []
    if party_name is None:
        errors.append(("link_missing", ("party",)))
    total = pieces = 0
    for index, line in enumerate(claim.lines):
        found = sold.get(line.sale_line)
        if found is None or found[2] != claim.party:
            errors.append(("link_missing", ("lines", index, "sale_line")))
            continue
        line.item, line.price = found[0], found[1]
        line.amount = (line.quantity * line.price + 50_000_000) // 100_000_000 * 100
        total += line.amount
        pieces += line.quantity
    if total >= MOST:
        errors.append(("not_too_much", ()))
    if errors:
        raise Wrong(errors)
    claim.total, claim.pieces, claim.party_name = total, pieces, party_name or ""


def keep_until(day: date) -> int:
    """When a claim made today may be erased (microseconds UTC): in ten years and a day."""
    try:
        later = day.replace(year=day.year + 10)
    except ValueError:
        later = day.replace(year=day.year + 10, day=28)
    return ((later - _DAY).days + 1) * 86_400_000_000


def changes(claim: Claim, number: str, title: str) -> str:
    """The journal's text: every value that came to be, as JSON with sorted keys."""
    found: dict[str, Any] = {
        "number": number,
        "title": title,
        "party": encode_id(claim.party),
        "received_at": _iso(claim.received_at),
        "channel": claim.channel,
        "reference": claim.reference,
        "country": claim.country,
        "currency": claim.currency,
        "contact": claim.contact,
        "urgent": claim.urgent,
        "due_on": None if claim.due_on is None else _day(claim.due_on),
        "note": claim.note,
        "total": _amount(claim.total, claim.currency),
        "pieces": _number(claim.pieces),
    }
    told: dict[str, Any] = {
        name: [None, value] for name, value in found.items() if value is not None
    }
    told["lines"] = {
        encode_id(line.id): {
            "+": {
                "sale_line": encode_id(line.sale_line),
                "item": encode_id(line.item),
                "quantity": _number(line.quantity),
                "price": _amount(line.price, claim.currency),
                "reason": line.reason,
                "verdict": line.verdict,
                "amount": _amount(line.amount, claim.currency),
            }
        }
        for line in claim.lines
    }
    return _canonical(told)


def chain(prev: bytes, head: list[Any], text: str) -> bytes:
    """The hash that binds an entry to the one before."""
    return sha256(prev + _canonical(head).encode() + b"\n" + text.encode()).digest()


def moves(claim: Claim) -> list[tuple[str, int, int, int]]:
    """(aggregate, key, m0, m1) to add, sorted, each key once."""
    found: dict[tuple[str, int], list[int]] = {}
    for line in claim.lines:
        found.setdefault(("claimable", line.sale_line), [0, 0])[1] += line.quantity
        if line.verdict == "restock":
            found.setdefault(("restocked", line.item), [0, 0])[0] += line.quantity
    return [(name, key, *found[name, key]) for name, key in sorted(found)]  # type: ignore[misc]


def request_hash(body: Mapping[str, Any]) -> str:
    """What was asked, for the idempotency key."""
    return sha256(_canonical(body).encode()).hexdigest()


def micros(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _line(row: Any, index: int, errors: list[Error]) -> Line:
    if not isinstance(row, dict):
        errors.append(("not_a_row", ("lines", index)))
        return Line(0, 0, 0, "", None)
    path = ("lines", index)
    errors.extend(("unknown_field", (*path, name)) for name in row.keys() - LINE_KNOWN)
    quantity = 0
    try:
        scaled = Decimal(str(row.get("quantity"))) * 1_000_000
        quantity = int(scaled)
        if quantity != scaled or quantity < 1000:
            errors.append(("too_small", (*path, "quantity")))
    except InvalidOperation:
        errors.append(("not_a_number", (*path, "quantity")))
    reason, verdict = row.get("reason"), row.get("verdict")
    if reason not in REASONS:
        errors.append(("not_an_option", (*path, "reason")))
    if verdict is not None and verdict not in VERDICTS:
        errors.append(("not_an_option", (*path, "verdict")))
    sale_line = _id(row.get("sale_line"), (*path, "sale_line"), errors)
    return Line(new_id(), sale_line, quantity, str(reason), verdict)


def _id(value: Any, path: tuple[str | int, ...], errors: list[Error]) -> int:
    try:
        return decode_id(value)
    except (TypeError, ValueError, AttributeError):
        errors.append(("required" if value is None else "not_an_id", path))
        return 0


def _moment(value: Any, now: datetime, errors: list[Error]) -> int:
    if value is None:
        return micros(now)
    try:
        found = datetime.fromisoformat(value)
        return micros(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (TypeError, ValueError):
        errors.append(("not_a_moment", ("received_at",)))
        return 0


def _date(value: Any, errors: list[Error]) -> int | None:
    if value is None:
        return None
    try:
        return (date.fromisoformat(value) - _DAY).days
    except (TypeError, ValueError):
        errors.append(("not_a_date", ("due_on",)))
        return None


def _text(body: Mapping[str, Any], name: str, most: int, errors: list[Error]) -> str | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        errors.append(("not_a_text", (name,)))
        return None
    if len(value) > most:
        errors.append(("too_long", (name,)))
    return value.strip() or None


def _iso(moment: int) -> str:
    return (_EPOCH + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")


def _day(days: int) -> str:
    return (_DAY + timedelta(days=days)).isoformat()


def _number(scaled: int) -> str:
    return str((Decimal(scaled) / 1_000_000).normalize())


def _amount(scaled: int, currency: str) -> dict[str, str]:
    return {"amount": f"{Decimal(scaled) / 10_000:.2f}", "currency": currency}
