"""Reading what a report is narrowed by from an address, checked, kept for links.

Filters stand in an address as `f.<id>` (several values: repeated) or `f.<id>.from` and `f.<id>.to`
(both counted). What cannot be understood is told, never passed over: numbers that look narrowed
and are not would be worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.catalog.compile_dashboards import DAYS
from app.reports.filters import (
    BOOLEAN,
    CHOICE,
    FROM,
    LINK,
    PREFIX,
    RANGE,
    TO,
    TYPED,
    Directory,
    Filter,
    Named,
    Range,
    Wish,
    id_of,
)
from forms.problems import suggest
from forms.values import Text, decode_id, encode_id

MOST_VALUES = 50
MOST_LETTERS = 200
_NAMED = 5
NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,6})?", re.ASCII)


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
