"""Which empty fields leave an expression without a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from flows.soundness.facts import ENDED, NO_VALUE, NONE, NOTHING, RECORD, Facts, Frame, Lack, Lacks
from flows.soundness.fields import always_filled, brought
from flows.soundness.world import World
from forms.expr import Env, EvalError, Expr
from forms.expr import nodes as n
from forms.expr.closures import compile_node
from forms.model import Field, Form

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
MOST_HOPS = 3


@dataclass(slots=True)
class Emptiness:
    """Answers for one form. `rows`: name of a row (`as`) → its lines field. `brought`: field that
    nothing but links fills → the links, each with what it brings."""

    form: Form
    world: World
    rows: Mapping[str, str] = field(default_factory=dict)
    brought: Mapping[str, tuple[tuple[str, Expr], ...]] = field(default_factory=dict)
    hops: int = 0
    """How many links were followed from the flow's own form to this one."""
    _always: dict[str, Facts] = field(default_factory=dict)
    _others: dict[tuple[str, str], Lacks] = field(default_factory=dict)
    _without: dict[int, object] = field(default_factory=dict)
    _memo: dict[tuple[int, Frame, Facts], Lacks] = field(default_factory=dict)

    def of(self, expr: Expr | None, facts: Facts, frame: Frame = RECORD) -> Lacks:
        """What may be empty, so that the expression has no value; nothing where it always has."""
        if expr is None:
            return NONE
        key = (id(expr), frame, facts)
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self.lacking(expr.node, facts, frame)
        return found

    # -- fields -----------------------------------------------------------------------------

    def field_of(self, fact: str) -> Field | None:
        """The field a fact is about."""
        head, _, tail = fact.partition(".")
        return self.form.field_at(f"{self.rows.get(head, head)}.{tail}" if tail else head)

    def is_own(self, fact: str) -> bool:
        """Whether a fact is about a field that stays as it is until this record is written."""
        found = self.field_of(fact)
        return found is not None and found.formula is None

    def fact(self, name: str, facts: Facts, frame_name: str) -> Lacks:
        """Whether a field of the record or of a row is filled, computed ones included."""
        fact = f"{frame_name}.{name}" if frame_name else name
        if fact in facts:
            return NONE
        found = self.field_of(fact)
        if found is None:
            return NONE  # a name of the system, a row's own name
        if found.formula is not None:
            return self.of(found.formula, facts, Frame(frame_name))
        links = self.brought.get(found.path, ())
        if links and not any(
            self.fact(link, facts, frame_name) or self.of(expr, facts, Frame(frame_name))
            for link, expr in links
        ):
            return NONE
        return frozenset((Lack(fact),))

    def always(self, form: Form) -> Facts:
        """What every record of a form has: required fields, in every row, and required rows."""
        found = self._always.get(form.id)
        if found is None:
            found = self._always[form.id] = frozenset(always_filled(form))
        return found

    def of_other(self, target: str, name: str) -> Lacks:
        """Whether a field of another record is filled, so far as its form says."""
        known = self._others.get((target, name))
        if known is None:
            known = self._others[target, name] = self._of_other(target, name)
        return known

    def _of_other(self, target: str, name: str) -> Lacks:
        form_id, _, lines = target.partition(".")
        form = self.world.forms.get(form_id)
        found = form.field_at(f"{lines}.{name}" if lines else name) if form is not None else None
        if form is None or found is None:
            return NONE
        fact = found.path
        facts = self.always(form)
        if fact in facts:
            return NONE
        if self.hops < MOST_HOPS:
            other = Emptiness(
                form, self.world, brought=brought(form), hops=self.hops + 1, _always=self._always
            )
            if not other.fact(name, facts, lines):
                return NONE
        return frozenset((Lack(fact, form_id),))

    # -- nodes ------------------------------------------------------------------------------

    def lacking(self, node: n.Node, facts: Facts, at: Frame) -> Lacks:
        """What may be empty so that a node is null."""
        match node:
            case n.Const():
                return frozenset((Lack(NO_VALUE),)) if node.value is None else NONE
            case n.Read():
                return self.fact(node.name, facts, _owner(node.frame, at))
            case n.LinkRead():
                return self.link_read(node, facts, at)
            case n.Attribute():
                return self.lacking(node.base, facts, at)
            case n.AggregateRead():
                return self.lacking(node.key, facts, at)
            case n.Compare():
                if node.op in ("==", "!="):
                    return NONE
                return self.lacking(node.left, facts, at) | self.lacking(node.right, facts, at)
            case n.Membership() | n.Items() | n.Me():
                return NONE
            case n.Logic():
                return self.logic(node, facts, at)
            case n.If():
                return (
                    self.lacking(node.condition, facts, at)
                    | self.lacking(node.then, facts | self.known(node.condition, facts, at), at)
                    | self.lacking(
                        node.otherwise, facts | self.known(node.condition, facts, at, False), at
                    )
                )
            case n.Apply():
                return self.apply(node, facts, at)
            case n.Loop():
                return self.loop(node, facts, at)
        found = NONE
        for child in n.children(node):
            found |= self.lacking(child, facts, at)
        return found

    def link_read(self, node: n.LinkRead, facts: Facts, at: Frame) -> Lacks:
        base = node.base
        row = self.row_of(base, at)
        if row is not None:
            return self.fact(node.name, facts, row)
        path = self.path_of(node, at)
        if path and path in facts:
            return NONE
        lacks = self.lacking(base, facts, at)
        if self.path_of(base, at) + ENDED in facts and node.name in self.world.ended.get(
            node.target, NOTHING
        ):
            return lacks
        return lacks | self.of_other(node.target, node.name)

    def row_of(self, base: n.Node, at: Frame) -> str | None:
        """What a link to the record itself, or to a row at hand, leads to: as `Frame.own`."""
        if not isinstance(base, n.Read):
            return None
        if base.name in self.rows and not _owner(base.frame, at):
            return base.name
        if at.own and base.name == "row" and base.type.target == f"{self.form.id}.{at.own}":
            return at.own
        if at.own and base.name == self.form.id and base.type.target == self.form.id:
            return ""
        return None

    def logic(self, node: n.Logic, facts: Facts, at: Frame) -> Lacks:
        """`and` is null only where no operand is false: the others then say what is filled."""
        held = node.op == "and"
        firm = [op for op in node.operands if not self.lacking(op, facts, at)]
        found = NONE
        seen = facts
        for operand in node.operands:
            here = seen
            for other in firm:
                if other is not operand:
                    here |= self.known(other, facts, at, held)
            found |= self.lacking(operand, here, at)
            seen |= self.known(operand, seen, at, held)
        return found

    def apply(self, node: n.Apply, facts: Facts, at: Frame) -> Lacks:
        each = [self.lacking(arg, facts, at) for arg in node.args]
        if node.function in ("coalesce", "concat"):
            return frozenset().union(*each) if all(each) else NONE
        if node.function not in ("min", "max") and node.overload.nulls:
            return NONE
        return frozenset().union(*each)

    def loop(self, node: n.Loop, facts: Facts, at: Frame) -> Lacks:
        """Sums and counts leave out what is empty; a maximum of nothing is nothing."""
        if node.function in ("sum", "count") or node.body is None:
            return NONE
        rows = _owner(node.rows.frame, at)
        inside = Frame(at.own, f"{rows}.{node.rows.name}" if rows else node.rows.name)
        known = facts
        if node.where is not None:
            known |= self.known(node.where, facts, inside)
        found = self.lacking(node.body, known, inside)
        if node.function in ("any", "all"):
            return found
        name = f"{rows}.{node.rows.name}" if rows else node.rows.name
        return found if name in facts else found | {Lack(name)}

    # -- what a condition says --------------------------------------------------------------

    def known(self, node: n.Node, facts: Facts, at: Frame, held: bool = True) -> Facts:
        """What is filled where a condition is true (or, with `held` False, false)."""
        match node:
            case n.Not():
                return self.known(node.operand, facts, at, not held)
            case n.Logic():
                each = [self.known(op, facts, at, held) for op in node.operands]
                if (node.op == "and") is held:
                    return NOTHING.union(*each)
                return each[0].intersection(*each[1:])
            case n.Compare(op="==" | "!="):
                return (
                    self._equal(node, facts, at)
                    if (node.op == "==") is held
                    else (self._unequal(node, at))
                )
            case n.Compare():
                return (
                    self.filled(node.left, at)
                    | self.filled(node.right, at)
                    | self._otherwise(node, at, held)
                )
            case n.ChainedCompare() if held:
                return NOTHING.union(*(self.filled(op, at) for op in node.operands))
            case n.Membership() if held is not node.negated:
                container = node.container
                if isinstance(container, n.Items) and all(
                    not self.lacking(item, facts, at) for item in container.items
                ):
                    return self.filled(node.item, at)
                return NOTHING
            case n.Apply(function="is_empty"):
                return NOTHING if held else self.filled(node.args[0], at)
            case n.Apply(function="contains" | "starts_with" | "ends_with") if held:
                return self.filled(node.args[0], at) | self.filled(node.args[1], at)
            case n.Apply() if node.overload.nulls:
                return NOTHING
            case n.If():
                return NOTHING
        return self.filled(node, at)

    def _otherwise(self, node: n.Compare, at: Frame, held: bool) -> Facts:
        """The one field a comparison reads, where it would come out otherwise without it, as in
        `coalesce(amount, 0) > 500`."""
        reads = list(_reads(node))
        if not reads or not isinstance(reads[0], n.Read) or len({_name(r) for r in reads}) > 1:
            return NOTHING
        key = id(node)
        if key not in self._without:
            try:
                self._without[key] = compile_node(node)({}, Env(_NEVER))
            except EvalError:
                self._without[key] = None
        found = self._without[key]
        if found is None or found is held:
            return NOTHING
        return frozenset((self.path_of(reads[0], at),))

    def _equal(self, node: n.Compare, facts: Facts, at: Frame) -> Facts:
        """Equal to something that has a value: there is a value."""
        found = NOTHING
        if not self.lacking(node.right, facts, at):
            found |= self.filled(node.left, at)
        if not self.lacking(node.left, facts, at):
            found |= self.filled(node.right, at)
        return found

    def _unequal(self, node: n.Compare, at: Frame) -> Facts:
        """Other than null: there is a value."""
        if _is_null(node.right):
            return self.filled(node.left, at)
        return self.filled(node.right, at) if _is_null(node.left) else NOTHING

    def filled(self, node: n.Node, at: Frame) -> Facts:
        """What is surely filled where a node has a value."""
        match node:
            case n.Read() | n.LinkRead():
                path = self.path_of(node, at)
                own = frozenset((path,)) if path else NOTHING
                field = self.field_of(path)
                if field is not None and field.formula is not None:
                    own |= self.filled(field.formula.node, Frame(path.rpartition(".")[0]))
                return own | self.filled(node.base, at) if isinstance(node, n.LinkRead) else own
            case n.If():
                return (self.known(node.condition, NOTHING, at) | self.filled(node.then, at)) & (
                    self.known(node.condition, NOTHING, at, False) | self.filled(node.otherwise, at)
                )
            case n.Attribute():
                return self.filled(node.base, at)
            case n.AggregateRead():
                return self.filled(node.key, at)
            case n.Apply() if node.function != "coalesce" and not node.overload.nulls:
                return NOTHING.union(*(self.filled(arg, at) for arg in node.args))
            case n.Arithmetic() | n.Negate() | n.Widen():
                return NOTHING.union(*(self.filled(child, at) for child in n.children(node)))
            case n.Compare() if node.op not in ("==", "!="):
                return self.filled(node.left, at) | self.filled(node.right, at)
            case n.Not():
                return self.filled(node.operand, at)
        return NOTHING

    def path_of(self, node: n.Node, at: Frame) -> str:
        """The fact a read stands for; "" where it stands for none."""
        match node:
            case n.Read():
                owner = _owner(node.frame, at)
                return f"{owner}.{node.name}" if owner else node.name
            case n.LinkRead():
                row = self.row_of(node.base, at)
                if row is not None:
                    return f"{row}.{node.name}" if row else node.name
                base = self.path_of(node.base, at)
                return f"{base}.{node.name}" if base else ""
        return ""


def _reads(node: n.Node) -> Iterator[n.Node]:
    """Every place a node looks at, the clock included."""
    clock = isinstance(node, n.Apply) and node.function in ("today", "now")
    if clock or isinstance(node, n.Read | n.LinkRead | n.AggregateRead | n.Me | n.Loop):
        yield node
        return
    for child in n.children(node):
        yield from _reads(child)


def _name(node: n.Node) -> tuple[str, str]:
    return (node.frame, node.name) if isinstance(node, n.Read) else ("", type(node).__name__)


def _owner(frame: str, at: Frame) -> str:
    if frame == "line":
        return at.loop
    return at.own if frame in ("own", "this") else ""


def _is_null(node: n.Node) -> bool:
    return isinstance(node, n.Const) and node.value is None
