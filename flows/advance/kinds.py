"""What entering a step does, by its kind."""

from __future__ import annotations

from collections.abc import Mapping

from flows.advance import approve, effects, machines, scopes, starts, task, waits
from flows.advance.moves import Enter

KINDS: Mapping[str, Enter] = {
    "task": task.enter,
    "approve": approve.enter,
    "decide": machines.enter_decide,
    "switch": machines.enter_switch,
    "set": machines.enter_set,
    "do": effects.enter,
    "wait": waits.enter,
    "each": scopes.enter_each,
    "parallel": scopes.enter_parallel,
    "start": starts.enter,
    "end": machines.enter_end,
}
