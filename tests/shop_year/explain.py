"""Whether a record's state is explained by its trace: replayed from the journal alone.

Reads nothing but the definition of the flow, the journal and the record's row. Every step entered
must be where the step before leads by the outcome it left by; every outcome of a switch or a policy
must follow from the facts written beside it; the last step must be where the record stands. The
little evaluators here are this test's own.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.records.tenant import Tenant

Raw = Mapping[str, Any]
Place = tuple[str, int | None]
"""A scope's path and the line it is for."""


class Unexplained(AssertionError):
    """Something in a record's trace does not follow from what stands before it."""


@dataclass
class Walk:
    """One record's way through its flow, entry by entry. `counts` says what was replayed."""

    flow: Raw
    policies: Raw
    at: dict[Place, str] = field(default_factory=dict)
    left: dict[Place, str] = field(default_factory=dict)
    switched: dict[Place, Any] = field(default_factory=dict)
    verdicts: dict[Place, list[Raw]] = field(default_factory=dict)
    votes: dict[Place, str] = field(default_factory=dict)
    stage: str = ""
    ended: str | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def entry(self, one: Raw) -> None:
        """Take one entry of the trace. Raises Unexplained."""
        kind, path = str(one["kind"]), str(one.get("step") or "")
        scope, _, step = path.rpartition("/")
        place: Place = (scope, one.get("row") if scope else None)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        match kind:
            case "enter":
                self._enter(place, step)
            case "switch":
                found = evaluate(str(one["on"]), one["facts"])
                _same(found, one["value"], one)
                self.switched[place] = found
            case "decide" if "policy" in one:
                self._decide(one)
                self.verdicts.setdefault(place, []).append(one)
            case "arrive" if "until" in one:
                _same(evaluate(str(one["until"]), one["facts"]), True, one)
                self.votes[place] = "until"
            case "decide" | "act" | "vote" | "answer" | "arrive" | "late":
                self.votes[place] = str(one.get("outcome") or kind)
            case "interrupt":
                self._interrupt(one)
            case "leave":
                self._leave(place, step, str(one["outcome"]))
            case "end":
                self._end(place, step, str(one["outcome"]))
            case _:
                pass

    def _steps(self, scope: str) -> Raw:
        steps: Raw = self.flow["steps"]
        for name in scope.split("/") if scope else ():
            steps = steps[name]["each"]["steps"]
        return steps

    def _enter(self, place: Place, step: str) -> None:
        steps = self._steps(place[0])
        came = self.left.pop(place, None)
        expected = next(iter(steps)) if came is None else came
        if step != expected:
            raise Unexplained(f"entered {step}, not {expected}")
        self.at[place] = step
        self.verdicts.pop(place, None)
        self.votes.pop(place, None)
        self.switched.pop(place, None)
        self.stage = steps[step].get("stage", self.stage)

    def _leave(self, place: Place, step: str, outcome: str) -> None:
        if self.at.get(place) != step:
            raise Unexplained(f"left {step} while in {self.at.get(place)}")
        raw = self._steps(place[0])[step]
        self._follows(place, raw, outcome)
        exits = raw["next"]
        where = exits if isinstance(exits, str) else exits.get(outcome, exits.get("else"))
        if where is None:
            raise Unexplained(f"{step} has no exit {outcome}")
        self.left[place] = where if isinstance(where, str) else where["to"]

    def _follows(self, place: Place, raw: Raw, outcome: str) -> None:
        """Whether the outcome of a machine's step follows from what was written down."""
        if "switch" in raw:
            value = self.switched.get(place)
            name = {True: "true", False: "false", None: "none"}.get(value, str(value))
            if outcome != (name if name in raw["next"] else "else"):
                raise Unexplained(f"a switch on {value!r} left by {outcome}")
        elif "decide" in raw:
            if outcome not in self._branches(place):
                raise Unexplained(f"the policies do not say {outcome}")
        elif outcome not in ("done", "late") and self.votes.get(place) != outcome:
            raise Unexplained(f"nobody and nothing said {outcome}: {self.votes.get(place)}")

    def _branches(self, place: Place) -> set[str]:
        """What the branch of the policies decided last comes to: the greatest of its lines."""
        found = set()
        for one in self.verdicts[place]:
            policy = self.policies[one["policy"]]
            branch = policy.get("branch")
            if branch is None:
                continue
            values = [
                each["verdict"][branch]
                for each in self.verdicts[place]
                if each["policy"] == one["policy"]
            ]
            order = ORDERS.get(branch)
            found.add(max(values, key=order.index) if order else str(values[-1]))
        return found

    def _decide(self, one: Raw) -> None:
        policy = self.policies[one["policy"]]
        rules, params = policy["rules"], policy.get("params", {})
        fits = [
            name
            for name, rule in rules.items()
            if all(
                matches(condition, one["inputs"].get(given), params)
                for given, condition in rule.get("when", {}).items()
            )
        ]
        expected = fits[0] if fits else "else"
        if one["rule"] != expected:
            raise Unexplained(f"{one['policy']}: rule {one['rule']}, the inputs say {expected}")
        then = rules[expected]["then"] if fits else policy["else"]
        for name, value in then.items():
            wanted = params.get(value, value) if isinstance(value, str) else value
            _same(wanted, one["verdict"][name], one)

    def _interrupt(self, one: Raw) -> None:
        known = self.flow["interrupts"][one["interrupt"]]
        if self.stage not in known["in"]:
            raise Unexplained(f"{one['interrupt']} in {self.stage}")
        self.at = {place: step for place, step in self.at.items() if place == ("", None)}
        self.left = {("", None): known["to"]}

    def _end(self, place: Place, step: str, outcome: str) -> None:
        if self._steps(place[0])[step].get("end") != outcome or self.at.get(place) != step:
            raise Unexplained(f"{step} ended by {outcome}")
        del self.at[place]
        above, _, each = place[0].rpartition("/")
        if place[0]:
            self.votes[(above, None)] = outcome
            del above, each
        else:
            self.ended = outcome


