"""Labels of the sandbox carrier: the client side, and its events coming in.

Settings of the connection: `url` of the service (else the operator's), `timeout` in seconds (10),
`callback`: where it posts events (its own address in the API if left out). Secret: `key`, which
signs both ways.
`python -m plugins.carrier_sandbox` is the service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.hooks import TryAgain, Unknown, hookimpl
from plugins import outgoing
from plugins.signing import HEADER, holds
from plugins.wire import Reply


@hookimpl
def configure(settings: Mapping[str, object]) -> None:
    """Remember which addresses may be reached."""
    outgoing.configure(settings)


@hookimpl
def run_action(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make or void a label under the call's key."""
    given = {name: value for name, value in call["arguments"].items() if value is not None}
    if call["use"] == "carrier.void_label":
        path, body = "voids", {**given, "label": call["undo_of"]}
    else:
        callback = call["settings"].get("callback") or call["events_url"]
        path, body = "labels", {**given, "callback": callback}
    content = json.dumps(body, sort_keys=True).encode()
    headers = {"Idempotency-Key": call["key"], "Content-Type": "application/json"}
    return _outcome(_send("POST", path, content, headers, call))


@hookimpl
def ask_action(call: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Look the key up."""
    reply = _send("GET", f"operations/{quote(call['key'], safe='')}", b"", {}, call)
    return None if reply.status == 404 else _outcome(reply)


@hookimpl
def receive_event(
    connection: Mapping[str, Any], request: Mapping[str, Any]
) -> Sequence[Mapping[str, Any]] | None:
    """Events of parcels; the tracking number is the key."""
    header = str(request["headers"].get(HEADER, ""))
    secret = outgoing.Service("carrier", connection).key
    if not holds(secret, header, request["body"], float(request["at"])):
        return None
    try:
        told = json.loads(request["body"])["events"]
        return [
            {
                "id": str(one["id"]),
                "event": f"carrier.{one['event']}",
                "key": str(one["tracking_no"]),
                "data": {"tracking_no": str(one["tracking_no"]), "at": str(one["at"])},
            }
            for one in told
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _send(
    method: str, path: str, content: bytes, headers: Mapping[str, str], call: Mapping[str, Any]
) -> Reply:
    return outgoing.Service("carrier", call).send_signed(method, path, content, headers)


def _outcome(reply: Reply) -> Mapping[str, Any]:
    if reply.status in (200, 201):
        told = reply.json()
        kept = {name: told[name] for name in ("tracking_no", "file") if name in told}
        return {"outcome": "done", "data": kept}
    if reply.status in (429, 503):
        raise TryAgain(
            f"the carrier is busy ({reply.status})",
            reply.retry_after,
            zh=f"承运商服务繁忙（{reply.status}）",
        )
    if reply.status >= 500:
        raise Unknown(
            f"the carrier failed ({reply.status})", zh=f"承运商服务出错（{reply.status}）"
        )
    return {"outcome": f"failed.{reply.json().get('code', 'refused')}", "data": {}}
