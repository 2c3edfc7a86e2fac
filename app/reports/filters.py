"""What readers narrow reports and dashboards by: read from an address, checked, kept for links.

Filters stand in an address as `f.<id>` (several values: repeated) or `f.<id>.from` and `f.<id>.to`
(both counted). What cannot be understood is told, never passed over: numbers that look narrowed
and are not would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.catalog.compile_reports import DAYS
from app.catalog.model import Catalog, Dashboard, Report
from app.reports import flowwords
from forms.expr import Expr, Type
from forms.model import Field, OptionValue
from forms.problems import suggest
from forms.values import Text, decode_id, encode_id

PREFIX = "f."
FROM, TO, TYPED = ".from", ".to", "@text"
RANGE, CHOICE, BOOLEAN, LINK, PLAIN = "range", "choice", "boolean", "link", "text"
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("date", "datetime", "integer", "decimal", "money"), RANGE),
    **dict.fromkeys(("link", "user", "department"), LINK),
    "choice": CHOICE,
    "boolean": BOOLEAN,
    "text": PLAIN,
}
"""Kind of value → how it is asked for."""

MOST_VALUES = 50
MOST_LETTERS = 200
_NAMED = 5
NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,6})?", re.ASCII)
_MOMENTS = ("date", "datetime")
_PARENT = "parent."
_YES_NO = (("true", Text("是", "yes")), ("false", Text("否", "no")))


@dataclass(frozen=True, slots=True)
class Range:
    """From-until, both counted; None: open on that side. Dates (days of the tenant's zone) or
    numbers."""

    low: date | Decimal | None
    high: date | Decimal | None


@dataclass(frozen=True, slots=True)
class Filter:
    """One input. `kind` as in `KINDS`; `options`: what a choice offers; `target`: where a link
    leads ("order", "order.lines", "@user", "@department"); `default`: what stands in it at first.
    """

    id: str
    label: Text
    kind: str
    type: Type
    options: tuple[tuple[str, Text], ...] = ()
    target: str = ""
    default: object = None

    @property
    def dates(self) -> bool:
        """Whether it asks for days."""
        return self.type.kind in _MOMENTS


@dataclass(frozen=True, slots=True)
class Named:
    """A record or person a link filter found: id and title."""

    id: int
    title: str


@dataclass(frozen=True, slots=True)
class Directory:
    """What the reader may see of what links lead to. `known`: (target, ids) → those that are
    visible; `find`: (target, text, most) → those whose title holds the text."""

    known: Callable[[str, Collection[int]], Sequence[Named]]
    find: Callable[[str, str, int], Sequence[Named]]


@dataclass(slots=True)
class Wish:
    """What an address asks for.

    `chosen`: filter id → `Range` or list of values, for the report's run. `args`: the filters as
    they stand in addresses. `named`: what chosen links are called. `problems`: what is wrong, in
    both languages; a report with problems is not run.
    """

    chosen: dict[str, Any] = field(default_factory=dict)
    args: dict[str, list[str]] = field(default_factory=dict)
    named: dict[str, list[Named]] = field(default_factory=dict)
    problems: list[Text] = field(default_factory=list)

    def of(self, report: Report) -> dict[str, list[str]]:
        """Those of the arguments that a report has a filter for."""
        return {
            key: values
            for key, values in self.args.items()
            if id_of(key) in report.filters and any(values)
        }


def id_of(key: str) -> str:
    """The filter an argument of an address belongs to: "f.month.from" → "month"."""
    return key.removeprefix(PREFIX).partition(".")[0].removesuffix(TYPED)


def of_report(catalog: Catalog, report: Report) -> dict[str, Filter]:
    """The filters of a report, in its order."""
    found = {}
    for one in report.filters.values():
        kind, options = KINDS[one.by.type.kind], _options(catalog, report, one.by)
        if kind == PLAIN and options:
            kind = CHOICE
        found[one.id] = Filter(one.id, one.label, kind, one.by.type, options, _target(one.by.type))
    return found


def of_dashboard(
    catalog: Catalog, board: Dashboard, reports: Iterable[Report]
) -> dict[str, Filter]:
    """The filters of a dashboard that act on one of the given reports (those of its reader)."""
    by_report = [of_report(catalog, report) for report in reports]
    found = {}
    for one in board.filters.values():
        alike = [filters[one.id] for filters in by_report if one.id in filters]
        if alike:
            options = dict(pair for each in alike for pair in each.options)
            found[one.id] = replace(
                alike[0], label=one.label, default=one.default, options=tuple(options.items())
            )
    return found


def _target(kind: Type) -> str:
    if kind.kind == "link":
        return kind.target or ""
    return f"@{kind.kind}" if kind.kind in ("user", "department") else ""


def _options(catalog: Catalog, report: Report, by: Expr) -> tuple[tuple[str, Text], ...]:
    kind = by.type
    named = flowwords.labels(catalog, report, by)
    if named:
        return tuple(named.items())
    if kind.kind == "boolean":
        return _YES_NO
    if kind.kind != "choice":
        return ()
    field = _field(catalog, report, by)
    if field is not None and field.options is not None:
        return tuple((one.id, one.label) for one in field.choosable)
    known = catalog.options.get(kind.options_id or "")
    values = known.values if known is not None else _inline(catalog, report, kind)
    return tuple(
        (one, values[one].label if one in values else Text.of(one)) for one in kind.options or ()
    )


def _field(catalog: Catalog, report: Report, by: Expr) -> Field | None:
    """The field of the source, or of its record, that a filter simply names."""
    form_id, _dot, lines = report.source.partition(".")
    form, name = catalog.forms[form_id], by.source.strip()
    if lines:
        own = None if name.startswith(_PARENT) else form.field_at(f"{lines}.{name}")
        return own or form.field_at(name.removeprefix(_PARENT))
    return form.field_at(name)


def _inline(catalog: Catalog, report: Report, kind: Type) -> Mapping[str, OptionValue]:
    """Options written inside a field have no name of their own: they are found by their values."""
    form = catalog.forms[report.source.partition(".")[0]]
    for one in form.fields.values():
        for each in (one, *getattr(one, "fields", {}).values()):
            if each.options is not None and tuple(each.options.values) == kind.options:
                values: Mapping[str, OptionValue] = each.options.values
                return values
    return {}


def read(
    filters: Mapping[str, Filter],
    given: Mapping[str, Sequence[str]],
    directory: Directory,
    today: date,
) -> Wish:
    """Read an address. Where it says nothing of a filter with a default, that holds; an empty
    value takes the default away."""
    wish = Wish()
    spoken = {id_of(key) for key in given if key.startswith(PREFIX)}
    for name in sorted(spoken - set(filters)):
        wish.problems.append(_unknown(name, filters))
    for one in filters.values():
        texts = {
            suffix: _texts(given.get(f"{PREFIX}{one.id}{suffix}", ()))
            for suffix in ("", FROM, TO, TYPED)
        }
        if one.id not in spoken:
            texts = _defaults(one, today)
        elif one.default is not None and not any(texts.values()):
            wish.args[f"{PREFIX}{one.id}"] = [""]
        for suffix, values in texts.items():
            if values and suffix != TYPED:
                wish.args[f"{PREFIX}{one.id}{suffix}"] = values
        _read(one, texts, directory, wish)
    return wish


def days_of(name: str, today: date) -> Range:
    """The days a word for them stands for (one of `DAYS`), today the last of them at the most."""
    first = today.replace(day=1)
    if name == "last_30_days":
        return Range(today - timedelta(days=29), today)
    if name == "this_year":
        return Range(today.replace(month=1, day=1), today)
    if name == "last_12_months":
        return Range(first.replace(year=first.year - 1), today)
    return Range(first, today)


def _defaults(one: Filter, today: date) -> dict[str, list[str]]:
    if one.default is None:
        return {}
    if one.default in DAYS and one.dates:
        days = days_of(str(one.default), today)
        return {FROM: [str(days.low)], TO: [str(days.high)]}
    if isinstance(one.default, bool):
        return {"": ["true" if one.default else "false"]}
    text = str(one.default)
    return {FROM: [text], TO: [text]} if one.kind == RANGE else {"": [text]}


def _texts(raw: Sequence[str]) -> list[str]:
    return [text for text in dict.fromkeys(one.strip()[:MOST_LETTERS] for one in raw) if text]


def _read(one: Filter, texts: Mapping[str, list[str]], directory: Directory, wish: Wish) -> None:
    values, typed = texts.get("", []), texts.get(TYPED, [])
    if one.kind == RANGE:
        _read_range(one, values, texts.get(FROM, []), texts.get(TO, []), wish)
    elif texts.get(FROM) or texts.get(TO):
        wish.problems.append(
            _said(one, "没有起止，请使用 {key}", "has no from and to: use {key}", key=_key(one))
        )
    elif len(values) > MOST_VALUES:
        wish.problems.append(
            _said(one, "最多选 {n} 个值", "takes at most {n} values", n=str(MOST_VALUES))
        )
    elif one.kind == LINK:
        _read_link(one, values, typed, directory, wish)
    elif one.kind in (CHOICE, BOOLEAN):
        _read_choice(one, values, wish)
    elif values:
        wish.chosen[one.id] = values


def _key(one: Filter) -> str:
    return f"{PREFIX}{one.id}"


def _read_range(
    one: Filter, values: list[str], low: list[str], high: list[str], wish: Wish
) -> None:
    if values:
        wish.problems.append(
            _said(
                one,
                "请用 {key}.from 和 {key}.to 给出起止",
                "takes {key}.from and {key}.to",
                key=_key(one),
            )
        )
        return
    read_one = _day if one.dates else _number
    ends = [read_one(one, texts[0], wish) if texts else None for texts in (low, high)]
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        wish.problems.append(
            _said(
                one,
                "起始 {low} 在结束 {high} 之后，请对调",
                "begins with {low}, after its end {high}: turn them round",
                low=str(ends[0]),
                high=str(ends[1]),
            )
        )
    elif ends != [None, None]:
        wish.chosen[one.id] = Range(ends[0], ends[1])


def _day(one: Filter, text: str, wish: Wish) -> Any:
    try:
        if len(text) != 10:
            raise ValueError(text)
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is not None and 1900 <= found.year <= 2999:
        return found
    wish.problems.append(
        _said(
            one,
            "“{text}”不是日期：请写成 2026-03-31 这样，1900 至 2999 年",
            "“{text}” is no date: write it like 2026-03-31, of the years 1900 to 2999",
            text=text,
        )
    )
    return None


def _number(one: Filter, text: str, wish: Wish) -> Any:
    if NUMBER.fullmatch(text):
        return Decimal(text)
    wish.problems.append(
        _said(
            one,
            "“{text}”不是数字：请写成 1234.5 这样，最多 6 位小数",
            "“{text}” is no number: write it like 1234.5, with 6 decimals at the most",
            text=text,
        )
    )
    return None


def _read_choice(one: Filter, values: list[str], wish: Wish) -> None:
    known = [value for value, _label in one.options]
    wrong = [value for value in values if value not in known]
    for value in wrong:
        near = suggest(value, known)
        wish.problems.append(
            _said(
                one,
                "没有选项“{value}”{near}；可选：{known}",
                "has no option “{value}”{near}; allowed: {known}",
                value=value,
                known=", ".join(known),
                near=Text(f"（是否想选 {near}？）", f" (did you mean {near}?)") if near else Text(),
            )
        )
    if values and not wrong:
        yes = one.kind == BOOLEAN
        wish.chosen[one.id] = [value == "true" for value in values] if yes else values


def _read_link(
    one: Filter, values: list[str], typed: list[str], directory: Directory, wish: Wish
) -> None:
    ids = []
    for value in values:
        try:
            ids.append(decode_id(value))
        except ValueError:
            ids.append(0)
    seen = {each.id: each for each in directory.known(one.target, ids)} if ids else {}
    unseen = [value for value, rid in zip(values, ids, strict=True) if rid not in seen]
    for value in unseen:
        wish.problems.append(
            _said(
                one,
                "没有“{value}”，或您无权查看：请重新选择",
                "there is no {value}, or it is not yours to see: choose again",
                value=value,
            )
        )
    found = [seen[rid] for rid in dict.fromkeys(ids) if rid in seen]
    for text in typed:
        match = _typed(one, text, directory, wish)
        if match is not None and match not in found:
            found.append(match)
    if found:
        wish.args[_key(one)] = [encode_id(each.id) for each in found]
        wish.named[one.id] = found
        wish.chosen[one.id] = [each.id for each in found]


def _typed(one: Filter, text: str, directory: Directory, wish: Wish) -> Named | None:
    """What somebody without scripts wrote into a link's input: the one it can only mean."""
    found = directory.find(one.target, text, _NAMED + 1)
    exact = [each for each in found if each.title.casefold() == text.casefold()]
    if len(found) == 1 or len(exact) == 1:
        return (exact or list(found))[0]
    titles = ", ".join(each.title for each in found[:_NAMED])
    if found:
        wish.problems.append(
            _said(
                one,
                "“{text}”可能是：{titles}{more}；请写得更完整",
                "“{text}” may be {titles}{more}: write more of it",
                text=text,
                titles=titles,
                more=" …" if len(found) > _NAMED else "",
            )
        )
    else:
        wish.problems.append(
            _said(one, "没有与“{text}”相符的记录", "nothing matches “{text}”", text=text)
        )
    return None


def _unknown(name: str, filters: Mapping[str, Filter]) -> Text:
    near = suggest(name, list(filters))
    known = ", ".join(filters)
    return Text(
        f"没有筛选项“{name}”" + (f"（是否想用 {near}？）" if near else "")
        + (f"；可用：{known}" if known else "；此处没有筛选项"),
        f"There is no filter “{name}”" + (f" (did you mean {near}?)" if near else "")
        + (f"; allowed: {known}" if known else "; there are none here"),
    )  # fmt: skip


def _said(one: Filter, zh: str, en: str, **params: str | Text) -> Text:
    """A complaint about a filter, with its name in front."""

    def filled(text: str, lang: str) -> str:
        plain = {k: v.pick(lang) if isinstance(v, Text) else v for k, v in params.items()}
        return text.format(**plain)

    return Text(
        f"{one.label.pick('zh') or one.id}：{filled(zh, 'zh')}",
        f"{one.label.pick('en') or one.id}: {filled(en, 'en')}",
    )
