"""What the operator configured for connectors: which addresses they may reach, the sandboxes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from plugins.addresses import Allowed
from plugins.signing import HEADER, sign
from plugins.wire import Reply, send

_settings: dict[str, Any] = {"outgoing.allow": Allowed()}


def configure(settings: Mapping[str, object]) -> None:
    """Take the operator's settings. Raises ValueError for a malformed network."""
    entries = settings.get("outgoing.allow", ())
    allowed = Allowed.of(map(str, entries if isinstance(entries, tuple | list) else ()))
    _settings.clear()
    _settings.update({**settings, "outgoing.allow": allowed})


def allowed() -> Allowed:
    """What is allowed besides public addresses."""
    found: Allowed = _settings["outgoing.allow"]
    return found


class Service:
    """A sandbox as a connector sees it: where it is and what signs.

    The connection's `settings.url` and `secrets.key` go first; without a url it is the sandbox the
    operator runs, at the address and with the key of the installation.
    """

    def __init__(self, name: str, connection: Mapping[str, Any]) -> None:
        own = str(connection["settings"].get("url", ""))
        self.url = (own or str(_settings.get(f"sandbox.{name}", ""))).rstrip("/")
        self.key = str(connection["secrets"].get("key", ""))
        self._allowed = allowed()
        if not own:
            self.key = self.key or str(_settings.get("sandbox.key", ""))
            self._allowed = Allowed.of([self.url.rpartition("/")[2]])
        self._timeout = float(connection["settings"].get("timeout", 10))

    def send_signed(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """`send`, signed with the key: the body, or the path where there is none."""
        signed = sign(self.key, body or f"/{path}".encode(), time.time())
        return self.send(method, path, body, {**headers, HEADER: signed})

    def send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send to a path of the service. Raises what `wire.send` raises."""
        return send(
            method,
            f"{self.url}/{path}",
            body=body,
            headers=headers,
            allowed=self._allowed,
            timeout=self._timeout,
        )
