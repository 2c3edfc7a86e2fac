"""A small model of a record in its flow, written straight from docs/flows.md and the definition:
tokens as a tree, votes counted one by one, timers as a list. It knows nothing of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.flows.play import NOW
from tests.flows.random_definitions import SWITCHES
from tests.flows.reference_outside import Outside
from tests.flows.reference_votes import Clock, Node, Raw, Seat, Stuck

DAY = timedelta(days=1)


class Record(Outside):
    """One record. `row` holds the fields the flow reads and writes; `roles` who is in which."""

    def __init__(
        self,
        data: Raw,
        row: Raw,
        roles: Mapping[str, tuple[int, ...]],
        deputies: Mapping[int, int],
    ) -> None:
        super().__init__(data, roles, deputies)
        self.row = dict(row)
        self.ready: list[tuple[Node, str]] = []
        self.asked: list[tuple[tuple[Any, ...], Any]] = []
        """What connectors were asked for since this was last looked at: where, and which effect."""
        self.time = NOW
        self.top = Node("", data["steps"])
        self.tried: dict[Node, str | None] = {}

    # -- looking
    def nodes(self) -> list[Node]:
        """Every token that has not ended."""
        found = [] if self.ended else [self.top]
        for node in found:
            found.extend(node.kids)
        return found

    def picture(self) -> dict[str, Any]:
        """All there is to compare."""
        nodes = self.nodes()
        return {
            "tokens": Counter(node.place for node in nodes),
            "tasks": Counter(
                (*n.place, t.level, t.seats, t.claimed, t.instead) for n in nodes for t in n.tasks
            ),
            "held": Counter(
                (*n.place, held.seats) for n in nodes for t in n.tasks for held in t.waiting()
            ),
            "timers": Counter((*n.place, c.rule, c.at) for n in nodes for c in n.clocks),
            "trouble": {n.place: n.trouble[0] for n in nodes if n.trouble},
            "stage": self.row.get("stage"),
            "ended": self.ended,
        }

    def find(self, path: str, row: int | None, step: str, visit: int) -> Node | None:
        place = (path, row, step, visit)
        return next((node for node in self.nodes() if node.place == place), None)

    # -- what happens
    def begin(self, time: datetime) -> None:
        self.time = time
        self.ready.append((self.top, next(iter(self.top.steps))))
        self.run()

    def act(self, node: Node, seat: Seat, user: int, name: str) -> bool:
        """Whether the act was allowed."""
        try:
            allowed = super().act(node, seat, user, name)
        except Stuck as stuck:
            node.trouble, allowed = (stuck.code, stuck.outcome), True
        self.run()
        return allowed

    def interrupt(self, name: str, user: int) -> bool:
        """Whether a person could leave the path: while nobody else has decided anything since the
        last sending back, and no action may have run; or where all that has is taken back."""
        found = self.data.get("interrupts", {}).get(name, {})
        if self.ended or self.row.get("stage") not in found.get("in", ()):
            return False
        if not self.pool(found.get("by", [])) & self.principals(user):
            return False
        undo = found.get("undo")
        if self.lasting() if undo else (self.ran or self.dealt - {user}):
            return False
        self.look()
        self.go_to(found["to"])
        self.take_back(found)
        self.run()
        return True

    def go_to(self, step: str) -> None:
        self.close(self.top)
        self.top.trouble = None
        self.ready.append((self.top, step))

    def answer(self, node: Node, action: str, outcome: str) -> None:
        """What came of an action, or of making a record."""
        if node.action != action or (action == "" and node.made):
            return
        self.heard(node.key, outcome)

        def take() -> None:
            if outcome != "done":
                node.action = None
                if outcome not in node.now["next"]:
                    raise Stuck(outcome, outcome)
                self.leave(node, outcome)
            elif action:
                names = [*node.now["do"]]
                after = names[names.index(action) + 1 :]
                node.action = after[0] if after else None
                if after:
                    self.ask(node)
                else:
                    self.leave(node, "done")
            else:
                node.made = True
                if not node.now["start"]["wait"]:
                    self.leave(node, "done")

        self.guarded(node, take)
        self.run()

    def heard(self, key: Any, outcome: str) -> None:
        """What came of an effect, whether or not anybody still waits for it: one that failed is
        another the next time."""
        if outcome != "done":
            self.ran.pop(key, None)
            self.tries[key[:-1]] += 1
        elif key in self.ran:
            self.ran[key] = True

    def heard_late(self, key: Any, outcome: str) -> None:
        """The same, of an action nobody waits for."""
        if self.ran.get(key) is False:
            self.heard(key, outcome)

    def child_ended(self, node: Node, outcome: str) -> None:
        if node.action == "" and node.now["start"]["wait"]:
            node.made = True
            self.tries[node.key[:-1]] += 1
            self.guarded(node, lambda: self.leave(node, outcome))
            self.run()

    def fire(self, node: Node, clock: Clock, time: datetime) -> None:
        self.time = time
        node.clocks.remove(clock)
        due = node.now["due"]
        if clock.rule.startswith("remind/"):
            remind = due["remind"]["soon"]
            if "every" in remind and clock.fired + 1 < remind["max"]:
                at = clock.at + DAY
                while at <= time:
                    at += DAY
                node.clocks.append(Clock(clock.rule, at, clock.fired + 1))
        elif "escalate" in due:
            self.escalate(node, due["escalate"][0]["role"])
        elif "late" in node.now["next"]:
            self.guarded(node, lambda: self.leave(node, "late"))
        self.run()

    def mend(self, node: Node) -> None:
        """Try once more what went wrong."""
        assert node.trouble is not None
        code, outcome = node.trouble
        node.trouble = None
        if code in ("no_exit", "exit_used_up"):
            self.guarded(node, lambda: self.leave(node, outcome, anyway=True))
        elif "do" in node.now:
            node.action = self.tried[node]
            self.ask(node)
        else:
            self.guarded(node, lambda: self.open(node))
        self.run()

    # -- moving
    def run(self) -> None:
        while self.ready and not self.ended:
            node, step = self.ready.pop(0)
            if not node.gone:
                self.guarded(node, lambda node=node, step=step: self.enter(node, step))

    def guarded(self, node: Node, do: Any) -> None:
        try:
            do()
        except Stuck as stuck:
            node.trouble = (stuck.code, stuck.outcome)

    def enter(self, node: Node, step: str) -> None:
        node.step, node.trouble, node.opening = step, None, ""
        node.visits[step] += 1
        self.open(node)

    def open(self, node: Node) -> None:
        raw = node.now
        if "stage" in raw:
            self.row["stage"] = raw["stage"]
        if "level" in raw.get("set", {}):
            self.row["level"] = raw["set"]["level"]
        if "urgent" in raw.get("set", {}):
            value = raw["set"]["urgent"]
            self.row["urgent"] = not self.row["urgent"] if "not" in value else value == "true"
        if "end" in raw:
            self.end(node, raw["end"])
        elif "task" in raw:
            self.clocks(node)
            node.tasks.append(Seat(self.pool(raw["task"]["by"])))
        elif "approve" in raw:
            names = [*raw["approve"]["levels"]]
            if not node.opening:
                self.clocks(node)
            self.levels(node, names[names.index(node.opening) if node.opening else 0 :])
        elif "switch" in raw:
            self.leave(node, self.value(raw["switch"]))
        elif "do" in raw:
            node.action = next(iter(raw["do"]))
            self.ask(node)
        elif "wait" in raw:
            self.clocks(node)
        elif "start" in raw:
            node.action, node.made = "", False
            self.ask(node)
        elif "each" in raw:
            over = raw["each"]["over"]
            rows = [r["id"] for r in self.row["lines"] if over == "lines" or r["good"]]
            below = [Node(node.joined, raw["each"]["steps"], row, node) for row in rows]
            self.spawn(node, below)
        elif "parallel" in raw:
            branches = raw["parallel"]["branches"].items()
            path = node.joined
            self.spawn(node, [Node(f"{path}/{n}", s, node.row, node) for n, s in branches])
        else:
            self.leave(node, "done")

    def spawn(self, node: Node, below: list[Node]) -> None:
        if not below:
            self.leave(node, "done")
            return
        self.clocks(node)
        node.kids, node.done = below, 0
        self.ready += [(kid, next(iter(kid.steps))) for kid in below]

    def ask(self, node: Node) -> None:
        what = (node.joined, node.row, node.action)
        node.key = (*what, self.tries[what])
        self.asked.append(((*node.place, node.action), node.key))
        self.tried[node] = node.action
        if node.action and self.data.get("interrupts"):
            self.ran[node.key] = False

    def clocks(self, node: Node) -> None:
        due = node.now.get("due")
        if due is None:
            return
        at = self.time + int(due["in"][:-1]) * DAY
        node.clocks.append(Clock("due", at))
        for name, remind in due.get("remind", {}).items():
            first = at - DAY if "before" in remind else self.time + DAY
            node.clocks.append(Clock(f"remind/{name}", first))

    def leave(self, node: Node, outcome: str, *, anyway: bool = False) -> None:
        way = node.now["next"].get(outcome)
        if way is None:
            raise Stuck("no_exit", outcome)
        if self.used(node, outcome) and not anyway:
            raise Stuck("exit_used_up", outcome)
        node.counts[f"{node.step}>{outcome}"] += 1
        self.close(node)
        node.trouble = None
        self.ready.append((node, way if isinstance(way, str) else way["to"]))

    def close(self, node: Node) -> None:
        """What a visit leaves behind: nothing."""
        node.tasks, node.clocks, node.queue, node.action = [], [], [], None
        for kid in node.kids:
            self.close(kid)
            kid.gone = True
        node.kids = []

    def end(self, node: Node, outcome: str) -> None:
        node.gone = True
        parent = node.above
        if parent is None:
            self.ended = outcome
            self.ready.clear()
            return
        parent.kids.remove(node)

        def tell() -> None:
            if outcome != "done":
                for kid in parent.kids:
                    self.close(kid)
                    kid.gone = True
                parent.kids = []
                self.leave(parent, outcome)
                return
            parent.done += 1
            join = parent.now.get("parallel", {}).get("join", "all")
            wanted = {"all": None, "any": 1}.get(join, join)
            if not parent.kids or (wanted is not None and parent.done >= wanted):
                self.leave(parent, "done")

        self.guarded(parent, tell)

    # -- values
    def used(self, node: Node, outcome: str) -> bool:
        way = node.now["next"].get(outcome)
        most = way.get("max", 0) if isinstance(way, dict) else 0
        return bool(most) and node.counts[f"{node.step}>{outcome}"] >= most

    def value(self, switch: str) -> str:
        urgent, kind = self.row["urgent"], self.row["kind"]
        if switch == "kind":
            return kind or "none"
        held = urgent or (switch != SWITCHES[0] and kind == "small")
        return "true" if held else "false"
