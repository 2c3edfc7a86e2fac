"""Exact numbers: integer, decimal, percent. Binary floats never get past `exact`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.types.base import (
    FieldType,
    Invalid,
    Quick,
    Raw,
    Report,
    Storage,
    read_limits,
)
from forms.values import INTEGER_LIMIT, NUMBER_SCALE, Text

if TYPE_CHECKING:
    from forms.model import Field

DECIMAL_LIMIT = Decimal(10) ** 12
"""Decimals stay below this: with six decimals they fit 64 bits with room for sums."""

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_SEPARATED = re.compile(r"[+-]?[0-9]{1,3}(?:[,' \u00a0\u202f_][0-9]{3})+(?:\.[0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9.]*,[0-9]+")
_LONGEST = 60


def exact(raw: Raw, code: str = "not_a_number") -> Decimal | None:
    """Read a number exactly; None and blank text are empty. Raises `Invalid`."""
    if type(raw) is Decimal:
        value = raw
    elif isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
            _refuse_text(text, raw, code)
        value = Decimal(text)
    elif isinstance(raw, bool):
        raise Invalid(code, got=got(raw))
    elif isinstance(raw, int):
        if abs(raw) >= INTEGER_LIMIT:
            raise Invalid("out_of_range", limit=INTEGER_LIMIT)
        value = Decimal(raw)
    elif isinstance(raw, float):
        # JSON readers hand out floats; their shortest notation is what was written.
        value = Decimal(repr(raw))
    elif raw is None:
        return None
    else:
        raise Invalid(code, got=got(raw))
    if not value.is_finite():
        raise Invalid(code, got=got(raw))
    return value


def _refuse_text(text: str, raw: Raw, code: str) -> None:
    """Raise the most helpful `Invalid` for a text that is no plain number."""
    if not text.isascii() and any(c.isdigit() and not "0" <= c <= "9" for c in text):
        raise Invalid("full_width_digits")
    if _SEPARATED.fullmatch(text) or _COMMA.fullmatch(text):
        raise Invalid("thousand_separator")
    raise Invalid(code, got=got(raw))


def hold(value: Decimal, scale: int, limit: Decimal) -> Decimal:
    """The value with no more than `scale` decimals, trailing zeros left out. Raises `Invalid`."""
    if not -limit < value < limit:
        raise Invalid("out_of_range", limit=f"{limit:f}")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > scale:
        value = value.normalize()
        decimals = -int(value.as_tuple().exponent)
        if decimals > scale:
            raise Invalid("too_many_decimals", max=scale, decimals=decimals)
    return value


def within(value: object, field: Field) -> None:
    """Hold an ordered value to the field's `min` and `max`. Raises `Invalid`."""
    low, high = field.min, field.max
    if low is not None and value < low:  # type: ignore[operator]
        raise Invalid("too_small", min=field.kind.format(low, "en", field))
    if high is not None and value > high:  # type: ignore[operator]
        raise Invalid("too_large", max=field.kind.format(high, "en", field))


