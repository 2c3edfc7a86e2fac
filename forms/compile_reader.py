"""Readers of whole rows, generated as Python functions from a form's typed plan.

A closure for each value costs a call for each value; for a return with three lines that is most of
a validation. So the questions of `FieldType.quick` are written into one function for each table.
Nothing of a definition gets into the source but field ids, as string literals: limits, options and
everything else are bound by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forms.model import Field, Lines, Row

NewRow = Callable[[Mapping[str, Any]], Row]
Reader = Callable[[object], object]

_NAME = re.compile(r"(?<![\w.'])[A-Za-z_]\w*")


class Unusual(Exception):
    """Input for the careful pass: unknown fields, or fields that only the form writes."""


@dataclass(frozen=True, slots=True)
class Readers:
    """The functions generated for one table.

    `new_row` makes a row of what was given for a new one: values read, constant defaults set, rows
    of lines fields as they were given, the id None. `takers` read one value of a field each. Both
    raise `Unusual`, `Invalid`, or whatever error strange input causes; the careful pass then
    starts over. `missing` says whether a row lacks a value that is always required.
    """

    new_row: NewRow
    takers: Mapping[str, Reader]
    missing: Callable[[Row], bool]


def generate(
    fields: Mapping[str, Field],
    fresh: Mapping[str, Any],
    locked: frozenset[str],
    required: tuple[str, ...],
) -> Readers:
    """The functions of a table. `fresh` is an untouched new row, `locked` are the form's own."""
    names: dict[str, Any] = {"absent": object(), "Unusual": Unusual}
    source = _new_row(fields, fresh, locked, names)
    writable = [one for key, one in fields.items() if key not in locked]
    for place, one in enumerate(writable):
        source += _taker(one, place, names)
    source += _missing(required, fields)
    space = dict(names)
    exec(compile("\n".join(source), "<generated readers>", "exec"), space)  # noqa: S102
    takers = {one.id: space[f"take{place}"] for place, one in enumerate(writable)}
    takers |= dict.fromkeys(locked, _refuse)
    return Readers(space["new_row"], takers, space["missing"])


def reader(one: Field) -> Reader:
    """A closure over `parse` of one field; rows of lines are left as given."""
    if isinstance(one, Lines):
        return as_given
    parse = one.kind.parse

    def read(raw: object) -> object:
        return parse(raw, one)

    return read


def as_given(raw: object) -> object:
    """A value that another part reads."""
    return raw


def _refuse(raw: object) -> object:
    raise Unusual


def _new_row(
    fields: Mapping[str, Field],
    fresh: Mapping[str, Any],
    locked: frozenset[str],
    names: dict[str, Any],
) -> list[str]:
    source = ["def new_row(given):", "    get = given.get", "    count = 0"]
    made = []
    for place, (key, idle) in enumerate(fresh.items()):
        one = fields.get(key)
        names[f"idle{place}"] = idle
        if one is not None and key not in locked:
            source += _take(one, place, names)
            made.append(f"{key!r}: v{place}")
        else:
            # A list is never shared between rows.
            made.append(f"{key!r}: []" if idle == [] else f"{key!r}: idle{place}")
    source += [
        "    if count != len(given):",
        "        raise Unusual",
        "    return {" + ", ".join(made) + "}",
    ]
    return source


def _take(one: Field, place: int, names: dict[str, Any]) -> list[str]:
    """The lines that read one field into `v<place>`."""
    value = f"v{place}"
    lines = [
        f"    {value} = get({one.id!r}, absent)",
        f"    if {value} is absent:",
        f"        {value} = {'[]' if isinstance(one, Lines) else f'idle{place}'}",
        "    else:",
        "        count += 1",
    ]
    if isinstance(one, Lines):
        return lines
    names[f"parse{place}"] = reader(one)
    condition = _condition(one, value, f"_{place}", names)
    unless = f" and not ({condition})" if condition else ""
    return [
        *lines,
        f"        if {value} is not None{unless}:",
        f"            {value} = parse{place}({value})",
    ]


def _taker(one: Field, place: int, names: dict[str, Any]) -> list[str]:
    names[f"read{place}"] = reader(one)
    condition = _condition(one, "v", f"_t{place}", names)
    quick = f"v if v is None or {condition} else " if condition else ""
    return [f"def take{place}(v):", f"    return {quick}read{place}(v)"]


def _missing(required: tuple[str, ...], fields: Mapping[str, Field]) -> list[str]:
    parts = [
        f"not row[{key!r}]" if isinstance(fields[key], Lines) else f"row[{key!r}] is None"
        for key in required
    ]
    return ["def missing(row):", "    return " + (" or ".join(parts) or "False")]


def _condition(one: Field, value: str, suffix: str, names: dict[str, Any]) -> str:
    """The type's `quick` condition on a variable, its constants bound under names of their own."""
    quick = one.kind.quick(one)
    if quick is None:
        return ""

    def bind(found: re.Match[str]) -> str:
        word = found[0]
        if word == "v":
            return value
        if word not in quick.names:
            return word
        names[word + suffix] = quick.names[word]
        return word + suffix

    return _NAME.sub(bind, quick.condition)
