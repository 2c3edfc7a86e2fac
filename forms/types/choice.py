"""One or many of a closed list of options."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import did_you_mean, got
from forms.problems import suggest
from forms.types.base import FieldType, Invalid, Quick, Raw, Report, Storage, read_count, read_flag
from forms.values import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from forms.model import Field

_NAMED = 12
_COMPARED = 100
"""Longer lists are not searched for a near word: a file of mistyped rows would take minutes."""


def split_list(raw: Raw) -> list[object] | None:
    """The members of a raw list; a text is split at commas and semicolons. Raises `Invalid`."""
    if raw is None:
        return None
    if isinstance(raw, list | tuple):
        return list(raw)
    if isinstance(raw, str):
        return [part.strip() for part in raw.replace(";", ",").split(",") if part.strip()]
    raise Invalid("not_a_list", got=got(raw))


class ChoiceType(FieldType):
    """Option ids as text; many of them as a list in the order given."""

    __slots__ = ()
    id = "choice"
    keys = frozenset({"options", "many", "max", "under"})

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        many = read_flag(definition, "many", report)
        most = read_count(definition, "max", report, lowest=1, highest=1000)
        if most is not None and not many:
            report("max_without_many", "max", on_key=True)
        under = definition.get("under")
        if under is not None and not isinstance(under, str):
            report("under_unknown", "under", key=str(under)[:40], allowed="the id of a choice")
            under = None
        return {"many": many, "max": most, "under": under or ""}

    def expr_type(self, field: Field) -> Type:
        options = field.options
        one = Type(
            "choice",
            options=tuple(options.values) if options else None,
            options_id=options.id or None if options else None,
        )
        return Type("list", item=one) if field.many else one

    def storage(self, field: Field) -> Storage:
        return Storage("json" if field.many else "text")

    def parse(self, raw: Raw, field: Field) -> object:
        if field.many:
            members = split_list(raw)
            if not members:
                return None
            _few(len(members), field)
            seen: list[str] = []
            for member in members:
                value = _option(member, field)
                if value is None:
                    raise Invalid("not_an_option", value="", allowed=_allowed(field))
                if value in seen:
                    raise Invalid("repeated", value=value)
                seen.append(value)
            return seen
        if isinstance(raw, list | tuple):
            if len(raw) > 1:
                raise Invalid("only_one", count=len(raw))
            raw = raw[0] if raw else None
        return _option(raw, field)

    def quick(self, field: Field) -> Quick | None:
        if field.many or field.options is None:
            return None
        known = frozenset(field.options.values)
        return Quick("type(v) is str and v in known", {"known": known})

    def check(self, value: object, field: Field) -> None:
        self.parse(value, field)

    def active(self, value: object, field: Field, today: date) -> None:
        if field.options is None or not field.options.dated:
            return
        for member in value if isinstance(value, list | tuple) else (value,):
            if not field.options.values[member].open_on(today):
                raise Invalid("option_expired", value=member, today=today.isoformat())

    def stands(self, value: object, head: str | None, field: Field) -> None:
        """Whether what is chosen stands under what is chosen in the field above (`head`), or, in
        the uppermost one, under nothing. Raises `Invalid`."""
        known = field.options.values if field.options else {}
        wanted = head or ""
        for member in value if isinstance(value, list | tuple) else (value,):
            one = known[member]
            if (field.heads or head is not None) and one.parent == wanted:
                continue
            above = known[one.parent].label if one.parent in known else Text("–", "–")
            if field.heads:
                raise Invalid("option_not_top", value=one.label, above=above)
            if head is None:
                raise Invalid("option_without_head", value=one.label, above=above)
            allowed = [each.label for each in known.values() if each.parent == wanted][:_NAMED]
            raise Invalid(
                "option_not_under",
                value=one.label,
                head=known[wanted].label if wanted in known else Text("–", "–"),
                allowed=Text(
                    "、".join(each.zh for each in allowed) or "–",
                    ", ".join(each.en for each in allowed) or "–",
                ),
            )

    def to_json(self, value: object) -> object:
        return list(value) if isinstance(value, list | tuple) else value

    def format(self, value: object, lang: str, field: Field) -> str:
        members = value if isinstance(value, list | tuple) else (value,)
        known = field.options.values if field.options else {}
        shown = (known[m].label.pick(lang) if m in known else str(m) for m in members)
        return ("、" if lang == "zh" else ", ").join(shown)

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        if field.options and response:  # what was chosen before something stood under it stays
            return self.schema_of(list(field.options.values), field)
        return self.schema_of([one.id for one in field.choosable], field)

    def schema_of(self, options: Sequence[str], field: Field) -> dict[str, object]:
        """JSON Schema of a choice of some of the options."""
        one: dict[str, object] = {"type": "string"}
        if field.options:
            one["enum"] = list(options)
        return list_schema(one, field) if field.many else one


def list_schema(item: dict[str, object], field: Field) -> dict[str, object]:
    """JSON Schema of a list of distinct members, at most the field's `max`."""
    schema: dict[str, object] = {"type": "array", "items": item, "uniqueItems": True}
    if field.max is not None:
        schema["maxItems"] = field.max
    return schema


def _few(count: int, field: Field) -> None:
    if field.max is not None and count > field.max:  # type: ignore[operator]
        raise Invalid("too_many", max=field.max, count=count)


def _option(raw: Raw, field: Field) -> str | None:
    if raw is None:
        return None
    if isinstance(raw, bool | list | tuple | dict | float):
        raise Invalid("not_text", got=got(raw))
    value = str(raw)
    known = field.options.values if field.options else {}
    if value in known:
        return value
    value = value.strip()
    if not value:
        return None
    if value in known:
        return value
    raise Invalid(
        "not_an_option",
        value=value[:40],
        hint=did_you_mean(suggest(value[:40], known) if len(known) <= _COMPARED else ""),
        allowed=_allowed(field),
    )


def _allowed(field: Field) -> str:
    known = tuple(field.options.values) if field.options else ()
    return ", ".join(known[:_NAMED]) + (", …" if len(known) > _NAMED else "")
