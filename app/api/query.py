"""Reading a list's address: `filter[field][op]=value`, `sort`, `q`, `fields`, `limit`, `cursor`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from app.web.errors import ApiError
from forms.problems import suggest
from forms.values import Text

Detail = tuple[str, tuple[str | int, ...], Text]
"""Code, path and text of something that is wrong."""

OPERATORS = ("eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "starts", "has", "empty")
SINGLE = ("sort", "q", "fields", "limit", "cursor")
LIMIT, MOST = 50, 200
_FILTER = re.compile(r"filter\[([^\[\]]{1,120})\](?:\[([^\[\]]{1,20})\])?")


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter: a field's path, an operator, the texts given (several for `in`)."""

    field: str
    operator: str
    values: tuple[str, ...]

    @property
    def parameter(self) -> str:
        """How it was written."""
        return f"filter[{self.field}][{self.operator}]"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list is asked for. `sort` holds (name, descending); `fields` None: all."""

    conditions: tuple[Condition, ...] = ()
    sort: tuple[tuple[str, bool], ...] = ()
    q: str = ""
    fields: tuple[str, ...] | None = None
    limit: int = LIMIT
    cursor: str = ""


def read_query(args: MultiDict[str, str], singles: tuple[str, ...] = SINGLE) -> ListQuery:
    """Read the parameters of a list; `singles` are those it takes besides filters.

    Raises ApiError bad_parameter naming every parameter at fault.
    """
    details: list[Detail] = []
    conditions = []
    for name in args:
        found = _FILTER.fullmatch(name)
        if found:
            operator = found[2] or "eq"
            if operator not in OPERATORS:
                details.append(unknown("unknown_operator", name, operator, OPERATORS))
                continue
            values = tuple(args.getlist(name))
            if operator == "in":
                values = tuple(part for value in values for part in value.split(","))
            elif len(values) > 1:
                details.append(_twice(name))
            conditions.append(Condition(found[1], operator, values))
        elif name not in singles:
            known = (*singles, "filter[field][op]")
            details.append(unknown("unknown_parameter", name, name, known))
        elif len(args.getlist(name)) > 1:
            details.append(_twice(name))
    limit = args.get("limit", str(LIMIT))
    if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= MOST:
        text = Text(f"应为 1 到 {MOST} 的整数", f"a whole number from 1 to {MOST} is expected")
        details.append(("bad_limit", ("limit",), text))
    if details:
        raise ApiError("bad_parameter", details=details)
    fields = args.get("fields")
    return ListQuery(
        tuple(conditions),
        tuple(_sorted_by(word) for word in _words(args.get("sort", ""))),
        args.get("q", "").strip()[:200],
        None if fields is None else tuple(_words(fields)),
        int(limit),
        args.get("cursor", ""),
    )


def bad_parameter(name: str, code: str, text: Text) -> ApiError:
    """The refusal of one parameter."""
    return ApiError("bad_parameter", details=[(code, (name,), text)])


def _sorted_by(word: str) -> tuple[str, bool]:
    return (word[1:], True) if word.startswith("-") else (word, False)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _twice(name: str) -> Detail:
    return ("repeated", (name,), Text("只能出现一次", "may be given once"))


def unknown(code: str, name: str, word: str, known: tuple[str, ...]) -> Detail:
    """What is said of a word of a parameter that is none of those known."""
    near, allowed = suggest(word, known), ", ".join(known)
    zh = f"未知,可用:{allowed}" + (f"(是否想写 {near}?)" if near else "")
    en = f"unknown; known: {allowed}" + (f" (did you mean {near}?)" if near else "")
    return (code, (name,), Text(zh, en))
