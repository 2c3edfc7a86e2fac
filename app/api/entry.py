"""What every call passes first, and how every answer is written."""

from __future__ import annotations

import json
from typing import Any, cast

from flask import Response, abort, current_app, g, request

from app.access.rights import Rights, rights
from app.access.scopes import let_through
from app.api.body import LARGEST, parse_json
from app.api.rate import Calls
from app.web.errors import ApiError
from forms.model import Form
from forms.values import Text, decode_id

DOWNLOADS = frozenset({"api.download", "api.send_result", "api.send_rows"})
"""Endpoints whose answers are files."""
SIGNED = frozenset({"api.receive"})
"""Endpoints whose callers sign what they send instead of signing in."""


def enter() -> None:
    """Only known callers, who take JSON, at a bearable pace."""
    subject = _subject()
    calls: Calls = current_app.extensions["calls"]
    wait = calls.spend(g.db, subject)
    if wait is not None:
        raise ApiError("rate_limited", retry_after=wait)
    if (
        request.accept_mimetypes
        and request.endpoint not in DOWNLOADS
        and not request.accept_mimetypes.best_match(["application/json"])
    ):
        raise ApiError("not_acceptable")


def _subject() -> str:
    """Whose calls are counted together. Raises 401 for nobody."""
    if request.endpoint in SIGNED:
        return f"address:{request.remote_addr}"
    if g.actor is None:
        abort(401)
    return f"token:{g.token_id}" if g.token_id is not None else f"user:{g.actor.user_id}"


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status=status, mimetype="application/json", headers=headers)


def read_body() -> dict[str, Any]:
    """The call's JSON object. Raises ApiError."""
    request.max_content_length = LARGEST  # not even read beyond that
    return parse_json(request.get_data(), request.headers.get("Content-Type"))


def open_form(form_id: str, *actions: str) -> tuple[Form, Rights]:
    """A form of the release in force and the caller's rights on it.

    Raises 404 where there is none or the caller may do nothing with it, and ApiError forbidden
    where none of the actions is allowed.
    """
    catalog = g.tenant.active().catalog
    held = rights(catalog, g.actor, form_id)
    if not held.actions:
        abort(404)
    if actions and not any(held.may(action) for action in actions):
        word = " / ".join(actions)
        raise ApiError(
            "forbidden",
            Text(f"您在此表单上没有 {word} 权限。", f"You have no right to {word} on this form."),
        )
    return cast(Form, catalog.forms[form_id]), held


def open_record(form_id: str, action: str) -> None:
    """Let a call about one record of a form in: by the caller's rights on the form, or because its
    records go through a flow, where who has a task on a record may see and change it.

    Raises 404 and ApiError forbidden as `open_form` does; the use case judges the record itself.
    """
    catalog = g.tenant.active().catalog
    if form_id not in catalog.flows or not let_through(g.actor.scopes, form_id, action):
        open_form(form_id, action)


def read_id(text: str) -> int:
    """A record's id from the address. Raises 404 where the text is none."""
    try:
        return decode_id(text)
    except ValueError:
        abort(404)


def read_version(given: object) -> int:
    """The version a change is based on: `If-Match: "3"` or `version` in the body.

    Raises ApiError precondition_required where neither is given, bad_parameter where they are
    malformed or differ.
    """
    found = {given} if given is not None else set()
    header = request.headers.get("If-Match")
    if header is not None:
        number = header.strip().strip('"')
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            text = Text('应为读取时的 ETag,如 "3"', 'the ETag that was read is expected, like "3"')
            raise ApiError("bad_parameter", details=[("bad_version", ("If-Match",), text)])
        found.add(int(number))
    if not found:
        raise ApiError("precondition_required")
    if len(found) > 1:
        text = Text("与 If-Match 不一致", "differs from If-Match")
        raise ApiError("bad_parameter", details=[("bad_version", ("version",), text)])
    version = found.pop()
    assert isinstance(version, int)
    return version


def etag(version: int) -> dict[str, str]:
    """The header that names a record's version."""
    return {"ETag": f'"{version}"'}