ORDERS: Mapping[str, Sequence[str]] = {
    "verdict": ("refuse", "auto", "review"),
    "course": ("pay", "talk"),
}
"""Options in order: a request takes the greatest of its lines."""


def explain(tenant: Tenant, form: str) -> dict[str, int]:
    """Replay the traces of every record of a form; how many entries of each kind there were.

    Raises Unexplained, naming the record.
    """
    catalog = tenant.active().catalog
    tables = tenant.active().tables.forms[form]
    flow, policies = catalog.raw["flow"][form], catalog.raw["policy"]
    where = {
        rid: (stage, json.loads(token))
        for rid, stage, token in tenant.db.query(
            f"SELECT id, stage, flow FROM {tables.table} WHERE deleted = 0"
        )
    }
    counts: dict[str, int] = {"records": 0}
    for rid, entries in _traces(tenant, tables.key):
        walk = Walk(flow, policies)
        try:
            for one in entries:
                walk.entry(one)
            stage, token = where.pop(rid)
            if walk.stage != stage or walk.ended != token.get("outcome"):
                raise Unexplained(f"stands in {stage}, its trace leads to {walk.stage}")
            if walk.ended is None and walk.at[("", None)] != token["step"]:
                raise Unexplained(f"waits in {token['step']}, not {walk.at}")
        except (Unexplained, KeyError, ValueError) as error:
            raise Unexplained(f"{form} {rid}: {error!r}") from error
        for kind, number in walk.counts.items():
            counts[kind] = counts.get(kind, 0) + number
        counts["records"] += 1
    if where:
        raise Unexplained(f"{form}: {len(where)} records without a trace")
    return counts


def _traces(tenant: Tenant, key: str) -> Iterator[tuple[int, list[Raw]]]:
    rows = tenant.db.query(
        "SELECT record_id, changes FROM rf_journal WHERE form = ? ORDER BY record_id, seq", (key,)
    )
    at, found = None, list[Raw]()
    for rid, changes in rows:
        if rid != at and at is not None:
            yield at, found
            found = []
        at = rid
        found += json.loads(changes).get("@", {}).get("trace", ())
    if at is not None:
        yield at, found


