"""Random flows over one small form, made as compiled objects: every step kind, scopes inside
scopes, and now and then something that is wrong."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.model import (
    Action,
    Approve,
    Body,
    Decide,
    Do,
    Due,
    Duration,
    Each,
    End,
    Exit,
    Flow,
    Interrupt,
    Level,
    Parallel,
    Reading,
    Scope,
    Setting,
    Stage,
    Start,
    Step,
    Switch,
    Task,
    Wait,
    Who,
)
from flows.soundness import World
from forms.compile import compile_form
from forms.compile_library import StaticLibrary
from forms.expr import INTEGER, USER, compile_expr, link
from forms.expr import Scope as Names
from forms.signature import signature
from forms.values import Text

FORM = "case"
OPTIONAL = ("a", "b", "c", "k")
"""Fields that may be empty; `r` and the column `q` are required, `d` is a + b."""
SEALED = ("s", "h")
"""Fields that may be empty and only the flow fills: `s` is read-only, `h` is never visible."""

_DEFINITION: dict[str, Any] = {
    "form": FORM,
    "fields": {
        "a": {"type": "integer"},
        "b": {"type": "integer"},
        "c": {"type": "integer"},
        "k": {"type": "choice", "options": ["u", "v"]},
        "r": {"type": "integer", "required": True},
        "d": {"type": "integer", "formula": "a + b"},
        "s": {"type": "integer", "readonly": True},
        "h": {"type": "integer", "visible": False},
        "lines": {
            "type": "lines",
            "fields": {"x": {"type": "integer"}, "q": {"type": "integer", "required": True}},
        },
    },
}
LIBRARY = StaticLibrary({FORM: signature(FORM, _DEFINITION)})
_FORM, _PROBLEMS = compile_form(FORM, _DEFINITION, LIBRARY)
assert _FORM is not None, _PROBLEMS
SHAPE = _FORM

_CONDITIONS = (
    *("a > 5", "b > 5", "c > 5", "a > b", "d > 5", "r > 5", "is_empty(a)", "not is_empty(b)"),
    *("coalesce(a, 0) > 5", "coalesce(a, b) > 5", "a == 1", "a == 1 and b > 5", "c == 1 or a > 5"),
    *("not is_empty(c) and c > 5", "if(is_empty(a), 0, a) > 5", "if(b > 5, a, c) > 5", "k"),
)
_IN_ROWS = ("line.x > 5", "is_empty(line.x)", "line.q > 5", "line.x > a", "line.x == 1")
_VALUES = ("1", "9", "null", "a", "b", "c", "r", "coalesce(b, c)", "d")
_ROW_VALUES = ("1", "null", "line.q", "a")


def _names(row: bool = False) -> Names:
    names = {**(LIBRARY.fields_of(FORM) or {}), "this": link(FORM), "me": USER}
    if row:
        names["line"] = link(f"{FORM}.lines")
    return Names(names, None, None, LIBRARY, 3)


CONDITIONS = [compile_expr(source, _names()) for source in _CONDITIONS]
ROW_CONDITIONS = [compile_expr(source, _names(row=True)) for source in _IN_ROWS]
R_IS_LARGE = compile_expr("r > 5", _names())
ONE = compile_expr("1", _names(), INTEGER)
VALUES = [compile_expr(source, _names(), INTEGER) for source in _VALUES]
ROW_VALUES = [compile_expr(source, _names(row=True), INTEGER) for source in _ROW_VALUES]
WHERE = compile_expr(
    "x == 1",
    Names(LIBRARY.fields_of(f"{FORM}.lines") or {}, LIBRARY.fields_of(FORM), None, LIBRARY),
)

MONEY = "pay.give"
"""The action that moves money."""

_WHO = (Who("role", "clerk"),)
_NAMED = [Who("user", expr.source, expr) for expr in VALUES if expr.source != "null"]
"""Whoever a field names; that it holds a number does not matter to whether it does."""
_DUE = Due(Duration(((1, "d"),)), None, True, {}, ())
_SENT_ON = Due(Duration(((1, "d"),)), None, True, {}, _WHO)


@dataclass(frozen=True)
class Spec:
    fails: tuple[str, ...] = ("declined",)
    gives: Mapping[str, object] = field(default_factory=lambda: {"ref": "integer"})
    arguments: Mapping[str, object] = field(default_factory=dict)
    money: bool = False


@dataclass(frozen=True)
class Pay:
    actions: Mapping[str, Spec] = field(
        default_factory=lambda: {"go": Spec(), "give": Spec(money=True)}
    )
    events: Mapping[str, object] = field(default_factory=lambda: {"came": {}, "lost": {}})


WORLD = World(
    forms={FORM: SHAPE},
    capabilities={"pay": Pay()},
    ends={"child": frozenset({"good", "bad"})},
)


@dataclass(frozen=True)
class Rule:
    then: Mapping[str, object]


@dataclass(frozen=True)
class Edition:
    rules: tuple[Rule, ...]
    otherwise: Rule | None


@dataclass(frozen=True)
class Output:
    record: bool = True
    line: bool = False
    fold: object = None


@dataclass(frozen=True)
class Judge:
    """A policy as far as a flow's shape shows: its outcomes, and what it writes."""

    outputs: Mapping[str, Output]
    editions: tuple[Edition, ...]
    branches: tuple[str, ...] = ("u", "v")
    id: str = "judge"
    branch: str = "k"
    lines: str = ""


