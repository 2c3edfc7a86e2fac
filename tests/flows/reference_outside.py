"""The part of the model that tells what comes from outside: who hears an event, and what an
interrupt takes back of what connectors were asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.flows.reference_votes import Node, Raw, Votes

Place = tuple[str, int | None]
"""The path of a scope, and its row."""
BRANCHES = ("left", "right", "third")


class Outside(Votes):
    """What a record hears of. What moves it is made elsewhere."""

    def __init__(self, data: Raw, roles: Mapping[str, tuple[int, ...]], deputies: Any) -> None:
        super().__init__(roles, deputies)
        self.data = data
        self.ended: str | None = None
        self.tries: Counter[tuple[Any, ...]] = Counter()
        self.ran: dict[Any, bool] = {}
        """Actions that may have run, and whether that is known."""
        self.later: set[Any] = set()
        """Those that are to be taken back once it is known that they have."""
        self.undone: list[Any] = []
        """What was taken back since this was last looked at."""

    nodes: Callable[[], list[Node]]
    go_to: Callable[[str], None]
    guarded: Callable[..., None]
    leave: Callable[..., None]
    run: Callable[[], None]

    # -- events
    def arrive(self, name: str, rows: frozenset[int], heard: set[Place]) -> set[Place]:
        """Who hears an event that is about some rows (none: all), and has been heard by some."""
        waiting = [
            node
            for node in self.nodes()
            if name in node.now.get("wait", {}).get("for", ())
            and (not rows or node.row is None or node.row in rows)
            and all(apart((node.path, node.row), one) for one in heard)
        ]
        found = {(node.path, node.row) for node in waiting}
        for node in waiting:
            self.guarded(node, lambda node=node: self.leave(node, name))
        one = self.data.get("interrupts", {}).get(name)
        stage = one is not None and self.row.get("stage") in one["in"]
        if one and stage and not waiting and not heard and not self.ended:
            self.go_to(one["to"])
            self.take_back(one)
            found = {("", None)}
        self.run()
        return found

    def awaited(self, name: str, rows: frozenset[int], heard: set[Place]) -> bool:
        """Whether somebody may come to a wait for an event and not have heard it."""
        lines = [line["id"] for line in self.row["lines"]]
        concerned = [row for row in lines if not rows or row in rows]
        for path, steps, in_row in scopes("", self.data["steps"], in_row=False):
            if any(name in step.get("wait", {}).get("for", ()) for step in steps.values()):
                for row in concerned if in_row else [None]:
                    if all(apart((path, row), one) for one in heard):
                        return True
        return False

    # -- what connectors did
    def lasting(self) -> list[Any]:
        """What ran and cannot be taken back."""
        return [key for key in self.ran if not self.reversible(key)]

    def reversible(self, key: Any) -> bool:
        path, _, action, _ = key
        steps = self.data["steps"]
        *around, name = path.split("/")
        while around:
            outer = steps[around.pop(0)]
            each = outer.get("each")
            steps = each["steps"] if each else outer["parallel"]["branches"][around.pop(0)]
        return "undo" in steps[name]["do"][action]

    def take_back(self, interrupt: Raw) -> None:
        """What an interrupt undoes, the last first."""
        if not interrupt.get("undo"):
            return
        for key, known in reversed([*self.ran.items()]):
            if self.reversible(key):
                del self.ran[key]
                self.tries[key[:-1]] += 1
                if known:
                    self.undone.append(key)
                else:
                    self.later.add(key)

    def heard_of(self, key: Any, outcome: str) -> bool:
        """Whether an answer is of what was to be taken back."""
        if key not in self.later:
            return False
        self.later.discard(key)
        if outcome == "done":
            self.undone.append(key)
            self.tries[key[:-1]] += 1
        return True


def apart(one: Place, other: Place) -> bool:
    """For different rows, or in different branches of one step."""
    if None not in (one[1], other[1]) and one[1] != other[1]:
        return True
    for mine, its in zip(one[0].split("/"), other[0].split("/"), strict=False):
        if mine != its:
            return mine in BRANCHES and its in BRANCHES
    return False


def scopes(path: str, steps: Raw, *, in_row: bool) -> Iterator[tuple[str, Raw, bool]]:
    """Every scope: its path, its steps, whether it is of a row."""
    yield path, steps, in_row
    for name, step in steps.items():
        below = f"{path}/{name}" if path else name
        if "each" in step:
            yield from scopes(below, step["each"]["steps"], in_row=True)
        for branch, inner in step.get("parallel", {}).get("branches", {}).items():
            yield from scopes(f"{below}/{branch}", inner, in_row=in_row)
