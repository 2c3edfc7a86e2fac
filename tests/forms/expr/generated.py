"""Random well-typed expressions, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

Pick = Callable[[Sequence[Any]], Any]
Text = Callable[[Pick], str]
"""Makes a text by picking: nothing is built before it is picked."""


def one(options: Sequence[str]) -> Text:
    return lambda pick: str(pick(options))


def either(*made: Text) -> Text:
    return lambda pick: str(pick(made)(pick))


TEXTS = ["'a'", "'b'", "'退'", "'perfect'", "'ä'", "'10'", "' a '"]
INTEGERS = ["0", "1", "2", "-7", "3", "12", "31", "100"]
DECIMALS = ["0.5", "-2.25", "0.000001", "10.0", "3.333333", "100.0"]
DATES = ["date('2026-03-18')", "date('2024-02-29')", "today()"]
MOMENTS = ["now()", "datetime('2026-03-29T00:30Z')", "datetime('2026-03-29T10:30')"]
GRADES = ["'perfect'", "'slight'", "'severe'", "'wrong_item'"]
ORDER_OPS = ["<", "<=", ">", ">="]
WHOLE = ["round", "floor", "ceil"]
KINDS_COMPARED = (
    "text", "integer", "decimal", "money", "date", "datetime", "duration", "grade",
)  # fmt: skip
EQUALITY = ["==", "!="]

MEMBERS = [
    "'slight' in tags", "g1 not in tags", "has(orders, order)", "is_empty(tags)",
    "is_empty(files)", "order == parent.order", "this == id", "owner == me", "is_empty(order)",
    "me in [owner]", "tags != null", "order in orders", "items == null",
]  # fmt: skip

FIELDS = {
    "text": ["t1", "t2", "order.stage", "parent.name"],
    "integer": ["n1", "n2", "reason.days"],
    "decimal": ["d1", "d2", "order.weight", "parent.rate", "reason.share", "used(order).asked",
                "parent.order.weight"],
    "money": ["m1", "m2", "usd", "order.paid", "used(order).spent"],
    "boolean": ["b1", "b2", "reason.free"],
    "date": ["on1", "on2", "order.placed"],
    "datetime": ["at1", "at2"],
    "duration": ["for1", "for2"],
    "grade": ["g1", "g2", "order.grade", "parent.grade"],
}  # fmt: skip
CELLS = {
    "text": ["items.note", "items.order.stage"],
    "integer": ["items.k"],
    "decimal": ["items.q", "items.limit", "items.order.weight"],
    "money": ["items.price"],
    "boolean": ["items.ok"],
    "date": ["items.until"],
    "duration": ["items.spent"],
    "grade": ["items.grade"],
}


class Grammar:
    """Strategies by kind. `cells`: inside a loop's body, where items.x is one row's value."""

    def __init__(self, cells: bool = False) -> None:
        self.cells = cells

    def leaf(self, kind: str) -> Text:
        literals = {
            "text": TEXTS, "integer": INTEGERS, "decimal": DECIMALS, "date": DATES,
            "datetime": MOMENTS, "boolean": ["true", "false"],
            "duration": ["duration(90, 'minutes')"],
            "money": ["money(12.5)", "money(3, 'USD')", "money(d1)"],
            "grade": [],
        }[kind]  # fmt: skip
        fields = CELLS[kind] if self.cells and kind in CELLS else FIELDS[kind]
        return either(one(fields), one(literals + fields))

    def of(self, kind: str, depth: int) -> Text:
        """An expression of a kind, so many levels deep."""
        if depth <= 0:
            return self.leaf(kind)

        def make(pick: Pick) -> str:
            made = getattr(self, kind)(depth - 1)
            every = [self.leaf(kind), *made, *made, *self.any_kind(kind, depth - 1)]
            return str(pick(every)(pick))

        return make

    def call(self, template: str, *parts: Text) -> Text:
        return lambda pick: template.format(*[part(pick) for part in parts])

    def any_kind(self, kind: str, depth: int) -> list[Text]:
        below = self.of(kind, depth)
        found = [
            self.call("if({}, {}, {})", self.of("boolean", depth), below, below),
            self.call("coalesce({}, {})", below, below),
        ]
        if kind != "boolean":
            found.append(self.call("min({}, {})", below, below))
            found.append(self.call("max({}, {})", below, below))
        if not self.cells and kind in CELLS and kind != "boolean":
            cell, where = self.cell(kind, depth), self.where()
            functions = ["min", "max"]
            if kind in ("integer", "decimal", "money", "duration"):
                functions.append("sum")
                if kind != "integer":
                    functions.append("avg")
            found += [self.call(name + "({}{})", cell, where) for name in functions]
        return found

    def cell(self, kind: str, depth: int) -> Text:
        """Something over the rows of `items`, which reads at least one of their cells."""
        made = Grammar(cells=True).of(kind, min(depth, 1))

        def make(pick: Pick) -> str:
            text = made(pick)
            return text if "items." in text else str(pick(CELLS[kind]))

        return make

    def where(self) -> Text:
        conditions = [
            "", " where k > 1", " where grade != 'slight'", " where ok", " where q <= limit",
            " where note == 'a' or until > today()", " where parent.n1 >= k", " where not ok",
            " where order.weight > 0", " where price > 5", " where grade in ['severe', null]",
        ]  # fmt: skip
        return one(conditions)

    def number(self, depth: int) -> Text:
        return either(self.of("integer", depth), self.of("decimal", depth))

    def integer(self, depth: int) -> list[Text]:
        whole = self.of("integer", depth)
        moment = either(self.of("date", depth), self.of("datetime", depth))
        ops = one(["+", "-", "*", "%"])
        found = [
            self.call("({} {} {})", whole, ops, whole),
            self.call("-({})", whole),
            self.call("{}({})", one(["round", "floor", "ceil"]), self.of("decimal", depth)),
            self.call("abs({})", whole),
            self.call("len({})", self.of("text", depth)),
            self.call("{}({})", one(["year", "month", "day", "weekday"]), moment),
            self.call("days_between({}, {})", moment, moment),
            one(["len(tags)", "len(files)", "len(orders)"]),
        ]
        if not self.cells:
            counted = either(self.cell("boolean", 1), self.cell("decimal", 1))
            found += [
                self.call("count(items{})", self.where()),
                self.call("count({}{})", counted, self.where()),
                one(["len(items)"]),
            ]
        return found

    def decimal(self, depth: int) -> list[Text]:
        number, money = self.number(depth), self.of("money", depth)
        span = self.of("duration", depth)
        return [
            self.call("({} {} {})", number, one(["+", "-", "*", "/", "%"]),
                      self.of("decimal", depth)),
            self.call("({} / {})", number, number),
            self.call("({} / 100)", number),
            self.call("({} / {})", money, money),
            self.call("({} / {})", span, span),
            self.call("abs({})", self.of("decimal", depth)),
            self.call("-({})", self.of("decimal", depth)),
            self.call("round({}, {})", self.of("decimal", depth), one("01247")),
            self.call("amount({})", money),
            self.call("number({})", self.of("text", depth)),
            self.call("hours_between({}, {})", self.of("datetime", depth),
                      self.of("datetime", depth)),
        ]  # fmt: skip

    def money(self, depth: int) -> list[Text]:
        below, number = self.of("money", depth), self.number(depth)
        return [
            self.call("({} {} {})", below, one("+-"), below),
            self.call("({} {} {})", below, one("+-"), one(["0", "1.5"])),
            self.call("({} * {})", below, number),
            self.call("({} * {})", number, below),
            self.call("({} / {})", below, number),
            self.call("({} * {} / 100)", below, number),
            self.call("-({})", below),
            self.call("{}({})", one(["abs", "round", "floor", "ceil"]), below),
            self.call("round({}, {})", below, one("0136")),
            self.call("money({})", number),
            self.call("coalesce({}, 0)", below),
            self.call("if({}, {}, 0)", self.of("boolean", depth), below),
            self.call("portion({}, {}, {}, {})", below, number, number, number),
        ]

    def text(self, depth: int) -> list[Text]:
        below = self.of("text", depth)
        return [
            self.call("{}({})", one(["lower", "upper", "trim"]), below),
            self.call("concat({}, {})", below, either(below, self.number(depth))),
            self.call("text({})", either(self.number(depth), self.of("date", depth))),
            self.call("text({})", self.of("boolean", depth)),
            self.call("text({})", self.of("grade", depth)),
            self.call("currency({})", self.of("money", depth)),
        ]

    def boolean(self, depth: int) -> list[Text]:
        below = self.of("boolean", depth)
        found = [
            self.call("({} {} {})", below, one(["and", "or"]), below),
            self.call("({} {} {})", below, one(["and", "or"]), below),
            self.call("(not {})", below),
            self.call("({} {} {})", below, one(EQUALITY), below),
            self.call("has(tags, {})", either(one(GRADES), self.leaf("grade"))),
            self.call("({})", one(MEMBERS)),
            self.call("{}({}, {})", one(["contains", "starts_with", "ends_with"]),
                      self.of("text", depth), self.of("text", depth)),
            self.call("(sign({}) {} {})", either(self.number(depth), self.of("money", depth),
                      self.of("duration", depth)), one(EQUALITY + ORDER_OPS),
                      one(["'zero'", "'positive'"])),
            self.call("(reason.fault {} 'merchant')", one(EQUALITY + ORDER_OPS)),
            self.call("(0 < {} <= {})", self.number(depth), self.number(depth)),
        ]  # fmt: skip
        for kind in (
            "text",
            "integer",
            "decimal",
            "money",
            "date",
            "datetime",
            "duration",
            "grade",
        ):
            side = self.of(kind, depth)
            ops = one(EQUALITY + ORDER_OPS)
            found.append(self.call("({} {} {})", side, ops, side))
            found.append(self.call("is_empty({})", side))
            found.append(self.call("({} {} null)", side, one(EQUALITY)))
        found += [
            self.call("({} {} {})", self.number(depth), one(EQUALITY + ORDER_OPS),
                      self.number(depth)),
            self.call("({} {} {})", self.of("money", depth), one(EQUALITY + ORDER_OPS),
                      one(["0", "12.5", "100", "0.00005"])),
            self.call("({} {} {})", self.leaf("grade"), one(EQUALITY + ORDER_OPS),
                      one(GRADES)),
            self.call("({} {} ['perfect', 'severe'])", self.of("grade", depth), _IN),
            self.call("({} {} ['perfect', null])", self.of("grade", depth), _IN),
            self.call("({} {} [{}, 2, 0.5])", self.number(depth), _IN, self.of("integer", depth)),
            self.call("({} {} [1, 2.5, 0.0000001])", self.leaf("decimal"), _IN),
            self.call("({} {} [0, 100])", self.of("money", depth), _IN),
            self.call("({} {} ['a', 'ab', ''])", self.of("text", depth), _IN),
            self.call("({} {} [today(), null])", self.of("date", depth), _IN),
            self.call("(on1 {} '2026-01-31')", one(EQUALITY + ORDER_OPS)),
        ]  # fmt: skip
        if not self.cells:
            inner = self.cell("boolean", depth)
            quantified = one(["any", "all"])
            found.append(self.call("{}({}{})", quantified, inner, self.where()))
            found.append(one(["is_empty(items)"]))
        return found

    def date(self, depth: int) -> list[Text]:
        below = self.of("date", depth)
        small = one(["1", "-1", "31", "n1", "13"])
        return [
            self.call("add_days({}, {})", below, small),
            self.call("add_months({}, {})", below, small),
            self.call("date({})", self.of("datetime", depth)),
            self.call("date({}, {}, {})", one(["2026", "year(on1)", "n1"]),
                      one(["2", "12", "n2"]), one(["29", "31", "n1"])),
        ]  # fmt: skip

    def datetime(self, depth: int) -> list[Text]:
        below, span = self.of("datetime", depth), self.of("duration", depth)
        return [
            self.call("({} {} {})", below, one("+-"), span),
            self.call("add_days({}, {})", below, one(["1", "-30", "n1"])),
            self.call("datetime({})", self.of("date", depth)),
            self.call("datetime({}, {}, 30)", self.of("date", depth), one(["9", "n1"])),
        ]

    def duration(self, depth: int) -> list[Text]:
        below, units = self.of("duration", depth), ["seconds", "minutes", "hours", "days", "weeks"]
        return [
            self.call("({} {} {})", below, one("+-"), below),
            self.call("({} * {})", below, one(["2", "0.333333", "d1"])),
            self.call("({} / {})", below, one(["3", "0.5", "d1"])),
            self.call("({} - {})", self.of("datetime", depth), self.of("datetime", depth)),
            self.call("duration({}, '{}')", one(["1.5", "n1", "d1"]), one(units)),
            self.call("abs({})", below),
            self.call("-({})", below),
        ]

    def grade(self, depth: int) -> list[Text]:
        literal = one(GRADES)
        return [
            self.call("coalesce({}, {})", self.of("grade", depth), literal),
            self.call(
                "if({}, {}, {})", self.of("boolean", depth), self.of("grade", depth), literal
            ),
        ]


_IN = one(["in", "not in"])
KINDS = ("boolean", "decimal", "money", "integer", "text", "date", "datetime", "duration", "grade")


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """A random expression of a random kind."""

    def pick(options: Sequence[Any]) -> Any:
        return options[draw(st.integers(0, len(options) - 1))]

    return random_expression(pick, depth)


def random_expression(pick: Pick, depth: int) -> str:
    """An expression made by picking."""
    return Grammar().of(str(pick(KINDS)), int(pick(range(1, depth + 1))))(pick)
