"""Many operations in one call: each by the same path as alone, each with its own answer."""

from __future__ import annotations

from typing import Any

from app.access.actor import Actor
from app.access.rights import rights
from app.api.body import only
from app.api.shapes import errors_json
from app.records import save
from app.records.outcome import Saved
from app.web.errors import ApiError, Failure, describe, log
from app.web.i18n import language
from forms.values import Text, decode_id, encode_id

MOST = 100
VERBS = ("create", "update", "delete")


def run_all(tenant: Any, actor: Actor, form_id: str, operations: list[Any]) -> list[dict[str, Any]]:
    """Run operations in order; one that is refused does not stop the others.

    Raises ApiError bad_request where there are none, or more than MOST.
    """
    if not 1 <= len(operations) <= MOST:
        text = Text(f"应有 1 到 {MOST} 项", f"1 to {MOST} operations are expected")
        raise ApiError("bad_request", details=[("bad_count", ("operations",), text)])
    return [_one(tenant, actor, form_id, operation) for operation in operations]


def _one(tenant: Any, actor: Actor, form_id: str, operation: Any) -> dict[str, Any]:
    try:
        verb, saved = _run(tenant, actor, form_id, operation)
    except Exception as error:  # told in this operation's answer, as `answer` would tell it
        told = describe(error)
        if told.code == "internal":
            log.error("failed", exc_info=error)
        return refused_json(told)
    lang = language()
    return {
        "status": 201 if verb == "create" else 200,
        "id": encode_id(saved.id),
        "number": saved.number,
        "version": saved.version,
        "replayed": saved.replayed,
        "warnings": errors_json(saved.warnings, lang),
    }


def _run(tenant: Any, actor: Actor, form_id: str, operation: Any) -> tuple[str, Saved]:
    if not isinstance(operation, dict):
        raise ApiError("bad_request")
    told = only(operation, do=str, id=str, version=int, key=str, values=dict, release=int)
    verb, values, key, release = told["do"], told["values"], told["key"], told["release"]
    if verb not in VERBS:
        text = Text("应为 " + " / ".join(VERBS), "one of " + ", ".join(VERBS) + " is expected")
        raise ApiError("bad_request", details=[("bad_verb", ("do",), text)])
    if not rights(tenant.active().catalog, actor, form_id).may(verb):
        raise ApiError("forbidden")
    if values is None and verb != "delete":
        text = Text("缺少 values", "is missing")
        raise ApiError("bad_request", details=[("missing_member", ("values",), text)])
    if verb == "create":
        made = save.create(tenant, actor, form_id, values, key=key, release_no=release)
        return verb, made
    if told["version"] is None:
        raise ApiError("precondition_required")
    try:
        rid = decode_id(told["id"] or "")
    except ValueError:
        raise ApiError("not_found") from None
    if verb == "delete":
        return verb, save.delete(tenant, actor, form_id, rid, version=told["version"], key=key)
    changed = save.update(
        tenant,
        actor,
        form_id,
        rid,
        values,
        version=told["version"],
        key=key,
        release_no=release,
    )
    return verb, changed


def refused_json(told: Failure) -> dict[str, Any]:
    """The answer of one operation that was refused."""
    lang = language()
    details = [
        {"code": code, "path": list(path), "message": text.pick(lang)}
        for code, path, text in told.details
    ]
    error = {"code": told.code, "message": told.message.pick(lang), "details": details}
    return {"status": told.status, "error": error}
