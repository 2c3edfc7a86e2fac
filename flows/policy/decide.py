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
from flows.policy.undecided import (
    no_day,
    no_rule,
    no_value,
    nothing_to_judge,
    other_currency,
    several_rules,
)
from forms.expr import Env, EvalError

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
        raise no_value(policy, policy.as_of, wrong, []) from wrong
    if isinstance(day, datetime):
        day = day.astimezone(env.zone).date()
    if not isinstance(day, date):
        raise no_day(policy, policy.as_of)
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
            raise no_value(policy, one.expr, wrong, trace) from wrong
        inputs[one.id] = one.plain(value)
        if currencies and value is not None and value[1] not in currencies:
            raise other_currency(policy, one.expr, value[1], currencies, trace)
        values.append(value)
    hits = _hits(policy, edition, values, considered)
    if len(hits) > 1 and policy.hit == UNIQUE:
        raise several_rules(policy, edition.id, hits, trace)
    if not hits:
        if edition.otherwise is None:
            raise no_rule(policy, inputs, trace)
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
        raise nothing_to_judge(policy, trace)
    return outcome(value)


def outcome(value: Any) -> str:
    """A value of `branch` as exits name it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