def plain(value: Decimal, least: int = 0) -> str:
    """A decimal without exponent or idle zeros, but with at least `least` decimals."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if least:
        whole, _, decimals = text.partition(".")
        if len(decimals) < least:
            text = f"{whole}.{decimals.ljust(least, '0')}"
    return "0" if text == "-0" else text


class IntegerType(FieldType):
    """A whole number below 10^18."""

    __slots__ = ()
    id = "integer"
    keys = frozenset({"min", "max", "unit"})
    sums = True

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        found = read_limits(definition, report, whole)
        return found | read_unit(definition)

    def expr_type(self, field: Field) -> Type:
        return Type("integer")

    def storage(self, field: Field) -> Storage:
        return Storage("integer")

    def parse(self, raw: Raw, field: Field) -> int | None:
        value = whole(raw)
        if value is not None:
            within(value, field)
        return value

    def quick(self, field: Field) -> Quick | None:
        low = field.min if isinstance(field.min, int) else -INTEGER_LIMIT + 1
        high = field.max if isinstance(field.max, int) else INTEGER_LIMIT - 1
        return Quick("type(v) is int and low <= v <= high", {"low": low, "high": high})

    def check(self, value: object, field: Field) -> None:
        self.parse(value, field)

    def format(self, value: object, lang: str, field: Field) -> str:
        return f"{value}{unit_of(field, lang)}"

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        return {
            "type": "integer",
            "minimum": field.min if field.min is not None else 1 - INTEGER_LIMIT,
            "maximum": field.max if field.max is not None else INTEGER_LIMIT - 1,
        }


def whole(raw: Raw) -> int | None:
    """Read a whole number below 10^18. Raises `Invalid`."""
    value = exact(raw, "not_an_integer")
    if value is None:
        return None
    if not -INTEGER_LIMIT < value < INTEGER_LIMIT:
        raise Invalid("out_of_range", limit=INTEGER_LIMIT)
    number = int(value)
    if number != value:
        raise Invalid("not_an_integer", got=got(raw))
    return number


class DecimalType(FieldType):
    """An exact number with at most six decimals."""

    __slots__ = ()
    id = "decimal"
    keys = frozenset({"min", "max", "unit"})
    sums = True

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        found = read_limits(definition, report, self.read)
        return found | read_unit(definition)

    def read(self, raw: Raw) -> Decimal | None:
        """The value without regard to a field's limits. Raises `Invalid`."""
        value = exact(raw)
        return None if value is None else hold(value, NUMBER_SCALE, DECIMAL_LIMIT)

    def expr_type(self, field: Field) -> Type:
        return Type("decimal")

    def storage(self, field: Field) -> Storage:
        return Storage("integer", NUMBER_SCALE)

    def to_stored(self, value: object) -> object:
        return int(value.scaleb(NUMBER_SCALE))  # type: ignore[attr-defined]

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        return Decimal(stored).scaleb(-NUMBER_SCALE)  # type: ignore[arg-type]

    def parse(self, raw: Raw, field: Field) -> Decimal | None:
        value = self.read(raw)
        if value is not None:
            within(value, field)
        return value

    def quick(self, field: Field) -> Quick | None:
        low = field.min if isinstance(field.min, Decimal) else 1 - DECIMAL_LIMIT
        high = field.max if isinstance(field.max, Decimal) else DECIMAL_LIMIT - 1
        return Quick(
            "type(v) is Decimal and low <= v <= high and v.quantize(quantum) == v",
            {
                "Decimal": Decimal,
                "low": low,
                "high": high,
                "quantum": Decimal(1).scaleb(-NUMBER_SCALE),
            },
        )

    def check(self, value: object, field: Field) -> None:
        self.parse(value, field)

    def to_json(self, value: object) -> object:
        return plain(value)  # type: ignore[arg-type]

    def format(self, value: object, lang: str, field: Field) -> str:
        return plain(value) + unit_of(field, lang)  # type: ignore[arg-type]

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        text: dict[str, object] = {"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"}
        if response:
            return text
        return {"anyOf": [text, {"type": "number"}]}


class PercentType(DecimalType):
    """A percentage: 25 means 25 %."""

    __slots__ = ()
    id = "percent"
    keys = frozenset({"min", "max"})
    sums = False

    def read(self, raw: Raw) -> Decimal | None:
        if isinstance(raw, str):
            raw = raw.strip().removesuffix("%").removesuffix("％")
        return super().read(raw)

    def format(self, value: object, lang: str, field: Field) -> str:
        return plain(value) + "%"  # type: ignore[arg-type]


def read_unit(definition: Mapping[str, object]) -> dict[str, object]:
    """The `unit` shown after a number: a text, or one for each language."""
    unit = definition.get("unit")
    if isinstance(unit, str | Mapping):
        return {"unit": Text.of(unit)}
    return {}


def unit_of(field: Field, lang: str) -> str:
    """The unit with the space before it, or nothing."""
    return f" {field.unit.pick(lang)}" if field.unit else ""
