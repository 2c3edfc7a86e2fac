"""What a list's address asks for: search, sort, filters by type of field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask import g
from flask_babel import gettext as _

from app.records import Refused, choices
from app.storage.conditions import Filter
from app.web.desk.flowwords import stage_words
from app.web.i18n import language
from forms.messages import message
from forms.model import Field, Form
from forms.types import Invalid
from forms.values import decode_id

RANGES = frozenset({"date", "datetime", "integer", "decimal", "percent", "money", "duration"})
MATCHES = 50
SYSTEM_SORTS = frozenset({"number", "title", "stage", "created_at", "updated_at"})
_MOMENTS = frozenset({"created_at", "updated_at"})


@dataclass(slots=True)
class Asked:
    """The wishes in an address. `args` are the filters and search as they were, for links."""

    q: str = ""
    sort: str = ""
    order: tuple[tuple[str, bool], ...] = ()
    filters: list[Filter] = field(default_factory=list)
    args: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class FilterView:
    """An input above the list. `kind`: choice, range or text."""

    id: str
    name: str
    label: str
    kind: str
    value: str = ""
    value_to: str = ""
    input_type: str = "text"
    options: tuple[tuple[str, str], ...] = ()


def asked(form: Form, hidden: frozenset[str], args: Mapping[str, str]) -> Asked:
    """Read an address. What cannot be understood is told in `problems` and not filtered by."""
    wish = Asked(q=args.get("q", "").strip()[:200])
    if wish.q:
        wish.args["q"] = wish.q
    sort = args.get("sort", "")
    name = sort.removeprefix("-")
    if name and name not in hidden and (name in form.fields or name in SYSTEM_SORTS):
        wish.sort, wish.order = sort, ((name, sort.startswith("-")),)
    for name in form.list.filters:
        if name not in hidden:
            _read(form, name, args, wish)
    return wish


def _read(form: Form, name: str, args: Mapping[str, str], wish: Asked) -> None:
    one = form.fields.get(name)
    keys = (f"f.{name}", f"f.{name}.from", f"f.{name}.to")
    given = [args.get(key, "").strip()[:200] for key in keys]
    if not any(given):
        return
    wish.args |= {key: text for key, text in zip(keys, given, strict=True) if text}
    try:
        wish.filters.append(_filter(form, name, one, *given))
    except Invalid as wrong:
        label = one.label.pick(language()) if one is not None else name
        said = message(wrong.code, wrong.params).pick(language())
        wish.problems.append(f"{label}: {said}")


def _filter(form: Form, name: str, one: Field | None, text: str, low: str, high: str) -> Filter:
    kind = one.type if one is not None else "datetime" if name in _MOMENTS else "text"
    if kind in RANGES and (low or high):
        return Filter(
            name, "between", (_limit(one, kind, low, False), _limit(one, kind, high, True))
        )
    if one is None and name == "stage" and form.id in g.tenant.active().catalog.flows:
        return Filter(name, "eq", text)
    if kind == "text" or one is None:
        return Filter(name, "contains", text)
    if kind in ("link", "user", "department"):
        return Filter(name, "in", _matching(form, one, text))
    value = one.kind.parse([text] if one.many else text, one)
    if one.many:
        return Filter(name, "has", value[0] if isinstance(value, list) else value)
    return Filter(name, "eq", value)


def _limit(one: Field | None, kind: str, text: str, upper: bool) -> Any:
    """One end of a range; days of moments are the tenant's, and the upper one counts wholly."""
    if not text:
        return None
    if kind == "datetime":
        try:
            day = date.fromisoformat(text[:10])
        except ValueError as error:
            raise Invalid("not_a_date", got=text) from error
        start = datetime.combine(day + timedelta(days=upper), time.min, g.tenant.active().zone)
        return start.astimezone(UTC) - timedelta(milliseconds=upper)
    assert one is not None
    return one.kind.parse(text, one)


def _matching(form: Form, one: Field, text: str) -> list[int]:
    """Ids of the records or people whose name contains the text."""
    try:
        return [decode_id(text)]
    except ValueError:
        pass
    try:
        found = choices(g.tenant, g.actor, form.id, (one.id,), text, {}, None, MATCHES)
    except Refused:
        return []
    return [choice.id for choice in found]


def filter_views(form: Form, hidden: frozenset[str], wish: Asked, lang: str) -> list[FilterView]:
    """The inputs above the list, as filled in."""
    found, flows = [], g.tenant.active().catalog.flows
    for name in form.list.filters:
        one = form.fields.get(name)
        if name in hidden:
            continue
        label = (one.label.pick(lang) or one.id) if one is not None else _system(name)
        key = f"f.{name}"
        view = FilterView(f"filter-{name}", key, label, "text", wish.args.get(key, ""))
        kind = one.type if one is not None else "datetime" if name in _MOMENTS else "text"
        if kind in RANGES:
            view.kind = "range"
            view.input_type = "date" if kind in ("date", "datetime") else "text"
            view.value = wish.args.get(f"{key}.from", "")
            view.value_to = wish.args.get(f"{key}.to", "")
        elif kind == "choice" and one is not None and one.options is not None:
            view.kind = "choice"
            view.options = tuple((v.id, v.label.pick(lang)) for v in one.choosable)
        elif one is None and name == "stage" and form.id in flows:
            stages = flows[form.id].stages
            view.kind = "choice"
            view.options = tuple(
                (stage, stage_words(flows[form.id], stage, lang)) for stage in stages
            )
        elif kind == "boolean":
            view.kind, view.options = "choice", (("true", _("yes")), ("false", _("no")))
        found.append(view)
    return found


def _system(name: str) -> Any:
    return {
        "number": _("Number"),
        "title": _("Title"),
        "stage": _("Stage"),
        "created_at": _("Created"),
        "updated_at": _("Changed"),
    }.get(name, name)
