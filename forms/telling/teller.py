"""An expression's nodes in words. What binds too loosely for its place stands in brackets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from forms.expr import Expr
from forms.expr import nodes as n
from forms.telling import phrases as p
from forms.telling.names import Labels, Words
from forms.telling.values import listed, value_words
from forms.values import Text

# How tightly what was said holds together: an operand that is looser than its place is bracketed.
_CHOICE, _OR, _AND, _STATED, _SUM, _PRODUCT, _WHOLE = range(7)

Said = tuple[str, int]

_CONTRARY = {
    "==": "!=", "!=": "==", "<": ">=", ">=": "<", "<=": ">", ">": "<=",
    "and": "or", "or": "and", "any": "all", "all": "any",
}  # fmt: skip

_JUDGED = frozenset({"choice", "text", "link", "user", "department", "list", "file"})
"""Kinds that are, or are not, something; others equal it."""


def tell(expr: Expr, words: Words, lang: str) -> str:
    """What an expression gives, in words of a language ("zh" or "en")."""
    return _Telling(words, lang).value(expr.node, _CHOICE)


def tell_condition(expr: Expr, words: Words, lang: str, *, holds: bool = True) -> str:
    """What a condition says, or, with `holds` false, that it is not so."""
    node = expr.node if holds else n.Not(expr.type, expr.node, 0)
    return _Telling(words, lang).condition(node, _CHOICE)


def labels_of(expr: Expr, words: Words) -> Labels | None:
    """What the values an expression gives are called; None where they are no choice."""
    return _Telling(words, "en").labels(expr.node)


@dataclass(frozen=True, slots=True)
class _Telling:
    """One expression in one language. `rows`: the lines a function goes over; `near`: what the
    constants of a comparison are called, by what they are compared with."""

    words: Words
    lang: str
    rows: str = ""
    near: Labels | None = None

    # -- putting together
    def say(self, text: Text, *parts: str) -> str:
        return text.pick(self.lang).format(*parts, all=listed(list(parts), self.lang))

    def bracketed(self, said: Said, least: int) -> str:
        text, binds = said
        return text if binds >= least else self.say(p.BRACKETS, text)

    def value(self, node: n.Node, least: int = _WHOLE) -> str:
        """A node as a value."""
        return self.bracketed(self.said(node), least)

    def condition(self, node: n.Node, least: int) -> str:
        """A node as a condition: a mere field of yes or no is told with its "yes"."""
        return self.bracketed(self.stated(node), least)

    # -- conditions
    def stated(self, node: n.Node) -> Said:
        match node:
            case n.Not():
                return self.denied(node.operand)
            case n.Const(value=bool()) | n.Compare() | n.ChainedCompare() | n.Membership():
                return self.said(node)
            case n.Logic() | n.Loop() | n.If() | n.Const():
                return self.said(node)
            case n.Apply(function="coalesce", args=(first, n.Const(value=False))):
                return self.stated(first)
            case n.Apply() if node.function != "coalesce":
                return self.said(node)
        return self.holds(node, True)

    def holds(self, node: n.Node, wanted: bool) -> Said:
        said = value_words(wanted, self.lang, self.words.zone)
        return self.say(p.HOLDS, self.value(node), said), _STATED

    def denied(self, node: n.Node) -> Said:
        """The contrary of a condition, without "not" where there is a word for it."""
        match node:
            case n.Not():
                return self.stated(node.operand)
            case n.Compare():
                return self.said(replace(node, op=_CONTRARY[node.op]))
            case n.Logic():  # as in logic of three values: what is unknown stays unknown
                parts = tuple(n.Not(one.type, one, one.offset) for one in node.operands)
                return self.logic(replace(node, op=_CONTRARY[node.op], operands=parts))
            case n.Loop(function="any" | "all", body=body) if body is not None:
                contrary = n.Not(body.type, body, body.offset)
                return self.loop(replace(node, function=_CONTRARY[node.function], body=contrary))
            case n.Membership():
                return self.said(replace(node, negated=not node.negated))
            case n.Apply(function="is_empty"):
                return self.say(p.NOT_EMPTY, self.value(node.args[0])), _STATED
            case n.Apply(function="coalesce", args=(first, n.Const(value=False))):
                return self.denied(first)
            case n.Read() | n.LinkRead() | n.Attribute():
                return self.holds(node, False)
        return self.say(p.NOT, self.condition(node, _CHOICE)), _WHOLE

    # -- anything
    def said(self, node: n.Node) -> Said:
        match node:
            case n.Const():
                known = self.labels(node) or self.near
                return value_words(node.value, self.lang, self.words.zone, known), _WHOLE
            case n.Read():
                return self.read(node), _WHOLE
            case n.Me():
                return p.ME.pick(self.lang), _WHOLE
            case n.LinkRead():
                return self.linked(node), _WHOLE
            case n.Attribute():
                name = self.words.attribute(node.base.type, node.name, self.lang)
                return f"{self.value(node.base)} · {name}", _WHOLE
            case n.AggregateRead():
                return self.total(node), _WHOLE
            case n.Widen():
                return self.said(node.operand)
            case n.Negate():
                return f"−{self.value(node.operand)}", _PRODUCT
            case n.Arithmetic():
                return self.arithmetic(node)
            case n.Compare():
                return self.compare(node), _STATED
            case n.ChainedCompare():
                return self.chained(node), _STATED
            case n.Membership():
                return self.membership(node), _STATED
            case n.Items():
                inner = [self.value(one) for one in node.items]
                return listed(inner, self.lang), _WHOLE
            case n.Not():
                return self.denied(node.operand)
            case n.Logic():
                return self.logic(node)
            case n.If():
                return self.either(node)
            case n.Apply():
                return self.apply(node)
            case n.Loop():
                return self.loop(node)

    # -- names
    def home(self, node: n.Read) -> str:
        """The form, or the lines, a name belongs to."""
        match node.frame:
            case "line":
                return self.rows
            case "parent":
                return (self.words.row or self.words.own).partition(".")[0]
            case "this":
                return self.words.row or self.words.own
        return self.words.own

    def read(self, node: n.Read) -> str:
        if node.type.kind == "link" and node.name in ("id", "this"):
            row = "." in (node.type.target or "")
            return (p.THIS_ROW if row else p.THIS).pick(self.lang)
        if self.is_row(node):
            return p.THIS_ROW.pick(self.lang)
        return self.words.name(self.home(node), node.name, self.lang)

    def is_row(self, node: n.Node) -> bool:
        """Whether a name stands for the line at hand, as steps for each line call it."""
        if not isinstance(node, n.Read) or node.type.kind != "link":
            return False
        target = node.type.target or ""
        own = self.words.own.partition(".")[0]
        named = self.words.field(self.home(node), node.name)
        return named is None and target.startswith(f"{own}.")

    def linked(self, node: n.LinkRead) -> str:
        name = self.words.name(node.target, node.name, self.lang)
        if self.is_row(node.base) or (isinstance(node.base, n.Read) and node.base.name == "id"):
            return name
        return f"{self.value(node.base)} · {name}"

    def total(self, node: n.AggregateRead) -> str:
        name = self.words.total(node.aggregate, node.measure, self.lang)
        key = node.key
        if isinstance(key, n.Read) and key.name in ("id", "this"):
            return name
        return self.say(p.OF_KEY, self.value(key), name)

    def labels(self, node: n.Node) -> Labels | None:
        """What the values a node gives are called; None where they have no names."""
        match node:
            case n.Read():
                found = self.words.values(self.home(node), node.name)
            case n.LinkRead():
                found = self.words.values(node.target, node.name)
            case n.Apply(function="sign"):
                return p.SIGNS
            case n.If():
                found = self.labels(node.then) or self.labels(node.otherwise)
            case n.Apply(function="coalesce" | "min" | "max", args=parts) | n.Items(items=parts):
                found = next((one for one in map(self.labels, parts) if one), None)
            case n.Loop() if node.body is not None:
                inner = replace(self, rows=node.rows.type.target or "")
                found = inner.labels(node.body)
            case _:
                found = None
        return found or self.words.options_of(node.type) or self._item(node)

    def _item(self, node: n.Node) -> Labels | None:
        return self.words.options_of(node.type.item) if node.type.item is not None else None

    def beside(self, *nodes: n.Node) -> _Telling:
        """How nodes that stand beside each other are told: constants by what the others hold."""
        known = next((one for one in map(self.labels, nodes) if one), None)
        return self if known is None else replace(self, near=known)

    # -- operators
    def compare(self, node: n.Compare) -> str:
        left, right = node.left, node.right
        if _empty(left):
            left, right = right, left
        equal = node.op == "=="
        if node.op in ("==", "!="):
            if _empty(right):
                return self.say(p.IS_EMPTY if equal else p.NOT_EMPTY, self.value(left))
            if isinstance(right, n.Const) and isinstance(right.value, bool):
                return self.holds(left, right.value is equal)[0]
        with_labels = self.beside(left, right)
        if node.op in ("==", "!=") and left.type.kind in _JUDGED:
            said = p.IS if equal else p.IS_NOT
            return self.say(said, with_labels.value(left), with_labels.value(right))
        parts = with_labels.value(left, _SUM), with_labels.value(right, _SUM)
        return f"{parts[0]} {p.SYMBOLS[node.op]} {parts[1]}"

    def chained(self, node: n.ChainedCompare) -> str:
        inner = self.beside(*node.operands)
        first, *rest = [inner.value(one, _SUM) for one in node.operands]
        said = [f"{p.SYMBOLS[op]} {one}" for op, one in zip(node.ops, rest, strict=True)]
        return " ".join([first, *said])

    def membership(self, node: n.Membership) -> str:
        inner = self.beside(node.item, node.container)
        item, container = inner.value(node.item), inner.value(node.container)
        if not isinstance(node.container, n.Items):
            said = p.CONTAINS_NOT if node.negated else p.CONTAINS
            return self.say(said, container, item)
        if len(node.container.items) == 1:
            return self.say(p.IS_NOT if node.negated else p.IS, item, container)
        return self.say(p.NONE_OF if node.negated else p.ONE_OF, item, container)

    def arithmetic(self, node: n.Arithmetic) -> Said:
        if node.op == "%":
            left, right = self.value(node.left, _PRODUCT), self.value(node.right)
            return self.say(p.REMAINDER, left, right), _SUM
        binds = _SUM if node.op in "+-" else _PRODUCT
        left, right = self.value(node.left, binds), self.value(node.right, binds + 1)
        return f"{left} {p.ARITHMETIC[node.op]} {right}", binds

    def logic(self, node: n.Logic) -> Said:
        binds, word = (_AND, p.AND) if node.op == "and" else (_OR, p.OR)
        said = [self.condition(one, binds + 1) for one in node.operands]
        return word.pick(self.lang).join(said), binds

    def either(self, node: n.If) -> Said:
        inner = self.beside(node.then, node.otherwise)
        return self.say(
            p.IF,
            self.condition(node.condition, _OR),
            inner.value(node.then, _OR),
            inner.value(node.otherwise, _OR),
        ), _CHOICE

    # -- functions
    def apply(self, node: n.Apply) -> Said:
        inner = self.beside(*node.args)
        match node.function:
            case "is_empty":
                return self.say(p.IS_EMPTY, self.value(node.args[0])), _STATED
            case "coalesce":
                first, *rest = [inner.value(one) for one in node.args]
                for one in rest:
                    first = self.say(p.WHERE_EMPTY, first, one)
                return first, _WHOLE
        said = self.phrase(node)
        literal = len(node.args) == 1 and bool(node.overload.literals)
        if literal and isinstance(node.args[0], n.Const):
            return str(node.args[0].value).replace("T", " "), _WHOLE
        parts = [self.argument(node, place, inner) for place in range(len(node.args))]
        binds = _STATED if node.type.kind == "boolean" else _WHOLE
        return self.say(said, *parts), binds

    def phrase(self, node: n.Apply) -> Text:
        if node.function == "len" and node.args[0].type.kind not in ("text", "choice", "null"):
            return p.MEMBERS
        exact = p.FUNCTIONS.get((node.function, len(node.args)))
        return exact or p.FUNCTIONS[node.function, p.ALWAYS]

    def argument(self, node: n.Apply, place: int, inner: _Telling) -> str:
        """An argument; literals that the function itself explains without quotation marks."""
        one = node.args[place]
        if place in node.overload.literals and isinstance(one, n.Const):
            said = str(one.value)
            return p.UNITS[said].pick(self.lang) if node.function == "duration" else said
        return inner.value(one)

    def loop(self, node: n.Loop) -> Said:
        inner = replace(self, rows=node.rows.type.target or "")
        rows = self.read(node.rows)
        if node.where is not None:
            rows = self.say(p.WHERE, rows, inner.condition(node.where, _CHOICE))
        if node.body is None:
            return self.say(p.LOOPS["count"], rows, ""), _WHOLE
        if node.function in ("any", "all"):
            said = inner.condition(node.body, _OR)
            return self.say(p.LOOPS[node.function], rows, said), _AND
        body = inner.value(node.body)
        phrase = p.COUNT_GIVEN if node.function == "count" else p.LOOPS[node.function]
        return self.say(phrase, rows, body), _WHOLE


def _empty(node: n.Node) -> bool:
    return isinstance(node, n.Const) and node.value is None
