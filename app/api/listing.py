"""A list's parameters as the storage understands them: fields the caller may see, typed values."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any

from app.access.rights import Rights
from app.api.query import Condition, Detail, ListQuery
from app.storage.query import Filter
from app.web.errors import ApiError
from forms.messages import message
from forms.model import Field, Form, Lines
from forms.problems import suggest
from forms.types import Invalid
from forms.types.dates import read_datetime
from forms.values import Text, decode_id

_OPERATORS = {"starts": "starts_with"}
_IDS = frozenset({"id", "created_by", "updated_by"})
_TIMES = frozenset({"created_at", "updated_at"})
_TEXTS = frozenset({"number", "title", "stage"})
SYSTEM = frozenset({*_IDS, *_TIMES, *_TEXTS, "version"})
"""Names besides the fields that a list can be filtered and sorted by."""


class _NoText(Exception):
    """A text's operator stands at something else."""


def read_filters(form: Form, held: Rights, asked: ListQuery, zone: Any) -> tuple[Filter, ...]:
    """The conditions with typed values; `zone` is the tenant's, for times without one.

    Raises ApiError bad_parameter naming every filter, sort and field at fault. A hidden field is
    as unknown as one that does not exist: what can be filtered by can be guessed.
    """
    details: list[Detail] = []
    filters = []
    for condition in asked.conditions:
        if condition.field in SYSTEM - form.fields.keys() or _seen(form, held, condition.field):
            try:
                if condition.operator in ("contains", "starts"):
                    _only_text(form, condition.field)
                filters.append(_filter(form, condition, zone))
            except _NoText:
                text = Text("contains 和 starts 只用于文本", "contains and starts are for texts")
                details.append(("not_text", (condition.parameter,), text))
            except Invalid as wrong:
                text = message(wrong.code, wrong.params)
                details.append((wrong.code, (condition.parameter,), text))
            except ValueError:
                text = Text("值不正确", "not a value of this name")
                details.append(("bad_value", (condition.parameter,), text))
        else:
            details.append(_unknown(form, held, condition.parameter, condition.field))
    for name, _ in asked.sort:
        if name not in SYSTEM - form.fields.keys() and not _seen(form, held, name):
            details.append(_unknown(form, held, "sort", name))
    for name in asked.fields or ():
        field = form.field_at(name)
        if field is None or not held.sees(name):
            details.append(_unknown(form, held, "fields", name))
    if details:
        raise ApiError("bad_parameter", details=details)
    return tuple(filters)


def read_fields(form: Form, held: Rights, names: tuple[str, ...] | None) -> None:
    """Refuse names of fields the caller cannot see. Raises ApiError bad_parameter."""
    read_filters(form, held, ListQuery(fields=names), UTC)


def _seen(form: Form, held: Rights, name: str) -> bool:
    field = form.fields.get(name)
    return field is not None and not isinstance(field, Lines) and held.sees(name)


def _unknown(form: Form, held: Rights, parameter: str, name: str) -> Detail:
    near = suggest(name, [one for one in form.fields if held.sees(one) and one != name])
    zh = f"没有字段 {name[:60]}" + (f"(是否想写 {near}?)" if near else "")
    en = f"there is no field {name[:60]}" + (f" (did you mean {near}?)" if near else "")
    return ("unknown_field", (parameter,), Text(zh, en))


def _filter(form: Form, condition: Condition, zone: Any) -> Filter:
    name, operator = condition.field, condition.operator
    if operator == "empty":
        if condition.values[0] not in ("true", "false"):
            raise ValueError(condition.values)
        return Filter(name, "is_empty" if condition.values[0] == "true" else "not_empty")
    field = form.fields.get(name)
    typed = [_value(field, name, operator, text, zone) for text in condition.values]
    value = tuple(one for one in typed if one is not None) if operator == "in" else typed[0]
    return Filter(name, _OPERATORS.get(operator, operator), value)


def _only_text(form: Form, name: str) -> None:
    """Raises _NoText."""
    field = form.fields.get(name)
    kind = "text" if name in _TEXTS else "integer"
    if (field.kind.storage(field).kind if field is not None else kind) != "text":
        raise _NoText


def _value(field: Field | None, name: str, operator: str, text: str, zone: Any) -> Any:
    if operator in ("contains", "starts") or (field is None and name in _TEXTS):
        return text
    if field is None:
        if name in _IDS:
            return decode_id(text)
        return _version(text) if name == "version" else _aware(read_datetime(text), zone)
    value = field.kind.parse(text, field)
    if operator == "has" and isinstance(value, list | tuple):
        return value[0]
    return _aware(value, zone) if field.type == "datetime" else value


def _version(text: str) -> int:
    """A number a database can hold. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _aware(value: Any, zone: Any) -> Any:
    if value is None or value.tzinfo is not None:
        return value
    return value.replace(tzinfo=zone).astimezone(UTC)
