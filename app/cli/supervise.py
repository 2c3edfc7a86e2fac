"""Web and worker as two processes under one roof: started together, stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

GRACE_SECONDS = 20.0
POLL_SECONDS = 0.2


def supervise(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> int:
    """Run the named commands until one ends or a signal asks to stop; then stop them all.

    Each command gets a session of its own, so that Ctrl-C reaches only this process, which passes
    it on as SIGTERM and waits: the worker finishes what it has begun. Returns 0 after a signal,
    and 1 where a command ended by itself.
    """
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    children = {
        name: subprocess.Popen(  # noqa: S603 - our own commands
            list(command), env={**os.environ, **environment}, start_new_session=True
        )
        for name, command in commands.items()
    }
    try:
        ended = _wait(children, stopping)
    finally:
        _stop(children)
        for number, handler in previous.items():
            signal.signal(number, handler)
    if ended:
        print(f"{ended} ended by itself; everything was stopped.", file=sys.stderr)
        return 1
    return 0


def _wait(children: Mapping[str, subprocess.Popen[bytes]], stopping: Sequence[int]) -> str:
    while not stopping:
        for name, child in children.items():
            if child.poll() is not None and not stopping:
                return name
        time.sleep(POLL_SECONDS)
    return ""


def _stop(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children.values():
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
