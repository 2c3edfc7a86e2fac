"""The names a scenario gives its records, and its values as something that can be submitted."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.access.actor import SYSTEM, Actor
from app.records.files import attach
from app.records.look import read
from app.records.tenant import Tenant
from forms.model import Field, Form, Lines, Row

_PART = re.compile(r"^([a-z_][a-z0-9_]*)(?:\[(\d+)\])?$")
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
FILES = ("file", "image")


class Unnamed(Exception):
    """A name or path of a scenario that leads nowhere."""


@dataclass(frozen=True, slots=True)
class Known:
    """A record of the scenario."""

    form: str
    id: int


class Names:
    """The records of one scenario by the names it gives them."""

    def __init__(self, tenant: Tenant, people: Mapping[str, int]) -> None:
        self._tenant = tenant
        self._people = people
        self.records: dict[str, Known] = {}

    def row(self, known: Known) -> Row:
        """A record as it is now. Raises Unnamed where it is gone."""
        return dict(read(self._tenant, SYSTEM, known.form, known.id).row)

    def form(self, known: Known) -> Form:
        """The form of a record."""
        return self._tenant.active().catalog.forms[known.form]

    def record(self, text: str) -> Known:
        """The record under a name, `r`, or over links, `r.refund`. Raises Unnamed."""
        alias, *links = text.split(".")
        if alias not in self.records:
            raise Unnamed(f"no record is called {alias}")
        known = self.records[alias]
        for link in links:
            field = self.form(known).field_at(link)
            value = self.row(known).get(link)
            if field is None or not field.to or value is None:
                raise Unnamed(f"{text}: {link} leads to no record")
            known = Known(field.to, int(value))
        return known

    def value(self, known: Known, path: str) -> tuple[Any, Field | None]:
        """What stands at a path of a record, `total`, `lines[0].verdict`, `order.customer.name`,
        and the field it is of (None for system names). Raises Unnamed."""
        row, form = self.row(known), self.form(known)
        fields: Mapping[str, Field] = form.fields
        value: Any = row
        field: Field | None = None
        for part in path.split("."):
            matched = _PART.match(part)
            if matched is None:
                raise Unnamed(f"{path} is no path to a value")
            name, index = matched[1], matched[2]
            if field is not None and field.to and "." not in field.to and value is not None:
                linked = Known(field.to, int(value))
                value, fields = self.row(linked), self.form(linked).fields
            if not isinstance(value, Mapping) or name not in value:
                raise Unnamed(f"there is no {part} in {path}")
            value, field = value[name], fields.get(name)
            if index is not None:
                rows = value or []
                if int(index) >= len(rows):
                    raise Unnamed(f"{part}: there are {len(rows)} rows")
                value = rows[int(index)]
                fields = field.fields if isinstance(field, Lines) else {}
                field = None
        return value, field

    def link(self, text: str) -> int | None:
        """The id of a record or row a text names, `o` or `o.lines[0]`; None where it names none."""
        alias, _, rest = text.partition(".")
        if alias not in self.records:
            return None
        if "[" not in text:
            return self.record(text).id
        head, _, last = rest.rpartition(".") if "." in rest else ("", "", rest)
        known = self.record(f"{alias}.{head}" if head else alias)
        value, _ = self.value(known, last)
        return int(value["id"])

    # What is submitted ------------------------------------------------------------------------

    def submitted(
        self, form_id: str, values: Mapping[str, Any], actor: Actor, known: Known | None = None
    ) -> dict[str, Any]:
        """Values as written, ready to be submitted; `lines[0].x` names one cell of a record."""
        form = self._tenant.active().catalog.forms[form_id]
        found: dict[str, Any] = {}
        cells: dict[str, dict[int, dict[str, Any]]] = {}
        for path, value in values.items():
            head, dot, column = path.partition(".")
            matched = _PART.match(head)
            if dot and matched is not None and matched[2] is not None:
                cell = cells.setdefault(matched[1], {}).setdefault(int(matched[2]), {})
                field = form.field_at(f"{matched[1]}.{column}")
                cell[column] = self._one(form_id, field, value, actor)
                continue
            found[path] = self._one(form_id, form.fields.get(path), value, actor)
        for name, rows in cells.items():
            found[name] = self._rows(name, rows, known)
        return found

    def _rows(
        self, name: str, cells: Mapping[int, Mapping[str, Any]], known: Known | None
    ) -> list[dict[str, Any]]:
        """All rows of a record, with what changes in some."""
        if known is None:
            raise Unnamed(f"{name}[…] names a row of a record that is not there yet")
        rows = self.row(known).get(name) or []
        missing = [index for index in cells if index >= len(rows)]
        if missing:
            raise Unnamed(f"{name}[{missing[0]}]: there are {len(rows)} rows")
        return [{"id": row["id"], **cells.get(index, {})} for index, row in enumerate(rows)]

    def _one(self, form: str, field: Field | None, value: Any, actor: Actor) -> Any:
        if isinstance(field, Lines) and isinstance(value, list):
            return [
                {
                    name: self._one(form, field.fields.get(name), one, actor)
                    for name, one in row.items()
                }
                for row in value
            ]
        if field is not None and field.type in FILES and value is not None:
            names = value if isinstance(value, list) else [value]
            return [self._upload(form, field, str(name), actor) for name in names]
        if field is not None and field.type == "user" and isinstance(value, str):
            return self._people.get(value, value)
        if field is not None and field.type == "link" and isinstance(value, str):
            found = self.link(value)
            return value if found is None else found
        if isinstance(value, list):
            return [self._one(form, field, one, actor) for one in value]
        return str(value) if isinstance(value, Decimal) else value

    def upload(self, form: str, name: str, actor: Actor) -> int:
        """A file that goes with an act."""
        return attach(self._tenant, actor, form, "@", io.BytesIO(f"{name}\n".encode()), name)

    def _upload(self, form: str, field: Field, name: str, actor: Actor) -> int:
        """A file of that name: a picture for pictures, else a line of text."""
        picture = field.type == "image" or name.lower().endswith(".png")
        shown = f"{name.rpartition('.')[0] or name}.png" if picture else name
        content = _PIXEL if picture else f"{name}\n".encode()
        return attach(self._tenant, actor, form, field.path, io.BytesIO(content), shown)
