"""The names and types of a form, read before it is compiled, so that others can link to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from forms.expr import RESERVED, Type
from forms.model import Field, Lines, Options, OptionValue
from forms.types import field_type
from forms.values import Text

OptionValues = Callable[[str], "tuple[str, ...] | None"]
"""Gives the ordered values of an options definition by its id."""

SYSTEM_NAMES: Mapping[str, Type] = {
    "number": Type("text"),
    "title": Type("text"),
    "stage": Type("text"),
    "created_at": Type("datetime"),
    "created_by": Type("user"),
    "updated_at": Type("datetime"),
    "updated_by": Type("user"),
    "version": Type("integer"),
}
"""What every record has besides its fields; `id` is a link to the record itself."""

RESERVED_WORDS = RESERVED | {"id", "row", "if", "else", "is", "none", "all", "any"}
"""Names no field can have: expressions could not tell them from their own words."""


def is_reserved(name: str, lines: str = "") -> bool:
    """Whether a field cannot have that id; `lines` names the lines field it would stand in.

    A form that has no numbering may have a field `number` of its own.
    """
    if name in RESERVED_WORDS:
        return True
    return not lines and name in SYSTEM_NAMES and name != "number"


@dataclass(frozen=True, slots=True)
class FormSignature:
    """The types of a form's names: of the record, and of each lines field's rows."""

    id: str
    names: Mapping[str, Type]
    lines: Mapping[str, Mapping[str, Type]] = field(default_factory=dict)

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """The names of "order" or "order.lines"; a row of lines also links to its record."""
        form, _, lines = target.partition(".")
        if form != self.id:
            return None
        if not lines:
            return self.names
        rows = self.lines.get(lines)
        return None if rows is None else {self.id: Type("link", target=self.id), **rows}


def signature(
    form_id: str, definition: object, option_values: OptionValues | None = None
) -> FormSignature:
    """Read names and types; whatever is malformed is left out, never an error.

    `option_values` completes the types of choices that name their options.
    """
    fields = definition.get("fields") if isinstance(definition, Mapping) else None
    names: dict[str, Type] = {"id": Type("link", target=form_id), **SYSTEM_NAMES}
    lines: dict[str, Mapping[str, Type]] = {}
    for name, one in _mappings(fields):
        found = type_of(form_id, name, one, option_values)
        if found is None:
            continue
        names[name] = found
        if found.kind == "lines":
            rows: dict[str, Type] = {"id": Type("link", target=f"{form_id}.{name}")}
            for column, inner in _mappings(one.get("fields")):
                typed = type_of(form_id, column, inner, option_values, within=name)
                if typed is not None:
                    rows[column] = typed
            lines[name] = rows
    return FormSignature(form_id, names, lines)


def type_of(
    form_id: str,
    name: str,
    definition: Mapping[str, object],
    option_values: OptionValues | None = None,
    within: str = "",
) -> Type | None:
    """The type expressions see of one field's definition; None where it has no known type."""
    kind = field_type(definition.get("type"))
    if kind is None:
        return None
    attributes = kind.settings(definition, _silent)
    to = definition.get("to")
    made = Lines if kind.id == "lines" else Field
    shape = made(
        form=form_id,
        id=name,
        kind=kind,
        within=within,
        many=bool(attributes.get("many")),
        to=to if isinstance(to, str) else "",
        options=_options(definition.get("options"), option_values),
    )
    return kind.expr_type(shape)


def _options(raw: object, option_values: OptionValues | None) -> Options | None:
    """Options as far as types need them: their values in order."""
    if isinstance(raw, str):
        values = option_values(raw) if option_values else None
        return Options(raw, Text(), {v: OptionValue(v, Text()) for v in values or ()})
    if isinstance(raw, list | tuple | Mapping):
        return Options("", Text(), {str(v): OptionValue(str(v), Text()) for v in raw})
    return None


def _mappings(fields: object) -> list[tuple[str, Mapping[str, object]]]:
    if not isinstance(fields, Mapping):
        return []
    return [
        (name, one)
        for name, one in fields.items()
        if isinstance(name, str) and isinstance(one, Mapping)
    ]


def _silent(code: str, *path: str | int, **params: object) -> None:
    """Problems are the compiler's to report."""
