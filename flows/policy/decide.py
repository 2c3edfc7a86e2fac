"""Decide: judge a record, or each of its lines, by the rules of the edition in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flows.policy.model import (
    COLLECT,
    ELSE,
    UNIQUE,
    Decision,
    Edition,
    Param,
    Policy,
    Rule,
    Undecided,
)
from forms.expr import Env, EvalError
from forms.values import Text

Entry = dict[str, Any]


def decide(policy: Policy, row: Mapping[str, Any], env: Env) -> Decision:
    """Judge a record (with its rows under the name of its lines). Raises `Undecided`.

    `env` must hold what `policy.reads` names. A line is read with its own names first, then the
    record's.
    """
    trace: list[Entry] = []
    if not policy.lines:
        outputs = _judge(policy, row, env, None, trace)
        return Decision(outputs, {}, _branch(policy, outputs, trace), trace)
    before = env.parent
    env.parent = row
    try:
        found = {
            line["id"]: _judge(policy, line, env, line["id"], trace)
            for line in row.get(policy.lines) or ()
        }
    finally:
        env.parent = before
    outputs = {
        output.id: output.fold(_given(found.values(), output.id))
        for output in policy.outputs.values()
        if output.record and output.fold is not None
    }
    own = [output.id for output in policy.outputs.values() if output.line]
    lines = {key: {name: values[name] for name in own} for key, values in found.items()}
    return Decision(outputs, lines, _branch(policy, outputs, trace), trace)


def edition_for(policy: Policy, row: Mapping[str, Any], env: Env) -> Edition:
    """The edition in force for a row on the day its `as_of` gives (without one: today).

    Raises `Undecided` where that day is not known.
    """
    if len(policy.editions) == 1:
        return policy.editions[0]
    if policy.as_of is None:
        return policy.edition_on(env.today)
    try:
        day = policy.as_of.evaluate(row, env)
    except EvalError as wrong:
        raise _no_value(policy, "as_of", wrong, []) from wrong
    if isinstance(day, datetime):
        day = day.astimezone(env.zone).date()
    if not isinstance(day, date):
        written = policy.as_of.source
        message = Text(
            f"政策 {policy.id}：{written} 为空，无法确定适用的版本",
            f"Policy {policy.id}: {written} is empty, so no edition can be chosen",
        )
        raise Undecided("no_day", message, [])
    return policy.edition_on(day)


def parameter(policy: Policy, name: str, row: Mapping[str, Any], env: Env) -> Param:
    """A parameter of the edition in force for a record. Raises `Undecided`, KeyError.

    A policy that judges lines must choose its edition by a day of the record.
    """
    if not policy.lines:
        return edition_for(policy, row, env).params[name]
    before = env.parent
    env.parent = row
    try:
        return edition_for(policy, {}, env).params[name]
    finally:
        env.parent = before


def _judge(
    policy: Policy, row: Mapping[str, Any], env: Env, line: int | None, trace: list[Entry]
) -> Mapping[str, Any]:
    """The outputs for one subject; adds its entry to the trace."""
    inputs: dict[str, Any] = {}
    considered: list[list[str]] = []
    entry: Entry = {
        "policy": policy.id,
        "row": line,
        "edition": "",
        "rule": "",
        "inputs": inputs,
        "verdict": {},
        "considered": considered,
    }
    trace.append(entry)
    try:
        edition = edition_for(policy, row, env)
    except Undecided as wrong:
        wrong.trace = trace
        raise
    entry["edition"] = edition.id
    values: list[Any] = []
    for one, currencies in zip(policy.inputs, edition.currencies, strict=True):
        try:
            value = one.expr.evaluate(row, env)
        except EvalError as wrong:
            raise _no_value(policy, one.id, wrong, trace) from wrong
        inputs[one.id] = one.plain(value)
        if currencies and value is not None and value[1] not in currencies:
            raise _other_currency(policy, one.id, value[1], currencies, trace)
        values.append(value)
    hits = _hits(policy, edition, values, considered)
    if len(hits) > 1 and policy.hit == UNIQUE:
        raise _several(policy, hits, trace)
    if not hits:
        if edition.otherwise is None:
            raise _no_rule(policy, inputs, trace)
        hits = [edition.otherwise]
    first = hits[0]
    entry["rule"], entry["verdict"] = first.id, first.verdict
    if policy.hit != COLLECT:
        return first.then
    outputs = _collected(policy, hits)
    entry["rules"] = [rule.id for rule in hits]
    entry["verdict"] = {
        name: policy.outputs[name].plain(value)
        for name, value in outputs.items()
        if value is not None
    }
    return outputs


def _hits(
    policy: Policy, edition: Edition, values: list[Any], considered: list[list[str]]
) -> list[Rule]:
    """The rules that match, only the first where that is all that counts."""
    hits: list[Rule] = []
    alone = policy.hit not in (UNIQUE, COLLECT)
    for rule in edition.rules:
        for condition in rule.conditions:
            if not condition.test(values[condition.input]):
                considered.append([rule.id, policy.inputs[condition.input].id])
                break
        else:
            hits.append(rule)
            if alone:
                break
    return hits


def _collected(policy: Policy, hits: list[Rule]) -> dict[str, Any]:
    if len(hits) == 1 and hits[0].id == ELSE:
        return dict(hits[0].then)
    found = [rule.then for rule in hits]
    return {
        output.id: output.fold(_given(found, output.id)) if output.fold is not None else None
        for output in policy.outputs.values()
    }


def _given(found: Any, name: str) -> list[Any]:
    return [values[name] for values in found if values[name] is not None]


def _branch(policy: Policy, outputs: Mapping[str, Any], trace: list[Entry]) -> str | None:
    if not policy.branch:
        return None
    value = outputs[policy.branch]
    if value is None:
        message = Text(
            f"政策 {policy.id}：没有可判断的明细，{policy.branch} 为空",
            f"Policy {policy.id}: there is no line to judge, {policy.branch} is empty",
        )
        raise Undecided("nothing_to_judge", message, trace)
    return outcome(value)


def outcome(value: Any) -> str:
    """A value of `branch` as exits name it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


