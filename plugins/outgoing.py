"""Which addresses this process's connectors may reach besides public ones."""

from __future__ import annotations

from collections.abc import Mapping

from plugins.addresses import Allowed

_state = {"allowed": Allowed()}


def configure(settings: Mapping[str, object]) -> None:
    """Take the operator's setting `outgoing.allow`. Raises ValueError for a malformed network."""
    entries = settings.get("outgoing.allow", ())
    _state["allowed"] = Allowed.of(map(str, entries if isinstance(entries, tuple | list) else ()))


def allowed() -> Allowed:
    """What is allowed."""
    return _state["allowed"]
