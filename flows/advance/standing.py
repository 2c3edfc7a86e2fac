"""Votes that stand for others, kept in the token's data while a level is open.

`pairs`: vote → the vote that waits for it; `after`: vote → those to ask behind it, in order;
`stands`: vote → the votes it replaces, which may have stood for others themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.advance.trouble import Refusal
from flows.messages import declined
from flows.state import Task

NAMES = ("pairs", "after", "stands")

Data = dict[str, Any]


def check_voter(at: Mapping[str, Any], task: Task, user: int | None) -> None:
    """Refuse who must not decide, and who has a vote already where this is another one's: they can
    neither cast it nor take it, nor say who else does. Raises Refusal."""
    if user is not None and user in at.get("not", ()):
        raise Refusal(declined("own_approval"))
    if user in at.get("users", ()) and f"user:{user}" not in task.seats:
        raise Refusal(declined("not_yours"))


def weight(at: Mapping[str, Any], task: int) -> int:
    """For how many seats a vote counts."""
    below = at.get("stands", {}).get(str(task))
    return 1 if below is None else sum(weight(at, one) for one in below)


def stood_for(at: Mapping[str, Any], task: int) -> Iterator[int]:
    """A vote and all those it stands for."""
    yield task
    for one in at.get("stands", {}).get(str(task), ()):
        yield from stood_for(at, one)


def replace(at: Data, old: Sequence[int], new: int) -> None:
    """Another vote comes in the place of one or several."""
    if len(old) == 1:
        for name in NAMES:
            if str(old[0]) in at.get(name, {}):
                put(at, name, new, taken(at, name, old[0]))
    else:
        put(at, "stands", new, list(old))


def put(at: Data, name: str, task: int, value: object) -> None:
    """Note something of a vote."""
    at[name] = {**at.get(name, {}), str(task): value}


def taken(at: Data, name: str, task: int) -> Any:
    """What was noted of a vote; it is so no longer. None where nothing was."""
    known = at.get(name)
    if known is None:
        return None
    found = known.get(str(task))
    if found is not None:
        at[name] = {key: one for key, one in known.items() if key != str(task)}
    return found
