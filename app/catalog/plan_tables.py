"""What publishing does to tables, from the compiled forms and aggregates of two catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.catalog.model import Aggregate, Catalog
from forms.model import Field, Form, Lines
from forms.values import Text

SAFE, ATTENTION, DESTRUCTIVE = "safe", "attention", "destructive"

# The stored values read alike under both types: the column stays.
_WIDENS = {
    ("choice", "text"),
    ("choice[]", "text[]"),
    ("decimal", "percent"),
    ("percent", "decimal"),
    ("image", "file"),
    ("file", "image"),
}
_NUMBERS = {"integer", "decimal", "percent", "money"}
_WRITTEN = {
    "integer",
    "decimal",
    "percent",
    "money",
    "date",
    "datetime",
    "boolean",
    "choice",
    "duration",
}


_WORDS: dict[str, tuple[str, str]] = {
    "add_form": ("新建表 {place}", "table made for {place}"),
    "drop_form": (
        "不再使用表 {place}（记录保留）",
        "table of {place} no longer used (records stay)",
    ),
    "rename_form": ("{was} 改名为 {place}，表不变", "{was} is now {place}; the table stays"),
    "add_lines": ("新建明细表 {place}", "line table made for {place}"),
    "drop_lines": (
        "不再使用明细表 {place}（数据保留）",
        "line table of {place} no longer used (rows stay)",
    ),
    "rename_lines": ("{was} 改名为 {place}，表不变", "{was} is now {place}; the table stays"),
    "add_field": ("新增列 {place}（{new}）", "column added for {place} ({new})"),
    "drop_field": (
        "不再使用列 {place}（旧记录仍显示）",
        "column of {place} no longer used (old records still show it)",
    ),
    "rename_field": ("{was} 改名为 {place}，列不变", "{was} is now {place}; the column stays"),
    "widen_field": (
        "{place} 由 {old} 放宽为 {new}，列不变",
        "{place} widened, {old} → {new}; same column",
    ),
    "retype_field": (
        "{place} 由 {old} 改为 {new}：新列；能精确转换的值会带过去，其余在新列中为空",
        "{place} retyped, {old} → {new}: a new column; values that convert exactly are"
        " carried over, others are empty there",
    ),
    "replace_field": (
        "{place} 不能由 {old} 改为 {new}：值无法转换，发布会被拒绝；请删除该字段，用新的 id 另建",
        "{place} cannot change, {old} → {new}: no value converts, so publishing refuses it;"
        " remove the field and add one under a new id",
    ),
    "add_index": ("新增索引 {place}", "index added on {place}"),
    "drop_index": ("删除索引 {place}", "index on {place} dropped"),
    "add_unique": ("新增唯一约束 {place}", "values of {place} must differ from now on"),
    "drop_unique": ("取消唯一约束 {place}", "values of {place} may repeat from now on"),
    "add_aggregate": (
        "新增聚合 {place}，由现有记录计算",
        "aggregate {place} computed from the records",
    ),
    "change_aggregate": ("聚合 {place} 重新计算", "aggregate {place} computed anew"),
    "drop_aggregate": ("停止维护聚合 {place}", "aggregate {place} no longer kept"),
    "gapless": (
        "{place} 连续编号：保存需排队",
        "{place} numbered without gaps: saves wait for each other",
    ),
}


@dataclass(frozen=True, slots=True)
class TableChange:
    """One change of tables. `op`:

    add_form, drop_form, rename_form, add_lines, drop_lines, rename_lines, add_field, drop_field,
    rename_field, widen_field (the column stays), retype_field (a new column, values converted),
    replace_field (no conversion: publishing refuses it), add_index, drop_index, add_unique,
    drop_unique, add_aggregate, change_aggregate (computed anew), drop_aggregate, gapless.

    `lines` is "" for the record's own table; `was` the former id; `old` and `new` are types.
    """

    op: str
    form: str
    lines: str = ""
    field: str = ""
    was: str = ""
    old: str = ""
    new: str = ""

    @property
    def words(self) -> Text:
        """The change as a sentence for people, such as "column added for order.note (text)"."""
        place = ".".join(part for part in (self.form, self.lines, self.field) if part)
        zh, en = _WORDS[self.op]
        told = {"place": place, "was": self.was, "old": self.old, "new": self.new}
        return Text(zh.format_map(told), en.format_map(told))

    @property
    def severity(self) -> str:
        """safe, attention (slower, or existing data may not fit) or destructive."""
        if self.op in ("drop_form", "drop_lines", "drop_field", "replace_field"):
            return DESTRUCTIVE
        if self.op in (
            "retype_field",
            "add_unique",
            "change_aggregate",
            "gapless",
            "drop_aggregate",
        ):
            return ATTENTION
        return SAFE


def table_changes(old: Catalog | None, new: Catalog) -> list[TableChange]:
    """Every change of tables from `old` (None: nothing yet) to `new`."""
    before = old.forms if old is not None else {}
    changes: list[TableChange] = []
    former = _former(before, new.forms)
    for form in new.forms.values():
        was = former.get(form.id)
        if was is None:
            changes.append(TableChange("add_form", form.id))
            if form.number is not None and form.number.gapless:
                changes.append(TableChange("gapless", form.id))
        else:
            changes += _form(before[was], form)
    for name in before:
        if name not in former.values():
            changes.append(TableChange("drop_form", name))
    changes += _aggregates(old, new)
    return changes


def type_word(field: Field) -> str:
    """A field's type as far as its column depends on it: `choice[]`, `money:CNY`, `link:order`."""
    word = field.type
    if word == "money" and field.currency_of != "record":
        word = f"money:{field.currency if field.currency_of == 'constant' else 'own'}"
    if word == "link":
        word = f"link:{field.to}"
    return f"{word}[]" if field.many and field.type not in ("file", "image") else word


