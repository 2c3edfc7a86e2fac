"""What people do in a flow, by API: act, take, hand on, ask others, comment, many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, g, request

from app import records
from app.access.signin import confirm_password
from app.api.body import only
from app.api.bulk import refused_json
from app.api.entry import answer, etag, open_form, open_record, read_body, read_id, read_version
from app.api.records import saved_json
from app.records.outcome import Saved
from app.web.errors import ApiError, describe
from forms.values import Text, decode_id, encode_id

MOST = 100
HOW = ("before", "after", "parallel")


def add_acting(api: Blueprint) -> None:
    """`/acts`, `/tasks/<task>/…`, `/comments` of a record, `/acts` of a form."""
    record = "/forms/<form_id>/records/<record>"
    api.post(f"{record}/acts/<act>")(act)
    api.post(f"{record}/tasks/<task>/claim")(claim)
    api.post(f"{record}/tasks/<task>/give_back")(give_back)
    api.post(f"{record}/tasks/<task>/transfer")(transfer)
    api.post(f"{record}/tasks/<task>/add_approver")(add_approver)
    api.post(f"{record}/comments")(comment)
    api.post("/forms/<form_id>/acts/<act>")(act_on_many)


def act(form_id: str, record: str, act: str) -> Response:
    """Take an exit of a task, vote, send back, or interrupt."""
    open_flow(form_id)
    rid = read_id(record)
    body = only(
        read_body(),
        task=str,
        values=dict,
        comment=str,
        attachments=list,
        signature=dict,
        to=str,
        version=int,
        release=int,
    )
    saved = records.act(
        g.tenant,
        g.actor,
        form_id,
        rid,
        act,
        task=_task(body["task"]),
        values=body["values"],
        comment=body["comment"] or "",
        attachments=_ids(body["attachments"], "attachments"),
        signature=_signature(body["signature"]),
        to=body["to"] or "",
        version=_version(body["version"]),
        key=_key(),
        release_no=body["release"],
    )
    return _saved(saved)


def claim(form_id: str, record: str, task: str) -> Response:
    """Take a task from the pool."""
    return _handle(form_id, record, task, records.claim)


def give_back(form_id: str, record: str, task: str) -> Response:
    """Give a task one has taken back to the pool."""
    return _handle(form_id, record, task, records.give_back)


def transfer(form_id: str, record: str, task: str) -> Response:
    """Give one's task to another user."""
    return _handle(form_id, record, task, records.transfer, to=str)


def add_approver(form_id: str, record: str, task: str) -> Response:
    """Ask another user as well: before, after or in parallel."""
    return _handle(form_id, record, task, records.add_approver, user=str, how=str)


def comment(form_id: str, record: str) -> Response:
    """Say something about a record; it stays in its history."""
    open_flow(form_id)
    rid = read_id(record)
    body = only(read_body(), text=str, attachments=list)
    files = _ids(body["attachments"], "attachments")
    saved = records.comment(g.tenant, g.actor, form_id, rid, body["text"] or "", files, key=_key())
    return _saved(saved, 201)


def act_on_many(form_id: str, act: str) -> Response:
    """The same act on up to 100 records, each a transaction and an answer of its own."""
    open_form(form_id)
    open_flow(form_id)
    body = only(read_body(), records=list, comment=str)
    wanted = body["records"] or []
    if not 1 <= len(wanted) <= MOST:
        text = Text(f"应有 1 到 {MOST} 项", f"1 to {MOST} records are expected")
        raise ApiError("bad_request", details=[("bad_count", ("records",), text)])
    rids = _ids(wanted, "records")
    found = records.act_on_many(
        g.tenant, g.actor, form_id, rids, act, comment=body["comment"] or "", key=_key()
    )
    results = [_result(rid, one.saved, one.refused) for rid, one in zip(rids, found, strict=True)]
    return answer({"results": results})


def _result(rid: int, saved: Saved | None, refused: Exception | None) -> dict[str, Any]:
    if saved is not None:
        return {"status": 200} | saved_json(saved)
    assert refused is not None
    return {"id": encode_id(rid), **refused_json(describe(refused))}


def open_flow(form_id: str, action: str = "update") -> None:
    """Let a caller in where the form has a flow. Raises 404."""
    if form_id not in g.tenant.active().catalog.flows:
        abort(404)
    open_record(form_id, action)


def _handle(
    form_id: str, record: str, task: str, use: Callable[..., Saved], **members: type
) -> Response:
    open_flow(form_id)
    rid, task_id = read_id(record), read_id(task)
    body = only(read_body(), comment=str, **members) if members else {}
    given = {name: value for name, value in body.items() if value is not None}
    missing = [name for name in members if name not in given]
    if missing:
        text = Text("缺少", "is missing")
        details = [("missing_member", (name,), text) for name in missing]
        raise ApiError("bad_request", details=details)
    for name in ("to", "user"):
        if name in given:
            given[name] = _id(given[name], (name,))
    if given.get("how", HOW[0]) not in HOW:
        text = Text("应为 " + " / ".join(HOW), "one of " + ", ".join(HOW) + " is expected")
        raise ApiError("bad_request", details=[("bad_value", ("how",), text)])
    return _saved(use(g.tenant, g.actor, form_id, rid, task=task_id, key=_key(), **given))


def _signature(given: Mapping[str, Any] | None) -> str:
    """The name signed with, once the password was right: {"name", "password"}."""
    if not given:
        return ""
    said = only(given, name=str, password=str)
    if g.actor.user_id is None:
        raise ApiError("forbidden")
    confirm_password(g.db, g.actor.user_id, said["password"] or "")
    return said["name"] or ""


def _saved(saved: Saved, status: int = 200) -> Response:
    return answer(saved_json(saved), status, etag(saved.version))


def _task(given: str | None) -> int | None:
    return None if given is None else _id(given, ("task",))


def _ids(given: list[Any] | None, name: str) -> list[int]:
    return [_id(one, (name, n)) for n, one in enumerate(given or ())]


def _id(given: Any, path: tuple[str | int, ...]) -> int:
    try:
        return decode_id(given)
    except (ValueError, TypeError, AttributeError):
        text = Text("不是有效的 id", "is no id")
        raise ApiError("bad_request", details=[("bad_id", path, text)]) from None


def _version(given: int | None) -> int | None:
    """The version a page was made from, where the caller names one."""
    if given is None and "If-Match" not in request.headers:
        return None
    return read_version(given)


def _key() -> str | None:
    return request.headers.get("Idempotency-Key")
