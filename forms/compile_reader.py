"""Readers of whole rows, generated as Python functions from a form's typed plan.

A closure for each value costs a call for each value; for a return with three lines that is most of
a validation. So the questions of `FieldType.quick` are written into one function for each table.
Nothing of a definition gets into the source but field ids, as string literals: limits, options and
everything else are bound by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forms.model import Field, Lines, Row

NewRow = Callable[[Mapping[str, Any]], Row]
Reader = Callable[[object], object]


class Unusual(Exception):
    """Input for the careful pass: unknown fields, or fields that only the form writes."""


def generate_reader(
    fields: Mapping[str, Field], fresh: Mapping[str, Any], locked: frozenset[str]
) -> NewRow:
    """A function from what was given for a new row to the row: read values, constant defaults.

    It raises `Unusual`, `Invalid`, or any error that strange input causes; the careful pass then
    starts over. Rows of lines fields are left as given, the row's id is None.
    """
    names: dict[str, Any] = {"absent": object(), "Unusual": Unusual}
    body = ["def read(given):", "    get = given.get", "    count = 0"]
    made = []
    for place, (key, idle) in enumerate(fresh.items()):
        one = fields.get(key)
        if one is None or key in locked:
            names[f"idle{place}"] = idle
            # A list is never shared between rows.
            made.append(f"{key!r}: []" if idle == [] else f"{key!r}: idle{place}")
        else:
            names[f"idle{place}"] = idle
            body += _take(one, place, names)
            made.append(f"{key!r}: v{place}")
    body += [
        "    if count != len(given):",
        "        raise Unusual",
        "    return {" + ", ".join(made) + "}",
    ]
    return _function("\n".join(body), "read", names)  # type: ignore[no-any-return]


def _take(one: Field, place: int, names: dict[str, Any]) -> list[str]:
    """The lines that read one field into `v<place>`."""
    value, idle = f"v{place}", f"idle{place}"
    lines = [
        f"    {value} = get({one.id!r}, absent)",
        f"    if {value} is absent:",
        f"        {value} = {'[]' if isinstance(one, Lines) else idle}",
        "    else:",
        "        count += 1",
    ]
    if isinstance(one, Lines):
        return lines
    condition = _condition(one, value, f"_{place}", names)
    names[f"parse{place}"] = reader(one)
    if condition:
        lines.append(f"        if {value} is not None and not ({condition}):")
    else:
        lines.append(f"        if {value} is not None:")
    lines.append(f"            {value} = parse{place}({value})")
    return lines


def _condition(one: Field, value: str, suffix: str, names: dict[str, Any]) -> str:
    """The type's `quick` condition on a variable, its constants bound under names of their own."""
    quick = one.kind.quick(one)
    if quick is None:
        return ""
    words = []
    for word in _words(quick.condition):
        if word == "v":
            words.append(value)
        elif word in quick.names:
            names[word + suffix] = quick.names[word]
            words.append(word + suffix)
        else:
            words.append(word)
    return "".join(words)


def _words(condition: str) -> list[str]:
    """A condition cut into identifiers and what stands between them; attributes stay whole."""
    words: list[str] = []
    current = ""
    for char in condition:
        inside = bool(current) and (current[-1].isalnum() or current[-1] in "_.")
        if (char.isalnum() or char in "_.") == inside:
            current += char
        else:
            words.append(current)
            current = char
    words.append(current)
    return [part for word in words for part in _split_attribute(word)]


def _split_attribute(word: str) -> list[str]:
    head, dot, rest = word.partition(".")
    return [head, dot + rest] if dot and head else [word]


def reader(one: Field) -> Reader:
    """A closure over `parse` of one field."""
    parse = one.kind.parse

    def read(raw: object) -> object:
        return parse(raw, one)

    return read


def generate_taker(one: Field) -> Reader:
    """A function that reads one value of a field: `quick` first, then `parse`."""
    names: dict[str, Any] = {"parse": reader(one)}
    condition = _condition(one, "v", "_", names)
    if not condition:
        return names["parse"]  # type: ignore[no-any-return]
    source = f"def take(v):\n    return v if v is None or {condition} else parse(v)"
    return _function(source, "take", names)  # type: ignore[no-any-return]


def generate_missing(
    required: tuple[str, ...], fields: Mapping[str, Field]
) -> Callable[[Row], bool]:
    """A function saying whether a row lacks a value that is always required."""
    if not required:
        return lambda row: False
    parts = [
        f"not row[{key!r}]" if isinstance(fields[key], Lines) else f"row[{key!r}] is None"
        for key in required
    ]
    source = "def missing(row):\n    return " + " or ".join(parts)
    return _function(source, "missing", {})  # type: ignore[no-any-return]


def _function(source: str, name: str, names: dict[str, Any]) -> Any:
    space: dict[str, Any] = dict(names)
    exec(compile(source, f"<generated {name}>", "exec"), space)  # noqa: S102
    return space[name]
