"""What pictures of flows call things, and how much room words take."""

from __future__ import annotations

from flows.model import Decide, End, Exit, Flow, Interrupt, Step, Switch
from forms.model import Field
from forms.telling import Words, labels_of
from forms.values import Text

KINDS = {
    "task": Text("任务", "Task"),
    "approve": Text("审批", "Approval"),
    "decide": Text("规则判定", "Decision by rules"),
    "switch": Text("分支", "Branch"),
    "set": Text("赋值", "Set values"),
    "do": Text("系统动作", "Action"),
    "wait": Text("等待", "Wait"),
    "each": Text("逐行处理", "For each line"),
    "parallel": Text("并行处理", "In parallel"),
    "start": Text("启动子流程", "Start a record"),
    "end": Text("结束", "End"),
    "interrupt": Text("随时可中断", "Interrupt"),
}
"""Step kinds in words; `interrupt` is none, but stands in pictures."""

OUTCOMES = {
    "approved": Text("同意", "Approved"),
    "rejected": Text("不同意", "Rejected"),
    "sent_back": Text("退回", "Sent back"),
    "late": Text("超时", "Late"),
    "done": Text("完成", "Done"),
    "until": Text("条件满足", "Condition met"),
    "else": Text("其他", "Otherwise"),
    "true": Text("是", "Yes"),
    "false": Text("否", "No"),
    "none": Text("为空", "Empty"),
}
"""Outcomes every flow may have; those of a definition are shown by their labels."""

AT_MOST = Text("最多 {n} 次", "at most {n}×")
FAILED = Text("失败", "Failed")
_NARROW = frozenset("iljtfrI.,:;'|!()[]{} -")
_WIDE = frozenset("mwMW@%")


def step_name(step: Step, lang: str, flow: Flow | None = None) -> str:
    """What a step is called: its label; an end by the stage it ends in; else its id."""
    given = _given(step.label, step.id, lang)
    if not given and isinstance(step.body, End):
        stage = flow.stages.get(step.stage) if flow is not None else None
        if stage is not None:
            return stage.label.pick(lang)
        return outcome_name(step.body.outcome, lang)
    return given or _spoken(step.id)


def interrupt_name(interrupt: Interrupt, lang: str) -> str:
    """What an interrupt is called."""
    return _given(interrupt.label, interrupt.id, lang) or _spoken(interrupt.id)


def outcome_name(outcome: str, lang: str, label: Text | None = None) -> str:
    """An outcome in words; "" for the only way on."""
    given = _given(label, outcome, lang) if label is not None else ""
    if given:
        return given
    if outcome == "*":
        return ""
    if outcome in OUTCOMES:
        return OUTCOMES[outcome].pick(lang)
    head, _, code = outcome.partition(".")
    if head == "failed":
        text = FAILED.pick(lang)
        return f"{text} ({_spoken(code)})" if code else text
    return _spoken(outcome)


def exit_label(flow: Flow, step: Step, outcome: str, lang: str) -> str:
    """An exit of a step in words; a value of a choice by its option."""
    exit_ = step.exits.get(outcome)
    given = _given(exit_.label, outcome, lang) if exit_ is not None else ""
    if given:
        return given
    field = None
    if isinstance(step.body, Switch):
        own = Words(flow.form, {flow.form: flow.shape})
        labels = labels_of(step.body.on, own)
        if labels is not None and outcome in labels:
            return labels[outcome].pick(lang)
    elif isinstance(step.body, Decide):
        branches = [one.branch for one in step.body.policies if one.branch]
        field = flow.shape.field_at(branches[-1]) if branches else None
    return option_label(field, outcome, lang) or outcome_name(outcome, lang)


def act_text(step: Step | None, act: str) -> Text | None:
    """What an act of a step is called, in both languages; None where nobody named it."""
    exit_ = None if step is None else step.exits.get(act) or step.exits.get("*")
    if exit_ is None or exit_.label.zh in ("", "*", act):
        return None
    return exit_.label


def step_text(step: Step, flow: Flow) -> Text:
    """What a step is called, in both languages."""
    return Text(step_name(step, "zh", flow), step_name(step, "en", flow))


def option_label(field: Field | None, value: object, lang: str) -> str:
    """The label of a value of a choice; "" for anything else."""
    if field is None or field.options is None or not isinstance(value, str):
        return ""
    option = field.options.values.get(value)
    return option.label.pick(lang) if option is not None else ""


def exit_name(flow: Flow, step: Step, exit_: Exit, lang: str) -> str:
    """An exit in words, with how often it may be taken."""
    name = exit_label(flow, step, exit_.outcome, lang)
    if not exit_.max:
        return name
    limit = AT_MOST.pick(lang).format(n=exit_.max)
    return f"{name} · {limit}" if name else limit


def branch_name(path: str) -> str:
    """What a branch of a parallel step is called."""
    return _spoken(path.rpartition("/")[2])


def stages_of(flow: Flow) -> dict[str, int]:
    """The place of each stage, from 0: pictures give each a colour."""
    return {stage: n for n, stage in enumerate(flow.stages)}


def _given(label: Text, id_: str, lang: str) -> str:
    """A label somebody wrote; "" where the compiler put the id in its place."""
    text = label.pick(lang)
    return "" if text == id_ else text


def _spoken(id_: str) -> str:
    return id_.replace("_", " ")


def width_of(text: str, size: float) -> float:
    """About how wide a text is at a font size, rather too much than too little."""
    units = 0.0
    for letter in text:
        if ord(letter) >= 0x1100:
            units += 1.02
        elif letter in _NARROW:
            units += 0.38
        elif letter in _WIDE or letter.isupper():
            units += 0.86 if letter in _WIDE else 0.72
        else:
            units += 0.6
    return units * size


def wrapped(text: str, size: float, width: float, most: int = 2) -> list[str]:
    """A text in at most so many lines of a width; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    rest = " ".join(text.split())
    while rest and len(lines) < most:
        cut = _fitting(rest, size, width)
        if cut < len(rest) and len(lines) == most - 1:
            cut = _fitting(rest, size, width - size)
            lines.append(rest[:cut].rstrip() + "…")
            break
        if cut < len(rest):
            blank = rest.rfind(" ", 0, cut + 1)
            cut = blank if blank > cut / 2 else cut
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return lines or [""]


def _fitting(text: str, size: float, width: float) -> int:
    """How many letters fit; at least one."""
    used = 0.0
    for n, letter in enumerate(text):
        used += width_of(letter, size)
        if used > width:
            return max(1, n)
    return len(text)
