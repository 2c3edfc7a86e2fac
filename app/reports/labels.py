"""What columns of expressions are called: by the labels of the fields they name."""

from __future__ import annotations

from app.catalog.model import Catalog, Column, Report
from forms.model import Field, Form, Lines
from forms.telling import SYSTEM_LABELS
from forms.values import Text


def label_of(catalog: Catalog, report: Report, column: Column) -> Text:
    """The labels along a path of names ("customer.name": Customer · Name); any other expression is
    called as it is written."""
    form_id, _dot, lines = report.source.partition(".")
    form = catalog.forms[form_id]
    inside = form.fields.get(lines)
    found: list[Text] = []
    for step in column.source.strip().split("."):
        if step in ("parent", form.id) and not found and lines:
            inside = None
            continue
        one = _field(form, inside, step)
        label = one.label if one is not None else SYSTEM_LABELS.get(step)
        if label is None:
            return column.label
        found.append(label)
        if one is not None and one.to:
            form_id, _dot, target = one.to.partition(".")
            form = catalog.forms[form_id]
            inside = form.fields.get(target)
    if not found:
        return column.label
    return Text(" · ".join(one.zh for one in found), " · ".join(one.en for one in found))


def _field(form: Form, inside: Field | None, name: str) -> Field | None:
    if isinstance(inside, Lines) and name in inside.fields:
        return inside.fields[name]
    return form.fields.get(name)