def matches(condition: Any, value: Any, params: Raw) -> bool:
    """Whether a rule's condition holds for an input as the trace has it."""
    if isinstance(condition, list):
        return any(matches(one, value, params) for one in condition)
    if isinstance(condition, str):
        ranged = re.fullmatch(r"(\S+)\.\.(\S+)", condition)
        bound = re.fullmatch(r"(up to|under|from|over) (.+)", condition)
        if ranged or bound:
            if value is None:
                return False
            number = Decimal(str(value))
            if ranged:
                return _number(ranged[1], params) <= number <= _number(ranged[2], params)
            limit = _number(bound[2], params) if bound else Decimal(0)
            word = bound[1] if bound else ""
            return {
                "up to": number <= limit,
                "under": number < limit,
                "from": number >= limit,
                "over": number > limit,
            }[word]
        if condition == "none":
            return value is None
        condition = params.get(condition, condition)
    return _plain(condition) == _plain(value)


def _number(text: str, params: Raw) -> Decimal:
    return Decimal(str(params.get(text, text)))


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Mapping) and "amount" in value:
        return Decimal(value["amount"])
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return str(value)


def _same(found: Any, told: Any, one: Raw) -> None:
    if _plain(found) != _plain(told):
        raise Unexplained(f"{found!r} is not {told!r}: {one}")


def evaluate(source: str, facts: Raw) -> Any:
    """What a condition comes to with the facts written beside it."""
    return _Eval(facts).visit(ast.parse(source, mode="eval").body)


class _Eval(ast.NodeVisitor):
    """Enough of the language for the pack's switches."""

    def __init__(self, facts: Raw) -> None:
        self.facts = facts

    def visit_Name(self, node: ast.Name) -> Any:
        words = {"true": True, "false": False, "null": None}
        return words[node.id] if node.id in words else _plain(self.facts[node.id])

    def visit_Constant(self, node: ast.Constant) -> Any:
        return _plain(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if isinstance(node.value, ast.Call):  # an aggregate of this record
            (name,) = (n.id for n in [node.value.func] if isinstance(n, ast.Name))
            return _plain(self.facts[f"{name}:{self.facts['id']}"][node.attr])
        assert isinstance(node.value, ast.Name)
        whole = f"{node.value.id}.{node.attr}"
        if whole in self.facts:
            value = self.facts[whole]
            return [_plain(one) for one in value] if isinstance(value, list) else _plain(value)
        target = self.facts[node.value.id]
        if target is None:  # a link that leads nowhere: what it would read is empty
            return None
        (key,) = (key for key in self.facts if key.endswith(f":{target}.{node.attr}"))
        return _plain(self.facts[key])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.visit(node.operand)
        return -value if isinstance(node.op, ast.USub) else not value

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        values = [self.visit(one) for one in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        left, right = self.visit(node.left), self.visit(node.right)
        return left + right if isinstance(node.op, ast.Add) else left - right

    def visit_Compare(self, node: ast.Compare) -> Any:
        (op,), (right_node,) = node.ops, node.comparators
        left, right = self.visit(node.left), self.visit(right_node)
        if isinstance(left, list):
            return [_compare(op, one, right) for one in left]
        return _compare(op, left, right)

    def visit_List(self, node: ast.List) -> Any:
        return [self.visit(one) for one in node.elts]

    def visit_Call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        values = [self.visit(one) for one in node.args]
        match node.func.id:
            case "coalesce":
                return next((one for one in values if one is not None), None)
            case "is_empty":
                return values[0] is None
            case "sum":
                return sum((one for one in values[0] if one is not None), Decimal(0))
            case "all":
                return all(values[0])
            case "sign":
                return "positive" if values[0] > 0 else "negative" if values[0] < 0 else "zero"
            case other:
                raise Unexplained(f"nobody told this test of {other}")


def _compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    match op:
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case ast.In():
            return left in right
        case ast.NotIn():
            return left not in right
    if left is None or right is None:
        return None
    match op:
        case ast.Lt():
            return left < right
        case ast.LtE():
            return left <= right
        case ast.Gt():
            return left > right
        case _:
            return left >= right
