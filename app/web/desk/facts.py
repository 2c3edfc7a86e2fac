"""Facts a decision rested on, in words: the labels of fields, and values as pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.web.desk.names import Names, names_of_ids
from app.web.desk.sayings import shown
from app.web.desk.timeline import target_of
from app.web.desk.values import IDS, shown_value
from app.web.i18n import gettext as _
from flows.model import Flow
from forms.model import Field
from forms.types import Invalid

Fact = Mapping[str, Any]
_SELF = frozenset({"id", "this"})
"""Names of the record itself: nothing anybody has to be told."""


@dataclass(slots=True)
class FactWords:
    """Tells facts of one flow in one language; names of what is linked are fetched in one go."""

    flow: Flow
    lang: str
    known: Names = field(default_factory=dict)

    def fetch(self, facts: Iterable[Fact]) -> None:
        """Look up what links in these facts lead to, as far as the reader may read it."""
        wanted: dict[str, set[int]] = {}
        for name, value in (pair for one in facts for pair in self.plain(one).items()):
            one = self.field(name)
            if one is not None and one.type in IDS:
                found = value if isinstance(value, list) else [value]
                ids = {key for key in found if isinstance(key, int) and not isinstance(key, bool)}
                wanted.setdefault(target_of(one), set()).update(ids)
        self.known = names_of_ids({target: ids for target, ids in wanted.items() if ids})

    def told(self, values: Any) -> list[tuple[str, str]]:
        """(what it is called, its value) of each fact."""
        if not isinstance(values, Mapping):
            return []
        return [
            pair for name, value in self.plain(values).items() for pair in self._one(name, value)
        ]

    def _one(self, name: str, value: Any) -> Iterator[tuple[str, str]]:
        aggregate, _sep, key = name.partition(":")
        if key and isinstance(value, Mapping):
            for measure, found in value.items():
                yield self.flow.words.total(aggregate, measure, self.lang), shown(found)
            return
        yield self.name(name), self.value(name, value)

    def plain(self, values: Fact) -> dict[str, Any]:
        """Facts without the line at hand, which is told by its number, and the record itself."""
        return {
            self.own(name): value
            for name, value in values.items()
            if not self._is_row(name) and name not in _SELF
        }

    def own(self, name: str) -> str:
        """A field of the record's own line, read by way of the line at hand, by its plain name."""
        table, _sep, rest = name.partition(":")
        form, _sep, lines = table.partition(".")
        inner = rest.partition(".")[2]
        return f"{lines}.{inner}" if lines and inner and form == self.flow.form else name

    def _is_row(self, name: str) -> bool:
        rows = self.flow.reading.rows.values()
        return any(name == row for each in rows for row, *_ in each)

    def _linked(self, name: str) -> tuple[str, str]:
        """Target and name of a field that was read by a link ("order:7.total")."""
        table, sep, rest = name.partition(":")
        return (table, rest.partition(".")[2]) if sep else ("", "")

    def field(self, name: str) -> Field | None:
        """A field of the record, of its lines, or of what was linked."""
        table, inner = self._linked(name)
        if table:
            return self.flow.words.field(table, inner)
        one = self.flow.shape.field_at(name)
        if one is None:
            inside = (lines.fields.get(name) for lines in self.flow.shape.lines)
            one = next((found for found in inside if found is not None), None)
        return one

    def name(self, name: str) -> str:
        """What a fact is called."""
        words, (table, inner) = self.flow.words, self._linked(name)
        if table:
            form = words.form(table.partition(".")[0], self.lang)
            return f"{form} · {words.name(table, inner, self.lang)}"
        one = self.field(name)
        if one is not None:
            return one.label.pick(self.lang) or name
        return words.name(self.flow.form, name, self.lang)

    def value(self, name: str, value: Any) -> str:
        """A value as the pages show it."""
        one = self.field(name)
        if value is None or one is None or (isinstance(value, Mapping) and one.type != "money"):
            return self._of_system(name, value)
        if isinstance(value, list):
            return ", ".join(self.value(name, member) for member in value) or "–"
        if one.type in IDS:
            chip = self.known.get(target_of(one), {}).get(value)
            return chip.text if chip is not None else _("not visible to you")
        try:
            made = one.kind.parse(value, one)
        except Invalid:
            return shown(value)
        return shown_value(one, self.lang, self.flow.words.zone)(made)

    def _of_system(self, name: str, value: Any) -> str:
        table, inner = self._linked(name)
        labels = self.flow.words.values(table or self.flow.form, inner or name)
        if labels is not None and isinstance(value, str) and value in labels:
            return labels[value].pick(self.lang)
        return shown(value)
