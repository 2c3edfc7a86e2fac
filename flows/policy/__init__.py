"""Policies: rules that judge a record or its lines, and say why."""

from __future__ import annotations

from flows.policy.decide import decide, edition_for, outcome, parameter
from flows.policy.model import Decision, Edition, Input, Output, Param, Policy, Rule, Undecided
from flows.policy.wording import public_text, rule_texts

__all__ = [
    "Decision",
    "Edition",
    "Input",
    "Output",
    "Param",
    "Policy",
    "Rule",
    "Undecided",
    "decide",
    "edition_for",
    "outcome",
    "parameter",
    "public_text",
    "rule_texts",
]
