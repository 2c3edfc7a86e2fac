"""The public wording of a policy, made from its rules' own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from flows import durations
from flows.model import Duration
from flows.policy.model import Edition, Param, Policy
from forms.expr import Env
from forms.templates import Template

LIMIT = 20_000
"""Characters of a policy's wording at most."""

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def public_text(policy: Policy, language: str, day: date | None = None) -> str:
    """What the public may read of a policy ("zh" or "en"), as it holds on a day.

    Without a day: the newest edition. The rules' words stand in the order of the rules, where
    `public` says `{rules}`; a policy without `public` is its rules' words; "" where it has none.
    """
    edition = policy.editions[-1] if day is None else policy.edition_on(day)
    rules = rule_texts(edition, language)
    joined = ("" if language == "zh" else " ").join(rules.values())
    if edition.public is None:
        return joined
    template = edition.public.zh if language == "zh" else edition.public.en
    return _said(template, edition, joined, language)


def rule_texts(edition: Edition, language: str) -> Mapping[str, str]:
    """Rule → its words, in order; rules that say nothing are left out."""
    found: dict[str, str] = {}
    for rule in edition.rules:
        if rule.says is not None:
            template = rule.says.zh if language == "zh" else rule.says.en
            found[rule.id] = _said(template, edition, "", language)
    return found


def _said(template: Template, edition: Edition, rules: str, language: str) -> str:
    row = {name: _shown(param, language) for name, param in edition.params.items()}
    row["rules"] = rules
    return template.render(row, Env(_ANY_TIME), language, LIMIT)


def _shown(param: Param, language: str) -> object:
    if isinstance(param.value, Duration):
        return durations.words(param.value, language)
    return param.value
