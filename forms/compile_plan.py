"""A compiled form → the plan validation runs on: readers, steps in order, rules, reads.

Everything that depends on the definition alone is decided here, once for a release; a validation
only walks through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from forms.compile_library import FormLibrary
from forms.compile_order import CURRENCY, all_fields
from forms.compile_reader import NewRow, Reader, as_given, generate, reader
from forms.compile_steps import Step, currency_step, steps_of
from forms.expr import Expr
from forms.model import Check, Field, Lines, Row, Unique
from forms.signature import SYSTEM_NAMES
from forms.types.links import IdType

if TYPE_CHECKING:
    from forms.templates import Template


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """A field holding ids: where they lead, what is read there, what they have to meet.

    `reads`: some expression follows the link, so its target is needed at every save; `fills`: its
    own fills do, so it is needed when the link changes. `mine` and
    `outer` are the names of the row and of its record that `where` reads; `hops` are links of the
    candidate that `where` follows: (link, its target).
    """

    field: Field
    target: str
    many: bool
    reads: bool
    fills: bool
    where: Expr | None
    mine: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()
    hops: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How rows of one table are read and judged: the record's own, or one lines field's."""

    name: str
    fields: Mapping[str, Field]
    target: str
    empty: Mapping[str, Any]
    fresh: Mapping[str, Any]
    new_row: NewRow
    """The generated reader of a new row."""
    takers: Mapping[str, Reader]
    """Quick readers of single values; for the form's own fields they raise `Unusual`."""
    readers: Mapping[str, Reader]
    """Plain readers of single values, of all fields."""
    locked: frozenset[str]
    required: tuple[str, ...]
    missing: Callable[[Row], bool]
    """Whether a row lacks one of `required`."""
    required_when: tuple[tuple[str, Expr], ...]
    readonly_when: tuple[tuple[str, Expr], ...]
    visible_when: tuple[tuple[str, Expr], ...]
    dated: tuple[Field, ...]
    trees: tuple[Field, ...]
    """Choices whose options hang on another choice, or that others hang on."""
    moments: tuple[str, ...]
    links: tuple[LinkPlan, ...]
    plain: bool
    """Whether `required` is all there is to judge about a row."""
    aggregates: tuple[tuple[str, str], ...]
    """(aggregate, link field or "id") whose values are keys to fetch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a form. `program` holds (lines field or "", steps) in the order to run them."""

    header: TablePlan
    lines: Mapping[str, TablePlan]
    program: tuple[tuple[str, tuple[Step, ...]], ...]
    reads: Mapping[str, frozenset[str]]
    needs_facts: bool
    checks: tuple[Check, ...] = ()
    moments: bool = False
    """Whether there are fields whose values may have come without a zone."""
    row_limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    unique: Mapping[str, tuple[Unique, ...]] = field(default_factory=dict)
    """The uniqueness rules of each lines field."""


def build_plan(
    form_id: str,
    fields: Mapping[str, Field],
    order: Sequence[str],
    library: FormLibrary,
    *,
    checks: Mapping[str, Check],
    title: Template | None,
    currency: str | Expr | None,
    **others: object,
) -> Plan:
    """The plan of a form whose parts are compiled and whose fields have an order."""
    every = {one.path: one for one in all_fields(fields)}
    exprs = list(_exprs(every.values(), checks, title, currency))
    reads, followed = _reads(every, exprs, library)
    keys = _keys(exprs, every)
    tables = {
        name: _table(form_id, name, one, followed, keys, library) for name, one in _tables(fields)
    }
    program: list[tuple[str, list[Step]]] = []
    for node in order:
        if node == CURRENCY:
            steps, table = [currency_step(currency, every.values())], ""
        else:
            steps, table = steps_of(every[node], every), every[node].within
        if not steps:
            continue
        if program and program[-1][0] == table:
            program[-1][1].extend(steps)
        else:
            program.append((table, steps))
    return Plan(
        header=tables[""],
        lines={name: one for name, one in tables.items() if name},
        program=tuple((table, tuple(steps)) for table, steps in program),
        reads=reads,
        needs_facts=any(t.links or t.aggregates for t in tables.values()),
        checks=tuple(checks.values()),
        moments=any(t.moments for t in tables.values()),
        unique={
            one.id: tuple(one.unique.values()) for one in fields.values() if isinstance(one, Lines)
        },
        row_limits={
            one.id: (int(one.min or 0), int(one.max))  # type: ignore[call-overload]
            for one in fields.values()
            if isinstance(one, Lines)
        },
    )


def _tables(fields: Mapping[str, Field]) -> Iterator[tuple[str, Mapping[str, Field]]]:
    yield "", fields
    for one in fields.values():
        if isinstance(one, Lines):
            yield one.id, one.fields


def _exprs(
    every: Any, checks: Mapping[str, Check], title: Template | None, currency: str | Expr | None
) -> Iterator[tuple[str, Expr]]:
    """Each expression of the form but the links' `where`, with the table it stands in."""
    for one in every:
        for expr in (
            one.required,
            one.visible,
            one.readonly,
            one.default,
            one.formula,
            one.currency,
            *one.fill.values(),
        ):
            if isinstance(expr, Expr):
                yield one.within, expr
    for check in checks.values():
        yield "", check.that
        for expr in check.message.exprs:
            yield "", expr
    for expr in title.exprs if title else ():
        yield "", expr
    if isinstance(currency, Expr):
        yield "", currency


