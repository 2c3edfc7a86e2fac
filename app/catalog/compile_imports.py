"""Imports: how the rows of CSV files become records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Computed, Constant, FieldSource, FileSpec, Find, Import, LinesImport
from forms.expr import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, TEXT, Scope, Type, fits
from forms.model import Field, Form, Lines
from forms.problems import Path, listed, suggest

KEYS = "import label help was into file zone where key mode map rejects".split()
FILE_KEYS = ("name", "encoding", "delimiter", "columns", "headings")
LINES_KEYS = ("file", "on", "where", "key", "map")
COLUMN_TYPES: Mapping[str, Type] = {
    "text": TEXT,
    "integer": INTEGER,
    "decimal": DECIMAL,
    "date": DATE,
    "datetime": DATETIME,
    "boolean": BOOLEAN,
}

# What a parsed cell may become besides what the expression language lets fit.
_BECOMES = {
    "text": None,
    "integer": {"decimal", "money", "text", "duration"},
    "decimal": {"money", "text"},
    "date": {"text", "datetime"},
    "datetime": {"text", "date"},
    "boolean": {"text"},
}


def compile_import(import_id: str, at: Compiling, forms: Mapping[str, Form]) -> Import | None:
    """Compile one import, or None where its form is unknown."""
    into = at.data.get("into")
    if not isinstance(into, str) or not at.refers("form", into, ("into",)) or into not in forms:
        return None
    form, reader = forms[into], _Maps(at)
    file = _file(at.data["file"])
    columns = reader.columns(file, ("file",))
    where = at.condition(at.data.get("where"), ("where",), columns)
    fields: dict[str, FieldSource] = {}
    lines: dict[str, LinesImport] = {}
    for name, raw in at.data.get("map", {}).items():
        field = reader.field(form.id, form.fields, name, ("map", name))
        if isinstance(field, Lines):
            made = reader.lines(field, raw, file, columns, ("map", name))
            if made is not None:
                lines[name] = made
        elif field is not None:
            source = reader.source(field, raw, columns, ("map", name))
            if source is not None:
                fields[name] = source
    key = at.data.get("key", ())
    keys = (key,) if isinstance(key, str) else tuple(key)
    _identifies(form, keys, at)
    if at.data.get("mode") != "update":
        _complete(form.fields, at.data.get("map", {}), ("map",), at)
        for name, raw in at.data.get("map", {}).items():
            field = form.fields.get(name)
            if isinstance(field, Lines) and isinstance(raw, Mapping) and name in lines:
                _complete(field.fields, raw.get("map", {}), ("map", name, "map"), at)
    return Import(
        id=import_id,
        label=at.text("label", import_id),
        help=at.text("help"),
        into=into,
        file=file,
        key=keys,
        mode=str(at.data.get("mode", "")),
        map=fields,
        lines=lines,
        where=where,
        zone=str(at.data.get("zone", "")),
        rejects=str(at.data.get("rejects", f"{import_id}_rejected.csv")),
    )


class _Maps:
    """Reads the `map` of an import, header and lines."""

    def __init__(self, at: Compiling) -> None:
        self.at = at

    def columns(self, file: FileSpec, path: Path) -> Scope:
        """The names an expression over a row of the file sees."""
        for name in file.headings:
            if name not in file.columns:
                self.at.unknown_field(
                    f"the file {file.name}",
                    name,
                    (*path, "headings", name),
                    file.columns,
                    on_key=True,
                )
        names = {name: COLUMN_TYPES.get(kind, TEXT) for name, kind in file.columns.items()}
        return Scope(names, library=self.at.library)

    def field(self, owner: str, fields: Mapping[str, Field], name: str, path: Path) -> Field | None:
        """The field a map entry fills."""
        found = fields.get(name)
        if found is None:
            self.at.unknown_field(owner, name, path, fields, on_key=True)
            return None
        if found.formula is not None:
            self.at.problem(
                "formula_not_filled", path, f"{name} is computed and cannot be filled", on_key=True
            )
            return None
        return found

    def lines(
        self, field: Lines, raw: Any, head: FileSpec, columns: Scope, path: Path
    ) -> LinesImport | None:
        """Where the rows of a lines field come from."""
        at = self.at
        if not isinstance(raw, Mapping) or "map" not in raw:
            at.problem("lines_need_map", path, f"{field.id} holds rows", "{on: <column>, map: {…}}")
            return None
        file = _file(raw["file"]) if "file" in raw else None
        scope = self.columns(file, (*path, "file")) if file is not None else columns
        on = (raw["on"],) if isinstance(raw["on"], str) else tuple(raw["on"])
        for name in on:
            for spec in (head, file):
                if spec is not None and name not in spec.columns:
                    at.unknown_field(f"the file {spec.name}", name, (*path, "on"), spec.columns)
        where = at.condition(raw.get("where"), (*path, "where"), scope)
        found: dict[str, FieldSource] = {}
        for name, cell in raw["map"].items():
            below = (*path, "map", name)
            inner = self.field(field.path, field.fields, name, below)
            source = self.source(inner, cell, scope, below) if inner is not None else None
            if source is not None:
                found[name] = source
        key = str(raw.get("key", ""))
        if key and key not in raw["map"]:
            at.problem(
                "key_not_mapped", (*path, "key"), f"{key} is not in the map", listed([*raw["map"]])
            )
        return LinesImport(field.id, file, on, found, where, key)

    def source(self, field: Field, raw: Any, columns: Scope, path: Path) -> FieldSource | None:
        """How one field gets its value."""
        at = self.at
        if not isinstance(raw, Mapping):
            expr = at.expr(raw, path, columns)
            if expr is None:
                return None
            if not _becomes(expr.type, field.expr_type):
                at.problem(
                    "wrong_value", path, f"{expr.type} cannot become {field.expr_type}", "", ""
                )
            return Computed(expr)
        if "value" in raw:
            return Constant(raw["value"])
        if "find" in raw:
            return self._find(field, raw, columns, path)
        at.problem(
            "lines_need_map", path, f"{field.id} holds no rows", "an expression, {value} or {find}"
        )
        return None

    def _find(
        self, field: Field, raw: Mapping[str, Any], columns: Scope, path: Path
    ) -> Find | None:
        at, target = self.at, raw["find"]
        if not at.target(target, (*path, "find")):
            return None
        if field.expr_type.kind != "link" or field.to != target:
            allowed = f"a link to {field.to}" if field.to else "a field of type link"
            at.problem(
                "find_no_link", (*path, "find"), f"{field.id} is no link to {target}", allowed
            )
        by = {}
        for name, text in raw.get("by", {}).items():
            below = (*path, "by", name)
            self._findable(target, name, below)
            expr = at.expr(text, below, columns)
            if expr is not None:
                by[name] = expr
        return Find(target, by, raw.get("missing", "reject"))

    def _findable(self, target: str, name: str, path: Path) -> None:
        """A field of the target, or of the record its lines belong to (`order.number`)."""
        at = self.at
        names = at.library.fields_of(target) or {}
        form, _, lines = target.partition(".")
        head, _, tail = name.partition(".")
        known = [*names, *(f"{form}.{n}" for n in at.library.fields_of(form) or {} if lines)]
        if (tail and f"{head}.{tail}" not in known) or (not tail and name not in names):
            at.unknown_field(target, name, path, known, on_key=True)


def _file(raw: Mapping[str, Any]) -> FileSpec:
    delimiter = str(raw.get("delimiter", ","))
    return FileSpec(
        name=str(raw.get("name", "")),
        columns=dict(raw.get("columns", {})),
        headings=dict(raw.get("headings", {})),
        encoding=str(raw.get("encoding", "utf-8")),
        delimiter="\t" if delimiter == "tab" else delimiter,
    )


def _becomes(given: Type, wanted: Type) -> bool:
    """Whether a value of a file may become a field's: its parser has the last word at run time."""
    if fits(given, wanted) or given.kind == "null":
        return True
    allowed = _BECOMES.get(given.kind, set())
    return allowed is None or wanted.kind in allowed or wanted.kind == "choice"