SURE = Judge({"c": Output()}, (Edition((Rule({"c": 1}),), Rule({"c": 2})),))
UNSURE = Judge({"c": Output()}, (Edition((Rule({"c": None}),), Rule({"c": 2})),))


class Maker:
    """Makes one flow. `size`: at most so many steps a scope, ends apart; `deep`: scopes inside."""

    def __init__(self, rng: random.Random, size: int, stages: tuple[str, ...]) -> None:
        self.rng = rng
        self.stages = stages
        self.size = size
        self.steps: dict[str, Step] = {}
        self.scopes: dict[str, Scope] = {}

    def flow(self, deep: int) -> Flow:
        top = self.scope("", deep, in_row=False)
        interrupts = {}
        for name, by in (("stop", _WHO), ("pay.void", ())):
            if self.rng.random() < 0.2:
                held = frozenset(self.rng.sample(["one", "two"], self.rng.randint(1, 2)))
                target, undo = self.rng.choice([*top.steps]), self.rng.random() < 0.4
                interrupts[name] = Interrupt(name, Text(), by, held, target, undo)
        return Flow(
            form=FORM,
            label=Text(),
            calendar="",
            stages={name: Stage(name, Text()) for name in ("one", "two")},
            slas={},
            interrupts=interrupts,
            scopes=self.scopes,
            steps=self.steps,
            shape=SHAPE,
            reading=Reading(),
        )

    def scope(self, path: str, deep: int, *, in_row: bool) -> Scope:
        rng = self.rng
        ids = [f"s{i}" for i in range(rng.randint(1, self.size if not path else 2))]
        ends = ["e0", *(["e1"] if rng.random() < 0.3 else [])]
        steps: dict[str, Step] = {}
        for index, name in enumerate(ids):
            here = f"{path}/{name}" if path else name
            body = self.body(here, deep, in_row, first=not path and not index)
            ahead = [*ids[index + 1 :], *ends]
            steps[name] = self.step(here, name, body, self.exits(body, ids, ahead), in_row)
        for index, name in enumerate(ends):
            here = f"{path}/{name}" if path else name
            end = End("done" if index == 0 and rng.random() < 0.9 else "cut")
            steps[name] = self.step(here, name, end, {}, in_row)
        made = self.scopes[path] = Scope(path, ids[0], steps)
        return made

    def step(self, path: str, name: str, body: Body, exits: dict[str, Exit], in_row: bool) -> Step:
        rng = self.rng
        due = None
        if "late" in exits:
            due = _SENT_ON if rng.random() < 0.1 else _DUE
        made = self.steps[path] = Step(
            id=name,
            path=path,
            kind=type(body).__name__.lower(),
            label=Text(),
            stage="" if "/" in path else rng.choice(self.stages),
            sets=self.sets(in_row) if rng.random() < 0.3 else (),
            due=due,
            exits=exits,
            body=body,
            at=("steps", *path.split("/")),
        )
        return made

    def sets(self, in_row: bool) -> tuple[Setting, ...]:
        rng = self.rng
        if in_row and rng.random() < 0.5:
            return (Setting(("lines", "x"), rng.choice(ROW_VALUES), current=True),)
        if rng.random() < 0.2:
            return (Setting(("lines", "x"), rng.choice(VALUES[:3])),)
        return (Setting((rng.choice(["a", "b", "c", "s", "h"]),), rng.choice(VALUES)),)

    def exits(self, body: Body, ids: list[str], ahead: list[str]) -> dict[str, Exit]:
        rng = self.rng
        found: dict[str, Exit] = {}
        for outcome in self.outcomes(body):
            if rng.random() < 0.04:
                continue
            back = rng.random() < 0.25
            target = rng.choice(ids if back else ahead)
            bound = rng.randint(1, 2) if rng.random() < (0.7 if back else 0.1) else 0
            found[outcome] = Exit(outcome, target, bound)
        lone = not found or (isinstance(body, Approve | Task) and rng.random() < 0.04)
        return {"*": Exit("*", ahead[0])} if lone else found

    def outcomes(self, body: Body) -> list[str]:
        rng = self.rng
        late = ["late"] if rng.random() < 0.25 else []
        some = rng.random() < 0.4
        match body:
            case Task():
                return ["go", *["other"][:some], *late]
            case Approve():
                return ["approved", "rejected", *["sent_back"][:some], *late]
            case Decide():
                return ["u", "v"]
            case Switch():
                return ["u", "v"] if body.on.type.kind == "choice" else ["true", "false"]
            case Do():
                return ["done", *["failed.declined"][:some]]
            case Wait():
                return [*(body.events or ("until",)), *late]
            case Each() | Parallel():
                return ["done", *["cut"][:some], *late]
            case Start():
                return ["good", "bad"] if body.wait else ["done"]
        return ["done"]

    def body(self, path: str, deep: int, in_row: bool, *, first: bool) -> Body:
        rng = self.rng
        kinds = ["task"] * 5 + ["switch"] * 5 + ["approve", "decide", "do", "wait", "start"]
        if deep:
            kinds += ["parallel"] * 3 + ["each"] * (0 if in_row else 3)
        match rng.choice(kinds):
            case "task":
                opened = tuple(rng.sample(OPTIONAL, rng.randint(0, 1)))
                needed = tuple(rng.sample(OPTIONAL, rng.choice([0, 0, 1])))
                if in_row and rng.random() < 0.5:
                    needed = ("lines.x",)
                elif rng.random() < 0.1 and not first:
                    opened = ("*",)
                if rng.random() < 0.1:
                    needed = (*needed, rng.choice(SEALED))
                by = _WHO
                if rng.random() < 0.2:
                    by = tuple(rng.sample(_NAMED, rng.choice([1, 1, 2])))
                return Task(by, opened, needed)
            case "approve":
                levels = {"one": Level("one", Text(), _WHO)}
                if rng.random() < 0.4:
                    needed = (rng.choice(OPTIONAL),)
                    when = rng.choice([None, R_IS_LARGE])
                    levels["two"] = Level("two", Text(), _WHO, when=when, require=needed)
                again = "jump_back" if rng.random() < 0.3 else "replay"
                return Approve(levels, _WHO, resubmit=again)
            case "decide":
                return Decide((rng.choice([SURE, UNSURE]),))  # type: ignore[arg-type]
            case "do":
                save = {(rng.choice(["a", "b"]),): "ref"}
                names = ["go", "more"][: rng.choice([1, 1, 2])]
                return Do(
                    {name: self.action(name, {} if n else save) for n, name in enumerate(names)}
                )
            case "wait":
                if rng.random() < 0.5:
                    return Wait((), rng.choice(CONDITIONS[:-1]))
                return Wait(("pay.came", "pay.lost")[: rng.randint(1, 2)])
            case "start":
                return Start("child", {}, {}, "", rng.random() < 0.6)
            case "each":
                where = rng.choice([None, WHERE])
                return Each("lines", where, "line", self.scope(path, deep - 1, in_row=True))
            case "parallel":
                names = ["left", "right", "third"][: rng.choice([2, 2, 2, 3])]
                inner = {n: self.scope(f"{path}/{n}", deep - 1, in_row=in_row) for n in names}
                return Parallel(inner, rng.choice([0, 0, 0, 1, 2]))
        if in_row and rng.random() < 0.5:
            return Switch(rng.choice(ROW_CONDITIONS))
        return Switch(rng.choice(CONDITIONS))

    def action(self, name: str, save: dict[tuple[str, ...], str]) -> Action:
        rng = self.rng
        use = rng.choice(["pay.go", MONEY, MONEY])
        when = R_IS_LARGE if rng.random() < 0.3 else None
        key = ONE if rng.random() < 0.1 else None
        undo = "pay.back" if rng.random() < 0.4 else ""
        return Action(name, Text(), use, when, {}, save, key, 1, None, undo)


def random_flow(seed: int, stages: tuple[str, ...] = ("one", "two")) -> Flow:
    """The flow of a seed: half of them flat, the others with scopes inside, and inside those.
    `stages`: those its steps may set; "" leaves the one before."""
    rng = random.Random(seed)
    deep = rng.choice([0, 0, 0, 1, 1, 2])
    return Maker(rng, rng.randint(2, 4 if deep else 7), stages).flow(deep)