# --- what keeps a policy from deciding ----------------------------------------------------------


def _no_value(policy: Policy, name: str, wrong: EvalError, trace: list[Entry]) -> Undecided:
    message = Text(
        f"政策 {policy.id} 的 {name} 无法计算：{wrong.message.zh}",
        f"{name} of policy {policy.id} cannot be computed: {wrong.message.en}",
    )
    return Undecided("no_value", message, trace)


def _other_currency(
    policy: Policy, name: str, currency: str, known: frozenset[str], trace: list[Entry]
) -> Undecided:
    listed = ", ".join(sorted(known))
    message = Text(
        f"政策 {policy.id} 的 {name} 以 {currency} 计，规则只涉及 {listed}",
        f"{name} of policy {policy.id} is in {currency}; its rules speak of {listed}",
    )
    return Undecided("other_currency", message, trace)


def _no_rule(policy: Policy, inputs: Mapping[str, Any], trace: list[Entry]) -> Undecided:
    shown = ", ".join(f"{name}={value}" for name, value in inputs.items())
    message = Text(
        f"政策 {policy.id} 没有规则适用于 {shown}",
        f"No rule of policy {policy.id} fits {shown}",
    )
    return Undecided("no_rule", message, trace)


def _several(policy: Policy, hits: list[Rule], trace: list[Entry]) -> Undecided:
    named = ", ".join(rule.id for rule in hits)
    message = Text(
        f"政策 {policy.id} 有多条规则同时适用：{named}",
        f"Several rules of policy {policy.id} fit at once: {named}",
    )
    return Undecided("several_rules", message, trace)