def _identifies(form: Form, keys: tuple[str, ...], at: Compiling) -> None:
    """The key is mapped, and the form itself says that it occurs once."""
    mapped = at.data.get("map", {})
    for index, name in enumerate(keys):
        path: Path = ("key", index) if isinstance(at.data.get("key"), list) else ("key",)
        if name not in form.fields:
            at.unknown_field(form.id, name, path, form.fields)
            return
        if name not in mapped:
            at.problem(
                "key_not_mapped",
                path,
                f"{name} is not in the map",
                listed([*mapped]),
                suggest(name, mapped),
            )
            return
    known = [unique.fields for unique in form.unique.values()]
    if keys and not any(set(fields) == set(keys) for fields in known):
        at.problem(
            "key_not_unique",
            ("key",),
            f"nothing says that {', '.join(keys)} occurs once in {form.id}",
            f"`unique` of the form {form.id}",
        )


def _complete(
    fields: Mapping[str, Field], mapped: Mapping[str, Any], path: Path, at: Compiling
) -> None:
    """Fields that every record needs and nothing fills."""
    filled = set(_filled(fields, mapped))
    for name, field in fields.items():
        wanted = field.required is True or (isinstance(field, Lines) and bool(field.min))
        if wanted and name not in mapped and name not in filled and field.default is None:
            at.problem(
                "required_not_mapped", path, f"{name} is required and not in the map", on_key=True
            )


def _filled(fields: Mapping[str, Field], mapped: Mapping[str, Any]) -> Iterator[str]:
    for name in mapped:
        if name in fields:
            yield from fields[name].fill
