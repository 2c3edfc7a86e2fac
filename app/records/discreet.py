"""Reasons without what is hidden from who reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.model import Decide, Flow

_TOLD = ("facts", "fields", "verdict")
"""Parts of a decision that hold values by the names of fields."""


def without_hidden(
    found: Mapping[str, Any], hidden: frozenset[str], flow: Flow | None
) -> Mapping[str, Any]:
    """A decision without what is hidden from the reader, nor what was computed from it alone."""
    if not hidden:
        return found
    last = {name.rpartition(".")[2] for name in hidden} | hidden
    kept = dict(found)
    for part in _TOLD:
        values = found.get(part)
        if isinstance(values, Mapping):
            kept[part] = {name: one for name, one in values.items() if not _rests(name, last)}
    if len(kept.get("facts") or ()) < len(found.get("facts") or ()):
        kept.pop("value", None)
    inputs = found.get("inputs")
    if isinstance(inputs, Mapping):
        known = _inputs(flow, str(found.get("policy", "")))
        kept["inputs"] = {
            name: one for name, one in inputs.items() if not known.get(name, last) & last
        }
    return kept


def _rests(name: str, hidden: set[str] | frozenset[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:n]) in hidden or parts[n - 1] in hidden for n in (1, len(parts)))


def _inputs(flow: Flow | None, policy_id: str) -> dict[str, set[str]]:
    """Input of a policy → the names it reads."""
    for step in () if flow is None else flow.steps.values():
        if isinstance(step.body, Decide):
            for policy in step.body.policies:
                if policy.id == policy_id:
                    return {
                        one.id: set(one.expr.names) | {n.rpartition(".")[2] for n in one.expr.names}
                        for one in policy.inputs
                    }
    return {}
