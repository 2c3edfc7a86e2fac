"""Who lists become principals (who may do a task) or users (who has to vote)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from flows.advance.trouble import Missing
from flows.advance.work import Live, Work
from flows.model import Who
from flows.state import TOP, Token


def principals(
    work: Work, people: Iterable[Who], live: Live | Token, assignees: Iterable[int] = ()
) -> tuple[str, ...]:
    """Everybody named, each once, as principals: roles and departments stay pools.

    `assignees`: who has the task now, for escalations. Raises Missing.
    """
    found: dict[str, None] = {}
    row, having = work.seen_from(live), tuple(assignees)
    for who in people:
        for one in _principals(work, who, row, having):
            found[one] = None
    if work.wants.some:
        raise Missing
    return tuple(found)


def users(
    work: Work, people: Collection[Who], live: Live | Token, assignees: Iterable[int] = ()
) -> tuple[int, ...]:
    """Everybody named, each once, as users, in the order named. Raises Missing.

    `assignees`: who has the task, for escalations.
    """
    if not people:
        return ()
    if assignees == () and len(people) == 1:
        (only,) = people
        if only.kind == "role":
            asked = work.wants.ask("role", only.value)
            if work.wants.some:
                raise Missing
            return tuple(dict.fromkeys(asked or ()))
    found: dict[int, None] = {}
    row, having = work.seen_from(live), tuple(assignees)
    for who in people:
        if who.kind == "role":
            found.update(dict.fromkeys(work.wants.ask("role", who.value) or ()))
            continue
        for principal in _principals(work, who, row, having):
            found.update(dict.fromkeys(users_of(work, principal)))
    if work.wants.some:
        raise Missing
    return tuple(found)


def _principals(
    work: Work, who: Who, row: Mapping[str, Any], assignees: tuple[int, ...]
) -> Iterator[str]:
    match who.kind:
        case "role":
            yield f"role:{who.value}"
        case "actor_of":
            yield from actors_of(work, who.value)
        case "manager_of" if who.expr is None:
            for user in assignees:
                yield from _answers(work, "manager_of", user)
        case "field" if who.expr is None:
            yield from _of_rows(work, who)
        case "manager_of" | "head_of":
            for one in _values(work, who, row):
                yield from _answers(work, who.kind, one)
        case "department":
            yield from (f"department:{one}" for one in _values(work, who, row))
        case _:
            yield from _named(work, who, row)


def _named(work: Work, who: Who, row: Mapping[str, Any]) -> Iterator[str]:
    """A user, a department, or a person outside who is known by a record."""
    kind = who.expr.type if who.expr is not None else None
    if kind is None:
        return
    kind = kind.item or kind
    for one in _values(work, who, row):
        if kind.kind == "link":
            yield f"contact:{kind.target}:{one}"
        elif kind.kind == "text":
            yield from _answers(work, "login", one)
        else:
            yield f"{kind.kind}:{one}"


def _values(work: Work, who: Who, row: Mapping[str, Any]) -> list[Any]:
    """What the expression of an entry gives, as a list without empty values."""
    if who.expr is None:
        return []
    try:
        value = work.value(who.expr, row)
    except Missing:
        return []  # noted in the wants; everybody else is asked for first
    values = value if isinstance(value, list | tuple) else [value]
    return [one for one in values if one is not None]


def _of_rows(work: Work, who: Who) -> Iterator[str]:
    lines, _, name = who.value.partition(".")
    found = work.flow.shape.field_at(who.value)
    kind = found.expr_type if found is not None else None
    for line in work.row.get(lines) or ():
        value = line.get(name)
        for one in value if isinstance(value, list) else [value]:
            if one is not None and kind is not None:
                outside = kind.kind == "link"
                yield f"contact:{kind.target}:{one}" if outside else f"user:{one}"


def _answers(work: Work, kind: str, of: str | int) -> Iterator[str]:
    for user in work.wants.ask(kind, of) or ():
        yield f"user:{user}"


def users_of(work: Work, principal: str) -> tuple[int, ...]:
    """Who a principal stands for; who is asked for is noted in the wants."""
    kind, _, value = principal.partition(":")
    if kind == "user":
        return (int(value),)
    if kind == "role":
        return work.wants.ask("role", value) or ()
    if kind == "department":
        return work.wants.ask("department", int(value)) or ()
    return ()


def actors_of(work: Work, step: str) -> list[str]:
    """Who decided in a step (or in a level of it, "step.level") when it was last decided."""
    decided: Mapping[str, Any] = (work.live.get(TOP) or work.state.tokens[TOP]).data.get(
        "decided", {}
    )
    found: dict[str, None] = {}
    for path, one in decided.items():
        own, _, _ = path.rpartition(".")
        if step in (path, own) or path.endswith(f"/{step}") or own.endswith(f"/{step}"):
            for user in one.get("all") or [one["by"]]:
                if user is not None:
                    found[f"user:{user}"] = None
            if "contact" in one:
                found[one["contact"]] = None
    return list(found)
