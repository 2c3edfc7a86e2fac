"""What keeps a policy from deciding, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flows.policy.model import Policy, Rule, Undecided
from flows.policy.words import input_words, rule_name
from forms.expr import EvalError, Expr
from forms.telling import tell
from forms.values import LANGUAGES, Text

Trace = list[dict[str, Any]]


def no_value(policy: Policy, expr: Expr, wrong: EvalError, trace: Trace) -> Undecided:
    """Something it looks at cannot be computed."""
    zh, en = (tell(expr, policy.words, lang) for lang in LANGUAGES)
    message = Text(
        f"政策“{policy.label.zh}”无法计算 {zh}：{wrong.message.zh}",
        f"The policy “{policy.label.en}” cannot compute {en}: {wrong.message.en}",
    )
    return Undecided("no_value", message, trace)


def no_day(policy: Policy, as_of: Expr) -> Undecided:
    """The day that chooses the edition is empty."""
    zh, en = (tell(as_of, policy.words, lang) for lang in LANGUAGES)
    message = Text(
        f"政策“{policy.label.zh}”：{zh}为空，无法确定适用的版本",
        f"The policy “{policy.label.en}”: {en} is empty, so no edition can be chosen",
    )
    return Undecided("no_day", message, [])


def nothing_to_judge(policy: Policy, trace: Trace) -> Undecided:
    """There is no line, or nothing was concluded from those there are."""
    output = policy.outputs[policy.branch].label
    message = Text(
        f"政策“{policy.label.zh}”：没有可判断的明细，{output.zh}为空",
        f"The policy “{policy.label.en}”: there is no line to judge, {output.en} is empty",
    )
    return Undecided("nothing_to_judge", message, trace)


def other_currency(
    policy: Policy, expr: Expr, currency: str, known: Iterable[str], trace: Trace
) -> Undecided:
    """An amount in a currency of which no rule speaks."""
    listed = ", ".join(sorted(known))
    zh, en = (tell(expr, policy.words, lang) for lang in LANGUAGES)
    message = Text(
        f"政策“{policy.label.zh}”的规则只涉及 {listed}，而{zh}以 {currency} 计",
        f"The rules of the policy “{policy.label.en}” speak of {listed}; {en} is in {currency}",
    )
    return Undecided("other_currency", message, trace)


def no_rule(policy: Policy, inputs: Mapping[str, Any], trace: Trace) -> Undecided:
    """No rule fits, and there is no "else"."""
    zh, en = (_facts(policy, inputs, lang) for lang in LANGUAGES)
    message = Text(
        f"政策“{policy.label.zh}”没有适用的规则：{zh}",
        f"No rule of the policy “{policy.label.en}” fits: {en}",
    )
    return Undecided("no_rule", message, trace)


def several_rules(policy: Policy, edition: str, hits: Sequence[Rule], trace: Trace) -> Undecided:
    """Several rules fit where only one may."""
    zh, en = (
        ("；" if lang == "zh" else "; ").join(
            rule_name(policy, edition, rule.id, lang) for rule in hits
        )
        for lang in LANGUAGES
    )
    message = Text(
        f"政策“{policy.label.zh}”有多条规则同时适用：{zh}",
        f"Several rules of the policy “{policy.label.en}” fit at once: {en}",
    )
    return Undecided("several_rules", message, trace)


def _facts(policy: Policy, inputs: Mapping[str, Any], lang: str) -> str:
    pairs = (input_words(policy, name, value, lang) for name, value in inputs.items())
    return ", ".join(f"{name} = {value}" if value else name for name, value in pairs)
