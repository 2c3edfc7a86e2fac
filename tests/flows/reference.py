"""A small model of a record in its flow, written straight from docs/flows.md and the definition:
tokens as a tree, votes counted one by one, timers as a list. It knows nothing of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.flows.play import NOW
from tests.flows.random_definitions import SWITCHES

Raw = Mapping[str, Any]
DAY = timedelta(days=1)


@dataclass(eq=False)
class Seat:
    """An open task, or one approver's vote. `counts`: for how many approvers it stands."""

    seats: frozenset[str]
    level: str = ""
    counts: int = 1


@dataclass(eq=False)
class Clock:
    """A timer that is set."""

    rule: str
    at: datetime
    fired: int = 0


@dataclass(eq=False)
class Node:
    """A token. `path`: of its scope; `steps`: the definition of its steps."""

    path: str
    steps: Raw
    row: int | None = None
    above: Node | None = None
    step: str = ""
    visits: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    kids: list[Node] = field(default_factory=list)
    done: int = 0
    tasks: list[Seat] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)
    votes: list[str] = field(default_factory=list)
    voters: int = 0
    having: set[int] = field(default_factory=set)
    """Who has a vote, or had one."""
    action: str | None = None
    """What is asked of a connector: an action, "" for a record to be made, None: nothing."""
    made: bool = False
    trouble: tuple[str, str] | None = None
    gone: bool = False

    @property
    def place(self) -> tuple[str, int | None, str, int]:
        return self.path, self.row, self.step, self.visits[self.step]

    @property
    def now(self) -> Raw:
        found: Raw = self.steps[self.step]
        return found


