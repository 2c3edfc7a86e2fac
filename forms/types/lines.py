"""Rows inside a record: a table of their own, with fields of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.types.base import FieldType, Invalid, Raw, Report, Storage, read_count

if TYPE_CHECKING:
    from forms.model import Field

MAX_ROWS = 1000
"""Rows of one lines field, where the definition says nothing."""

HIGHEST_ROWS = 10_000


class LinesType(FieldType):
    """A list of rows. What a row holds is the form compiler's business."""

    __slots__ = ()
    id = "lines"
    keys = frozenset({"fields", "min", "max", "unique", "title"})
    indexable = False

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        low = read_count(definition, "min", report, lowest=0, highest=HIGHEST_ROWS)
        high = read_count(definition, "max", report, lowest=1, highest=HIGHEST_ROWS)
        if low is not None and high is not None and low > high:
            report("min_over_max", "min", low=low, high=high)
        return {"min": low or 0, "max": high or MAX_ROWS}

    def expr_type(self, field: Field) -> Type:
        return Type("lines", target=".".join((field.form, field.id)))

    def storage(self, field: Field) -> Storage:
        return Storage("none")

    def parse(self, raw: Raw, field: Field) -> object:
        """Only the shape: a list of rows. The rows are read by the form's own plan."""
        if raw is None:
            return []
        if not isinstance(raw, list | tuple):
            raise Invalid("not_rows", got=got(raw))
        if len(raw) > field.max:  # type: ignore[operator]
            raise Invalid("too_many_rows", max=field.max, count=len(raw))
        return raw

    def format(self, value: object, lang: str, field: Field) -> str:
        count = len(value)  # type: ignore[arg-type]
        return f"{count} 行" if lang == "zh" else f"{count} row{'' if count == 1 else 's'}"
