"""Webhooks: a signed POST of JSON to an address that was checked at every hop.

Settings of the connection: `url`, `timeout` in seconds (10). Secret: `key`, which signs. It serves
the capability `webhook` (`webhook.send`, any arguments) and the channel of notifications. It is
delivered at least once: the receiver drops what it has seen under the same `Idempotency-Key`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from app.capabilities import ActionSpec, Capability
from app.hooks import TryAgain, hookimpl
from plugins import outgoing
from plugins.addresses import Blocked
from plugins.signing import HEADER, sign
from plugins.wire import send

_LONGEST_REASON = 300


@hookimpl
def configure(settings: Mapping[str, object]) -> None:
    """Remember which addresses may be reached."""
    outgoing.configure(settings)


@hookimpl
def capabilities() -> Sequence[Capability]:
    """One action that sends what it is given."""
    return [
        Capability("webhook", {"send": ActionSpec(gives={"status": "integer"}, fails=("refused",))})
    ]


@hookimpl
def run_action(tenant: str, call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Post the arguments. A refusal by the receiver (4xx) is a failure, all else is tried again."""
    content = {
        "tenant": tenant,
        "form": call["form"],
        "record": call["record"],
        "data": dict(call["arguments"]),
    }
    body = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": call["key"]}
    key = call["secrets"].get("key", "")
    if key:
        headers[HEADER] = sign(key, body, time.time())
    try:
        reply = send(
            "POST",
            str(call["settings"]["url"]),
            body=body,
            headers=headers,
            allowed=outgoing.allowed(),
            timeout=float(call["settings"].get("timeout", 10)),
        )
    except Blocked as blocked:
        return {"outcome": "failed.refused", "data": {}, "message": str(blocked)}
    if 200 <= reply.status < 300:
        return {"outcome": "done", "data": {"status": reply.status}}
    text = reply.body[:_LONGEST_REASON].decode("utf-8", "replace")
    if reply.status in (408, 425, 429) or reply.status >= 500:
        raise TryAgain(
            f"the receiver answered {reply.status}: {text}",
            reply.retry_after,
            zh=f"接收方应答 {reply.status}：{text}",
        )
    return {"outcome": "failed.refused", "data": {}, "message": f"{reply.status}: {text}"}


@hookimpl
def ask_action() -> None:
    """Nobody can be asked; sending it again is what receivers of webhooks expect."""
