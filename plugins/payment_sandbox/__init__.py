"""Payments of the sandbox: the client side.

Settings of the connection: `url` of the service (else the operator's), `timeout` in seconds (10).
Secret: `key`, which signs what is sent. `python -m plugins.payment_sandbox` is the service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.hooks import TryAgain, Unknown, hookimpl
from plugins import outgoing
from plugins.wire import Reply

_PATHS: Mapping[str, str] = {
    "payment.refund": "refunds",
    "payment.authorise": "holds",
    "payment.capture": "captures",
    "payment.release": "releases",
}


@hookimpl
def configure(settings: Mapping[str, object]) -> None:
    """Remember which addresses may be reached."""
    outgoing.configure(settings)


@hookimpl
def run_action(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Book it under the call's key."""
    arguments = dict(call["arguments"])
    amount = arguments.pop("amount", None)
    body = {name: value for name, value in arguments.items() if value is not None}
    if amount:
        body |= {"amount": amount["amount"], "currency": amount["currency"]}
    content = json.dumps(body, sort_keys=True).encode()
    headers = {"Idempotency-Key": call["key"], "Content-Type": "application/json"}
    return _outcome(_send("POST", _PATHS[call["use"]], content, headers, call))


@hookimpl
def ask_action(call: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Look the key up."""
    reply = _send("GET", f"operations/{quote(call['key'], safe='')}", b"", {}, call)
    if reply.status == 404:
        return None
    return _outcome(reply)


def _send(
    method: str, path: str, content: bytes, headers: Mapping[str, str], call: Mapping[str, Any]
) -> Reply:
    return outgoing.Service("payment", call).send_signed(method, path, content, headers)


def _outcome(reply: Reply) -> Mapping[str, Any]:
    if reply.status in (200, 201):
        told = reply.json()
        return {"outcome": "done", "data": {"reference": told["reference"], "at": told["at"]}}
    if reply.status == 402:
        return {"outcome": f"failed.{reply.json()['code']}", "data": {}}
    if reply.status in (429, 503):
        raise TryAgain(
            f"the service is busy ({reply.status})",
            reply.retry_after,
            zh=f"支付服务繁忙（{reply.status}）",
        )
    if reply.status >= 500 or reply.status == 409:
        raise Unknown(f"the service failed ({reply.status})", zh=f"支付服务出错（{reply.status}）")
    code = reply.json().get("code", "")
    return {"outcome": "failed.refused", "data": {}, "message": f"{reply.status} {code}"}
