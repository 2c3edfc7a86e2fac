"""Flows made by hand from short sketches, with nothing a picture does not look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.model import (
    Approve,
    Body,
    Decide,
    Do,
    Each,
    End,
    Exit,
    Flow,
    Interrupt,
    Parallel,
    Reading,
    Scope,
    SetOnly,
    Stage,
    Start,
    Step,
    Switch,
    Task,
    Wait,
)
from forms.compile import compile_form
from forms.expr import Scope as Names
from forms.expr import compile_expr
from forms.expr.types import BOOLEAN
from forms.values import Text


class Nothing:
    """No other form, options or aggregate."""

    def fields_of(self, target: str) -> None:
        return None

    def attributes_of(self, options_id: str) -> None:
        return None

    def attribute(self, options_id: str, value: str, name: str) -> None:
        return None

    def aggregate(self, name: str) -> None:
        return None

    def aggregate_names(self) -> tuple[str, ...]:
        return ()


SHAPE, _ = compile_form("claim", {"fields": {"note": {"type": "text"}}}, Nothing())
assert SHAPE is not None


def text(value: str | tuple[str, str]) -> Text:
    """A label: one for both languages, or (zh, en)."""
    return Text(value, value) if isinstance(value, str) else Text(*value)


def flow_of(
    steps: Mapping[str, Mapping[str, Any]],
    stages: Mapping[str, str] | None = None,
    interrupts: Mapping[str, str] | None = None,
    label: str | tuple[str, str] = "Claim",
) -> Flow:
    """A flow whose first step is its entry; `interrupts`: id → the step it leads to.

    A step is {"kind", "label", "stage", "next": {outcome: target or (target, max)}, "steps" (each),
    "branches" (parallel)}.
    """
    scopes: dict[str, Scope] = {}
    every: dict[str, Step] = {}
    _scope("", steps, scopes, every)
    return Flow(
        form="claim",
        label=text(label),
        calendar="",
        stages={name: Stage(name, text(said)) for name, said in (stages or {}).items()},
        slas={},
        interrupts={
            name: Interrupt(name, Text(), (), frozenset(stages or {}), to, False)
            for name, to in (interrupts or {}).items()
        },
        scopes=scopes,
        steps=every,
        shape=SHAPE,
        reading=Reading(),
    )


def _scope(
    path: str,
    steps: Mapping[str, Mapping[str, Any]],
    scopes: dict[str, Scope],
    every: dict[str, Step],
) -> Scope:
    found = {}
    for id_, said in steps.items():
        here = f"{path}/{id_}" if path else id_
        step = Step(
            id=id_,
            path=here,
            kind=said.get("kind", "task"),
            label=text(said.get("label", "")),
            stage=said.get("stage", ""),
            sets=(),
            due=None,
            exits={
                outcome: Exit(outcome, to, 0)
                if isinstance(to, str)
                else Exit(outcome, to[0], to[1])
                for outcome, to in said.get("next", {}).items()
            },
            body=_body(here, said, scopes, every),
        )
        found[id_] = every[here] = step
    scope = scopes[path] = Scope(path, next(iter(steps)), found)
    return scope


def _body(
    path: str, said: Mapping[str, Any], scopes: dict[str, Scope], every: dict[str, Step]
) -> Body:
    kind = said.get("kind", "task")
    if kind == "each":
        return Each("lines", None, "row", _scope(path, said["steps"], scopes, every))
    if kind == "parallel":
        return Parallel(
            {
                name: _scope(f"{path}/{name}", steps, scopes, every)
                for name, steps in said["branches"].items()
            }
        )
    if kind == "switch":
        return Switch(compile_expr("true", Names({}, None, None, None), BOOLEAN))
    plain: dict[str, Body] = {
        "task": Task(()),
        "approve": Approve({}),
        "decide": Decide(()),
        "do": Do({}),
        "wait": Wait(),
        "start": Start("other", {}, {}, "", wait=False),
        "set": SetOnly(),
        "end": End(path.rpartition("/")[2]),
    }
    return plain[kind]


JOURNEY = flow_of(
    {
        "apply": {"label": ("填写申请", "Apply"), "stage": "applied", "next": {"submit": "judge"}},
        "judge": {
            "kind": "decide",
            "label": ("按退货政策判定", "Judge by policy"),
            "next": {"auto": "label", "manual": "approve", "refuse": "refused"},
        },
        "approve": {
            "kind": "approve",
            "label": ("主管与财务审批", "Approval by head and finance"),
            "stage": "approving",
            "next": {"approved": "label", "rejected": "refused", "sent_back": ("apply", 3)},
        },
        "label": {
            "kind": "do",
            "label": ("生成运单", "Make the label"),
            "stage": "returning",
            "next": {"done": "arrive", "failed.address": ("apply", 2)},
        },
        "arrive": {
            "kind": "wait",
            "label": ("等待客户寄回", "Wait for the parcel"),
            "next": {"delivered": "inspect", "lost": "claim", "late": "lapsed"},
        },
        "claim": {"label": ("向承运商索赔", "Claim from carrier"), "next": {"done": "both"}},
        "inspect": {
            "kind": "each",
            "label": ("逐行验收", "Inspect every line"),
            "stage": "inspecting",
            "next": {"done": "both", "fraud": "refused"},
            "steps": {
                "look": {"label": ("检验", "Inspect"), "next": {"done": "route"}},
                "route": {
                    "kind": "switch",
                    "label": ("处置方式", "Disposition"),
                    "next": {
                        "restock": "shelve",
                        "scrap": "scrapped",
                        "doubt": ("look", 2),
                        "fraud": "fraud",
                    },
                },
                "shelve": {"kind": "do", "label": ("重新上架", "Restock"), "next": {"*": "done"}},
                "scrapped": {"kind": "set", "label": ("报废", "Scrap"), "next": {"*": "done"}},
                "done": {"kind": "end"},
                "fraud": {"kind": "end"},
            },
        },
        "both": {
            "kind": "parallel",
            "label": ("退款与通知", "Refund and tell"),
            "stage": "refunding",
            "next": {"done": "survey"},
            "branches": {
                "money": {
                    "refund": {
                        "kind": "start",
                        "label": ("开退款单", "Start the refund"),
                        "next": {"*": "done"},
                    },
                    "done": {"kind": "end"},
                },
                "supplier": {
                    "ask": {"label": ("联系供应商", "Ask the supplier"), "next": {"done": "done"}},
                    "done": {"kind": "end"},
                },
            },
        },
        "survey": {"kind": "wait", "label": ("满意度调查", "Survey"), "next": {"*": "closed"}},
        "closed": {"kind": "end", "label": ("已完成", "Closed"), "stage": "closed"},
        "refused": {"kind": "end", "label": ("不予退货", "Refused"), "stage": "closed"},
        "lapsed": {"kind": "end", "label": ("逾期关闭", "Lapsed"), "stage": "closed"},
        "withdrawn": {"kind": "end", "label": ("已撤回", "Withdrawn"), "stage": "closed"},
    },
    stages={
        "applied": "Applied",
        "approving": "Approving",
        "returning": "Returning",
        "inspecting": "Inspecting",
        "refunding": "Refunding",
        "closed": "Closed",
    },
    interrupts={"withdraw": "withdrawn"},
    label=("退货申请", "Return request"),
)
"""A flow with every kind of step, ways back, frames in frames."""
