"""Policies: what they look at, what they decide, and where their rules leave something open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.compile_findings import note_finding
from app.catalog.compile_outputs import check_currencies, compile_output, conclusions, field_of
from app.catalog.compile_rules import compile_editions
from app.catalog.compiling import Compiling
from flows.model import Reads
from flows.policy import Input, Output, Policy, outcome
from flows.policy.conditions import KINDS, ORDERED, Domain
from flows.policy.examine import BUDGET, examine
from flows.policy.model import COLLECT, FIRST, UNIQUE, Edition
from flows.policy.plain import plain_of
from forms.expr import DATE, DATETIME, USER, Expr, Scope, Type, link
from forms.expr import nodes as n
from forms.model import Field, Form
from forms.problems import ERROR, Path, listed, suggest
from forms.telling import Words

KEYS = (
    *("policy", "label", "help", "was", "for", "as_of", "params", "inputs", "outputs", "hit"),
    *("rules", "else", "branch", "public", "editions"),
)
HITS = (FIRST, UNIQUE, COLLECT)
HOPS = 3

# What is empty only where something it is made of is.
_STRICT = (n.Widen, n.Not, n.Negate, n.Logic, n.Compare, n.Arithmetic, n.If, n.Attribute)
_TOTAL = frozenset("abs round floor ceil min max days_between today now date weekday".split())


def compile_policy(
    policy_id: str, at: Compiling, forms: Mapping[str, Form], words: Words
) -> Policy | None:
    """Compile one policy, or None where something in it is wrong."""
    target = str(at.data.get("for", ""))
    if not at.target(target, ("for",)):
        return None
    form_id, _, lines = target.partition(".")
    form = forms.get(form_id)
    if form is None:
        return None  # what is wrong with the form is told there
    before = len(at.problems)
    scope = _scope(form_id, target, at)
    as_of = None
    if "as_of" in at.data:
        as_of = at.expr(at.data["as_of"], ("as_of",), scope, [DATE, DATETIME])
    inputs = [
        _input(name, raw, ("inputs", name), form, lines, scope, at)
        for name, raw in at.data.get("inputs", {}).items()
    ]
    outputs = {
        name: made
        for name, raw in at.data.get("outputs", {}).items()
        if (made := compile_output(name, raw or {}, form, lines, at)) is not None
    }
    known = tuple(one for one in inputs if one is not None)
    fields = {name: field_of(name, form, lines) for name in outputs}
    branch = str(at.data.get("branch", ""))
    editions = compile_editions(at, known, fields, branch)
    _check_branch(branch, outputs, lines, at)
    check_currencies(outputs, editions, at)
    hit = str(at.data.get("hit", FIRST))
    if len(at.problems) > before:
        return None
    for edition in editions:
        for finding in examine(known, edition, hit, BUDGET // len(editions)):
            note_finding(finding, edition, at)
    if any(problem.severity == ERROR for problem in at.problems[before:]):
        return None
    exprs = [*(one.expr for one in known), *([as_of] if as_of is not None else [])]
    return Policy(
        id=policy_id,
        label=at.text("label", policy_id),
        form=form_id,
        lines=lines,
        as_of=as_of,
        inputs=known,
        outputs=outputs,
        hit=hit,
        branch=branch,
        editions=editions,
        branches=_branches(branch, outputs, fields, editions),
        reads=_reads(exprs, target),
        was=str(at.data.get("was", "")),
        words=words.of(target),
    )


def _scope(form: str, target: str, at: Compiling) -> Scope:
    """A line's names, and behind them its record's."""
    record = at.library.fields_of(form) if target != form else None
    own = at.library.fields_of(target) or {}
    names = {name: kind for name, kind in own.items() if record is None or name != form}
    names |= {"this": link(target), "me": USER}
    return Scope(names, record, None, at.library, HOPS, behind=True)


# --- inputs -------------------------------------------------------------------------------------


def _input(
    name: str, raw: Any, path: Path, form: Form, lines: str, scope: Scope, at: Compiling
) -> Input | None:
    expr = at.expr(raw, path, scope)
    if expr is None:
        return None
    kind = expr.type.kind
    if kind not in KINDS:
        hints = {
            "datetime": f"date({raw})",
            "list": f"has({raw}, 'a value')",
            "lines": f"count({raw})",
            "link": f"a field of it: {raw}.…, or {raw} == null",
        }
        at.problem(
            "policy_input",
            path,
            f"rules cannot look at {expr.type}",
            hints.get(kind, "a number, an amount, a date, a choice, a text, true or false"),
        )
        return None
    return Input(name, expr, _domain(expr, form, lines), plain_of(kind))


def _domain(expr: Expr, form: Form, lines: str) -> Domain:
    """What the input's value can be, as far as its field says."""
    node, kind = expr.node, expr.type.kind
    options = expr.type.options or ()
    if kind == "choice" and not options:
        kind = "text"
    nullable = not _never_null(node, form, lines)
    read = node.operand if isinstance(node, n.Widen) else node
    found = _field_of(read, form, lines) if isinstance(read, n.Read) else None
    if found is not None and found.options is not None:
        options = tuple(one.id for one in found.choosable)
    if found is None or kind not in ORDERED:
        return Domain(kind, nullable, options)
    return Domain(kind, nullable, options, found.min, found.max)


