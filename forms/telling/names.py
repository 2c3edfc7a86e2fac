"""What the names in expressions are called: fields, options, stages, totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Protocol

from forms.expr import Type
from forms.model import Field, Form, Options
from forms.values import Text

Labels = Mapping[str, Text]
"""Value → what it is called."""

SYSTEM_LABELS: Labels = {
    "number": Text("编号", "Number"),
    "title": Text("标题", "Title"),
    "stage": Text("阶段", "Stage"),
    "created_at": Text("创建时间", "Created"),
    "created_by": Text("创建人", "Created by"),
    "updated_at": Text("修改时间", "Changed"),
    "updated_by": Text("修改人", "Changed by"),
    "version": Text("版本", "Version"),
}
"""What the names every record has are called."""


class Labelled(Protocol):
    """Something people call by a label."""

    @property
    def label(self) -> Text:
        """The label."""


class Totals(Labelled, Protocol):
    """An aggregate: its label, and those of its measures."""

    @property
    def measures(self) -> Mapping[str, Labelled]:
        """Its measures by id."""


@dataclass(frozen=True, slots=True)
class Words:
    """What things are called. `own` is what bare names belong to ("order", "order.lines"); `row`
    what `this.x` does where bare names mean another row. `stages`: form → stage → its label.
    `zone`: where moments are told."""

    own: str = ""
    forms: Mapping[str, Form] = field(default_factory=dict)
    options: Mapping[str, Options] = field(default_factory=dict)
    aggregates: Mapping[str, Totals] = field(default_factory=dict)
    stages: Mapping[str, Labels] = field(default_factory=dict)
    zone: tzinfo = UTC
    row: str = ""

    def of(self, target: str, row: str = "") -> Words:
        """The same, with bare names belonging to `target` ("order", "order.lines")."""
        return replace(self, own=target, row=row)

    def field(self, target: str, name: str) -> Field | None:
        """The field of a form ("order") or of its lines ("order.lines"), None for other names."""
        form_id, _, lines = target.partition(".")
        form = self.forms.get(form_id)
        return None if form is None else form.field_at(f"{lines}.{name}" if lines else name)

    def name(self, target: str, name: str, lang: str) -> str:
        """What a name of a form or its lines is called; the name itself where nobody called it."""
        found = self.field(target, name)
        if found is not None:
            return found.label.pick(lang) or name
        form_id, _, lines = target.partition(".")
        if name in SYSTEM_LABELS:
            return SYSTEM_LABELS[name].pick(lang)
        if lines and name == form_id:
            return self.form(form_id, lang)
        return name

    def form(self, form_id: str, lang: str) -> str:
        """What a form is called."""
        found = self.forms.get(form_id)
        return found.label.pick(lang) or form_id if found is not None else form_id

    def values(self, target: str, name: str) -> Labels | None:
        """What the values of a choice, or of a stage, are called; None for other fields."""
        found = self.field(target, name)
        if found is None:
            return self.stages.get(target) if name == "stage" else None
        if found.options is None:
            return None
        return {key: one.label for key, one in found.options.values.items()}

    def options_of(self, kind: Type) -> Labels | None:
        """What the values of a type are called where it names its options definition."""
        known = self.options.get(kind.options_id or "")
        if known is None:
            return None
        return {key: one.label for key, one in known.values.items()}

    def attribute(self, kind: Type, name: str, lang: str) -> str:
        """What an attribute of a choice is called."""
        known = self.options.get(kind.options_id or "")
        label = known.attribute_labels.get(name) if known is not None else None
        return label.pick(lang) if label is not None else name

    def total(self, aggregate: str, measure: str, lang: str) -> str:
        """What a measure of an aggregate is called: "Stock · On hand"."""
        known = self.aggregates.get(aggregate)
        if known is None:
            return f"{aggregate} · {measure}"
        found = known.measures.get(measure)
        inner = found.label.pick(lang) if found is not None else measure
        return f"{known.label.pick(lang) or aggregate} · {inner or measure}"
