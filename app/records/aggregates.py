"""Aggregates kept in the transaction: one upsert for all keys, then `never` on what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.catalog.model import Aggregate, Never
from app.records.deltas import Contribution, Key, MixedCurrency, Move, unscaled
from app.records.errors import Refused
from app.storage.databases import Tx
from forms.expr import Env
from forms.validate_result import FieldError
from forms.values import INTEGER_LIMIT, Text

CHUNK = 500
"""Keys in one statement; a record that moves more sends several, still in order."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An aggregate with the name its rows are stored under."""

    aggregate: Aggregate
    stored: str


@lru_cache(maxsize=256)
def _upsert(keys: int, width: int) -> str:
    columns = [f"m{n}" for n in range(width)]
    marks = "(" + ", ".join("?" * (width + 3)) + ")"
    added = ", ".join(f"{c} = rf_aggregate.{c} + excluded.{c}" for c in columns)
    names = ", ".join(columns)
    # Two currencies under one key are kept side by side just long enough to be refused.
    return (
        f"INSERT INTO rf_aggregate (aggregate, key, {names}, currency)"
        f" VALUES {', '.join([marks] * keys)} ON CONFLICT (aggregate, key) DO UPDATE SET {added},"
        " currency = CASE WHEN excluded.currency IS NULL THEN rf_aggregate.currency"
        " WHEN rf_aggregate.currency IS NULL OR rf_aggregate.currency = excluded.currency"
        " THEN excluded.currency ELSE rf_aggregate.currency || '>' || excluded.currency END"
        f" RETURNING aggregate, key, {names}, currency"
    )


def keep(
    tx: Tx, moves: Mapping[Key, Move], kept: Mapping[str, Kept], env: Env, judged: bool
) -> None:
    """Move the keys (sorted by `moves`) and hold what came back to the aggregates' `never`.

    With `judged` false nothing is refused: what retention removes was allowed once.
    Raises Refused limit_reached, or invalid where a key would mix currencies.
    """
    items = sorted(((kept[key[0]].stored, key[1]), key, move) for key, move in moves.items())
    for start in range(0, len(items), CHUNK):
        part = items[start : start + CHUNK]
        width = max(len(kept[key[0]].aggregate.measures) for _, key, _ in part)
        params: list[Any] = []
        for (stored, key_id), _, move in part:
            params += (stored, key_id, *move.amounts[:width], move.currency)
        rows = tx.execute(_upsert(len(part), width), params)
        found = {(row[0], row[1]): row for row in rows}
        for stored_key, key, move in part:
            row = found[stored_key]
            _settle(tx, kept[key[0]], key, move, row[2 : 2 + width], row[-1], env, judged)


def _settle(
    tx: Tx,
    kept: Kept,
    key: Key,
    move: Move,
    amounts: tuple[Any, ...],
    currency: str | None,
    env: Env,
    judged: bool,
) -> None:
    if any(type(amount) is not int or abs(amount) >= INTEGER_LIMIT for amount in amounts):
        raise _refused(move, _too_big(kept.aggregate), "out_of_range")
    if currency is not None and ">" in currency:
        first, _, second = currency.partition(">")
        others = any(
            amount != own and measure.type.kind == "money"
            for amount, own, measure in zip(
                amounts, move.own, kept.aggregate.measures.values(), strict=False
            )
        )
        if others or move.replaces is None:
            raise mixed(MixedCurrency(key, first, second), move.parts)
        tx.execute(
            "UPDATE rf_aggregate SET currency = ? WHERE aggregate = ? AND key = ?",
            (second, kept.stored, key[1]),
        )
        currency = second
    if judged:
        judge(kept, move, amounts, currency, env)


def judge(kept: Kept, move: Move, amounts: tuple[Any, ...], currency: str | None, env: Env) -> None:
    """Refuse where a `never` is true of the amounts now kept."""
    aggregate = kept.aggregate
    if not aggregate.never:
        return
    now = _values(aggregate, amounts, currency, env)
    for never in aggregate.never.values():
        if never.when.evaluate(now, env) is True:
            raise _limit(kept, never, move, amounts, currency, env)


def _values(
    aggregate: Aggregate, amounts: tuple[Any, ...] | list[int], currency: str | None, env: Env
) -> dict[str, object]:
    code = currency or env.currency
    return {
        name: unscaled(amount, measure, code)
        for (name, measure), amount in zip(aggregate.measures.items(), amounts, strict=False)
    }


def _limit(
    kept: Kept,
    never: Never,
    move: Move,
    amounts: tuple[Any, ...],
    currency: str | None,
    env: Env,
) -> Refused:
    """The refusal, in the words of the aggregate's author.

    The message is about what others left: the record's own part is taken out, so that "At most
    {delivered - asked} can be returned" says what this request may ask for.
    """
    aggregate = kept.aggregate
    read = [n for n, name in enumerate(aggregate.measures) if name in never.when.names]
    using = [part for part in move.parts if not part.limits and part.column in read]
    if not using:
        return _refused(move, _below(aggregate, amounts, currency, env), "limit_reached")
    others = list(amounts)
    for part in using:
        others[part.column] -= part.amount
    message = never.message.render(_values(aggregate, others, currency, env), env)
    paths = _offending(aggregate, never, using, others, currency, env)
    details = [FieldError("limit_reached", path, message) for path in paths]
    return Refused("limit_reached", message, details)


def _offending(
    aggregate: Aggregate,
    never: Never,
    using: list[Contribution],
    others: list[int],
    currency: str | None,
    env: Env,
) -> list[tuple[str | int, ...]]:
    """The rows from the first on that goes over the limit; all where none does so alone."""
    so_far = list(others)
    for place, part in enumerate(using):
        so_far[part.column] += part.amount
        if never.when.evaluate(_values(aggregate, so_far, currency, env), env) is True:
            return list(dict.fromkeys(one.path for one in using[place:]))
    return list(dict.fromkeys(part.path for part in using))


def _refused(move: Move, message: Text, code: str) -> Refused:
    paths = dict.fromkeys(part.path for part in move.parts)
    return Refused("limit_reached", message, [FieldError(code, path, message) for path in paths])


def _below(aggregate: Aggregate, amounts: tuple[Any, ...], currency: str | None, env: Env) -> Text:
    """What to say when the limit itself was lowered under what is already used."""
    shown = ", ".join(
        f"{name} = {value}" for name, value in _values(aggregate, amounts, currency, env).items()
    )
    return Text(
        f"不能这样修改：其他记录已占用（{shown}）。请先更改那些记录。",
        f"Other records already rely on this ({shown}). Change those first.",
    )


def _too_big(aggregate: Aggregate) -> Text:
    return Text(
        f"聚合“{aggregate.id}”的数值过大，请核对数量或金额。",
        f"A total of “{aggregate.id}” becomes too large: check quantities and amounts.",
    )


def mixed(error: MixedCurrency, parts: list[Contribution]) -> Refused:
    """One key holds one currency; the message names both."""
    message = Text(
        f"币种不一致：这里只能用 {error.first}，不能用 {error.second}。",
        f"Amounts here are in {error.first}; {error.second} cannot be added to them.",
    )
    paths = dict.fromkeys(part.path for part in parts)
    return Refused("invalid", message, [FieldError("mixed_currency", p, message) for p in paths])
