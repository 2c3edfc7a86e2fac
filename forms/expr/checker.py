"""Syntax to typed nodes: what each name means, whether the types agree. Collects all problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from forms.expr import nodes as n
from forms.expr import operators
from forms.expr import syntax as s
from forms.expr.calls import check_aggregate, check_call
from forms.expr.functions import FUNCTIONS
from forms.expr.types import (
    BOOLEAN,
    DECIMAL,
    INTEGER,
    NULL,
    TEXT,
    Scope,
    Type,
)
from forms.problems import Problem, suggest

_SHOWN = 25


class Checker:
    """One run over one expression. Methods answer None where a problem was noted."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.problems: list[Problem] = []
        self.loop: tuple[n.Read, Mapping[str, Type]] | None = None
        self.in_where = False
        self.options_near: tuple[str, ...] = ()

    def note(
        self, code: str, offset: int, message: str, allowed: str = "", suggestion: str = ""
    ) -> None:
        """Note one problem at an offset of the source."""
        self.problems.append(Problem(code, (), message, allowed, suggestion, offset))

    # -- the walk ---------------------------------------------------------------------------

    def check(self, node: s.Syntax) -> n.Node | None:
        """The typed node of any syntax."""
        match node:
            case s.Literal():
                return self.literal(node)
            case s.Name():
                return self.name(node)
            case s.Member():
                return self.member(node)
            case s.Items():
                return self.items(node)
            case s.Call():
                return check_call(self, node)
            case s.Unary():
                return self.unary(node)
            case s.Binary():
                return self.binary(node)
            case s.Chain():
                return self.chain(node)

    def literal(self, node: s.Literal) -> n.Const:
        value = node.value
        if value is None or value == "":
            return n.Const(NULL, None, node.offset)
        if isinstance(value, bool):
            return n.Const(BOOLEAN, value, node.offset)
        if isinstance(value, str):
            return n.Const(TEXT, value, node.offset)
        return n.Const(DECIMAL if isinstance(value, Decimal) else INTEGER, value, node.offset)

    def items(self, node: s.Items) -> n.Node | None:
        found = [self.check(item) for item in node.items]
        if any(item is None for item in found):
            return None
        items = [item for item in found if item is not None]
        joined = operators.join(self, items, node.offset) if items else (NULL, [])
        if joined is None:
            return None
        return n.Items(Type("list", item=joined[0]), tuple(joined[1]), node.offset)

    def unary(self, node: s.Unary) -> n.Node | None:
        operand = self.check(node.operand)
        if operand is None:
            return None
        if node.op == "not":
            if self.condition(operand, s.start(node.operand), "not"):
                return n.Not(BOOLEAN, operand, node.offset)
            return None
        if operand.type.kind not in ("integer", "decimal", "money", "duration"):
            self.note(
                "expr_types",
                node.offset,
                f"{node.op} cannot stand before {operand.type}",
                "a number, an amount of money or a duration",
            )
            return None
        return n.Negate(operand.type, operand, node.offset) if node.op == "-" else operand

    def binary(self, node: s.Binary) -> n.Node | None:
        if node.op in ("and", "or"):
            return self.logic(node)
        left = self.check(node.left)
        near, self.options_near = self.options_near, _options(left)
        right = self.check(node.right)
        self.options_near = near
        if left is None or right is None:
            return None
        if node.op in ("in", "not in"):
            return operators.membership(self, node, left, right)
        if node.op in operators.COMPARISONS:
            pair = operators.comparable(self, node.op, left, right, node.offset)
            return n.Compare(BOOLEAN, node.op, *pair, node.offset) if pair else None
        return operators.arithmetic(self, node.op, left, right, node.offset)

    def chain(self, node: s.Chain) -> n.Node | None:
        checked = [self.check(operand) for operand in node.operands]
        if any(operand is None for operand in checked):
            return None
        operands = [operand for operand in checked if operand is not None]
        for index, (op, offset) in enumerate(zip(node.ops, node.offsets, strict=True)):
            pair = operators.comparable(self, op, operands[index], operands[index + 1], offset)
            if pair is None:
                return None
            operands[index : index + 2] = pair
        return n.ChainedCompare(BOOLEAN, tuple(operands), node.ops, node.offset)

    def logic(self, node: s.Binary) -> n.Node | None:
        sides: list[s.Syntax] = []
        left: s.Syntax = node
        while isinstance(left, s.Binary) and left.op == node.op:
            sides.append(left.right)
            left = left.left
        sides.append(left)
        operands: list[n.Node] = []
        complete = True
        for side in reversed(sides):
            operand = self.check(side)
            if operand is None or not self.condition(operand, s.start(side), node.op):
                complete = False
            else:
                operands.append(operand)
        return n.Logic(BOOLEAN, node.op, tuple(operands), node.offset) if complete else None

    def condition(self, node: n.Node, offset: int, where: str) -> bool:
        """Whether a node is a condition (boolean or null); notes a problem otherwise."""
        if node.type.kind in ("boolean", "null"):
            return True
        hint = {
            "text": "a comparison, or not is_empty(…)",
            "integer": "a comparison, as in x > 0",
            "decimal": "a comparison, as in x > 0",
            "money": "a comparison, as in x > 0",
            "choice": "a comparison, as in x == 'value'",
        }.get(node.type.kind, "true, false, or a comparison; not is_empty(x) asks for any value")
        self.note("expr_condition", offset, f"{where} needs a condition, this is {node.type}", hint)
        return False

    # -- names ------------------------------------------------------------------------------

    def name(self, node: s.Name) -> n.Node | None:
        if node.name == "me" and "me" in self.scope.names:
            return n.Me(self.scope.names["me"], node.offset)
        if node.name == "this" and "this" in self.scope.names:
            frame = "own" if self.scope.row is None else "this"
            return n.Read(self.scope.names["this"], frame, "id", node.offset)
        if self.in_where and self.loop is not None:
            return self.line_name(node, self.loop)
        frame, names = self.home(node.name)
        found = names.get(node.name)
        if found is None:
            self.unknown(node.name, node.offset, names)
            return None
        return n.Read(found, frame, node.name, node.offset)

    def home(self, name: str) -> tuple[str, Mapping[str, Type]]:
        """Whose a bare name is, with the names known there."""
        scope = self.scope
        if not scope.behind or scope.parent is None or name in scope.names:
            return "own", scope.names
        if name in scope.parent:
            return "parent", scope.parent
        return "own", {**scope.parent, **scope.names}

    def line_name(self, node: s.Name, loop: tuple[n.Read, Mapping[str, Type]]) -> n.Node | None:
        rows, fields = loop
        found = fields.get(node.name)
        if found is not None:
            return n.Read(found, "line", node.name, node.offset)
        if node.name in self.scope.names:
            outside = "parent" if rows.frame == "own" else "this"
            self.note(
                "expr_unknown_name",
                node.offset,
                f"in the where over {rows.name}, names are fields of its rows and "
                f"{node.name} is none",
                _known(fields),
                f"{outside}.{node.name}",
            )
        else:
            self.unknown(node.name, node.offset, fields)
        return None

    def unknown(self, name: str, offset: int, known: Mapping[str, Type]) -> None:
        """Note an unknown name, with the likeliest meant."""
        if name in self.options_near:
            suggestion = f"'{name}'"
        elif name in FUNCTIONS:
            suggestion = FUNCTIONS[name].forms[0]
        elif self.scope.parent is not None and name in self.scope.parent:
            suggestion = f"parent.{name}"
        elif self.scope.row is not None and name in self.scope.row:
            suggestion = f"this.{name}"
        else:
            suggestion = suggest(name, known)
        self.note(
            "expr_unknown_name", offset, f"{name} is not known here", _known(known), suggestion
        )

    def rows_path(self, node: s.Syntax) -> n.Read | None:
        """The lines a syntax names (`lines` or `parent.lines`), None where it names none."""
        frame, name, known = "own", "", self.scope.names
        if isinstance(node, s.Name):
            name = node.name
            frame, known = self.home(name)
        elif isinstance(node, s.Member) and _is_name(node.base, "parent"):
            frame, name, known = "parent", node.name, self.scope.parent or {}
        found = known.get(name)
        if found is None or found.kind != "lines":
            return None
        return n.Read(found, frame, name, s.start(node))

    # -- members ----------------------------------------------------------------------------

    def member(self, node: s.Member) -> n.Node | None:
        base = node.base
        if _is_name(base, "parent"):
            return self.parent_member(node)
        if _is_name(base, "this") and "this" not in (self.loop[1] if self.loop else {}):
            row = self.scope.row
            fields = self.scope.names if row is None else row
            return self.framed(node, "own" if row is None else "this", fields)
        if self.loop is not None:
            rows = self.rows_path(base)
            if rows is not None and (rows.frame, rows.name) == _path(self.loop[0]):
                return self.framed(node, "line", self.loop[1])
        if isinstance(base, s.Call) and base.name not in FUNCTIONS:
            return check_aggregate(self, base, node)
        found = self.check(base)
        return None if found is None else self.part(found, node)

    def parent_member(self, node: s.Member) -> n.Node | None:
        if self.in_where and self.loop is not None and self.loop[0].frame == "own":
            return self.framed(node, "own", self.scope.names)
        if self.scope.parent is None:
            self.note(
                "expr_no_parent",
                s.start(node),
                "there is no parent here",
                "parent is the record a line belongs to; only expressions of lines have one",
            )
            return None
        return self.framed(node, "parent", self.scope.parent)

    def framed(self, node: s.Member, frame: str, fields: Mapping[str, Type]) -> n.Node | None:
        found = fields.get(node.name)
        if found is None:
            self.note(
                "expr_unknown_name",
                node.offset,
                f"{node.name} is not known here",
                _known(fields),
                suggest(node.name, fields),
            )
            return None
        return n.Read(found, frame, node.name, s.start(node))

    def part(self, base: n.Node, node: s.Member) -> n.Node | None:
        match base.type.kind:
            case "link":
                return self.linked(base, node)
            case "choice":
                return self.attribute(base, node)
            case "lines":
                self.note(
                    "expr_lines",
                    node.offset,
                    "this has a value for every row of the lines",
                    "a function over them: sum, count, avg, min, max, any, all",
                    f"sum({getattr(base, 'name', 'lines')}.{node.name})",
                )
            case kind:
                several = kind == "list"
                self.note(
                    "expr_member",
                    node.offset,
                    f"{base.type} has no parts",
                    "a single link" if several else "a link, or a choice with attributes",
                )
        return None

    def linked(self, base: n.Node, node: s.Member) -> n.Node | None:
        target = base.type.target or ""
        hops, below = 1, base
        while isinstance(below, n.LinkRead):
            hops, below = hops + 1, below.base
        if hops > self.scope.max_hops:
            self.note(
                "expr_hops",
                node.offset,
                f"this follows {hops} links in a row",
                f"at most {self.scope.max_hops}: keep the value in a field (fill) or a "
                "formula on the way",
            )
            return None
        fields = self.scope.library.fields_of(target)
        if fields is None:
            self.note("expr_unknown_target", node.offset, f"nothing is known of {target}")
            return None
        found = fields.get(node.name)
        if found is None:
            self.note(
                "expr_unknown_name",
                node.offset,
                f"{target} has no field {node.name}",
                _known(fields),
                suggest(node.name, fields),
            )
            return None
        if found.kind == "lines":
            self.note(
                "expr_lines",
                node.offset,
                "the lines of a linked record cannot be read",
                "an aggregate over them",
            )
            return None
        return n.LinkRead(found, base, target, node.name, s.start(node))

    def attribute(self, base: n.Node, node: s.Member) -> n.Node | None:
        library, options_id = self.scope.library, base.type.options_id
        known = library.attributes_of(options_id) if options_id else None
        if options_id is None or not known:
            self.note(
                "expr_attribute", node.offset, "the options of this choice have no attributes"
            )
            return None
        if node.name not in known:
            self.note(
                "expr_attribute",
                node.offset,
                f"{options_id} has no attribute {node.name}",
                _known(known),
                suggest(node.name, known),
            )
            return None
        table = {
            value: library.attribute(options_id, value, node.name)
            for value in base.type.options or ()
        }
        return n.Attribute(known[node.name], base, node.name, table, s.start(node))


def _is_name(node: s.Syntax, name: str) -> bool:
    return isinstance(node, s.Name) and node.name == name


def _path(rows: n.Read) -> tuple[str, str]:
    return rows.frame, rows.name


def _options(node: n.Node | None) -> tuple[str, ...]:
    return (node.type.options or ()) if node is not None else ()


def _known(names: Iterable[str]) -> str:
    every = sorted(names)
    return ", ".join(every[:_SHOWN]) + (", …" if len(every) > _SHOWN else "")
