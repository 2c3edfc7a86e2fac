"""Plan the columns of a new release: pure, from the manifest and the compiled forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from app.storage.convert import keeps_column, legal_change
from app.storage.errors import PublishError
from app.storage.manifest import CURRENCY, NAME_BYTES, Entry, Manifest
from forms.model import Field, Form, Lines


@dataclass(frozen=True, slots=True)
class Move:
    """A field that changes its column because its type changes: values are converted."""

    old: Entry
    new: Entry


@dataclass(frozen=True, slots=True)
class Layout:
    """What a release needs in the database.

    `entries` is the release's whole manifest; `closed` the open entries it no longer holds, `added`
    the entries to write. `moves` pairs old and new columns of retyped fields, `illegal` says in
    words which changes of type cannot be made.
    """

    entries: tuple[Entry, ...]
    closed: tuple[Entry, ...]
    added: tuple[Entry, ...]
    moves: tuple[Move, ...]
    illegal: tuple[str, ...]


def lay_out(
    manifest: Manifest, from_release: int, release: int, forms: Mapping[str, Form]
) -> Layout:
    """The columns of `release`, grown from those of `from_release` (0: the first ever).

    Raises PublishError where two forms claim one table through `was`.
    """
    planner = _Planner(manifest, from_release, release)
    homes = planner.place_forms(forms)
    for form in forms.values():
        planner.place_fields(form, homes)
    return planner.result()


def type_id_of(field: Field, homes: Mapping[str, str]) -> str:
    """A field's type as the manifest keeps it: a change of this word is a change of column, save
    for the widenings. `homes` maps "order" and "order.lines" to their tables."""
    word = field.type
    if word == "money" and field.currency_of != "record":
        constant = field.currency_of == "constant"
        word = f"money:{field.currency if constant else 'own'}"
    if word == "link":
        word = f"link:{homes.get(field.to, '?')}"
    return f"{word}[]" if field.many and field.type not in ("file", "image") else word


class _Planner:
    def __init__(self, manifest: Manifest, from_release: int, release: int) -> None:
        self.release = release
        self.manifest = manifest
        before = manifest.release(from_release)
        self.before = {(e.form, e.lines, e.field): e for e in before}
        self.tables = {name.lower() for name in manifest.tables()}
        self.keys = {e.type_id.lower() for e in manifest.entries if not e.lines and not e.field}
        """Names of forms in tables that outlive a rename. Who is called as another once was is
        another all the same: records of both are on their way under these names."""
        self.names: dict[str, set[str]] = {}
        self.wanted: list[Entry] = []
        self.moves: list[Move] = []
        self.illegal: list[str] = []
        self.homes: dict[str, Entry] = {}

    def place_forms(self, forms: Mapping[str, Form]) -> dict[str, str]:
        """A table for each form and each lines field; "order.lines" → table."""
        homes: dict[str, str] = {}
        for form in forms.values():
            old = self._former("", "", form.id, form.was, forms)
            key = old.type_id if old else _unused(form.id, self.keys)
            home = self._table(form.id, "", old, f"f_{form.id}", key)
            homes[form.id] = home.table
            for lines in form.lines:
                former = self._former_lines(old.form if old else form.id, lines, form)
                name = f"{home.table}__{lines.id}"
                homes[f"{form.id}.{lines.id}"] = self._table(
                    form.id, lines.id, former, name, lines.id
                ).table
        taken = [e.table for e in self.wanted]
        for table in {t for t in taken if taken.count(t) > 1}:
            raise PublishError(f"two forms continue one table ({table}); check their `was`")
        return homes

    def place_fields(self, form: Form, homes: Mapping[str, str]) -> None:
        """A column for each field of the form and of its lines."""
        old_form = self._old_id(form)
        self._place(form, "", old_form, "", form.fields.values(), homes)
        for lines in form.lines:
            old_lines = self._old_lines_id(old_form, lines)
            self._place(form, lines.id, old_form, old_lines, lines.fields.values(), homes)

    def result(self) -> Layout:
        """What is new and what ends."""
        opened = self.manifest.open()
        goes_on = {entry.place() for entry in self.wanted}
        was_there = {entry.place() for entry in opened}
        closed = [entry for entry in opened if entry.place() not in goes_on]
        added = [entry for entry in self.wanted if entry.place() not in was_there]
        return Layout(
            tuple(self.wanted), tuple(closed), tuple(added), tuple(self.moves), tuple(self.illegal)
        )

    def _former(
        self, lines: str, field: str, form: str, was: str, forms: Mapping[str, Form]
    ) -> Entry | None:
        found = self.before.get((form, lines, field))
        if found is None and was and was not in forms:
            found = self.before.get((was, lines, field))
        return found

    def _former_lines(self, old_form: str, lines: Lines, form: Form) -> Entry | None:
        found = self.before.get((old_form, lines.id, ""))
        if found is None and lines.was and lines.was not in form.fields:
            found = self.before.get((old_form, lines.was, ""))
        return found

    def _table(self, form: str, lines: str, old: Entry | None, name: str, key: str) -> Entry:
        if old is not None:
            entry = replace(old, form=form, lines=lines, first=self.release, last=None)
        else:
            table = _unused(name, self.tables)
            entry = Entry(form, lines, "", "", table, key, "", 0, table, self.release)
        self.wanted.append(entry)
        self.homes[f"{form}.{lines}"] = entry
        return entry

    def _old_id(self, form: Form) -> str:
        mine = self.homes[f"{form.id}."]
        for (old, lines, field), entry in self.before.items():
            if not lines and not field and entry.table == mine.table:
                return old
        return form.id

    def _old_lines_id(self, old_form: str, lines: Lines) -> str:
        mine = self.homes[f"{lines.form}.{lines.id}"]
        for (form, old, field), entry in self.before.items():
            if form == old_form and old and not field and entry.table == mine.table:
                return old
        return lines.id

    def _place(
        self,
        form: Form,
        lines: str,
        old_form: str,
        old_lines: str,
        fields: Iterable[Field],
        homes: Mapping[str, str],
    ) -> None:
        table = self.homes[f"{form.id}.{lines}"].table
        fields = [field for field in fields if field.storage.kind != "none"]
        ids = {field.id for field in fields}
        for field in fields:
            old = self.before.get((old_form, old_lines, field.id))
            if old is None and field.was and field.was not in ids:
                old = self.before.get((old_form, old_lines, field.was))
            if old is not None and old.table != table:
                old = None
            entry = self._column(form.id, lines, field, table, old, homes)
            self.wanted.append(entry)
            if field.type == "money" and field.currency_of == "own":
                self.wanted.append(self._currency(entry, old, old_form, old_lines))

    def _column(
        self,
        form: str,
        lines: str,
        field: Field,
        table: str,
        old: Entry | None,
        homes: Mapping[str, str],
    ) -> Entry:
        kind = field.storage
        type_id = type_id_of(field, homes)
        made = Entry(
            form, lines, field.id, "", table, type_id, kind.kind, kind.scale, "", self.release
        )
        if old is None:
            name = self._new_name(table, f"c_{field.id}")
            return replace(made, column=name, root=name)
        if keeps_column(old.type_id, type_id) and (old.storage, old.scale) == (
            kind.kind,
            kind.scale,
        ):
            return replace(made, column=old.column, root=old.root)
        if not legal_change(old.type_id, type_id):
            self.illegal.append(
                f"{form}.{field.path}: {old.type_id} cannot become {type_id};"
                " remove the field and add one under a new id"
            )
        name = self._new_name(table, f"c_{field.id}")
        entry = replace(made, column=name, root=old.root)
        self.moves.append(Move(old, entry))
        return entry

    def _currency(self, amount: Entry, old: Entry | None, form: str, lines: str) -> Entry:
        beside = self.before.get((form, lines, (old.field if old else amount.field) + CURRENCY))
        entry = replace(amount, field=amount.field + CURRENCY, type_id="currency", storage="text")
        entry = replace(entry, scale=0)
        if beside is not None and old is not None and old.column == amount.column:
            return replace(entry, column=beside.column, root=beside.root)
        name = self._new_name(amount.table, f"{amount.column}_cur")
        return replace(entry, column=name, root=name)

    def _new_name(self, table: str, name: str) -> str:
        taken = self.names.setdefault(table, {n.lower() for n in self.manifest.names(table)})
        return _unused(name, taken)


def _unused(name: str, taken: set[str]) -> str:
    """The name, shortened and numbered until nobody ever had it; then it is taken."""
    number = 1
    while True:
        tail = "" if number == 1 else f"_{number}"
        candidate = name.encode()[: NAME_BYTES - len(tail)].decode(errors="ignore") + tail
        if candidate.lower() not in taken:
            taken.add(candidate.lower())
            return candidate
        number += 1
