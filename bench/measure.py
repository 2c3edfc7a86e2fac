"""Timing in turn: A B A B …, the median of each and the median of the pairwise ratios."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds per call of each contestant (medians over rounds) by name, in the order given."""

    seconds: dict[str, float]
    rounds: dict[str, list[float]]

    def ratio(self, one: str, other: str) -> float:
        """How much of `other`'s time `one` takes: the median of the ratios round by round."""
        pairs = zip(self.rounds[one], self.rounds[other], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def rate(self, one: str) -> float:
        """Calls a second."""
        return 1 / self.seconds[one]


def in_turn(
    contestants: dict[str, Work], *, calls: int, rounds: int = 7, warm_up: int = 1
) -> Timed:
    """Time each contestant in turn, `calls` calls a round; the warm-up rounds are not counted."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(warm_up + rounds):
        for name, work in contestants.items():
            seconds = _time(work, calls)
            if turn >= warm_up:
                taken[name].append(seconds)
    return Timed({name: statistics.median(found) for name, found in taken.items()}, taken)


def _time(work: Work, calls: int) -> float:
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        for _ in range(calls):
            work()
        return (time.perf_counter() - begin) / calls
    finally:
        gc.enable()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def resident_mib(pid: int) -> float:
    """Resident memory of a process in MiB, from /proc (Linux)."""
    with open(f"/proc/{pid}/status", encoding="ascii") as stream:
        for line in stream:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no VmRSS")
