"""Timing in turn: A B A B …, the median of each and the median of the pairwise ratios.

Beside the clock on the wall stands the processor time of this process: on a machine that others
use too, it tells what the code costs where the wall tells how long one waited.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Work = Callable[[], object]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Timed:
    """Rounds of each contestant by name, in the order given: seconds a call, on the wall and of
    the processor."""

    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]

    def seconds(self, one: str) -> float:
        """Seconds a call on the wall: the median over the rounds."""
        return statistics.median(self.wall[one])

    def cpu_seconds(self, one: str) -> float:
        """Seconds of processor a call: the median over the rounds."""
        return statistics.median(self.cpu[one])

    def ratio(self, one: str, other: str) -> float:
        """How much of `other`'s time `one` takes: the median of the ratios round by round."""
        return _pairwise(self.wall[one], self.wall[other])

    def cpu_ratio(self, one: str, other: str) -> float:
        """The same of processor time."""
        return _pairwise(self.cpu[one], self.cpu[other])

    def rate(self, one: str) -> float:
        """Calls a second on the wall."""
        return 1 / self.seconds(one)


def _pairwise(ones: list[float], others: list[float]) -> float:
    pairs = [(a, b) for a, b in zip(ones, others, strict=True) if b]
    return statistics.median(a / b for a, b in pairs) if pairs else float("nan")


def in_turn(
    contestants: dict[str, Work], *, calls: int, rounds: int = 7, warm_up: int = 1
) -> Timed:
    """Time each contestant in turn, `calls` calls a round; the warm-up rounds are not counted."""
    return take_turns(
        {name: _repeated(work, calls) for name, work in contestants.items()},
        rounds=rounds,
        warm_up=warm_up,
    )


def take_turns(
    contestants: dict[str, Callable[[], tuple[float, float]]], *, rounds: int, warm_up: int = 1
) -> Timed:
    """Let each contestant measure a round of its own in turn: it gives (wall, processor) seconds
    a call."""
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(warm_up + rounds):
        for name, round_of in contestants.items():
            seconds, processor = round_of()
            if turn >= warm_up:
                wall[name].append(seconds)
                cpu[name].append(processor)
    return Timed(wall, cpu)


def _repeated(work: Work, calls: int) -> Callable[[], tuple[float, float]]:
    def round_of() -> tuple[float, float]:
        gc.collect()
        gc.disable()
        try:
            begin, busy = time.perf_counter(), time.process_time()
            for _ in range(calls):
                work()
            end, spent = time.perf_counter(), time.process_time()
            return (end - begin) / calls, (spent - busy) / calls
        finally:
            gc.enable()

    return round_of


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


def family(pid: int) -> list[int]:
    """A process and all its descendants, from /proc (Linux)."""
    found = [pid]
    for each in found:
        try:
            with open(f"/proc/{each}/task/{each}/children", encoding="ascii") as stream:
                found += [int(word) for word in stream.read().split()]
        except OSError:  # it has ended
            continue
    return found


def processor_seconds(pids: Sequence[int]) -> float:
    """Processor time that processes have used so far: to the nanosecond where the kernel counts
    so (schedstat), else in steps of 10 ms. From /proc (Linux)."""
    return sum(_processor(pid) for pid in pids)


def _processor(pid: int) -> float:
    try:
        nanoseconds = 0
        for task in Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((task / "schedstat").read_text().split()[0])
        if nanoseconds:
            return nanoseconds / 1e9
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    except OSError:  # it has ended
        return 0.0


class Busy:
    """How busy all processors of the machine were in some stretches of time, from /proc/stat."""

    def __init__(self) -> None:
        self._idle = self._all = 0.0

    def during(self, work: Callable[[], T]) -> T:
        """Run the work; its time counts."""
        idle, all_ = _ticks()
        try:
            return work()
        finally:
            idle_now, all_now = _ticks()
            self._idle += idle_now - idle
            self._all += all_now - all_

    @property
    def share(self) -> float:
        """Percent of the processors' time that was not idle."""
        return 100 * (1 - self._idle / self._all) if self._all else 0.0


def _ticks() -> tuple[int, int]:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    numbers = [int(field) for field in fields]
    return numbers[3] + numbers[4], sum(numbers)
