"""What a process tells Python and the system about itself: how urgent it is, and what will stay.

Servers call `tune_process` when they start; work in the background calls `step_aside`.
"""

from __future__ import annotations

import gc
import os
import sys

STEP = 10
"""How much nicer (in the sense of nice(1)) background processes are than the web's."""


class _Heap:
    """What Python's collector need not look at again."""

    def __init__(self) -> None:
        self.serving = False
        self.stale = False


_heap = _Heap()


def step_aside() -> None:
    """Give this process and its children a lower priority, where the system knows such a thing.

    On a machine whose processors are all busy an import or the worker then takes what the web
    processes leave: people wait for pages, nobody waits for a sweep.
    """
    if hasattr(os, "nice"):
        os.nice(STEP)


def tune_process() -> None:
    """Make a process answer soon: call it where a server starts.

    A thread that writes gets the interpreter back soon (0.5 ms instead of 5): a thread busy with
    Python otherwise slows every statement of its neighbours. And `settle` from now on keeps the
    definitions out of the collector's way.
    """
    sys.setswitchinterval(0.0005)
    _heap.serving = True


def settle() -> None:
    """A release was loaded, and stays: the collector does not go through it again.

    A release is a hundred thousand objects. Going through all of them takes a tenth of a second in
    which every thread waits, in the middle of somebody's request. What was replaced since the last
    time is thrown away first.
    """
    if not _heap.serving:
        return
    if _heap.stale:
        _heap.stale = False
        gc.unfreeze()
    gc.collect()
    gc.freeze()


def replaced() -> None:
    """A release that was loaded is not used any more: the next `settle` lets go of it."""
    _heap.stale = True
