"""Exact arithmetic of the language: at most 12 decimals, below 10^22, half away from zero.

Everything goes through contexts of our own, so that no caller's decimal context changes a result.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from forms.expr import limits
from forms.expr.errors import currency_error, overflow_error
from forms.values import INTEGER_LIMIT, Money, minor_units

# Wide enough for every exact product (68 digits), for a quotient whose twelfth decimal is then
# rounded exactly once (a tie is at least 10^-47 away from any quotient that is not a tie), and
# for the integer quotients of `portion`.
EXACT = Context(prec=120, rounding=ROUND_HALF_UP)
_STEPS = [Decimal(1).scaleb(-n) for n in range(limits.DECIMALS + 1)]
FINEST = _STEPS[limits.DECIMALS]

Number = int | Decimal


def checked_integer(value: int) -> int:
    """The integer itself; EvalError where it is not below 10^18."""
    if -INTEGER_LIMIT < value < INTEGER_LIMIT:
        return value
    raise overflow_error()


def checked(value: Decimal) -> Decimal:
    """The decimal itself; EvalError where it is not below 10^22."""
    if value.adjusted() < limits.INTEGER_DIGITS or not value:
        return value
    raise overflow_error()


def multiply(left: Number, right: Number) -> Decimal:
    """The product, rounded to 12 decimals where it has more."""
    return checked(round_half_up(EXACT.multiply(left, right), limits.DECIMALS))


def divide(left: Number, right: Number) -> Decimal | None:
    """The quotient rounded half away from zero to 12 decimals; None where the divisor is 0."""
    if not right:
        return None
    return checked(EXACT.divide(left, right).quantize(FINEST, None, EXACT))


def modulo(left: Number, right: Number) -> Number | None:
    """The floored remainder (sign of the divisor); None where the divisor is 0."""
    if not right:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return left % right
    rest = EXACT.remainder(left, right)
    return EXACT.add(rest, right) if rest and (rest < 0) != (right < 0) else rest


def round_half_up(value: Number, places: int) -> Decimal:
    """Rounded half away from zero to `places` decimals (0 to 12)."""
    exact = value if isinstance(value, Decimal) else Decimal(value)
    return exact.quantize(_STEPS[places], None, EXACT)


def floor(value: Number) -> int:
    return value if isinstance(value, int) else int(value.to_integral_value(ROUND_FLOOR, EXACT))


def ceil(value: Number) -> int:
    return value if isinstance(value, int) else int(value.to_integral_value(ROUND_CEILING, EXACT))


def merged_currency(left: str, right: str) -> str:
    """The currency two amounts share; a literal's "" takes the other's. EvalError otherwise."""
    if left == right or not right:
        return left
    if not left:
        return right
    raise currency_error(left, right)


def portion(total: Money, part: Number, whole: Number, done: Number, currency: str) -> Money | None:
    """The part of a total due to `part` of `whole` after `done`, rounded cumulatively.

    Shares are rounded down (towards zero) at the currency's smallest coin, so that the parts of
    any partition of `whole` add up to exactly the rounded total. None where `whole` is 0.
    """
    if not whole:
        return None
    places = minor_units(currency)
    upto = _share(total.amount, EXACT.add(done, part), whole, places)
    before = _share(total.amount, done, whole, places)
    return Money(checked(EXACT.subtract(upto, before)), total.currency)


def _share(total: Decimal, quantity: Number, whole: Number, places: int) -> Decimal:
    coins = EXACT.multiply(total, quantity).scaleb(places, EXACT)
    return EXACT.divide_int(coins, whole).scaleb(-places, EXACT)


def plain(value: Number) -> str:
    """A number as text: no exponent, no trailing zeros, no minus before zero."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def scaled(value: Number, scale: int) -> int:
    """A number as the database stores it: times 10^scale, rounded half away from zero."""
    if isinstance(value, int):
        return int(value * 10**scale)
    return int(value.scaleb(scale, EXACT).to_integral_value(ROUND_HALF_UP, EXACT))
