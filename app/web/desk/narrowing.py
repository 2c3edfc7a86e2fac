"""The filters of reports and dashboards: read from the address, drawn as inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import abort, g, render_template, request
from flask_babel import gettext as _

from app.records.reporting import directory
from app.reports import filters, narrowing
from app.reports.filters import Filter, Wish
from app.web.desk.tiles import InputView, NarrowView
from app.web.i18n import language
from forms.values import encode_id

CHOICES = 20
SHOWN = 2
"""Chosen options named on a closed input; more are counted."""


def wish_of(known: Mapping[str, Filter]) -> Wish:
    """What the address asks for."""
    tenant = g.tenant
    today = tenant.now().astimezone(tenant.active().zone).date()
    given = request.args.to_dict(flat=False)
    return narrowing.read(known, given, directory(tenant, g.actor), today)


def narrow_view(known: Mapping[str, Filter], wish: Wish, url: str, choices_url: str) -> NarrowView:
    """The inputs as filled in. `choices_url` ends with the id of the filter."""
    lang = language()
    return NarrowView(
        url=url,
        clear_url=url,
        inputs=tuple(_input(one, wish, choices_url, lang) for one in known.values()),
        chosen=len(wish.chosen),
        problems=tuple(one.pick(lang) for one in wish.problems),
    )


def _input(one: Filter, wish: Wish, choices_url: str, lang: str) -> InputView:
    name = f"{filters.PREFIX}{one.id}"
    held = wish.args.get(name, [])
    options = tuple((value, text.pick(lang), value in held) for value, text in one.options)
    picked = wish.named.get(one.id, [])
    return InputView(
        id=f"filter-{one.id}",
        name=name,
        label=one.label.pick(lang) or one.id,
        kind=one.kind,
        html_type="date" if one.dates else "text",
        low=next(iter(wish.args.get(name + filters.FROM, [])), ""),
        high=next(iter(wish.args.get(name + filters.TO, [])), ""),
        text=held[0] if held and one.kind == filters.PLAIN else "",
        options=options,
        chips=tuple((encode_id(each.id), each.title or encode_id(each.id)) for each in picked),
        summary=_summary([text for _value, text, chosen in options if chosen]),
        choices_url=choices_url + one.id,
    )


def _summary(chosen: list[str]) -> str:
    if not chosen:
        return str(_("all"))
    more = len(chosen) - SHOWN
    return ", ".join(chosen[:SHOWN]) + (f" +{more}" if more > 0 else "")


def chosen_in_words(known: Mapping[str, Filter], wish: Wish) -> list[tuple[str, str]]:
    """What is chosen, as (filter, values)."""
    found = []
    for name in wish.chosen:
        one = _input(known[name], wish, "", language())
        texts = [label for _value, label, chosen in one.options if chosen]
        texts += [title for _id, title in one.chips]
        texts += [one.text] if one.text else []
        if one.kind == filters.RANGE:
            texts = [f"{one.low or '…'} – {one.high or '…'}"]
        found.append((one.label, ", ".join(texts)))
    return found


def offer(known: Mapping[str, Filter], filter_id: str) -> Any:
    """What a link filter may be set to, of what the reader may see, as options of its listbox."""
    one = known.get(filter_id)
    if one is None or one.kind != filters.LINK:
        abort(404)
    text = request.args.get(f"{filters.PREFIX}{filter_id}{filters.TYPED}", "").strip()
    found = directory(g.tenant, g.actor).find(one.target, text[: narrowing.MOST_LETTERS], CHOICES)
    items = [
        {"value": encode_id(each.id), "text": each.title or encode_id(each.id), "extra": ""}
        for each in found
    ]
    return render_template("desk/options.html", choices=items)


def canonical(url: str, wish: Wish) -> str:
    """The address to share: with what is chosen, without what was left empty."""
    return f"{url}?{urlencode(wish.args, doseq=True)}" if wish.args else url
