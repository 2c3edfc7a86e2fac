"""What publishing would change, in words and in tables. Pure: counting records is storage's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from app.catalog.model import Catalog
from app.catalog.plan_tables import ATTENTION, DESTRUCTIVE, SAFE, TableChange, retype, table_changes
from app.catalog.problems import dotted
from app.catalog.schemas import schema
from forms.problems import Path
from forms.values import Text

_RANK = {SAFE: 0, ATTENTION: 1, DESTRUCTIVE: 2}
_WORDING = frozenset({"label", "help", "unit", "message", "says", "public", "title"})

# Kinds whose newest version counts for old records too, so that a change acts at once.
_LIVE = frozenset(
    {"role", "aggregate", "calendar", "connection", "notification", "portal", "trigger"}
)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a definition. `op`: added, removed, renamed, changed or reordered.

    `path` leads to what changed, () for the whole definition; `words` say it for people;
    `severity`: safe, attention or destructive.
    """

    op: str
    kind: str
    id: str
    path: Path
    words: Text
    severity: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything publishing would change; `old` is "" for the first release."""

    old: str
    new: str
    changes: tuple[Change, ...]
    tables: tuple[TableChange, ...]

    @property
    def nothing(self) -> bool:
        """Whether the definitions mean the same (comments and spaces aside)."""
        return not self.changes and not self.tables

    @property
    def severity(self) -> str:
        """The gravest of all changes."""
        found = [c.severity for c in self.changes] + [t.severity for t in self.tables]
        return max(found, key=_RANK.__getitem__, default=SAFE)

    @property
    def forms(self) -> tuple[str, ...]:
        """Forms (by their new id) whose records are touched."""
        ops = ("aggregate", "index", "unique")
        names = [t.form for t in self.tables if not t.op.endswith(ops) and t.op != "add_form"]
        return tuple(dict.fromkeys(names))


def plan(old: Catalog | None, new: Catalog) -> Plan:
    """Compare two catalogs by meaning: comments, spaces and quotes do not count."""
    changes: list[Change] = []
    for kind in new.raw:
        before = old.raw.get(kind, {}) if old is not None else {}
        changes += _kind(kind, before, new.raw[kind])
    tables = table_changes(old, new)
    return Plan(old.hash if old else "", new.hash, tuple(changes), tuple(tables))


def _kind(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    former = _former(before, now)
    for name, data in now.items():
        was = former.get(name)
        if was is None:
            yield _whole("added", kind, name)
            continue
        if was != name:
            words = Text(
                f"{_named(kind, name).zh}：原名 {was}", f"{_named(kind, name).en}: was {was}"
            )
            yield Change("renamed", kind, name, (), words, SAFE)
        yield from _maps(kind, name, (), before[was], data)
    for name in before:
        if name not in former.values():
            yield _whole("removed", kind, name)


def _maps(
    kind: str, name: str, path: Path, before: Mapping[Any, Any], now: Mapping[Any, Any]
) -> Iterator[Change]:
    former = _former(before, now)
    for key, value in now.items():
        here = (*path, key)
        if key == "was" or (key == kind and not path):
            continue
        was = former.get(key)
        if was is None:
            yield _entry("added", kind, name, here, None, value)
        elif isinstance(value, Mapping) and isinstance(before[was], Mapping):
            if was != key:
                yield _renamed(kind, name, here, was)
            yield from _maps(kind, name, here, before[was], value)
        elif _rows(value) and _rows(before[was]):
            numbered = (dict(enumerate(one)) for one in (before[was], value))
            yield from _maps(kind, name, here, *numbered)
        elif value != before[was]:
            yield _entry("changed", kind, name, here, before[was], value)
    for key, value in before.items():
        if key not in former.values() and key != "was":
            yield _entry("removed", kind, name, (*path, key), value, None)
    kept = [key for key in now if key in before]
    if path and kept != [key for key in before if key in now] and kept != sorted(kept):
        subject = _subject(kind, name, path)
        words = Text(f"{subject.zh}：顺序改变", f"{subject.en}: order changed")
        yield Change("reordered", kind, name, path, words, SAFE)


def _rows(value: Any) -> bool:
    """Is it a list of maps, whose members are compared one by one?"""
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _former(before: Mapping[Any, Any], now: Mapping[Any, Any]) -> dict[Any, Any]:
    """Key → the key it had before."""
    found = {}
    for key, value in now.items():
        was = value.get("was") if isinstance(value, Mapping) else None
        if key in before:
            found[key] = key
        elif isinstance(was, str) and was in before and was not in now:
            found[key] = was
    return found


def _whole(op: str, kind: str, name: str) -> Change:
    named = _named(kind, name)
    words = Text(f"{'新增' if op == 'added' else '删除'}{named.zh}", f"{named.en} {op}")
    gone = op == "removed"
    severity = DESTRUCTIVE if gone and kind == "form" else ATTENTION if gone else SAFE
    if kind in _LIVE and kind != "aggregate":
        severity = ATTENTION
    return Change(op, kind, name, (), words, severity)


def _entry(op: str, kind: str, name: str, path: Path, old: Any, new: Any) -> Change:
    subject = _subject(kind, name, path)
    if op == "added":
        words = Text(f"{subject.zh}：新增 {_short(new)}", f"{subject.en}: added {_short(new)}")
    elif op == "removed":
        words = Text(f"{subject.zh}：删除", f"{subject.en}: removed")
    else:
        words = Text(
            f"{subject.zh}：{_short(old)} 改为 {_short(new)}",
            f"{subject.en}: {_short(old)} becomes {_short(new)}",
        )
    return Change(op, kind, name, path, words, _severity(op, kind, path, old, new))


def _renamed(kind: str, name: str, path: Path, was: str) -> Change:
    subject = _subject(kind, name, path)
    words = Text(f"{subject.zh}：原名 {was}", f"{subject.en}: was {was}")
    return Change("renamed", kind, name, path, words, SAFE)


def _severity(op: str, kind: str, path: Path, old: Any, new: Any) -> str:
    """How much care a change asks for; tables have their own judgement besides."""
    if _WORDING & {str(step) for step in path[-2:]}:
        return SAFE
    if kind == "form":
        return _form_severity(op, path, old, new)
    if kind == "options":
        return ATTENTION if op == "removed" else SAFE
    return ATTENTION if kind in _LIVE else SAFE


def _form_severity(op: str, path: Path, old: Any, new: Any) -> str:
    if path[0] == "fields":
        if len(path) in (2, 4) and path[-2] == "fields":
            if op == "added":
                needed = isinstance(new, Mapping) and new.get("required", False) is not False
                return ATTENTION if needed else SAFE
            return DESTRUCTIVE
        if path[-1] == "type":
            return DESTRUCTIVE if retype(str(old), str(new)) == "replace_field" else ATTENTION
        if path[-1] == "required":
            return SAFE if new in (None, False) else ATTENTION
        loose = ("index", "lines", "visible", "default", "columns", "after", "was")
        return SAFE if path[-1] in loose else ATTENTION
    if path[0] in ("checks", "unique"):
        return SAFE if op == "removed" else ATTENTION
    return ATTENTION if path[0] in ("number", "currency", "keep") else SAFE


def _subject(kind: str, name: str, path: Path) -> Text:
    named, where = _named(kind, name), dotted(path)
    return Text(f"{named.zh} · {where}", f"{named.en} · {where}")


def _named(kind: str, name: str) -> Text:
    words = kind_name(kind)
    return Text(f"{words.zh} {name}", f"{words.en.lower()} {name}")


@lru_cache
def kind_name(kind: str) -> Text:
    """What people call a kind: the title of its schema."""
    zh, _, en = str(schema(kind)["title"]).partition(" · ")
    return Text(zh, en or kind)


def _short(value: Any) -> str:
    """A value in a sentence."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        if set(value) <= {"zh", "en"}:
            return " / ".join(str(text) for text in value.values())
        kind = value.get("type")
        return str(kind) if isinstance(kind, str) else f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, list):
        return f"[{', '.join(_short(item) for item in value)}]"
    text = str(value) if not isinstance(value, Decimal) else f"{value:f}"
    return text if len(text) <= 80 else f"{text[:77]}…"


__all__ = ["Change", "Plan", "TableChange", "kind_name", "plan"]
