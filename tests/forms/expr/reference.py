"""A second, slow evaluator, written from docs/expressions.md: fractions over the syntax tree.

It shares only the parser with the product. Numbers are int or Fraction, amounts (Fraction,
currency or ""), everything else plain Python values.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from forms.expr import Env, Scope, Type
from forms.expr import syntax as s
from forms.expr.parser import parse

MINOR = {"JPY": 0, "KWD": 3}
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
SPACES = " \t\n\r\u3000\xa0"
RESULT = {
    "is_empty": "boolean", "contains": "boolean", "starts_with": "boolean",
    "ends_with": "boolean", "has": "boolean", "any": "boolean", "all": "boolean",
    "count": "integer", "len": "integer", "year": "integer", "month": "integer",
    "day": "integer", "weekday": "integer", "days_between": "integer",
    "hours_between": "decimal", "amount": "decimal", "number": "decimal",
    "money": "money", "portion": "money", "today": "date", "now": "datetime", "date": "date",
    "datetime": "datetime", "add_months": "date", "duration": "duration", "currency": "text",
    "lower": "text", "upper": "text", "trim": "text", "concat": "text", "text": "text",
    "sign": "choice",
}  # fmt: skip
SIGNS = ("negative", "zero", "positive")


class Refused(Exception):
    """The row has no value here; the code is that of the product's error."""


class Mixed(Refused):
    pass


class Overflow(Refused):
    pass


@dataclass(frozen=True)
class Kind:
    name: str
    options: tuple[str, ...] | None = None


def half_up(value: Fraction | int, places: int) -> Fraction:
    """Rounded half away from zero."""
    shifted = abs(Fraction(value)) * 10**places
    whole = floor(shifted + Fraction(1, 2))
    return Fraction(whole if value >= 0 else -whole, 10**places)


