"""The part of the small model that is about people: whose a task is, what votes come to, and who
need not be asked. Written from docs/flows.md and the definition; it knows nothing of the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Raw = Mapping[str, Any]

WATCHED = ("urgent", "level")
"""The fields that random flows change; approvers see them all and write none."""


@dataclass(eq=False)
class Seat:
    """A task, or one approver's vote.

    `parts`: for what its yes stands, one for every approver it counts for: None, or the vote that
    is to be cast before that counts. `held`: it waits for another; `added`: by an approver.
    """

    seats: frozenset[str]
    level: str = ""
    parts: list[Seat | None] = field(default_factory=lambda: [None])
    claimed: int | None = None
    instead: int | None = None
    added: bool = False
    held: bool = False

    @property
    def counts(self) -> int:
        """For how many approvers it stands."""
        return sum(1 if part is None else part.counts for part in self.parts)

    def waiting(self) -> Iterator[Seat]:
        """The votes that wait for it."""
        for part in self.parts:
            if part is not None:
                yield from [part] if part.held else []
                yield from part.waiting()


@dataclass(eq=False)
class Clock:
    """A timer that is set."""

    rule: str
    at: datetime
    fired: int = 0


@dataclass
class Decided:
    """The last decision of a step or a level. `users`: all who agreed to it."""

    number: int
    outcome: str
    users: list[int]
    row: int | None


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
    queue: list[Seat] = field(default_factory=list)
    opening: str = ""
    """The level it was last about to open at this visit."""
    votes: list[str] = field(default_factory=list)
    voters: int = 0
    agreeing: list[int] = field(default_factory=list)
    having: set[int] = field(default_factory=set)
    """Who has a vote, or had one."""
    action: str | None = None
    """What is asked of a connector: an action, "" for a record to be made, None: nothing."""
    key: Any = None
    """Which effect it waits for."""
    made: bool = False
    trouble: tuple[str, str] | None = None
    gone: bool = False

    @property
    def place(self) -> tuple[str, int | None, str, int]:
        return self.path, self.row, self.step, self.visits[self.step]

    @property
    def joined(self) -> str:
        return f"{self.path}/{self.step}" if self.path else self.step

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


class Votes:
    """What people do. `roles`: who is in which; `deputies`: who stands in for whom."""

    def __init__(self, roles: Mapping[str, tuple[int, ...]], deputies: Mapping[int, int]) -> None:
        self.roles = roles
        self.deputies = deputies
        self.row: dict[str, Any] = {}
        self.number = 0
        self.since = 0
        self.decided: dict[str, Decided] = {}
        self.dealt: set[int] = set()
        """Who has decided anything since something was last sent back."""
        self.seen: dict[str, Any] | None = None
        self.moved: dict[str, int] = {}

    def leave(self, node: Node, outcome: str) -> None:
        raise NotImplementedError

    def used(self, node: Node, outcome: str) -> bool:
        raise NotImplementedError

    # -- whose it is
    def principals(self, user: int) -> frozenset[str]:
        held = {f"role:{role}" for role, users in self.roles.items() if user in users}
        return frozenset({f"user:{user}", *held})

    def pool(self, by: list[Raw]) -> frozenset[str]:
        return frozenset(f"role:{who['role']}" for who in by)

    def barred(self, node: Node) -> set[int]:
        return {1} if "exclude" in node.now.get("approve", ()) else set()

    def may(self, node: Node, seat: Seat, user: int) -> bool:
        """Whether a task is one's own, and a vote one that this person may cast."""
        if seat.claimed is not None:
            mine = seat.claimed == user
        else:
            mine = bool(seat.seats & self.principals(user))
        if not mine or "approve" not in node.now:
            return mine
        twice = user in node.having and f"user:{user}" not in seat.seats
        return not twice and user not in self.barred(node)

    def claim(self, node: Node, seat: Seat, user: int, *, back: bool) -> bool:
        """Whether it could be taken, or given back."""
        if back:
            if seat.claimed != user:
                return False
            seat.claimed = None
            return True
        if not self.may(node, seat, user) or seat.claimed == user:
            return False
        seat.claimed = user
        return True

    def new(self, node: Node, seat: Seat, user: int, other: int) -> bool:
        """Whether another may be asked: nobody twice, nor who must not decide."""
        others = [one for open_ in node.tasks for one in (open_, *open_.waiting())]
        pooled = any(one.seats & self.principals(other) for one in others if one is not seat)
        return not (other == user or other in node.having or pooled or other in self.barred(node))

    def transfer(self, node: Node, seat: Seat, user: int, other: int) -> bool:
        """Whether the vote could be given to another."""
        if "transfer" not in node.now.get("approve", {}).get("allow", ()):
            return False
        if not self.may(node, seat, user) or not self.new(node, seat, user, other):
            return False
        node.having -= {int(one[5:]) for one in seat.seats if one.startswith("user:")}
        node.having.add(other)
        self.swap(node, seat, Seat(user_seat(other), seat.level, seat.parts, added=seat.added))
        return True

    def add(self, node: Node, seat: Seat, user: int, other: int, how: str) -> bool:
        """Whether another could be asked as well."""
        if "add" not in node.now.get("approve", {}).get("allow", ()) or seat.added:
            return False
        if not self.may(node, seat, user) or not self.new(node, seat, user, other):
            return False
        node.having.add(other)
        made = Seat(user_seat(other), seat.level, added=True)
        if how == "parallel":
            node.voters += 1
            node.tasks.append(made)
        elif how == "before":
            seat.held, made.parts = True, [seat]
            self.swap(node, seat, made)
        else:
            last = seat
            while len(last.parts) == 1 and last.parts[0] is not None and not last.parts[0].held:
                last = last.parts[0]  # behind whoever is to be asked behind it already
            made.parts, last.parts = last.parts, [made]
        return True

    @staticmethod
    def swap(node: Node, old: Seat, new: Seat) -> None:
        node.tasks[node.tasks.index(old)] = new

    # -- decisions
    def look(self) -> None:
        """See what has changed since this was last asked."""
        now = {name: self.row.get(name) for name in WATCHED}
        for name in WATCHED:
            if self.seen is not None and self.seen[name] != now[name]:
                self.moved[name] = self.number + 1
        self.seen = now

    def decide(self, node: Node, where: str, outcome: str, users: list[int]) -> None:
        self.number += 1
        self.decided[where] = Decided(self.number, outcome, users, node.row)

    def act(self, node: Node, seat: Seat, user: int, name: str) -> bool:
        """Whether the act was allowed. Raises Stuck where it leads nowhere."""
        exits = node.now["next"]
        if not self.may(node, seat, user) or name not in exits or self.used(node, name):
            return False
        if "task" in node.now:
            if name == "late" or (node.now["task"].get("claim") and seat.claimed is None):
                return False
            self.look()
            self.dealt.add(user)
            self.decide(node, node.joined, name, [user])
            self.leave(node, name)
        else:
            if name not in ("approved", "rejected", "sent_back"):
                return False
            self.look()
            self.vote(node, seat, name, user)
        return True

    def vote(self, node: Node, seat: Seat, name: str, user: int) -> None:
        where = f"{node.joined}.{seat.level}"
        node.tasks.remove(seat)
        if name == "sent_back":
            self.decide(node, where, name, [user])
            self.since = self.number
            self.dealt.clear()
            self.leave(node, name)
            return
        self.dealt.add(user)
        node.having.add(user)
        if name == "rejected":
            node.votes += [name] * seat.counts
        else:
            node.agreeing.append(user)
            for part in seat.parts:
                if part is None:
                    node.votes.append(name)
                else:
                    part.held = False
                    node.tasks.append(part)
        level = node.now["approve"]["levels"][seat.level]
        passed, failed = node.votes.count("approved"), node.votes.count("rejected")
        agreed = self.agreed(level["need"], node.voters, passed, failed)
        if agreed is None:
            if node.queue and not node.tasks:
                node.tasks.append(node.queue.pop(0))
            return
        node.tasks.clear()
        if agreed:
            self.decide(node, where, "approved", node.agreeing)
            names = [*node.now["approve"]["levels"]]
            self.levels(node, names[names.index(seat.level) + 1 :])
        else:
            self.decide(node, where, "rejected", [user])
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

    # -- who is asked
    def levels(self, node: Node, names: list[str]) -> None:
        approve, barred = node.now["approve"], self.barred(node)
        for name in names:
            node.opening = name
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
            self.look()
            asked = self.stand_ins(approve, users, barred)
            skipped = [user for user in asked if self.needless(node, approve, user)]
            node.voters, node.having = len(asked), {*asked}
            node.agreeing, node.votes = skipped, ["approved"] * len(skipped)
            if skipped and self.agreed(level["need"], len(asked), len(skipped), 0):
                continue
            seats = [
                Seat(user_seat(user), name, instead=of)
                for user, of in asked.items()
                if user not in skipped
            ]
            node.tasks, node.queue = (seats[:1], seats[1:]) if level["in_order"] else (seats, [])
            return
        self.leave(node, "approved")

    def stand_ins(self, approve: Raw, users: list[int], barred: set[int]) -> dict[int, int | None]:
        """Who is asked, and instead of whom."""
        found: dict[int, int | None] = {}
        deputies = self.deputies if "delegate" in approve.get("allow", ()) else {}
        for user in users:
            deputy = deputies.get(user)
            if deputy is None or deputy in barred or deputy in users or deputy in found:
                found[user] = None
            else:
                found[deputy] = user
        return found

    def needless(self, node: Node, approve: Raw, user: int) -> bool:
        """Whether an approver has decided enough already: on the same rows, nothing of it changed,
        and nothing sent back since."""
        rules = approve.get("skip", ())
        known = sorted(self.decided.values(), key=lambda one: one.number)
        held = [one for one in known if "already_approved" in rules and one.outcome == "approved"]
        held += known[-1:] if "same_as_previous" in rules else []
        return any(
            user in one.users
            and one.row in (None, node.row)
            and one.number > self.since
            and one.outcome not in ("rejected", "sent_back")
            and all(self.moved.get(name, 0) <= one.number for name in WATCHED)
            for one in held
        )

    def escalate(self, node: Node, role: str) -> None:
        """All that is open goes to a role as one; votes only where somebody there can cast them."""
        owners = {int(seat[5:]) for one in node.tasks for seat in one.seats if seat[:5] == "user:"}
        if "approve" in node.now:
            if not set(self.roles[role]) - (node.having - owners) - self.barred(node):
                return
            node.having -= owners
        parts = [part for one in node.tasks for part in one.parts]
        if node.tasks:
            pool = frozenset({f"role:{role}"})
            node.tasks = [Seat(pool, node.tasks[0].level, parts)]


def user_seat(user: int) -> frozenset[str]:
    return frozenset({f"user:{user}"})
