"""Delegations by API: who stands in for the caller, for whom they stand in, setting and ending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, g, request

from app import records
from app.access.scopes import let_through
from app.access.users import user_names
from app.api.body import only
from app.api.entry import answer, read_body, read_id
from app.api.query import bad_parameter, read_query
from app.api.shapes import when
from app.records import Delegation
from app.web.errors import ApiError
from app.web.i18n import language
from forms.messages import message
from forms.types import Invalid
from forms.types.dates import localise, read_datetime
from forms.values import Text, decode_id, encode_id

SIDES = ("mine", "others")


def add_delegations(api: Blueprint) -> None:
    """`/delegations`, one of them, its end, and who and what can be chosen."""
    api.get("/delegations")(delegations)
    api.post("/delegations")(delegate)
    api.get("/delegations/choices")(delegation_choices)
    api.get("/delegations/<delegation>")(read_delegation)
    api.post("/delegations/<delegation>/end")(end_delegation)


def delegations() -> Response:
    """One page of who stands in for the caller (`side` mine), or of those the caller stands in for
    now or later (`others`); newest first."""
    args = request.args.copy()
    side = args.pop("side", SIDES[0])
    if side not in SIDES:
        text = Text("应为 " + " / ".join(SIDES), "one of " + ", ".join(SIDES) + " is expected")
        raise bad_parameter("side", "bad_value", text)
    asked = read_query(args, ("limit", "cursor"))
    if asked.conditions:
        text = Text("此列表没有筛选项", "this list has no filters")
        raise bad_parameter(asked.conditions[0].parameter, "unknown_parameter", text)
    find = records.delegations if side == SIDES[0] else records.standing_in
    more = {} if not asked.cursor else {"before": _cursor(asked.cursor)}
    found = find(g.tenant, g.actor, limit=asked.limit + 1, **more)
    page = found[: asked.limit]
    following = encode_id(page[-1].id) if len(found) > asked.limit else None
    return answer({"delegations": _rows(page), "next": following})


def delegate() -> Response:
    """Let somebody stand in; the same Idempotency-Key gives the first answer again."""
    body = only(read_body(), to_user=str, form=str, starts_at=str, ends_at=str)
    if body["to_user"] is None:
        text = Text("缺少", "is missing")
        raise ApiError("bad_request", details=[("missing_member", ("to_user",), text)])
    made, replayed = records.delegate(
        g.tenant,
        g.actor,
        records.deputy(g.tenant, g.actor, _user(body["to_user"])),
        form=body["form"],
        starts_at=_moment(body["starts_at"], "starts_at"),
        ends_at=_moment(body["ends_at"], "ends_at"),
        key=request.headers.get("Idempotency-Key"),
    )
    found = records.delegation(g.tenant, g.actor, made)
    place = f"{request.script_root}{request.path}/{encode_id(made)}"
    return answer(_rows([found])[0] | {"replayed": replayed}, 201, {"Location": place})


def read_delegation(delegation: str) -> Response:
    """One delegation of the caller's own."""
    return answer(_rows([_own(delegation)])[0])


def end_delegation(delegation: str) -> Response:
    """End it now; one that is over stays so."""
    found = _own(delegation)
    records.end_delegation(g.tenant, g.actor, found.id)
    return answer(_rows([records.delegation(g.tenant, g.actor, found.id)])[0])


def delegation_choices() -> Response:
    """Whom the caller may ask to stand in (`q`: whose name or login holds it), and on which forms
    somebody may."""
    asked = read_query(request.args, ("q", "limit"))
    catalog, lang = g.tenant.active().catalog, language()
    word = asked.q.casefold()
    people = [
        {"id": encode_id(id_), "name": name, "login": login}
        for id_, name, login in records.deputies(g.tenant, g.actor)
        if word in name.casefold() or word in login.casefold()
    ]
    forms = [
        {"id": form, "label": catalog.forms[form].label.pick(lang) or form}
        for form in records.delegable(g.tenant)
        if let_through(g.actor.scopes, form, "update")
    ]
    return answer({"people": people[: asked.limit], "forms": forms})


def _own(delegation: str) -> Delegation:
    """A delegation of the caller's own. Raises 404: nobody learns of others'."""
    try:
        found = records.delegation(g.tenant, g.actor, read_id(delegation))
    except records.Refused:
        abort(404)
    if found.user != g.actor.user_id:
        abort(404)
    return found


def _rows(found: Sequence[Delegation]) -> list[dict[str, Any]]:
    now = g.tenant.now()
    names = user_names(g.db, {person for one in found for person in (one.user, one.to_user)})
    return [
        {
            "id": encode_id(one.id),
            "user": encode_id(one.user),
            "user_name": names.get(one.user),
            "to_user": encode_id(one.to_user),
            "to_user_name": names.get(one.to_user),
            "form": one.form,
            "starts_at": None if one.starts_at is None else when(one.starts_at),
            "ends_at": None if one.ends_at is None else when(one.ends_at),
            "state": one.state(now),
        }
        for one in found
    ]


def _cursor(text: str) -> int:
    try:
        return decode_id(text)
    except ValueError:
        raise ApiError("bad_cursor") from None


def _user(text: str) -> int:
    """Nobody's id where the text is none: who cannot be chosen is answered alike."""
    try:
        return decode_id(text)
    except ValueError:
        return 0


def _moment(text: str | None, name: str) -> datetime | None:
    """A moment; without a zone, in the tenant's. Raises ApiError invalid."""
    try:
        found = read_datetime(text)
    except Invalid as wrong:
        said = message(wrong.code, wrong.params)
        raise ApiError("invalid", details=[(wrong.code, (name,), said)]) from None
    if found is None or found.tzinfo is not None:
        return found
    return localise(found, g.tenant.active().zone)
