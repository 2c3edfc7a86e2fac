"""Money: an exact amount of one currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.types.base import FieldType, Invalid, Quick, Raw, Report, Storage, read_limits, read_word
from forms.types.numbers import exact, hold, plain
from forms.values import MONEY_SCALE, Money, minor_units

if TYPE_CHECKING:
    from forms.model import Field

MONEY_LIMIT = Decimal(10) ** 14
"""Amounts stay below this: with four decimals they fit 64 bits."""

ROUNDINGS: Mapping[str, str] = {
    "down": ROUND_DOWN,
    "up": ROUND_UP,
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
}
"""`round:` of a money field. Down and up mean towards and away from zero."""

_CODE = re.compile(r"[A-Z]{3}")
_WITH_CODE = re.compile(r"(.*[0-9.])\s*([A-Za-z]{3})|([A-Za-z]{3})\s*([-+0-9.].*)", re.DOTALL)


class _Codes(dict[str, bool]):
    """Remembers which currency codes are well-formed; only those are kept."""

    def __missing__(self, code: str) -> bool:
        good = _CODE.fullmatch(code) is not None
        if good:
            self[code] = True
        return good


_CODES = _Codes()
_QUANTA = {units: Decimal(1).scaleb(-units) for units in range(5)}


def is_currency(text: object) -> bool:
    """Whether this is written like an ISO 4217 code: three capital letters."""
    return isinstance(text, str) and _CODE.fullmatch(text) is not None


def quantum_of(currency: str) -> Decimal:
    """The currency's minor unit as a decimal: 0.01 for CNY, 1 for JPY."""
    return _QUANTA[minor_units(currency)]


class MoneyType(FieldType):
    """An amount with at most four decimals. Its currency is "" until the record's is known."""

    __slots__ = ()
    id = "money"
    keys = frozenset({"currency", "round", "min", "max"})
    sums = True

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        found = read_limits(definition, report, amount_of)
        rounding = read_word(definition, "round", tuple(ROUNDINGS), report, "unknown_rounding")
        return found | {"round": rounding or ""}

    def expr_type(self, field: Field) -> Type:
        return Type("money")

    def storage(self, field: Field) -> Storage:
        return Storage("integer", MONEY_SCALE)

    def to_stored(self, value: object) -> object:
        return int(value.amount.scaleb(MONEY_SCALE))  # type: ignore[attr-defined]

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        return Money(Decimal(stored).scaleb(-MONEY_SCALE), currency or "")  # type: ignore[arg-type]

    def parse(self, raw: Raw, field: Field) -> Money | None:
        amount, currency = _split(raw)
        if amount is None:
            return None
        amount = hold(amount, MONEY_SCALE, MONEY_LIMIT)
        _within(amount, field)
        return Money(amount, currency)

    def quick(self, field: Field) -> Quick | None:
        low = field.min if isinstance(field.min, Decimal) else 1 - MONEY_LIMIT
        high = field.max if isinstance(field.max, Decimal) else MONEY_LIMIT - 1
        return Quick(
            "type(v) is Money and type(v[0]) is Decimal and low <= v[0] <= high"
            " and v[0].quantize(quantum) == v[0]"
            " and codes[v[1]]",
            {
                "Decimal": Decimal,
                "Money": Money,
                "low": low,
                "high": high,
                "quantum": _QUANTA[MONEY_SCALE],
                "codes": _CODES,
            },
        )

    def check(self, value: object, field: Field) -> None:
        amount = hold(value.amount, MONEY_SCALE, MONEY_LIMIT)  # type: ignore[attr-defined]
        _within(amount, field)

    def to_json(self, value: object) -> object:
        amount, currency = value.amount, value.currency  # type: ignore[attr-defined]
        return {"amount": plain(amount, minor_units(currency)), "currency": currency}

    def format(self, value: object, lang: str, field: Field) -> str:
        if not isinstance(value, Money):
            return plain(value)  # type: ignore[arg-type]
        return f"{plain(value.amount, minor_units(value.currency))} {value.currency}"

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        amount: dict[str, object] = {
            "type": "string",
            "pattern": r"^-?[0-9]{1,14}(\.[0-9]{1,4})?$",
        }
        whole: dict[str, object] = {
            "type": "object",
            "required": ["amount", "currency"],
            "properties": {"amount": amount, "currency": {"type": "string", "minLength": 3}},
            "additionalProperties": False,
        }
        if response:
            return whole
        return {"anyOf": [whole, {"type": "string"}, {"type": "number"}]}


def amount_of(raw: Raw) -> Decimal | None:
    """A constant amount without currency, for `min` and `max`. Raises `Invalid`."""
    value = exact(raw)
    return None if value is None else hold(value, MONEY_SCALE, MONEY_LIMIT)


def _within(amount: Decimal, field: Field) -> None:
    low, high = field.min, field.max
    if low is not None and amount < low:  # type: ignore[operator]
        raise Invalid("too_small", min=plain(low))  # type: ignore[arg-type]
    if high is not None and amount > high:  # type: ignore[operator]
        raise Invalid("too_large", max=plain(high))  # type: ignore[arg-type]


def _split(raw: Raw) -> tuple[Decimal | None, str]:
    """The amount and the currency code ("" where none is given) of a raw value."""
    if isinstance(raw, Money):
        return exact(raw.amount, "not_money"), _code(raw.currency, raw)
    if isinstance(raw, dict):
        if not set(raw) <= {"amount", "currency"} or "amount" not in raw:
            raise Invalid("not_money", got=got(raw))
        if isinstance(raw["amount"], Money):
            raise Invalid("not_money", got=got(raw))
        return exact(raw["amount"], "not_money"), _code(raw.get("currency"), raw)
    if isinstance(raw, str):
        found = _WITH_CODE.fullmatch(raw.strip()[:80])
        if found:
            amount = found[1] if found[2] else found[4]
            return exact(amount, "not_money"), _code(found[2] or found[3], raw)
    return exact(raw, "not_money"), ""


def _code(currency: object, raw: Raw) -> str:
    if currency is None or currency == "":
        return ""
    if not is_currency(currency):
        raise Invalid("not_money", got=got(raw if not isinstance(raw, Money) else str(currency)))
    return str(currency)
