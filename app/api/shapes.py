"""How records look in JSON, and the JSON Schemas that say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from app.access.rights import Rights
from forms.model import Field, Form, Lines
from forms.validate_result import FieldError
from forms.values import encode_id

Json = dict[str, Any]


def record_json(
    form: Form,
    row: Mapping[str, Any],
    hidden: frozenset[str] = frozenset(),
    only: Collection[str] | None = None,
) -> Json:
    """A record: what the system keeps about it, and `values` by field. Hidden fields are absent.

    `only` names the fields wanted (None: all).
    """
    found: Json = {"id": encode_id(row["id"]), "form": form.id}
    for name in ("number", "title", "stage"):
        found[name] = None if name in form.fields else row.get(name)
    found["version"] = row.get("version")
    for name in ("created", "updated"):
        at, by = row.get(f"{name}_at"), row.get(f"{name}_by")
        found[f"{name}_at"] = None if at is None else when(at)
        found[f"{name}_by"] = None if by is None else encode_id(by)
    found["values"] = values_json(form.fields.values(), row, hidden, only)
    return found


def values_json(
    fields: Iterable[Field],
    row: Mapping[str, Any],
    hidden: frozenset[str] = frozenset(),
    only: Collection[str] | None = None,
) -> Json:
    """Field id → JSON value; null where empty."""
    found: Json = {}
    for field in fields:
        path = field.path
        if path in hidden or field.id not in row or not _wanted(path, only):
            continue
        value = row[field.id]
        if isinstance(field, Lines):
            found[field.id] = [
                {"id": encode_id(line["id"])}
                | values_json(field.fields.values(), line, hidden, only)
                for line in value or ()
            ]
        else:
            found[field.id] = None if value is None else field.kind.to_json(value)
    return found


def _wanted(path: str, only: Collection[str] | None) -> bool:
    if only is None or path in only or path.partition(".")[0] in only:
        return True
    return any(name.startswith(f"{path}.") for name in only)


def when(at: datetime | int) -> str:
    """A time in RFC 3339, UTC; an integer is microseconds."""
    if isinstance(at, int):
        at = datetime.fromtimestamp(at / 1_000_000, UTC)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def errors_json(errors: Iterable[FieldError], lang: str) -> list[Json]:
    """Errors or warnings about fields."""
    return [
        {"code": error.code, "path": list(error.path), "message": error.message.pick(lang)}
        for error in errors
    ]


def form_json(form: Form, held: Rights, lang: str) -> Json:
    """A form in the list of forms."""
    return {
        "id": form.id,
        "label": form.label.pick(lang),
        "help": form.help.pick(lang),
        "actions": sorted(held.actions),
        "columns": [one for one in form.list.columns if one not in held.hidden],
        "filters": [one for one in form.list.filters if one not in held.hidden],
    }