class Stuck(Exception):
    """A token cannot go on."""

    def __init__(self, code: str, outcome: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.outcome = outcome


class Record:
    """One record. `row` holds the fields the flow reads and writes; `roles` who is in which."""

    def __init__(self, data: Raw, row: Raw, roles: Mapping[str, tuple[int, ...]]) -> None:
        self.data = data
        self.row = dict(row)
        self.roles = roles
        self.ready: list[tuple[Node, str]] = []
        self.asked: Counter[tuple[Any, ...]] = Counter()
        self.ended: str | None = None
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
            "tasks": Counter((*n.place, t.level, t.seats) for n in nodes for t in n.tasks),
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
        raw, exits = node.now, node.now["next"]
        if not seat.seats & self.principals(user):
            return False
        if "task" in raw:
            if name == "late" or name not in exits or self.used(node, name):
                return False
            self.guarded(node, lambda: self.leave(node, name))
        else:
            if name not in ("approved", "rejected", "sent_back") or name not in exits:
                return False
            if self.used(node, name):
                return False
            if user in node.having and f"user:{user}" not in seat.seats:
                return False
            self.guarded(node, lambda: self.vote(node, seat, name, user))
        self.run()
        return True

    def vote(self, node: Node, seat: Seat, name: str, user: int) -> None:
        node.tasks.remove(seat)
        if name == "sent_back":
            self.leave(node, name)
            return
        node.votes += [name] * seat.counts
        node.having.add(user)
        level = node.now["approve"]["levels"][seat.level]
        passed, failed = node.votes.count("approved"), node.votes.count("rejected")
        agreed = self.agreed(level["need"], node.voters, passed, failed)
        if agreed is None:
            if node.queue and not node.tasks:
                user = node.queue.pop(0)
                node.tasks.append(Seat(frozenset({f"user:{user}"}), seat.level))
            return
        node.tasks.clear()
        if agreed:
            names = [*node.now["approve"]["levels"]]
            self.levels(node, names[names.index(seat.level) + 1 :])
        else:
            self.leave(node, "rejected")

    @staticmethod
    def agreed(need: str | int, voters: int, passed: int, failed: int) -> bool | None:
        """What the votes come to; None: not decided."""
        left = voters - passed - failed
        if need == "first":
            return None if not passed + failed else bool(passed)
        if need == "all":
            return False if failed else True if not left else None
        if need == "one":
            wanted = 1
        elif isinstance(need, int):
            wanted = need
        else:
            wanted = next(n for n in range(voters + 1) if n * 100 >= voters * int(need[:-1]))
        if passed >= wanted:
            return True
        return False if passed + left < wanted else None

    def answer(self, node: Node, action: str, outcome: str) -> None:
        """What came of an action, or of making a record."""
        if node.action != action or (action == "" and node.made):
            return

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

    def child_ended(self, node: Node, outcome: str) -> None:
        if node.action == "" and node.now["start"]["wait"]:
            node.made = True
            self.guarded(node, lambda: self.leave(node, outcome))
            self.run()

    def arrive(self, name: str) -> None:
        waiting = [n for n in self.nodes() if name in n.now.get("wait", {}).get("for", ())]
        for node in waiting:
            self.guarded(node, lambda node=node: self.leave(node, name))  # type: ignore[misc]
        found = self.data.get("interrupts", {}).get(name)
        if not waiting and found and not self.ended and self.row.get("stage") in found["in"]:
            self.close(self.top)
            self.top.trouble = None
            self.ready.append((self.top, found["to"]))
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

    def escalate(self, node: Node, role: str) -> None:
        """All that is open goes to a role as one; votes only where somebody there can cast them."""
        owners = {int(seat[5:]) for one in node.tasks for seat in one.seats if seat[:5] == "user:"}
        able = set(self.roles[role]) - (node.having - owners)
        if "approve" in node.now:
            if "exclude" in node.now["approve"]:
                able.discard(1)
            if not able:
                return
            node.having -= owners
        counts = sum(one.counts for one in node.tasks)
        if node.tasks:
            node.tasks = [Seat(frozenset({f"role:{role}"}), node.tasks[0].level, counts)]

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
                self.guarded(node, lambda node=node, step=step: self.enter(node, step))  # type: ignore[misc]

    def guarded(self, node: Node, do: Any) -> None:
        try:
            do()
        except Stuck as stuck:
            node.trouble = (stuck.code, stuck.outcome)

    def enter(self, node: Node, step: str) -> None:
        node.step, node.trouble = step, None
        node.visits[step] += 1
        self.open(node)

    def open(self, node: Node) -> None:
        raw = node.now
        if "stage" in raw:
            self.row["stage"] = raw["stage"]
        if "urgent" in raw.get("set", {}):
            value = raw["set"]["urgent"]
            self.row["urgent"] = not self.row["urgent"] if "not" in value else value == "true"
        if "end" in raw:
            self.end(node, raw["end"])
        elif "task" in raw:
            self.clocks(node)
            node.tasks.append(Seat(self.pool(raw["task"]["by"])))
        elif "approve" in raw:
            self.clocks(node)
            self.levels(node, [*raw["approve"]["levels"]])
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
            below = [Node(self.joined(node), raw["each"]["steps"], row, node) for row in rows]
            self.spawn(node, below)
        elif "parallel" in raw:
            branches = raw["parallel"]["branches"].items()
            path = self.joined(node)
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

    def levels(self, node: Node, names: list[str]) -> None:
        approve = node.now["approve"]
        barred = {1} if "exclude" in approve else set()
        for name in names:
            level = approve["levels"][name]
            if "when" in level and not self.row["urgent"]:
                continue
            users = [u for who in level["by"] for u in self.roles[who["role"]] if u not in barred]
            admins = [user for user in self.roles["admin"] if user not in barred]
            users = list(dict.fromkeys(users)) or admins
            if isinstance(level["need"], int) and len(users) < level["need"]:
                users = list(dict.fromkeys([*users, *admins]))
                if len(users) < level["need"]:
                    raise Stuck("too_few_approvers")
            node.votes, node.voters, node.queue = [], len(users), []
            node.having = set(users)
            if level["in_order"]:
                users, node.queue = users[:1], users[1:]
            node.tasks = [Seat(frozenset({f"user:{user}"}), name) for user in users]
            return
        self.leave(node, "approved")

    def ask(self, node: Node) -> None:
        self.asked[(*node.place, node.action)] += 1
        self.tried[node] = node.action

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

    def joined(self, node: Node) -> str:
        return f"{node.path}/{node.step}" if node.path else node.step

    def pool(self, by: list[Raw]) -> frozenset[str]:
        return frozenset(f"role:{who['role']}" for who in by)

    def principals(self, user: int) -> frozenset[str]:
        held = {f"role:{role}" for role, users in self.roles.items() if user in users}
        return frozenset({f"user:{user}", *held})

    def value(self, switch: str) -> str:
        urgent, kind = self.row["urgent"], self.row["kind"]
        if switch == "kind":
            return kind or "none"
        held = urgent or (switch != SWITCHES[0] and kind == "small")
        return "true" if held else "false"
