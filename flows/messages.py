"""What people read when an act is declined or a flow stands still, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

from flows.picture import outcome_name
from flows.state import Declined
from forms.values import Text

DECLINED: Mapping[str, Text] = {
    "task_decided": Text("此任务已由{who}处理：{outcome}", "{who} has dealt with this: {outcome}"),
    "not_yours": Text("此任务不由您处理", "This task is not yours"),
    "not_claimed": Text("请先领取此任务", "Take this task first"),
    "claimed": Text("此任务已被他人领取", "Somebody else has taken this task"),
    "unknown_act": Text("没有“{what}”这个操作", "There is no act {what} here"),
    "act_used_up": Text("“{what}”的次数已用完", "{what} has been used as often as it may be"),
    "act_unavailable": Text("“{what}”现在不可用", "{what} is not available now"),
    "ask_missing": Text("此操作需要{what}", "This needs {what}"),
    "own_approval": Text("您不能审批此单", "You may not decide on this one"),
    "not_in_stage": Text("在此阶段不能“{what}”", "{what} is not possible at this stage"),
    "cannot_transfer": Text("不能转交：{what}", "It cannot be transferred: {what}"),
    "cannot_add": Text("不能加签：{what}", "Nobody can be added: {what}"),
    "cannot_send_back": Text("不能退回到“{what}”", "It cannot be sent back to {what}"),
    "cannot_withdraw": Text("不能撤回：{what}", "It cannot be withdrawn: {what}"),
    "no_incident": Text("此处没有待处理的异常", "There is no incident here"),
}
"""Every code of a declined event."""

WORDS: Mapping[str, Text] = {
    "comment": Text("意见", "a comment"),
    "attachment": Text("附件", "an attachment"),
    "signature": Text("签名", "a signature"),
    "somebody": Text("他人", "Somebody else"),
    "system": Text("系统", "The system"),
    "approved": Text("同意", "approved"),
    "rejected": Text("不同意", "rejected"),
    "sent_back": Text("退回", "sent back"),
    "cancelled": Text("已取消", "cancelled"),
    "transferred": Text("已转交", "handed on"),
    "not_allowed": Text("此步骤不允许", "this step does not allow it"),
    "to_self": Text("不能转给自己", "it would go to yourself"),
    "present": Text("此人已在审批人中", "this person decides already"),
    "excluded": Text("此人不得审批", "this person may not decide on it"),
    "nested": Text("加签的人不能再加签", "who was added cannot add others"),
    "how": Text("方式应为 before、after 或 parallel", "before, after or parallel is expected"),
    "decided": Text("后续步骤已有人处理", "somebody has already dealt with a later step"),
    "acted": Text("已有动作执行", "an action has run already"),
    "for_good": Text("已执行的动作无法撤销", "an action has run that cannot be undone"),
}

INCIDENTS: Mapping[str, Text] = {
    "null_condition": Text("条件没有结果：{what}", "The condition has no result: {what}"),
    "bad_value": Text("无法计算：{what}", "It cannot be computed: {what}"),
    "no_exit": Text("结果“{what}”没有去向", "The outcome {what} leads nowhere"),
    "exit_used_up": Text("“{what}”的次数已用完", "{what} has been used as often as it may be"),
    "nobody": Text("没有人可以处理", "There is nobody who could deal with it"),
    "too_few_approvers": Text(
        "审批人不足：需要{what}人", "There are fewer approvers than the {what} needed"
    ),
    "failed": Text("动作失败：{what}", "The action failed: {what}"),
    "failed.deleted": Text("等待的单据已被删除", "The record it waited for was deleted"),
    "too_many_steps": Text("步骤过多，可能有循环", "Too many steps; the flow may be in a circle"),
    "too_many_places": Text(
        "同时进行的分支过多：最多{what}个",
        "It is in too many places at once: at most {what}",
    ),
    "late_needs_fields": Text(
        "逾期但必填内容未填：{what}", "It is late, and required fields are empty: {what}"
    ),
    "undo_failed": Text("撤销动作失败：{what}", "An action could not be undone: {what}"),
}
"""Every code of an incident; `failed.<code>` says which failure it was."""


def say(text: Text, **values: Text | str) -> Text:
    """A message with its words filled in."""
    if not values:
        return text
    zh = {key: one.zh if isinstance(one, Text) else one for key, one in values.items()}
    en = {key: one.en if isinstance(one, Text) else one for key, one in values.items()}
    return Text(text.zh.format(**zh), text.en.format(**en))


def declined(
    code: str, what: str = "", by: int | None = None, shown: Text | None = None
) -> Declined:
    """A declined event; `what` names what is missing or not possible, `shown` says it in words."""
    text = DECLINED["claimed" if code == "not_yours" and by is not None else code]
    words: Text | str = WORDS.get(what, what) if shown is None else shown
    return Declined(code, say(text, what=words), by, what)


def decided(who: str, outcome: Text | str, by: int | None) -> Declined:
    """Somebody came first: the message says who, and what became of it."""
    known = outcome
    if isinstance(outcome, str):
        known = WORDS.get(outcome) or Text(outcome_name(outcome, "zh"), outcome_name(outcome, "en"))
    name = who or WORDS["somebody"]
    return Declined("task_decided", say(DECLINED["task_decided"], who=name, outcome=known), by)


def incident(code: str, what: Text | str = "") -> Text:
    """What an incident says."""
    known = INCIDENTS.get(code) or INCIDENTS["failed"]
    return say(known, what=what or code.removeprefix("failed."))
