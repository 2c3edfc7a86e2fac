"""Ids of something else: records and lines (link), people, departments, attachments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.types.base import FieldType, Invalid, Quick, Raw, Report, Storage, read_count, read_flag
from forms.types.choice import list_schema, split_list
from forms.values import decode_id, encode_id

if TYPE_CHECKING:
    from forms.model import Field

_LIMIT = 1 << 63
_SCHEMA: dict[str, object] = {"type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{13}$"}


def read_id(raw: Raw) -> int | None:
    """Read a record id: an integer, or the 13 characters people see. Raises `Invalid`."""
    if type(raw) is int:
        if 0 < raw < _LIMIT:
            return raw
    elif isinstance(raw, str):
        if not raw.strip():
            return None
        try:
            return decode_id(raw) or None
        except ValueError:
            pass
    elif raw is None:
        return None
    raise Invalid("not_an_id", got=got(raw))


class IdType(FieldType):
    """One id, or with `many` a list of distinct ids in the order given."""

    __slots__ = ()
    keys = frozenset({"many", "max"})
    facts = ""
    """The target under which facts show whether an id exists; "" for links to forms."""

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        many = read_flag(definition, "many", report)
        most = read_count(definition, "max", report, lowest=1, highest=1000)
        if most is not None and not many:
            report("max_without_many", "max", on_key=True)
        return {"many": many, "max": most}

    def one(self, field: Field) -> Type:
        """The type of a single value."""
        return Type(self.id)

    def expr_type(self, field: Field) -> Type:
        one = self.one(field)
        return Type("list", item=one) if field.many else one

    def storage(self, field: Field) -> Storage:
        return Storage("json" if field.many else "integer")

    def parse(self, raw: Raw, field: Field) -> object:
        if field.many:
            return read_ids(raw, field)
        if isinstance(raw, list | tuple):
            if len(raw) > 1:
                raise Invalid("only_one", count=len(raw))
            raw = raw[0] if raw else None
        return read_id(raw)

    def quick(self, field: Field) -> Quick | None:
        if field.many:
            return None
        return Quick("type(v) is int and 0 < v < limit", {"limit": _LIMIT})

    def check(self, value: object, field: Field) -> None:
        self.parse(value, field)

    def to_json(self, value: object) -> object:
        if isinstance(value, list | tuple):
            return [encode_id(one) for one in value]
        return encode_id(value)  # type: ignore[arg-type]

    def format(self, value: object, lang: str, field: Field) -> str:
        members = value if isinstance(value, list | tuple) else (value,)
        return ("、" if lang == "zh" else ", ").join(encode_id(one) for one in members)

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        return list_schema(dict(_SCHEMA), field) if field.many else dict(_SCHEMA)


class LinkType(IdType):
    """A record of another form, or one of its lines."""

    __slots__ = ()
    id = "link"
    keys = frozenset({"to", "where", "fill", "many", "max"})

    def one(self, field: Field) -> Type:
        return Type("link", target=field.to)


class UserType(IdType):
    """A person who can sign in."""

    __slots__ = ()
    id = "user"
    facts = "@user"


class DepartmentType(IdType):
    """A department."""

    __slots__ = ()
    id = "department"
    facts = "@department"


class FileType(IdType):
    """Attachments. Always a list, of one where `many` is not set."""

    __slots__ = ()
    id = "file"
    keys = frozenset({"many", "max", "size"})
    indexable = False
    facts = "@file"

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        size = read_count(definition, "size", report, lowest=1, highest=1 << 30)
        return super().settings(definition, report) | {"size": size}

    def expr_type(self, field: Field) -> Type:
        return Type("list", item=Type("file"))

    def storage(self, field: Field) -> Storage:
        return Storage("json")

    def parse(self, raw: Raw, field: Field) -> object:
        found = read_ids([raw] if type(raw) is int else raw, field)
        if found and len(found) > 1 and not field.many:
            raise Invalid("only_one", count=len(found))
        return found

    def quick(self, field: Field) -> Quick | None:
        return None

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        schema = list_schema(dict(_SCHEMA), field)
        return schema if field.many else schema | {"maxItems": 1}


class ImageType(FileType):
    """Attachments that are pictures."""

    __slots__ = ()
    id = "image"


def read_ids(raw: Raw, field: Field) -> list[int] | None:
    """Read a list of distinct ids, at most the field's `max`. Raises `Invalid`."""
    members = split_list(raw)
    if not members:
        return None
    if field.max is not None and len(members) > field.max:  # type: ignore[operator]
        raise Invalid("too_many", max=field.max, count=len(members))
    found: list[int] = []
    for member in members:
        value = read_id(member)
        if value is None:
            raise Invalid("not_an_id", got=got(member))
        if value in found:
            raise Invalid("repeated", value=encode_id(value))
        found.append(value)
    return found