def retype(old: str, new: str) -> str:
    """What a change of type does: "widen_field", "retype_field" or "replace_field"."""
    if old == new or (old, new) in _WIDENS:
        return "widen_field"
    if old.removesuffix("[]") == new.removesuffix("[]"):
        return "retype_field"
    a, b = _base(old), _base(new)
    if old.endswith("[]") or new.endswith("[]"):
        return "replace_field"
    converts = (
        (a == b == "money")
        or (a in _NUMBERS and b in _NUMBERS)
        or (a in _WRITTEN and b == "text")
        or (a == "text" and b in _WRITTEN)
        or {a, b} in ({"date", "datetime"}, {"boolean", "integer"})
    )
    return "retype_field" if converts else "replace_field"


def _base(word: str) -> str:
    return word.removesuffix("[]").partition(":")[0]


def _former(before: Mapping[str, Form | Field], now: Mapping[str, Form | Field]) -> dict[str, str]:
    """New id → the id it had before, for everything that existed."""
    found: dict[str, str] = {}
    for name, item in now.items():
        if name in before:
            found[name] = name
        elif item.was and item.was in before and item.was not in now:
            found[name] = item.was
    return found


def _form(old: Form, new: Form) -> Iterator[TableChange]:
    if old.id != new.id:
        yield TableChange("rename_form", new.id, was=old.id)
    yield from _fields(new.id, "", old.fields, new.fields)
    for name, unique in new.unique.items():
        if name not in old.unique or old.unique[name].fields != unique.fields:
            yield TableChange("add_unique", new.id, field=", ".join(unique.fields))
    for name, unique in old.unique.items():
        if name not in new.unique:
            yield TableChange("drop_unique", new.id, field=", ".join(unique.fields))
    had = old.number is not None and old.number.gapless
    if new.number is not None and new.number.gapless and not had:
        yield TableChange("gapless", new.id)


def _fields(
    form: str, lines: str, before: Mapping[str, Field], now: Mapping[str, Field]
) -> Iterator[TableChange]:
    former = _former(before, now)
    for field in now.values():
        was = former.get(field.id)
        if isinstance(field, Lines):
            yield from _lines(form, before.get(was) if was is not None else None, field)
        elif was is None or isinstance(before[was], Lines):
            yield TableChange("add_field", form, lines, field.id, new=type_word(field))
            if field.index:
                yield TableChange("add_index", form, lines, field.id)
        else:
            yield from _field(form, lines, before[was], field)
    for name, field in before.items():
        gone = name not in former.values()
        if isinstance(field, Lines):
            kept = now.get(next((n for n, w in former.items() if w == name), ""))
            if gone or not isinstance(kept, Lines):
                yield TableChange("drop_lines", form, name)
        elif gone:
            yield TableChange("drop_field", form, lines, name, old=type_word(field))


def _lines(form: str, old: Field | None, new: Lines) -> Iterator[TableChange]:
    if not isinstance(old, Lines):
        yield TableChange("add_lines", form, new.id)
        return
    if old.id != new.id:
        yield TableChange("rename_lines", form, new.id, was=old.id)
    yield from _fields(form, new.id, old.fields, new.fields)


def _field(form: str, lines: str, old: Field, new: Field) -> Iterator[TableChange]:
    if old.id != new.id:
        yield TableChange("rename_field", form, lines, new.id, was=old.id)
    before, now = type_word(old), type_word(new)
    if before != now:
        yield TableChange(retype(before, now), form, lines, new.id, old=before, new=now)
    if new.index and not old.index:
        yield TableChange("add_index", form, lines, new.id)
    if old.index and not new.index:
        yield TableChange("drop_index", form, lines, new.id)


def _aggregates(old: Catalog | None, new: Catalog) -> Iterator[TableChange]:
    before = old.aggregates if old is not None else {}
    for name, aggregate in new.aggregates.items():
        former = before.get(name) or before.get(aggregate.was)
        if former is None:
            yield TableChange("add_aggregate", name, new=aggregate.per)
        elif old is not None and _content(old, former) != _content(new, aggregate):
            yield TableChange("change_aggregate", name, new=aggregate.per)
    continued = {a.was for a in new.aggregates.values()}
    for name in before:
        if name not in new.aggregates and name not in continued:
            yield TableChange("drop_aggregate", name)


def _content(catalog: Catalog, aggregate: Aggregate) -> list[object]:
    """What the totals depend on: the measures, and the attributes of options they read."""
    content: list[object] = [aggregate.per]
    for measure in aggregate.measures.values():
        read: list[object] = []
        for expr in (measure.sum, measure.where):
            read.append(expr.source if expr is not None else None)
            for path in sorted(expr.names | expr.parent_names) if expr is not None else ():
                field = catalog.forms[measure.source.partition(".")[0]].field_at(path)
                options = catalog.options.get(field.options.id) if field and field.options else None
                if options is not None:
                    read.append(
                        [(v.id, sorted(v.attributes.items())) for v in options.values.values()]
                    )
        content.append([measure.id, measure.source, measure.by, str(measure.type), read])
    return content
