"""Numbers in SQL: scaled integers as long as they stay exact in 64 bits, exact decimals else.

The exact form is NUMERIC on PostgreSQL; SQLite has no such type, so there it is decimal text
computed by the functions of `sqlite_functions`, which are the very functions Python uses.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from forms.expr import limits
from forms.expr.arithmetic import EXACT, plain
from forms.expr.sql_parts import INT64, Dialect, Part, Piece, Value, as_value, build
from forms.expr.types import Type

# A quotient is computed to so many decimals before it is rounded to twelve (or cut to a coin):
# a quotient of two numbers of 34 digits that is no tie is further than this from any tie.
_GUARD = 48
_PORTION_GUARD = 60


class Numbers:
    """Arithmetic on values for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.postgres = dialect == "postgres"

    # -- forms ------------------------------------------------------------------------------

    def integer_parameter(self, value: int) -> Piece:
        return Piece("CAST(? AS BIGINT)" if self.postgres else "?", (value,))

    def text_parameter(self, value: str) -> Piece:
        return Piece("CAST(? AS TEXT)" if self.postgres else "?", (value,))

    def number(self, value: int | Decimal, kind: Type, currency: Value | None = None) -> Value:
        """A known number, still free to take any scale."""
        return Value("", (), "exact", kind, constant=value, currency=currency)

    def scaled_constant(self, value: object, scale: int) -> int | None:
        """A known number as an integer × 10^scale, None where it is no 64-bit integer."""
        shifted = EXACT.create_decimal(_number(value)).scaleb(scale, EXACT)
        if shifted != shifted.to_integral_value() or abs(shifted) > INT64:
            return None
        return int(shifted)

    def to_scaled(self, value: Value, scale: int) -> Value | None:
        """The value as an integer × 10^scale, None where that could leave 64 bits."""
        if value.constant is not None:
            known = self.scaled_constant(value.constant, scale)
            if known is None:
                return None
            piece = self.integer_parameter(known)
            return replace(
                value,
                text=piece.text,
                params=piece.params,
                form="scaled",
                scale=scale,
                bound=abs(known),
                constant=None,
            )
        shift = scale - value.scale
        if value.form != "scaled" or shift < 0:
            return None
        if shift == 0:
            return value
        bound = value.bound * 10**shift
        if bound > INT64:
            return None
        return replace(
            value, text=f"({value.text} * {10**shift})", scale=scale, bound=bound, column=False
        )

    def settled(self, value: Value) -> Value:
        """The value with its SQL text written out (a constant has none yet)."""
        if value.constant is None:
            return value
        decimals = max(0, -int(_number_exponent(value.constant)))
        return self.to_scaled(value, decimals) or self.exact(value)

    def exact(self, value: Value) -> Value:
        """The value in the exact form."""
        if value.constant is not None:
            number = _number(value.constant)
            if self.postgres:
                piece = Piece("CAST(? AS NUMERIC)", (EXACT.create_decimal(number),))
            else:
                piece = Piece("?", (plain(number),))
            return replace(value, text=piece.text, params=piece.params, constant=None)
        if value.form == "exact":
            return value
        if self.postgres:
            step = plain(Decimal(1).scaleb(-value.scale))
            factor = f" * {step}" if value.scale else ""
            text = f"(CAST({value.text} AS NUMERIC){factor})"
        else:
            text = f"rf_decimal({value.text}, {value.scale})"
        return replace(value, text=text, form="exact", scale=0, column=False)

    def whole(self, value: Value) -> Value:
        """A value of whole numbers as a plain integer; null where it leaves 64 bits."""
        settled = self.settled(value)
        return settled if settled.form == "scaled" and not settled.scale else self.stored(value, 0)

    def stored(self, value: Value, scale: int) -> Value:
        """The value as the database keeps it: rounded half away from zero to so many decimals."""
        ready = self.to_scaled(value, scale)
        if ready is not None:
            return ready
        exact = self.exact(value)
        if self.postgres:
            piece = build(
                "(SELECT CASE WHEN ABS(v.x) <= 9223372036854775807 THEN CAST(v.x AS BIGINT) END "
                f"FROM (SELECT ROUND({{}} * {10**scale}) AS x) AS v)",
                exact,
            )
        else:
            piece = build(f"rf_scaled({{}}, {scale})", exact)
        return replace(
            exact, text=piece.text, params=piece.params, form="scaled", scale=scale, bound=INT64
        )

    def common(self, values: list[Value]) -> list[Value]:
        """The values in one form: scaled alike where possible, else exact."""
        scale = max(self.settled(value).scale for value in values)
        ready = [self.to_scaled(value, scale) for value in values]
        if all(value is not None for value in ready):
            return [value for value in ready if value is not None]
        return [self.exact(value) for value in values]

    # -- arithmetic -------------------------------------------------------------------------

    def add(self, left: Value, right: Value, kind: Type, op: str = "+") -> Value:
        """left + right, or left - right."""
        pair = self.common([left, right])
        bound = pair[0].bound + pair[1].bound
        if pair[0].form == "scaled" and bound <= INT64:
            piece = build(f"({{}} {op} {{}})", *pair)
            return as_value(piece, "scaled", kind, scale=pair[0].scale, bound=bound)
        names = {"+": "rf_add", "-": "rf_subtract"}
        return self.call(names[op], f"({{}} {op} {{}})", kind, left, right)

    def multiply(self, left: Value, right: Value, kind: Type, rounded: bool) -> Value:
        """The product; `rounded` where it may have more than twelve decimals."""
        a, b = self.settled(left), self.settled(right)
        bound, scale = a.bound * b.bound, a.scale + b.scale
        if a.form == b.form == "scaled" and bound <= INT64 and scale <= limits.DECIMALS:
            return as_value(build("({} * {})", a, b), "scaled", kind, scale=scale, bound=bound)
        template = f"ROUND({{}} * {{}}, {limits.DECIMALS})" if rounded else "({} * {})"
        return self.call("rf_multiply", template, kind, left, right)

    def divide(self, left: Value, right: Value, kind: Type) -> Value:
        """The quotient, rounded half away from zero to twelve decimals; null by zero."""
        power = _power_of_ten(right.constant)
        a = self.settled(left)
        if power is not None and a.form == "scaled" and a.scale + power <= limits.DECIMALS:
            return replace(a, type=kind, scale=a.scale + power, column=False)
        template = f"ROUND(ROUND({{}}, {_GUARD}) / NULLIF({{}}, 0), {limits.DECIMALS})"
        return self.call("rf_divide", template, kind, left, right)

    def modulo(self, left: Value, right: Value, kind: Type) -> Value:
        """The floored remainder; null by zero."""
        template = (
            "(SELECT CASE WHEN v.r <> 0 AND (v.r < 0) <> (v.b < 0) THEN v.r + v.b ELSE v.r END "
            "FROM (SELECT MOD(w.a, NULLIF(w.b, 0)) AS r, w.b AS b "
            "FROM (SELECT {} AS a, {} AS b) AS w) AS v)"
        )
        return self.call("rf_modulo", template, kind, left, right)

    def negate(self, value: Value) -> Value:
        settled = self.settled(value)
        if settled.form == "scaled":
            piece = build("(-{})", settled)
            return replace(settled, text=piece.text, params=piece.params, column=False)
        found = self.call("rf_negate", "(-{})", value.type, value)
        return replace(found, currency=value.currency)

    def portion(self, values: list[Value], places: Part, kind: Type) -> Value:
        """total, part, whole, done → the cumulative share; `places` of the smallest coin."""
        exact = [self.exact(value) for value in values]
        if not self.postgres:
            piece = build("rf_portion({}, {}, {}, {}, {})", *exact, places)
            return as_value(piece, "exact", kind)
        share = f"TRUNC(ROUND(v.t * {{}}, {_PORTION_GUARD}) / NULLIF(v.w, 0), v.m)"
        upto, before = share.replace("{}", "(v.d + v.p)"), share.replace("{}", "v.d")
        piece = build(
            f"(SELECT {upto} - {before} FROM "
            "(SELECT {} AS t, {} AS p, {} AS w, {} AS d, {} AS m) AS v)",
            *exact,
            places,
        )
        return as_value(piece, "exact", kind)

    def call(self, name: str, template: str, kind: Type, *values: Value) -> Value:
        """A function of ours on SQLite, an expression over NUMERIC on PostgreSQL."""
        exact = [self.exact(value) for value in values]
        if not self.postgres:
            template = f"{name}({', '.join(['{}'] * len(values))})"
        return as_value(build(template, *exact), "exact", kind)

    # -- comparison -------------------------------------------------------------------------

    def order(self, op: str, left: Value, right: Value) -> Piece:
        """left < right and its like: null where a side is null."""
        if left.constant is not None:
            left, right, op = right, left, _MIRROR[op]
        if right.constant is not None and left.form == "scaled":
            return self._order_constant(op, left, right.constant)
        pair = self.common([left, right])
        if pair[0].form == "exact" and not self.postgres:
            return build(f"(rf_compare({{}}, {{}}) {op} 0)", *pair)
        return build(f"({{}} {op} {{}})", *pair)

    def _order_constant(self, op: str, column: Value, constant: object) -> Piece:
        """A column against a known number, in the column's own integers: an index serves it."""
        shifted = EXACT.create_decimal(_number(constant)).scaleb(column.scale, EXACT)
        floor = shifted.to_integral_value(ROUND_FLOOR)
        if shifted != floor:
            op = "<=" if op in ("<", "<=") else ">"
        limit = max(-INT64, min(INT64, int(floor)))
        return build(f"({{}} {op} {{}})", column, self.integer_parameter(limit))

    def equality_constant(self, value: Value, constant: object) -> int | None:
        """A known number in a scaled value's own integers, None where it can equal none."""
        return self.scaled_constant(constant, value.scale)


_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _number(value: object) -> int | Decimal:
    if isinstance(value, int | Decimal):
        return value
    raise TypeError(f"not a number: {value!r}")


def _number_exponent(value: object) -> int:
    exponent = EXACT.create_decimal(_number(value)).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _power_of_ten(value: object) -> int | None:
    if not isinstance(value, int | Decimal):
        return None
    for power in range(limits.DECIMALS + 1):
        if value == 10**power:
            return power
    return None
