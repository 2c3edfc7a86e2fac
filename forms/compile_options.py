"""Options definitions: ordered values with labels, a time they are open in, and attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from forms.codes import problem
from forms.expr import Type
from forms.model import Options, OptionValue
from forms.problems import Path, Problem, suggest
from forms.types import Invalid
from forms.types.dates import read_date
from forms.values import LANGUAGES, Text

OPTION_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,59}")
MOST = 2_000
KEYS = ("options", "label", "help", "was", "attributes", "values")
VALUE_KEYS = ("label", "parent", "from", "until", "after")
ATTRIBUTE_TYPES = ("text", "integer", "decimal", "boolean", "date")
ATTRIBUTE_KEYS = ("label", "options", "type", "after")
Others = Mapping[str, Mapping[str, object]]
"""The options definitions there are, as written: an attribute may take its values from one."""


def compile_options(
    options_id: str, definition: Mapping[str, object], others: Others | None = None
) -> tuple[Options | None, list[Problem]]:
    """Compile an options definition; paths are from its root."""
    problems: list[Problem] = []
    _unknown_keys(definition, KEYS, (), problems)
    known = others or {}
    attributes = _attributes(definition.get("attributes"), problems, known)
    raw = definition.get("values")
    if not isinstance(raw, Mapping) or not raw:
        problems.append(
            problem("options_without_values", ("values",), allowed="values: {id: {label: …}}")
        )
        return None, problems
    if len(raw) > MOST:
        problems.append(problem("too_many_options", ("values",), count=len(raw), max=MOST))
        return None, problems
    values = read_values(raw, ("values",), problems, attributes)
    label = read_text(definition.get("label"), ("label",), problems, options_id)
    helped = read_text(definition.get("help"), ("help",), problems, "")
    if problems:
        return None, problems
    was = definition.get("was")
    return Options(
        options_id,
        label,
        values,
        attributes,
        was if isinstance(was, str) else "",
        helped,
        _attribute_labels(definition.get("attributes"), attributes, known),
    ), []


def read_values(
    raw: Mapping[str, object],
    path: Path,
    problems: list[Problem],
    attributes: Mapping[str, Type] | None = None,
) -> dict[str, OptionValue]:
    """The option values of a map id → {label, parent, from, until, attributes}."""
    attributes = attributes or {}
    values: dict[str, OptionValue] = {}
    known = (*VALUE_KEYS, *attributes)
    for key, one in raw.items():
        at = (*path, key)
        if not isinstance(key, str) or not OPTION_ID.fullmatch(key):
            problems.append(problem("bad_option", at, value=key, on_key=True))
            continue
        if one is None:
            one = {}
        if isinstance(one, str):
            one = {"label": one}
        if not isinstance(one, Mapping):
            problems.append(problem("not_a_mapping", at, allowed=", ".join(known)))
            continue
        _unknown_keys(one, known, at, problems)
        opens = _day(one, "from", at, problems)
        until = _day(one, "until", at, problems)
        if opens and until and opens > until:
            problems.append(problem("option_from_after_until", (*at, "from")))
        parent = one.get("parent")
        if parent is not None and parent not in raw:
            problems.append(
                problem(
                    "option_unknown_parent",
                    (*at, "parent"),
                    value=parent,
                    suggestion=suggest(str(parent), [str(k) for k in raw]),
                )
            )
        values[key] = OptionValue(
            key,
            read_text(one.get("label"), (*at, "label"), problems, key),
            str(parent or ""),
            opens,
            until,
            _read_attributes(one, attributes, at, problems),
        )
    _parent_cycles(values, path, problems)
    return values


def read_text(value: object, path: Path, problems: list[Problem], fallback: str) -> Text:
    """A *text*; what is no text is a problem."""
    if value is None:
        return Text.of(None, fallback)
    if isinstance(value, str):
        return Text.of(value)
    if not isinstance(value, Mapping) or not value:
        problems.append(problem("bad_text", path, allowed="a string, or {zh: …, en: …}"))
        return Text.of(None, fallback)
    for key, one in value.items():
        if key not in LANGUAGES:
            problems.append(
                problem(
                    "unknown_language",
                    (*path, key),
                    key=key,
                    on_key=True,
                    allowed=", ".join(LANGUAGES),
                )
            )
        elif not isinstance(one, str):
            problems.append(problem("bad_text", (*path, key), allowed="a string"))
    return Text.of(
        {k: v for k, v in value.items() if k in LANGUAGES and isinstance(v, str)}, fallback
    )


def _attributes(raw: object, problems: list[Problem], others: Others) -> dict[str, Type]:
    found: dict[str, Type] = {}
    if raw is None:
        return found
    if not isinstance(raw, Mapping):
        problems.append(
            problem("not_a_mapping", ("attributes",), allowed="{name: [a, b]} or {name: integer}")
        )
        return found
    for key, one in raw.items():
        at: Path = ("attributes", key)
        if isinstance(one, Mapping):
            _unknown_keys(one, ATTRIBUTE_KEYS, at, problems)
            read_text(one.get("label"), (*at, "label"), problems, "")
            place = next((name for name in ("options", "type") if name in one), "")
            one, at = one.get(place), (*at, place) if place else at
            if place == "options" and isinstance(one, str):
                if _values_of(others, one) is None:
                    problems.append(_no_options(one, at, others))
                    continue
                one = _Ids(one, _values_of(others, one) or ())
        if key in VALUE_KEYS:
            problems.append(problem("attribute_reserved", at, key=key, on_key=True))
        elif not isinstance(key, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", key):
            problems.append(problem("bad_id", at, key=key, on_key=True))
        elif (
            isinstance(one, list | tuple)
            and one
            and all(isinstance(v, str) and OPTION_ID.fullmatch(v) for v in one)
        ):
            found[key] = Type("choice", options=tuple(one))
        elif isinstance(one, _Ids):
            found[key] = Type("choice", options=one.values, options_id=one.options)
        elif isinstance(one, str) and one in ATTRIBUTE_TYPES:
            found[key] = Type(one)
        else:
            problems.append(
                problem(
                    "attribute_bad_type",
                    at,
                    allowed="a list of ids, {options: an options definition}, "
                    + ", ".join(ATTRIBUTE_TYPES),
                    suggestion=suggest(str(one), ATTRIBUTE_TYPES),
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class _Ids:
    """The values of another options definition."""

    options: str
    values: tuple[str, ...]


def _values_of(others: Others, options_id: str) -> tuple[str, ...] | None:
    raw = others[options_id].get("values") if options_id in others else None
    return tuple(str(key) for key in raw) if isinstance(raw, Mapping) else None


def _no_options(options_id: str, at: Path, others: Others) -> Problem:
    return problem(
        "unknown_options",
        at,
        value=options_id,
        allowed=", ".join(sorted(others)),
        suggestion=suggest(options_id, others),
    )


def _attribute_labels(
    raw: object, attributes: Mapping[str, Type], others: Others
) -> dict[str, Text]:
    """What attributes are called: their label, else that of the options they take values from."""
    found: dict[str, Text] = {}
    for key, kind in attributes.items():
        one = raw.get(key) if isinstance(raw, Mapping) else None
        label = one.get("label") if isinstance(one, Mapping) else None
        if label is None and kind.options_id:
            label = others[kind.options_id].get("label")
        if isinstance(label, str | Mapping):
            found[key] = Text.of(label)
    return found


def _read_attributes(
    one: Mapping[str, object], attributes: Mapping[str, Type], at: Path, problems: list[Problem]
) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, kind in attributes.items():
        raw = one.get(name)
        if raw is None:
            problems.append(problem("attribute_missing", at, key=name, allowed=_allowed(kind)))
            continue
        value = _attribute(raw, kind)
        if value is None:
            problems.append(
                problem(
                    "attribute_bad_value",
                    (*at, name),
                    key=name,
                    value=raw,
                    allowed=_allowed(kind),
                    suggestion=suggest(str(raw), kind.options or ()),
                )
            )
            continue
        found[name] = value
    return found


def _allowed(kind: Type) -> str:
    return ", ".join(kind.options) if kind.options else str(kind)


def _attribute(raw: object, kind: Type) -> object:
    """The attribute's value, or None where it is not of that type."""
    if kind.kind == "choice":
        return raw if raw in (kind.options or ()) else None
    if kind.kind == "text":
        return raw if isinstance(raw, str) else None
    if kind.kind == "boolean":
        return raw if isinstance(raw, bool) else None
    if kind.kind == "date":
        try:
            return read_date(raw)
        except Invalid:
            return None
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        return None
    if kind.kind == "integer":
        return raw if isinstance(raw, int) else None
    return Decimal(raw)


def _day(one: Mapping[str, object], key: str, at: Path, problems: list[Problem]) -> date | None:
    try:
        return read_date(one.get(key))
    except Invalid:
        problems.append(problem("option_bad_date", (*at, key), allowed="YYYY-MM-DD"))
        return None


def _parent_cycles(values: Mapping[str, OptionValue], path: Path, problems: list[Problem]) -> None:
    done: set[str] = set()
    for start in values:
        trail: list[str] = []
        at = start
        while at in values and at not in done and at not in trail:
            trail.append(at)
            at = values[at].parent
        if at in trail:
            circle = [*trail[trail.index(at) :], at]
            problems.append(
                problem("option_parent_cycle", (*path, at, "parent"), cycle=" → ".join(circle))
            )
        done.update(trail)


def _unknown_keys(
    definition: Mapping[str, object], known: tuple[str, ...], path: Path, problems: list[Problem]
) -> None:
    problems += [
        problem(
            "unknown_key",
            (*path, key),
            key=key,
            on_key=True,
            allowed=", ".join(known),
            suggestion=suggest(str(key), known),
        )
        for key in definition
        if key not in known
    ]
