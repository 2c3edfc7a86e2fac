"""Rows of spots: their order, with few crossings, and their places, with straight lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

GAP_X = 22.0
"""Between two boxes of a row."""
LANE = 10.0
"""Width kept free for a line that passes a row."""
SWEEPS = 8


@dataclass(slots=True)
class Spot:
    """A place in a row: a node, or a line passing through (perhaps with its label)."""

    width: float
    height: float
    node: str = ""
    x: float = 0.0
    above: list[Spot] = field(default_factory=list)
    below: list[Spot] = field(default_factory=list)
    place: int = 0
    beside: tuple[Spot | None, Spot | None] = (None, None)


def ordered(rows: list[list[Spot]]) -> list[list[Spot]]:
    """Order each row by where its neighbours are, down and up, keeping the fewest crossings."""
    _number(rows)
    best, fewest = [list(row) for row in rows], _crossings(rows)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for row in rows[1:] if down else rows[-2::-1]:
            row.sort(key=lambda spot: _mean(spot.above if down else spot.below, spot.place))
            for place, spot in enumerate(row):
                spot.place = place
        crossed = _crossings(rows)
        if crossed < fewest:
            best, fewest = [list(row) for row in rows], crossed
    for row in best:
        for place, spot in enumerate(row):
            spot.place = place
            before = row[place - 1] if place else None
            after = row[place + 1] if place + 1 < len(row) else None
            spot.beside = (before, after)
    return best


def _number(rows: list[list[Spot]]) -> None:
    for row in rows:
        for place, spot in enumerate(row):
            spot.place = place


def _mean(spots: Sequence[Spot], otherwise: float) -> float:
    return sum(spot.place for spot in spots) / len(spots) if spots else otherwise


def _crossings(rows: list[list[Spot]]) -> int:
    found = 0
    for row in rows:
        ends = [below.place for spot in row for below in sorted(spot.below, key=_place)]
        found += sum(a > b for n, a in enumerate(ends) for b in ends[n + 1 :])
    return found


def _place(spot: Spot) -> int:
    return spot.place


def spread(rows: list[list[Spot]]) -> None:
    """Give every spot its x: near its neighbours, in the row's order, far enough apart."""
    for row in rows:
        x = 0.0
        for spot in row:
            spot.x = x + spot.width / 2
            x += spot.width + GAP_X
    for _ in range(SWEEPS):
        for row in rows[1:]:
            _settle(row, [_near(spot.above, spot.x) for spot in row])
        for row in rows[-2::-1]:
            _settle(row, [_near(spot.below, spot.x) for spot in row])
    for row in rows:
        _settle(row, [_near(spot.above + spot.below, spot.x) for spot in row])


def _near(spots: Sequence[Spot], otherwise: float) -> float:
    """Where the neighbours are; those a line passes through count most, to keep it straight."""
    if not spots:
        return otherwise
    weights = [1.0 if spot.node else 6.0 for spot in spots]
    return sum(spot.x * w for spot, w in zip(spots, weights, strict=True)) / sum(weights)


def straighten(rows: list[list[Spot]]) -> None:
    """Bring runs of spots below each other to one x, as far as their rows leave room."""
    for _ in range(2):
        seen: set[int] = set()
        for row in rows:
            for spot in row:
                if id(spot) in seen:
                    continue
                run = [spot]
                while len(run[-1].below) == 1 and len(run[-1].below[0].above) == 1:
                    run.append(run[-1].below[0])
                seen |= {id(one) for one in run}
                _align(run)


def _align(run: Sequence[Spot]) -> None:
    """One x for as many of the run as have room, then for those after them."""
    at = 0
    while at < len(run):
        low, high, end = float("-inf"), float("inf"), at
        while end < len(run):
            left, right = _room(run[end])
            if max(low, left) > min(high, right):
                break
            low, high, end = max(low, left), min(high, right), end + 1
        if end == at:
            at += 1
            continue
        wanted = sorted(spot.x for spot in run[at:end])[(end - at) // 2]
        for spot in run[at:end]:
            spot.x = min(max(wanted, low), high)
        at = end


def _room(spot: Spot) -> tuple[float, float]:
    """How far a spot may move without touching its neighbours in the row."""
    before, after = spot.beside
    low = before.x + (before.width + spot.width) / 2 + GAP_X if before else float("-inf")
    high = after.x - (after.width + spot.width) / 2 - GAP_X if after else float("inf")
    return low - 0.01, high + 0.01


def _settle(row: list[Spot], wanted: Sequence[float]) -> None:
    """The positions closest to those wanted that keep order and distance (isotonic regression)."""
    offset = 0.0
    groups: list[tuple[float, float, int]] = []
    offsets = []
    for n, spot in enumerate(row):
        if n:
            offset += (row[n - 1].width + spot.width) / 2 + GAP_X
        offsets.append(offset)
        weight = 1.0 if spot.node else 4.0 if spot.width <= LANE else 2.0
        total, weights, count = (wanted[n] - offset) * weight, weight, 1
        while groups and groups[-1][0] / groups[-1][1] > total / weights:
            before = groups.pop()
            total, weights, count = total + before[0], weights + before[1], count + before[2]
        groups.append((total, weights, count))
    n = 0
    for total, weights, count in groups:
        for _ in range(count):
            row[n].x = total / weights + offsets[n]
            n += 1