def size(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= 10**18:
        raise Overflow("expr_overflow")
    if isinstance(value, Fraction) and abs(value) >= 10**22:
        raise Overflow("expr_overflow")
    return value


def one_currency(a: str, b: str) -> str:
    if a and b and a != b:
        raise Mixed("expr_mixed_currency")
    return a or b


def written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        digits = floor(abs(value) * 10**12)
        text = f"{digits // 10**12}.{digits % 10**12:012d}".rstrip("0").rstrip(".")
        return f"-{text}" if value < 0 and text != "0" else text
    return str(value)


class Reference:
    """Evaluates one expression over rows given as the product is given them."""

    def __init__(self, source: str, scope: Scope) -> None:
        tree, problems = parse(source)
        assert tree is not None, problems
        self.tree = tree
        self.scope = scope
        self.lines: tuple[str, Mapping[str, Type]] | None = None

    def evaluate(self, row: Mapping[str, Any], env: Env) -> Any:
        """The value; Refused where there is none."""
        self.row, self.env, self.line = row, env, None
        self.bare_is_line = False
        return self.value(self.tree)

    # -- static kinds: what decides between integer and decimal, and how choices are ordered ---

    def kind(self, node: s.Syntax) -> Kind:
        match node:
            case s.Literal(value=None) | s.Literal(value=""):
                return Kind("null")
            case s.Literal(value=bool()):
                return Kind("boolean")
            case s.Literal(value=int()):
                return Kind("integer")
            case s.Literal(value=Decimal()):
                return Kind("decimal")
            case s.Literal():
                return Kind("text")
            case s.Name() | s.Member():
                found = self.type(node)
                return Kind(found.kind, found.options)
            case s.Unary(op="not") | s.Chain():
                return Kind("boolean")
            case s.Unary():
                return self.kind(node.operand)
            case s.Binary():
                return self.binary_kind(node)
            case s.Call():
                return self.call_kind(node)
        return Kind("list")

    def binary_kind(self, node: s.Binary) -> Kind:
        if node.op not in ("+", "-", "*", "/", "%"):
            return Kind("boolean")
        kinds = [self.kind(node.left).name, self.kind(node.right).name]
        if "datetime" in kinds:
            return Kind("duration" if kinds == ["datetime"] * 2 else "datetime")
        for special in ("money", "duration"):
            if special in kinds:
                return Kind("decimal" if node.op == "/" and kinds[1] == special else special)
        return Kind("integer" if kinds == ["integer"] * 2 and node.op != "/" else "decimal")

    def call_kind(self, node: s.Call) -> Kind:
        name, args = node.name, node.args
        if name == "sign":
            return Kind("choice", SIGNS)
        if name in RESULT:
            return Kind(RESULT[name])
        if name == "if":
            return self.joined(args[1:])
        if name == "coalesce" or (name in ("min", "max") and len(args) > 1):
            return self.joined(args)
        before, self.lines = self.lines, self.lines_of(args[0]) or self.lines
        first = self.kind(args[0])
        self.lines = before
        if name == "avg" and first.name == "integer":
            return Kind("decimal")
        if name in ("floor", "ceil") and first.name == "decimal":
            return Kind("integer")
        if name == "round" and first.name == "decimal":
            return Kind("decimal" if len(args) == 2 else "integer")
        return first

    def joined(self, args: Sequence[s.Syntax]) -> Kind:
        kinds = [self.kind(arg) for arg in args]
        names = {kind.name for kind in kinds} - {"null"}
        if "money" in names:
            return Kind("money")
        if names == {"integer", "decimal"}:
            return Kind("decimal")
        choices = {kind.options for kind in kinds if kind.name == "choice"}
        if choices and names <= {"choice", "text"}:
            literal = all(
                isinstance(arg, s.Literal)
                for arg, k in zip(args, kinds, strict=True)
                if k.name == "text"
            )
            return Kind("choice", choices.pop()) if literal and len(choices) == 1 else Kind("text")
        return kinds[0] if kinds[0].name != "null" else Kind(next(iter(names), "null"))

    def type(self, node: s.Syntax) -> Type:
        if isinstance(node, s.Name):
            names = self.lines[1] if self.lines and self.bare_is_line else self.scope.names
            return names[node.name]
        assert isinstance(node, s.Member)
        base = node.base
        if isinstance(base, s.Call):
            found = self.scope.library.aggregate(base.name)
            assert found is not None
            return found.measures[node.name]
        if isinstance(base, s.Name) and base.name == "parent":
            inside = self.lines is not None and self.bare_is_line
            return (self.scope.names if inside else self.scope.parent or {})[node.name]
        if self.lines and isinstance(base, s.Name) and base.name == self.lines[0]:
            return self.lines[1][node.name]
        target = self.type(base)
        if target.kind == "choice":
            attributes = self.scope.library.attributes_of(target.options_id or "")
            return (attributes or {})[node.name]
        return (self.scope.library.fields_of(target.target or "") or {})[node.name]

    # -- values -----------------------------------------------------------------------------

    def value(self, node: s.Syntax) -> Any:
        match node:
            case s.Literal(value=""):
                return None
            case s.Literal():
                exact = isinstance(node.value, Decimal)
                return Fraction(node.value) if exact else node.value
            case s.Name() | s.Member():
                return plain(self.read(node))
            case s.Unary(op="not"):
                held = self.value(node.operand)
                return None if held is None else not held
            case s.Unary():
                return self.negated(self.value(node.operand))
            case s.Binary(op="and" | "or"):
                return self.logic(node)
            case s.Binary(op="in" | "not in"):
                return self.member(node)
            case s.Binary(op="+" | "-" | "*" | "/" | "%"):
                a, b = self.value(node.left), self.value(node.right)
                return None if a is None or b is None else self.arithmetic(node, a, b)
            case s.Binary():
                return self.compare(node.op, node.left, node.right)
            case s.Chain():
                held: list[bool | None] = []
                for op, left, right in zip(
                    node.ops, node.operands, node.operands[1:], strict=False
                ):
                    held.append(self.compare(op, left, right))
                    if held[-1] is False:
                        break
                return three_and(held)
            case s.Call():
                return self.call(node)
            case s.Items():
                return [self.value(item) for item in node.items]

    def read(self, node: s.Name | s.Member) -> Any:
        if isinstance(node, s.Name):
            row = self.line if self.bare_is_line else self.row
            if node.name == "this":
                return self.row["id"]
            return self.env.me if node.name == "me" else (row or {}).get(node.name)
        base = node.base
        if isinstance(base, s.Call):
            return self.measure(node, base)
        if isinstance(base, s.Name) and base.name == "parent":
            return (self.row if self.bare_is_line else self.env.parent or {}).get(node.name)
        if self.lines and isinstance(base, s.Name) and base.name == self.lines[0]:
            return (self.line or {}).get(node.name)
        of = self.type(base)
        key = self.read(base)  # type: ignore[arg-type]
        if of.kind == "choice":
            options = of.options or ()
            library = self.scope.library
            return (
                library.attribute(of.options_id or "", key, node.name) if key in options else None
            )
        if key is None:
            return None
        return self.env.links.get(of.target or "", {}).get(key, {}).get(node.name)

    def measure(self, node: s.Member, call: s.Call) -> Any:
        key = self.value(call.args[0])
        if key is None:
            return None
        found = self.env.aggregates.get(call.name, {}).get(key, {}).get(node.name)
        if found is not None:
            return found
        return (Fraction(0), "") if self.type(node).kind == "money" else Fraction(0)

    def negated(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return (-value[0], value[1])
        return None if value is None else -value

    def logic(self, node: s.Binary) -> bool | None:
        a = self.value(node.left)
        if a is (node.op == "or"):
            return a
        b = self.value(node.right)
        if b is (node.op == "or"):
            return b
        return None if a is None or b is None else a

    def member(self, node: s.Binary) -> bool:
        if isinstance(node.right, s.Items):
            found = any(self.compare("==", node.left, item) for item in node.right.items)
        else:
            value = self.value(node.left)
            found = value is not None and value in (self.value(node.right) or ())
        return found is (node.op == "in")

    def compare(self, op: str, left: s.Syntax, right: s.Syntax) -> bool | None:
        a, b = self.value(left), self.value(right)
        kinds = self.kind(left), self.kind(right)
        a, b = adapt(a, kinds[1]), adapt(b, kinds[0])
        if op in ("==", "!="):
            if isinstance(a, tuple) and isinstance(b, tuple):
                same = a[0] == b[0] and (a[1] == b[1] or not a[1] or not b[1])
            else:
                same = a == b
            return same is (op == "==")
        if a is None or b is None:
            return None
        if isinstance(a, tuple):
            one_currency(a[1], b[1])
        a, b = ranked(a, kinds), ranked(b, kinds)
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]

    def arithmetic(self, node: s.Binary, a: Any, b: Any) -> Any:
        op = node.op
        if isinstance(a, tuple) or isinstance(b, tuple):
            return self.money_arithmetic(op, a, b)
        if isinstance(a, timedelta | datetime) or isinstance(b, timedelta | datetime):
            return time_arithmetic(op, a, b)
        return size(number_arithmetic(op, a, b))

    def money_arithmetic(self, op: str, a: Any, b: Any) -> Any:
        if op in ("+", "-"):
            a, b = adapt(a, Kind("money")), adapt(b, Kind("money"))
            currency = one_currency(a[1], b[1])
            return (size(a[0] + b[0] if op == "+" else a[0] - b[0]), currency)
        if isinstance(a, tuple) and isinstance(b, tuple):
            one_currency(a[1], b[1])
            return None if not b[0] else size(half_up(a[0] / b[0], 12))
        if isinstance(b, tuple):
            a, b = b, a
        found = number_arithmetic(op, a[0], Fraction(b))
        return None if found is None else (size(found), a[1])

    # -- functions --------------------------------------------------------------------------

    def call(self, node: s.Call) -> Any:
        name, args = node.name, node.args
        if name == "if":
            held = self.value(args[0])
            if held is None:
                return None
            return as_kind(self.value(args[1 if held else 2]), self.kind(node))
        if name == "coalesce":
            for arg in args:
                value = self.value(arg)
                if value is not None:
                    return as_kind(value, self.kind(node))
            return None
        single = len(args) == 1
        if name in ("sum", "avg", "count", "any", "all") or (name in ("min", "max") and single):
            return self.loop(node)
        if name in ("min", "max"):
            values = [as_kind(self.value(arg), self.kind(node)) for arg in args]
            return None if None in values else extreme(values, name, self.kind(node))
        if name == "sign":
            return sign(self.value(args[0]))
        values = [self.value(arg) for arg in args]
        if name == "has":
            return values[1] is not None and values[1] in (values[0] or ())
        if name in ("text", "concat", "portion", "len", "money"):
            kinds = [self.kind(arg).name for arg in args]
            values = [
                Fraction(v) if k == "decimal" and v is not None else v
                for v, k in zip(values, kinds, strict=True)
            ]
        return FUNCTIONS[name](self.env, *values)

    def lines_of(self, node: s.Syntax) -> tuple[str, Mapping[str, Type]] | None:
        """The lines field an argument goes over."""
        if isinstance(node, s.Name):
            found = self.scope.names.get(node.name)
            if found is not None and found.kind == "lines":
                return node.name, self.scope.library.fields_of(found.target or "") or {}
            return None
        below: Sequence[s.Syntax] = ()
        match node:
            case s.Member():
                below = (node.base,)
            case s.Unary():
                below = (node.operand,)
            case s.Binary():
                below = (node.left, node.right)
            case s.Chain():
                below = node.operands
            case s.Items():
                below = node.items
            case s.Call():
                below = node.args
        return next((found for part in below if (found := self.lines_of(part))), None)

    def loop(self, node: s.Call) -> Any:
        kind = self.kind(node)
        over = self.lines_of(node.args[0])
        assert over is not None
        body = None if isinstance(node.args[0], s.Name) else node.args[0]
        cells: list[Any] = []
        for line in self.row.get(over[0]) or ():
            self.lines, self.line = over, line
            self.bare_is_line = True
            taken = node.where is None or self.value(node.where) is True
            self.bare_is_line = False
            if taken:
                cells.append(True if body is None else self.value(body))
        self.lines = over
        body_kind = None if body is None else self.kind(body)
        self.lines, self.line = None, None
        return finish(node.name, cells, kind, body_kind)


def finish(name: str, cells: list[Any], kind: Kind, body: Kind | None) -> Any:
    if name == "any":
        return None if not any(cells) and None in cells else any(cells)
    if name == "all":
        return three_and(cells)
    values = [cell for cell in cells if cell is not None]
    if name == "count":
        return len(values)
    if name in ("min", "max"):
        return extreme(values, name, body or kind) if values else None
    if name == "avg" and not values:
        return None
    total = added(values, kind if name == "sum" else body or kind)
    if name == "sum":
        return total
    if isinstance(total, tuple):
        return (half_up(total[0] / len(values), 12), total[1])
    if isinstance(total, timedelta):
        mean = half_up(Fraction(total // timedelta(seconds=1)) / len(values), 12)
        return timedelta(seconds=int(half_up(mean, 0)))
    return half_up(Fraction(total) / len(values), 12)


def added(values: list[Any], kind: Kind) -> Any:
    if kind.name == "money":
        currency = ""
        for value in values:
            currency = one_currency(currency, value[1])
        return (size(sum((value[0] for value in values), Fraction(0))), currency)
    if kind.name == "duration":
        return sum(values, timedelta(0))
    return size(sum(values, 0 if kind.name == "integer" else Fraction(0)))


def plain(value: Any) -> Any:
    """A value of a row as this evaluator keeps it."""
    if isinstance(value, Decimal):
        return Fraction(value)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Decimal):
        return (Fraction(value[0]), value[1])
    return value


def adapt(value: Any, other: Kind) -> Any:
    """A literal next to an amount or a date."""
    if other.name == "money" and isinstance(value, int | Fraction):
        return (Fraction(value), "")
    if other.name == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    return value


def as_kind(value: Any, kind: Kind) -> Any:
    if kind.name == "decimal" and isinstance(value, int):
        return Fraction(value)
    return adapt(value, kind)


def ranked(value: Any, kinds: Sequence[Kind]) -> Any:
    if isinstance(value, tuple):
        return value[0]
    options = next((kind.options for kind in kinds if kind.name == "choice"), None)
    return options.index(value) if options and isinstance(value, str) else value


def three_and(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def extreme(values: list[Any], name: str, kind: Kind) -> Any:
    if isinstance(values[0], tuple):
        currency = ""
        for value in values:
            currency = one_currency(currency, value[1])
        values = [(value[0], currency) for value in values]
    return (min if name == "min" else max)(values, key=lambda value: ranked(value, [kind]))


def sign(value: Any) -> str | None:
    if value is None:
        return None
    number = value[0] if isinstance(value, tuple) else value
    zero = timedelta(0) if isinstance(number, timedelta) else 0
    return SIGNS[1 + (number > zero) - (number < zero)]


def number_arithmetic(op: str, a: Any, b: Any) -> Any:
    if op == "/":
        return None if not b else half_up(Fraction(a) / b, 12)
    if op == "%":
        return None if not b else a - b * floor(Fraction(a) / b)
    if op == "*":
        product = a * b
        return half_up(product, 12) if isinstance(product, Fraction) else product
    return a + b if op == "+" else a - b


def whole_seconds(value: Any) -> timedelta:
    try:
        return timedelta(seconds=int(half_up(value, 0)))
    except OverflowError:
        raise Overflow("expr_overflow") from None


def time_arithmetic(op: str, a: Any, b: Any) -> Any:
    second = timedelta(seconds=1)
    try:
        if isinstance(a, datetime) and isinstance(b, datetime):
            return whole_seconds(Fraction((a - b) // timedelta(microseconds=1), 10**6))
        if op in ("+", "-"):
            return a + b if op == "+" else a - b
    except OverflowError:
        raise Overflow("expr_date_range") from None
    if op == "*":
        a, b = (a, b) if isinstance(a, timedelta) else (b, a)
        return whole_seconds(Fraction(a // second) * b)
    if isinstance(b, timedelta):
        return None if not b else half_up(Fraction(a // second, b // second), 12)
    return None if not b else whole_seconds(half_up(Fraction(a // second) / b, 12))


def day_of(env: Env, value: Any) -> date:
    return value.astimezone(env.zone).date() if isinstance(value, datetime) else value


def new_date(env: Env, *args: Any) -> Any:
    if len(args) == 1:
        is_text = isinstance(args[0], str)
        return date.fromisoformat(args[0]) if is_text else day_of(env, args[0])
    try:
        return date(*args)
    except (ValueError, OverflowError):
        return None


def new_datetime(env: Env, *args: Any) -> Any:
    if isinstance(args[0], str):
        found = datetime.fromisoformat(args[0])
        return (found if found.tzinfo else found.replace(tzinfo=env.zone)).astimezone(UTC)
    hour, minute = args[1:] or (0, 0)
    if not (0 <= hour < 24 and 0 <= minute < 60):
        return None
    day = args[0]
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=env.zone).astimezone(UTC)


def add_days(env: Env, moment: Any, days: int) -> Any:
    try:
        return moment + timedelta(days=days)
    except OverflowError:
        raise Overflow("expr_date_range") from None


def add_months(env: Env, day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    if not 12 <= count < 12 * 10_000:
        raise Overflow("expr_date_range")
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def rounded(env: Env, value: Any, places: int | None = None) -> Any:
    if isinstance(value, tuple):
        currency = value[1] or env.currency or ""
        return (
            size(half_up(value[0], MINOR.get(currency, 2) if places is None else places)),
            value[1],
        )
    if isinstance(value, int):
        return value
    if places is None:
        return size(int(half_up(value, 0)))
    return size(half_up(value, places))


def whole(value: Any, rule: Callable[[Any], int]) -> Any:
    if isinstance(value, tuple):
        return (size(Fraction(rule(value[0]))), value[1])
    return size(rule(value))


def portion(env: Env, total: Any, part: Any, of: Any, done: Any) -> Any:
    if not of:
        return None
    places = MINOR.get(total[1] or env.currency or "", 2)

    def share(quantity: Any) -> Fraction:
        exact = total[0] * quantity / of * 10**places
        return Fraction(int(exact), 10**places)

    return (size(share(done + part) - share(done)), total[1])


def number(env: Env, text: str) -> Any:
    body = text.strip(SPACES)
    digits = body[1:] if body[:1] in ("+", "-") else body
    whole_part, dot, decimals = digits.partition(".")
    allowed = set("0123456789")
    if not whole_part or not set(whole_part) <= allowed or len(whole_part) > 22:
        return None
    if dot and (not decimals or not set(decimals) <= allowed or len(decimals) > 12):
        return None
    return Fraction(body)


def concat(env: Env, *parts: Any) -> str | None:
    return "".join(written(part) for part in parts if part is not None) or None


def cased(rule: Callable[[str], str]) -> Callable[[Env, str], str]:
    def change(env: Env, text: str) -> str:
        return "".join(rule(c) if len(rule(c)) == 1 and ord(c) < 0x530 else c for c in text)

    return change


def strict(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Null in, null out."""
    return lambda env, *args: None if None in args else rule(env, *args)


def texts(rule: Callable[[str, str], bool]) -> Callable[..., bool]:
    return lambda env, a, b: bool(a) and bool(b) and rule(a, b)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "is_empty": lambda env, v: v is None or v in ([], ()),
    "abs": strict(lambda env, v: (abs(v[0]), v[1]) if isinstance(v, tuple) else abs(v)),
    "round": strict(rounded),
    "floor": strict(lambda env, v: whole(v, floor)),
    "ceil": strict(lambda env, v: whole(v, lambda x: -floor(-x))),
    "portion": strict(portion),
    "money": strict(lambda env, v, code="": (Fraction(v), code)),
    "amount": strict(lambda env, v: v[0]),
    "currency": strict(lambda env, v: v[1] or env.currency),
    "len": lambda env, v: len(v or ()),
    "lower": strict(cased(str.lower)),
    "upper": strict(cased(str.upper)),
    "trim": strict(lambda env, v: v.strip(SPACES) or None),
    "concat": concat,
    "contains": texts(lambda a, b: b in a),
    "starts_with": texts(str.startswith),
    "ends_with": texts(str.endswith),
    "text": strict(lambda env, v: written(v)),
    "number": strict(number),
    "today": lambda env: env.today,
    "now": lambda env: env.now,
    "date": strict(new_date),
    "datetime": strict(new_datetime),
    "year": strict(lambda env, v: day_of(env, v).year),
    "month": strict(lambda env, v: day_of(env, v).month),
    "day": strict(lambda env, v: day_of(env, v).day),
    "weekday": strict(lambda env, v: day_of(env, v).weekday() + 1),
    "days_between": strict(lambda env, a, b: (day_of(env, b) - day_of(env, a)).days),
    "hours_between": strict(
        lambda env, a, b: half_up(Fraction((b - a) // timedelta(microseconds=1), 3_600_000_000), 12)
    ),
    "add_days": strict(add_days),
    "add_months": strict(add_months),
    "duration": strict(lambda env, count, unit: whole_seconds(count * UNITS[unit])),
}