def _field_of(read: n.Read, form: Form, lines: str) -> Field | None:
    """The field that is read, of the line or the record."""
    if read.frame == "own":
        return form.field_at(f"{lines}.{read.name}" if lines else read.name)
    return form.field_at(read.name) if read.frame == "parent" else None


def _never_null(node: n.Node, form: Form, lines: str) -> bool:
    """Whether a value is never empty: required fields, comparisons, what has a fallback."""
    match node:
        case n.Const():
            return node.value is not None
        case n.Read():
            found = _field_of(node, form, lines)
            return found is not None and found.required is True and found.visible is True
        case n.Compare(op="==" | "!=") | n.Membership() | n.Apply(function="is_empty"):
            return True
        case n.Apply(function="coalesce"):
            return any(_never_null(arg, form, lines) for arg in node.args)
        case n.Loop(function="sum" | "count"):
            return True
        case n.Arithmetic(op="/" | "%"):
            return False  # by zero
        case n.Attribute() if None in node.table.values():
            return False
    if isinstance(node, _STRICT) or (isinstance(node, n.Apply) and node.function in _TOTAL):
        return all(_never_null(one, form, lines) for one in n.children(node))
    return False


# --- branch -------------------------------------------------------------------------------------


def _check_branch(branch: str, outputs: Mapping[str, Output], lines: str, at: Compiling) -> None:
    if not branch:
        return
    declared = at.data.get("outputs", {})
    if branch not in declared:
        at.problem(
            "unknown_output",
            ("branch",),
            f"there is no output {branch} here",
            listed([*declared]),
            suggest(branch, declared),
        )
        return
    found = outputs.get(branch)
    if found is None:
        return
    if found.kind not in ("choice", "boolean"):
        at.problem(
            "policy_branch",
            ("branch",),
            f"{branch} is {Type(found.kind)}: the exits of a step need values that can be listed",
            "a choice or a boolean",
        )
    elif lines and not found.record:
        at.problem(
            "policy_branch",
            ("branch",),
            f"every line has its own {branch}: which one does the record follow?",
            f"outputs.{branch}.combine, and a field {branch} of the record",
        )


def _branches(
    branch: str,
    outputs: Mapping[str, Output],
    fields: Mapping[str, Field | None],
    editions: tuple[Edition, ...],
) -> tuple[str, ...]:
    """The values the branch can have, choices in their options' order."""
    if not branch:
        return ()
    if outputs[branch].combine in ("any", "all"):
        return ("true", "false")
    given = {outcome(rule.then[branch]) for edition in editions for rule in conclusions(edition)}
    field = fields[branch]
    order = (field.expr_type.options if field is not None else None) or ("true", "false")
    return tuple(value for value in order if value in given)


# --- what it reads ------------------------------------------------------------------------------


def _reads(exprs: list[Expr], target: str) -> Reads:
    """Everything the inputs read, as paths from the record."""
    lines = target.partition(".")[2]

    def place(path: str) -> str:
        if not lines:
            return path
        if path.startswith("parent."):
            return path.removeprefix("parent.")
        return f"{lines}.{'id' if path == 'this' else path}"

    return Reads(
        links=frozenset((place(path), name) for e in exprs for path, name in e.link_reads),
        aggregates=frozenset(
            (name, place(path)) for e in exprs for name, path in e.aggregate_reads
        ),
    )
