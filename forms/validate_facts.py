"""Which facts about other records a draft still needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from forms.compile_plan import LinkPlan, TablePlan
from forms.model import Row
from forms.validate_result import Wanted

if TYPE_CHECKING:
    from forms.validate import Draft


def wanted(draft: Draft) -> Wanted:
    """Ids and keys that the draft reads and nobody was asked for yet."""
    found = Wanted()
    for table, row, before, given in rows(draft):
        for link in table.links:
            value = row[link.field.id]
            if value is None:
                continue
            judged = is_judged(draft, link, row, before, given)
            moved = before is None or before.get(link.field.id) != value
            if link.reads or judged or (link.fills and moved):
                for one in value if link.many else (value,):
                    ask(draft, found, link.target, one)
            if link.hops and judged:
                _ask_hops(draft, found, link, value)
        for aggregate, key in table.aggregates:
            value = row.get(key)
            for one in value if isinstance(value, list) else (value,):
                if one is not None and (aggregate, one) not in draft.asked_keys:
                    draft.asked_keys.add((aggregate, one))
                    known = draft.env.aggregates.get(aggregate)
                    if known is None or one not in known:
                        found.aggregates.add((aggregate, one))
    reads = draft.plan.reads
    found.fields = {target: reads.get(target, frozenset()) for target in found.links}
    return found


def rows(draft: Draft) -> Iterator[tuple[TablePlan, Row, Row | None, Mapping[str, object]]]:
    """The record's row and the rows of its lines, each with what it was and what was given."""
    reading = draft.reading
    yield draft.plan.header, draft.row, reading.previous, reading.given
    for name, table in draft.plan.lines.items():
        earlier, given = reading.before[name], reading.given_rows[name]
        # Lines that are not visible now have no rows any more.
        for index, line in enumerate(draft.row[name]):
            yield table, line, earlier[index], given[index]


def is_new(link: LinkPlan, row: Row, before: Row | None, given: Mapping[str, object]) -> bool:
    """Whether a person chose the link's value now. What fills and defaults bring is trusted."""
    key = link.field.id
    return key in given and (before is None or before.get(key) != row[key])


def is_judged(
    draft: Draft, link: LinkPlan, row: Row, before: Row | None, given: Mapping[str, object]
) -> bool:
    """Whether the link's target has to be looked at: it is new, or its `where` reads new values."""
    if is_new(link, row, before, given):
        return True
    if link.where is None or before is None or link.field.formula is not None:
        return False
    if any(before.get(name) != row.get(name) for name in link.mine):
        return True
    previous = draft.reading.previous or {}
    return any(previous.get(name) != draft.row.get(name) for name in link.outer)


def ask(draft: Draft, found: Wanted, target: str, key: int) -> None:
    """Want a linked row, once, unless it is there already."""
    asked = draft.asked.setdefault(target, set())
    if key in asked:
        return
    asked.add(key)
    known = draft.env.links.get(target)
    if known is None or key not in known:
        found.links.setdefault(target, set()).add(key)


def _ask_hops(draft: Draft, found: Wanted, link: LinkPlan, value: Any) -> None:
    """Want what a `where` reads through links of the candidate, once the candidate is there."""
    known = draft.env.links.get(link.target)
    if not known:
        return
    for one in value if link.many else (value,):
        candidate = known.get(one)
        if candidate is None:
            continue
        for base, target in link.hops:
            far = candidate.get(base)
            if isinstance(far, int):
                ask(draft, found, target, far)
