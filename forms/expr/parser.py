"""Tokens to syntax: a small precedence-climbing parser with caps on size and depth."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from forms.expr import limits
from forms.expr.syntax import (
    Binary,
    Call,
    Chain,
    Items,
    Literal,
    Member,
    Name,
    Syntax,
    Unary,
)
from forms.expr.tokens import Token, tokenize
from forms.problems import Problem

_ORDER = frozenset({"<", "<=", ">", ">="})
_EQUALITY = frozenset({"==", "!="})
_WORDS = {"true": True, "false": False, "null": None}
_LOOKALIKES = {
    "and": "and",
    "or": "or",
    "not": "not",
    "in": "in",
    "where": "where",
    "true": "true",
    "false": "false",
    "null": "null",
    "none": "null",
    "nil": "null",
    "is": "==",
    "eq": "==",
    "ne": "!=",
    "if": "if(condition, a, b)",
    "else": "if(condition, a, b)",
    "xor": "!=",
    "between": "a <= x and x <= b",
    "like": "contains(text, part)",
}

Rule = Callable[[], Syntax]


class _Stop(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def parse(source: str) -> tuple[Syntax | None, list[Problem]]:
    """The syntax tree of the source, or None with what is wrong (lexical problems all at once)."""
    if len(source) > limits.SOURCE_CHARS:
        return None, [
            Problem(
                "expr_too_long",
                (),
                f"the expression has {len(source)} characters",
                f"at most {limits.SOURCE_CHARS}: move parts into formula fields",
                offset=limits.SOURCE_CHARS,
            )
        ]
    tokens, problems = tokenize(source)
    if problems:
        return None, problems
    try:
        return _Parser(tokens).whole(), []
    except _Stop as stop:
        return None, [stop.problem]


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.index = 0
        self.token = tokens[0]
        self.nodes = 0
        self.nesting = 0

    # -- moving -----------------------------------------------------------------------------

    def advance(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.index += 1
            self.token = self.tokens[self.index]
        return token

    def at(self, *values: str) -> bool:
        return self.token.kind in ("op", "keyword") and self.token.value in values

    def expect(self, value: str, after: str) -> Token:
        if not self.at(value):
            raise self.unexpected(f"{value} {after}")
        return self.advance()

    def unexpected(self, allowed: str) -> _Stop:
        token = self.token
        if token.kind == "end":
            return _Stop(
                Problem(
                    "expr_syntax", (), "the expression ends too early", allowed, "", token.offset
                )
            )
        suggestion = _LOOKALIKES.get(token.value.lower(), "") if token.kind == "name" else ""
        shown = repr(token.value) if token.kind == "text" else token.value
        return _Stop(
            Problem(
                "expr_syntax",
                (),
                f"{shown[:40]} is not expected here",
                allowed,
                suggestion,
                token.offset,
            )
        )

    # -- caps -------------------------------------------------------------------------------

    def count(self, offset: int, *below: Syntax) -> int:
        """Count one more node; the depth of a node over `below`."""
        self.nodes += 1
        if self.nodes > limits.NODES:
            raise _Stop(
                Problem(
                    "expr_too_large",
                    (),
                    "the expression has too many parts",
                    f"at most {limits.NODES}: move parts into formula fields",
                    "",
                    offset,
                )
            )
        depth = 1 + max((node.depth for node in below), default=0)
        if depth > limits.TREE_DEPTH:
            raise _Stop(
                self.too_deep(offset, "the chain of operators is too long", limits.TREE_DEPTH)
            )
        return depth

    def too_deep(self, offset: int, message: str, limit: int) -> Problem:
        return Problem(
            "expr_too_deep",
            (),
            message,
            f"at most {limit}: move parts into formula fields",
            "",
            offset,
        )

    def enter(self, offset: int) -> None:
        self.nesting += 1
        if self.nesting > limits.NESTING:
            raise _Stop(
                self.too_deep(offset, "the expression is nested too deeply", limits.NESTING)
            )

    def leave(self) -> None:
        self.nesting -= 1

    # -- grammar, loosest first -------------------------------------------------------------

    def whole(self) -> Syntax:
        if self.token.kind == "end":
            raise _Stop(
                Problem(
                    "expr_empty",
                    (),
                    "the expression is empty",
                    "a name, a value or a formula",
                    offset=0,
                )
            )
        node = self.either()
        if self.token.kind != "end":
            raise self.unexpected("an operator or the end of the expression")
        return node

    def either(self) -> Syntax:
        node = self.both()
        while self.at("or"):
            node = self.binary("or", node, self.both)
        return node

    def both(self) -> Syntax:
        node = self.negation()
        while self.at("and"):
            node = self.binary("and", node, self.negation)
        return node

    def negation(self) -> Syntax:
        if not self.at("not"):
            return self.comparison()
        token = self.advance()
        self.enter(token.offset)
        operand = self.negation()
        self.leave()
        return Unary("not", operand, token.offset, self.count(token.offset, operand))

    def comparison(self) -> Syntax:
        node = self.sum()
        operands = [node]
        ops: list[str] = []
        offsets: list[int] = []
        while True:
            op = self.token
            if self.at("in"):
                self.advance()
                name = "in"
            elif self.at("not"):
                self.advance()
                if not self.at("in"):
                    raise self.unexpected("in (as in: x not in ['a', 'b'])")
                self.advance()
                name = "not in"
            elif self.at(*_ORDER, *_EQUALITY):
                name = self.advance().value
            else:
                break
            if ops and not {name, *ops} <= _ORDER:
                raise _Stop(
                    Problem(
                        "expr_chained",
                        (),
                        f"{name} cannot follow another comparison",
                        "only < <= > >= may be chained (0 <= x < 10); otherwise join two "
                        "comparisons with and",
                        "",
                        op.offset,
                    )
                )
            operands.append(self.sum())
            ops.append(name)
            offsets.append(op.offset)
        if not ops:
            return node
        if len(ops) == 1:
            left, right = operands
            depth = self.count(offsets[0], left, right)
            return Binary(ops[0], left, right, offsets[0], depth)
        depth = self.count(offsets[0], *operands)
        return Chain(tuple(operands), tuple(ops), tuple(offsets), offsets[0], depth)

    def sum(self) -> Syntax:
        node = self.product()
        while self.at("+", "-"):
            node = self.binary(self.token.value, node, self.product)
        return node

    def product(self) -> Syntax:
        node = self.signed()
        while self.at("*", "/", "%"):
            node = self.binary(self.token.value, node, self.signed)
        return node

    def binary(self, op: str, left: Syntax, right_side: Rule) -> Syntax:
        token = self.advance()
        right = right_side()
        return Binary(op, left, right, token.offset, self.count(token.offset, left, right))

    def signed(self) -> Syntax:
        if not self.at("-", "+"):
            return self.postfix()
        token = self.advance()
        self.enter(token.offset)
        operand = self.signed()
        self.leave()
        if (
            isinstance(operand, Literal)
            and isinstance(operand.value, int | Decimal)
            and (not isinstance(operand.value, bool))
        ):
            value = -operand.value if token.value == "-" else operand.value
            return Literal(value, token.offset)
        depth = self.count(token.offset, operand)
        return Unary(token.value, operand, token.offset, depth)

    def postfix(self) -> Syntax:
        node = self.atom()
        while self.at("."):
            self.advance()
            if self.token.kind != "name":
                raise self.unexpected("a name after the dot")
            token = self.advance()
            node = Member(node, token.value, token.offset, self.count(token.offset, node))
        return node

    def atom(self) -> Syntax:
        token = self.token
        if token.kind == "number":
            self.advance()
            self.count(token.offset)
            value = Decimal(token.value) if "." in token.value else int(token.value)
            return Literal(value, token.offset)
        if token.kind == "text":
            self.advance()
            self.count(token.offset)
            return Literal(token.value, token.offset)
        if token.kind == "keyword" and token.value in _WORDS:
            self.advance()
            self.count(token.offset)
            return Literal(_WORDS[token.value], token.offset)
        if token.kind == "name":
            self.advance()
            if self.at("("):
                return self.call(token)
            if token.value in ("None", "True", "False", "NULL", "TRUE", "FALSE", "NOT"):
                self.index -= 1
                self.token = token
                raise self.unexpected("true, false and null are written in small letters")
            self.count(token.offset)
            return Name(token.value, token.offset)
        if self.at("("):
            self.enter(token.offset)
            self.advance()
            node = self.either()
            self.expect(")", "to close the parenthesis")
            self.leave()
            return node
        if self.at("["):
            return self.items()
        raise self.unexpected("a name, a number, a 'text', a list [...] or a parenthesis")

    def items(self) -> Syntax:
        token = self.advance()
        self.enter(token.offset)
        found: list[Syntax] = []
        while not self.at("]"):
            if len(found) >= limits.LIST_ITEMS:
                raise _Stop(
                    Problem(
                        "expr_too_large",
                        (),
                        "the list is too long",
                        f"at most {limits.LIST_ITEMS} items",
                        "",
                        self.token.offset,
                    )
                )
            found.append(self.either())
            if not self.at(","):
                break
            self.advance()
        self.expect("]", "to close the list")
        self.leave()
        return Items(tuple(found), token.offset, self.count(token.offset, *found))

    def call(self, name: Token) -> Syntax:
        self.enter(name.offset)
        self.advance()
        args: list[Syntax] = []
        where: Syntax | None = None
        while not self.at(")"):
            args.append(self.either())
            if self.at("where"):
                self.advance()
                where = self.either()
                break
            if not self.at(","):
                break
            self.advance()
        self.expect(")", f"to close {name.value}(")
        self.leave()
        below = args if where is None else [*args, where]
        depth = self.count(name.offset, *below)
        return Call(name.value, tuple(args), where, name.offset, depth)
