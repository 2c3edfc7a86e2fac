"""The carrier itself: labels with tracking numbers, and what becomes of the parcels.

`POST /control/events` plays the road: {"tracking_no", "event": "collected|delivered|lost",
"times": 2, "id": …} posts the event, signed, to the label's callback; "early": [events] posts them
for the next label before its number has been told.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.hooks import TryAgain, Unknown
from plugins.addresses import Allowed
from plugins.sandbox import Asked, Reply, Service, now_text
from plugins.signing import HEADER, sign
from plugins.wire import send

EVENTS = ("collected", "delivered", "lost")
ATTEMPTS = 5
PAUSE = 1.0
_ANYWHERE = Allowed.of(("0.0.0.0/0", "::/0"))
_NOWHERE = "nowhere"
"""An address with this word in it does not exist."""


class Carrier(Service):
    """`POST /labels`, `POST /voids`, `GET /operations/<key>`, `POST /control/events`."""

    name = "carrier_sandbox"

    def __init__(self, ledger: Path, secret: str) -> None:
        super().__init__(ledger, secret)
        self._early: list[str] = []
        self._deliver_after = float(os.environ.get("SANDBOX_DELIVER_AFTER", "0"))
        """Seconds after which every parcel arrives by itself; 0: only when told."""

    def answer(self, asked: Asked) -> Reply:
        """Make a label or void it, once for a key."""
        if asked.method == "GET" and asked.parts[:1] == ("operations",):
            found = self.ledger.of_key("/".join(asked.parts[1:]))
            return _told(found) if found else Reply(404, {"code": "unknown_key"})
        if asked.method != "POST" or asked.parts not in (("labels",), ("voids",)):
            return Reply(404, {"code": "unknown_address"})
        if not asked.key:
            return Reply(400, {"code": "key_missing"})
        before = self.ledger.of_key(asked.key)
        if before is not None:
            return _told(before)
        return self._label(asked) if asked.parts == ("labels",) else self._void(asked)

    def control(self, parts: tuple[str, ...], data: Mapping[str, Any]) -> Reply:
        """Play what happens on the road."""
        early = [str(one) for one in data.get("early", ())]
        name = str(data.get("event", ""))
        if parts != ("events",) or not {*early, *([name] if name else [])} <= set(EVENTS):
            return Reply(400, {"code": "unknown_event", "allowed": list(EVENTS)})
        if early:
            self._early = early
            return Reply(200, {"early": early})
        label = self._of(str(data.get("tracking_no", "")))
        if label is None:
            return Reply(404, {"code": "unknown_parcel"})
        statuses = [
            self._post(label, name, str(data.get("id", "")))
            for _ in range(int(data.get("times", 1)))
        ]
        return Reply(200, {"answers": statuses})

    def _label(self, asked: Asked) -> Reply:
        address = str(asked.body.get("address", "")).strip()
        if not address or _NOWHERE in address.lower():
            entry = self.ledger.append(key=asked.key, kind="bad_address", asked=dict(asked.body))
            return _told(entry)
        tracking = f"SB{len(self.ledger.entries) + 1:010}"
        entry = self.ledger.append(
            key=asked.key,
            kind="label",
            asked=dict(asked.body),
            tracking_no=tracking,
            file=f"label-{tracking}.pdf",
        )
        early, self._early = self._early, []
        for name in early:
            self._post(entry, name, "")
        if self._deliver_after:
            threading.Timer(self._deliver_after, self._post, (entry, "delivered", "")).start()
        return _told(entry, 201)

    def _void(self, asked: Asked) -> Reply:
        label = self.ledger.of_key(str(asked.body.get("label", ""))) or self._of(
            str(asked.body.get("tracking_no", ""))
        )
        used = label is not None and any(
            one["kind"] == "event" and one["tracking_no"] == label.get("tracking_no")
            for one in self.ledger.entries
        )
        kind = "already_used" if used else "void"
        tracking = label.get("tracking_no", "") if label else ""
        return _told(
            self.ledger.append(key=asked.key, kind=kind, asked=dict(asked.body), void_of=tracking)
        )

    def _of(self, tracking: str) -> dict[str, Any] | None:
        found = (one for one in self.ledger.entries if one["kind"] == "label")
        return next((one for one in found if one["tracking_no"] == tracking), None)

    def _post(self, label: Mapping[str, Any], name: str, event_id: str) -> int:
        """Tell the label's callback; gives the last status, 0 where nobody answered."""
        tracking = label["tracking_no"]
        event_id = event_id or f"{tracking}-{name}"
        if not any(one.get("event_id") == event_id for one in self.ledger.entries):
            self.ledger.append(kind="event", event_id=event_id, event=name, tracking_no=tracking)
        url = str(label["asked"].get("callback", ""))
        told = {"id": event_id, "event": name, "tracking_no": tracking, "at": now_text()}
        body = json.dumps({"events": [told]}).encode()
        status = 0
        for attempt in range(ATTEMPTS if url else 0):
            headers = {
                "Content-Type": "application/json",
                HEADER: sign(self.secret, body, time.time()),
            }
            try:
                status = send("POST", url, body=body, headers=headers, allowed=_ANYWHERE).status
            except (TryAgain, Unknown):
                status = 0
            if 200 <= status < 300:
                break
            time.sleep(PAUSE * attempt)
        return status


def _told(entry: Mapping[str, Any], status: int = 200) -> Reply:
    if entry["kind"] in ("bad_address", "already_used", "declined"):
        return Reply(422, {"code": entry["kind"]})
    kept = ("kind", "tracking_no", "file", "at")
    return Reply(status, {name: entry[name] for name in kept if name in entry})
