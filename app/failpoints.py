"""Named points where a test can have this process die or stand still, to see what survives.

RETURNFLOW_FAILPOINT=<name>[:kill|:stop] is read once; nobody sets it but the crash matrix.
"""

from __future__ import annotations

import os
import signal

NAMES = (
    *("record.written", "record.committed"),
    *("outbox.claimed", "call.begun", "call.returned", "call.settled"),
    *("event.fanned", "start.made", "ended.told", "timer.found", "timer.fired"),
    *("notify.sent", "incoming.stored", "incoming.matched"),
)
"""Where they are: a transition before and after its commit; an effect claimed, about to leave, come
back, finished; an event split up; a record started; its end told; a timer found and fired; a
message sent; an event from outside stored and handed on."""

_wanted, _, _how = os.environ.get("RETURNFLOW_FAILPOINT", "").partition(":")


def reach(name: str) -> None:
    """Die, or stand still until told to go on, where a test asked for it at this point."""
    if name == _wanted:
        os.kill(os.getpid(), signal.SIGSTOP if _how == "stop" else signal.SIGKILL)
