"""Which steps of flows and rules of policies the scenarios went through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.model import Catalog
from app.scenarios.expect import decisions
from app.scenarios.result import Share
from app.scenarios.world import World


class Coverage:
    """Collects what was seen over all scenarios of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._steps = {form: set(flow.steps) for form, flow in catalog.flows.items()}
        self._rules = {
            name: {rule.id for edition in policy.editions for rule in edition.rules}
            for name, policy in catalog.policies.items()
        }
        self._seen_steps: dict[str, set[str]] = {}
        self._seen_rules: dict[str, set[str]] = {}

    def add(self, world: World) -> None:
        """Take in everything one scenario did."""
        for form, one in world.traces():
            step = one.get("step")
            if step and one.get("kind") == "enter":
                self._seen_steps.setdefault(form, set()).add(str(step))
            for found in decisions(one):
                rules = self._seen_rules.setdefault(str(found["policy"]), set())
                rules.add(str(found["rule"]))
                rules.update(str(rule) for rule in found.get("rules", ()))

    @property
    def steps(self) -> dict[str, Share]:
        """Flow → its steps."""
        return _shares(self._steps, self._seen_steps)

    @property
    def rules(self) -> dict[str, Share]:
        """Policy → its rules."""
        return _shares(self._rules, self._seen_rules)


def _shares(every: Mapping[str, set[str]], seen: Mapping[str, Any]) -> dict[str, Share]:
    found = {}
    for name, all_of in every.items():
        hit = all_of & seen.get(name, set())
        found[name] = Share(len(hit), len(all_of), tuple(sorted(all_of - hit)))
    return found
