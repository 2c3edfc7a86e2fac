"""Rules and their conditions in words, for whoever asks why a policy decided as it did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from flows.policy.conditions import Span, read_date
from flows.policy.model import ELSE, Condition, Edition, Input, Policy, Rule
from flows.policy.wording import rule_texts
from forms.telling import labels_of, tell, tell_condition, value_words
from forms.values import Money, Text

_BETWEEN = Text("{0}为 {1} 至 {2}", "{0} is {1} to {2}")
_EXACTLY = Text("{0}为 {1}", "{0} is {1}")
_AT_MOST = Text("{0}不超过 {1}", "{0} is at most {1}")
_UNDER = Text("{0}低于 {1}", "{0} is under {1}")
_FROM = Text("{0}不低于 {1}", "{0} is at least {1}")
_OVER = Text("{0}超过 {1}", "{0} is over {1}")
_IS = Text("{0}是{1}", "{0} is {1}")
_EMPTY = Text("{0}为空", "{0} is empty")
_ANY = Text("或", "or")
_AND = Text("，且", ", and ")
_OTHERWISE = Text("其他情况", "in all other cases")


def edition_of(policy: Policy, edition: str) -> Edition:
    """The edition a trace names; the first where it has gone since."""
    return next((one for one in policy.editions if one.id == edition), policy.editions[0])


def rule_name(policy: Policy, edition: str, rule_id: str, lang: str) -> str:
    """What a rule is called: its label, else what it says to the public, else its conditions."""
    if rule_id in (ELSE, ""):
        return _OTHERWISE.pick(lang)
    found = _rule(edition_of(policy, edition), rule_id)
    if found is None:
        return rule_id
    label = found.label.pick(lang)
    if label and label != rule_id:
        return label
    said = rule_texts(edition_of(policy, edition), lang).get(rule_id)
    if said:
        return said
    conditions = [_told(policy, one, lang) for one in found.conditions]
    return _AND.pick(lang).join(conditions) or rule_id


def needed(policy: Policy, edition: str, rule_id: str, input_id: str, lang: str) -> str:
    """What a rule asks of one of its inputs; "" where the rule, or its condition, has gone."""
    found = _rule(edition_of(policy, edition), rule_id)
    for condition in found.conditions if found is not None else ():
        if policy.inputs[condition.input].id == input_id:
            return _told(policy, condition, lang)
    return ""


def input_words(policy: Policy, input_id: str, value: object, lang: str) -> tuple[str, str]:
    """An input and the value a trace keeps of it; a condition says by itself whether it held, and
    has no second part."""
    found = next((one for one in policy.inputs if one.id == input_id), None)
    if found is None:
        return input_id, value_words(value, lang, policy.words.zone)
    if isinstance(value, bool):
        return tell_condition(found.expr, policy.words, lang, holds=value), ""
    made = _of_trace(found.domain.kind, value)
    return tell(found.expr, policy.words, lang), value_words(
        made, lang, policy.words.zone, labels_of(found.expr, policy.words)
    )


def _rule(edition: Edition, rule_id: str) -> Rule | None:
    return next((one for one in edition.rules if one.id == rule_id), None)


def _told(policy: Policy, condition: Condition, lang: str) -> str:
    one = policy.inputs[condition.input]
    return f" {_ANY.pick(lang)} ".join(_ways(policy, one, condition, lang))


def _ways(policy: Policy, one: Input, condition: Condition, lang: str) -> Iterator[str]:
    """Each way in which an input may fit."""
    allowed = condition.allowed
    if one.domain.kind == "boolean":
        for value in sorted(allowed.values, key=str, reverse=True):
            yield tell_condition(one.expr, policy.words, lang, holds=value is True)
        if allowed.none:
            yield _EMPTY.pick(lang).format(tell(one.expr, policy.words, lang))
        return
    name = tell(one.expr, policy.words, lang)
    if allowed.none:
        yield _EMPTY.pick(lang).format(name)
    if allowed.values:
        order = {option: n for n, option in enumerate(one.domain.options)}
        listed = sorted(allowed.values, key=lambda value: order.get(value, len(order)))
        labels = labels_of(one.expr, policy.words)
        said = [value_words(value, lang, policy.words.zone, labels) for value in listed]
        yield _IS.pick(lang).format(name, f" {_ANY.pick(lang)} ".join(said))
    for span in allowed.spans:
        yield _span(policy, name, span, lang)


def _span(policy: Policy, name: str, span: Span, lang: str) -> str:
    low, high = (
        None if one is None else value_words(_bound(one, span), lang, policy.words.zone)
        for one in (span.low, span.high)
    )
    if low is not None and low == high:
        return _EXACTLY.pick(lang).format(name, low)
    if low is not None and high is not None:
        return _BETWEEN.pick(lang).format(name, low, high)
    if low is None:
        return (_AT_MOST if span.with_high else _UNDER).pick(lang).format(name, high)
    return (_FROM if span.with_low else _OVER).pick(lang).format(name, low)


def _bound(value: Any, span: Span) -> Any:
    return Money(value, span.currency) if span.currency else value


def _of_trace(kind: str, value: Any) -> object:
    """A value as it was before it was kept as JSON, as far as telling it needs that."""
    if kind == "money" and isinstance(value, dict):
        return Money(Decimal(value["amount"]), value["currency"])
    if kind == "duration" and isinstance(value, int):
        return timedelta(seconds=value)
    if kind == "decimal" and isinstance(value, str):
        return Decimal(value)
    if kind == "date" and isinstance(value, str):
        return read_date(value) or value
    return value