def _link_paths(within: str, expr: Expr) -> Iterator[tuple[str, str]]:
    """(dotted link field of the form, name read of its target) for each link that is followed."""
    for base, name in expr.link_reads:
        head, _, rest = base.partition(".")
        if head == "parent" and rest:
            yield rest, name
        else:
            own = rest if head == "this" and rest else base
            yield (f"{within}.{own}" if within else own), name


def _reads(
    every: Mapping[str, Field], exprs: Sequence[tuple[str, Expr]], library: FormLibrary
) -> tuple[dict[str, frozenset[str]], set[str]]:
    """Target → the names read of it, and the links that are followed at every save."""
    found: dict[str, set[str]] = {}
    followed: set[str] = set()
    for within, expr in exprs:
        for path, name in _link_paths(within, expr):
            link = every.get(path)
            if link is not None and link.to:
                if not any(expr is one for one in link.fill.values()):
                    followed.add(path)
                found.setdefault(link.to, set()).add(name)
    for one in every.values():
        if one.where is None:
            continue
        found.setdefault(one.to, set()).update(one.where.names - {"me", "this"})
        names = library.fields_of(one.to) or {}
        for base, name in one.where.link_reads:
            head, _, rest = base.partition(".")
            if head in ("this", "parent") and rest:
                path = f"{one.within}.{rest}" if head == "this" and one.within else rest
                mine = every.get(path)
                if mine is not None and mine.to:
                    followed.add(path)
                    found.setdefault(mine.to, set()).add(name)
            elif base in names and names[base].target:
                found.setdefault(str(names[base].target), set()).add(name)
    return {target: frozenset(names) for target, names in found.items()}, followed


def _table(
    form_id: str,
    name: str,
    fields: Mapping[str, Field],
    followed: set[str],
    keys: Iterable[tuple[str, str, str]],
    library: FormLibrary,
) -> TablePlan:
    target = f"{form_id}.{name}" if name else form_id
    readers: dict[str, Reader] = {}
    locked: set[str] = set()
    empty: dict[str, Any] = {"id": None}
    if not name:
        empty |= dict.fromkeys(SYSTEM_NAMES)
    for one in fields.values():
        empty[one.id] = [] if isinstance(one, Lines) else None
        readers[one.id] = reader(one)
        if one.formula is not None or one.readonly is True or one.visible is False:
            locked.add(one.id)
    fresh = dict(empty)
    for one in fields.values():
        if one.default is not None and not isinstance(one.default, Expr):
            fresh[one.id] = one.default
    if name:
        readers["id"] = as_given
    required = tuple(f.id for f in fields.values() if f.required is True)
    required_when, readonly_when = _rules(fields, "required"), _rules(fields, "readonly")
    dated = tuple(f for f in fields.values() if f.options is not None and f.options.dated)
    trees = tuple(f for f in fields.values() if f.under or f.heads)
    links = tuple(
        _link(f, followed, library) for f in fields.values() if isinstance(f.kind, IdType)
    )
    made = generate(fields, fresh, frozenset(locked), required)
    return TablePlan(
        name=name,
        fields=fields,
        target=target,
        empty=empty,
        fresh=fresh,
        new_row=made.new_row,
        takers={**made.takers, "id": as_given} if name else made.takers,
        readers=readers,
        locked=frozenset(locked),
        required=required,
        missing=made.missing,
        required_when=required_when,
        readonly_when=readonly_when,
        visible_when=_rules(fields, "visible"),
        dated=dated,
        trees=trees,
        plain=not (required_when or readonly_when or dated or trees or links),
        moments=tuple(f.id for f in fields.values() if f.type == "datetime" and f.formula is None),
        links=links,
        aggregates=tuple((one, key) for table, one, key in sorted(keys) if table == name),
    )


def _rules(fields: Mapping[str, Field], rule: str) -> tuple[tuple[str, Expr], ...]:
    found = ((one.id, getattr(one, rule)) for one in fields.values())
    return tuple((key, expr) for key, expr in found if isinstance(expr, Expr))


def _link(one: Field, followed: set[str], library: FormLibrary) -> LinkPlan:
    many = one.many or one.type in ("file", "image")
    target = one.to or one.kind.facts  # type: ignore[attr-defined]
    reads = one.path in followed
    if one.where is None:
        return LinkPlan(one, target, many, reads, bool(one.fill), None)
    names = library.fields_of(one.to) or {}
    hops = tuple(
        sorted(
            (base, str(names[base].target))
            for base in {base for base, _ in one.where.link_reads}
            if base in names and names[base].target
        )
    )
    where = one.where
    mine, outer = where.row_names, where.parent_names
    return LinkPlan(one, target, many, reads, bool(one.fill), where, mine, outer, hops)


def _keys(
    exprs: Iterable[tuple[str, Expr]], every: Mapping[str, Field]
) -> set[tuple[str, str, str]]:
    """(table, aggregate, field or "this") for each aggregate read: whose ids are its keys."""
    found: set[tuple[str, str, str]] = set()
    for within, expr in exprs:
        for name, path in expr.aggregate_reads:
            head, _, rest = path.partition(".")
            if head == "parent" and rest:
                dotted = rest
            elif within:
                dotted = f"{within}.{path}"
            else:
                dotted = path
            table, _, key = dotted.rpartition(".")
            if key in ("this", "id") or dotted in every:
                found.add((table, name, "id" if key == "this" else key))
    return found
