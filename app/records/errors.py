"""One error for every use case: a stable code, a text for people, and where it belongs."""

from __future__ import annotations

from collections.abc import Sequence

from flows.state import Declined
from forms.model import Form
from forms.validate_result import FieldError
from forms.values import Text

STATUS = {
    "invalid": 422,
    "forbidden": 403,
    "not_found": 404,
    "stale": 409,
    "limit_reached": 409,
    "not_unique": 409,
    "in_use": 409,
    "key_reused": 422,
    "busy": 503,
    "release_changed": 409,
    "too_large": 413,
    "bad_request": 400,
    "task_decided": 409,
    "not_yours": 403,
    "not_claimed": 409,
    "unknown_act": 422,
    "act_used_up": 409,
    "act_unavailable": 409,
    "ask_missing": 422,
    "own_approval": 403,
    "not_in_stage": 409,
    "cannot_transfer": 422,
    "cannot_add": 422,
    "cannot_send_back": 409,
    "cannot_withdraw": 409,
    "no_incident": 409,
    "no_flow": 422,
    "no_task": 403,
    "chain_too_long": 409,
}
"""HTTP status of each code. The codes are stable: programs decide by them."""


class Refused(Exception):
    """A use case that changed nothing, and why.

    `details` names the fields at fault (each with its own code and path); `message` says in
    Chinese and English what to do.
    """

    def __init__(self, code: str, message: Text, details: Sequence[FieldError] = ()) -> None:
        at = "; ".join(f"{'.'.join(map(str, d.path))} {d.code}: {d.message.en}" for d in details)
        super().__init__(f"{code}: {message.en}" + (f" [{at}]" if at else ""))
        self.code = code
        self.message = message
        self.details = tuple(details)

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return STATUS[self.code]


def invalid(details: Sequence[FieldError]) -> Refused:
    """The submitted values break rules of the form; every broken rule is in `details`."""
    return Refused(
        "invalid",
        Text("有内容需要修改，请查看标出的字段。", "Some fields need attention: see each of them."),
        details,
    )


def not_found() -> Refused:
    """The record is not there, or not for this person: the two are not told apart."""
    return Refused(
        "not_found",
        Text("没有这条记录，或您无权查看。", "There is no such record, or it is not yours to see."),
    )


def forbidden(what: Text) -> Refused:
    """The person may see the record or form, but not do this."""
    return Refused(
        "forbidden",
        Text(
            f"您没有权限：{what.zh}。请联系管理员。",
            f"You may not {what.en}. Ask your administrator.",
        ),
    )


def stale() -> Refused:
    """Somebody else saved the record after it was read."""
    return Refused(
        "stale",
        Text(
            "这条记录刚刚被别人修改过，请重新打开后再保存。",
            "Somebody else has changed this record since you opened it. Open it again, then save.",
        ),
    )


def key_reused() -> Refused:
    """An idempotency key came back with another request."""
    return Refused(
        "key_reused",
        Text(
            "这个幂等键已用于另一个请求，请换一个新键。",
            "This idempotency key was used for a different request. Send a new key.",
        ),
    )


def busy() -> Refused:
    """The database did not give the transaction its turn in time; trying again is safe."""
    return Refused(
        "busy", Text("系统繁忙，请稍后再试。", "The system is busy. Try again in a moment.")
    )


def release_changed() -> Refused:
    """The page was made under a release that this tenant does not have."""
    return Refused(
        "release_changed",
        Text(
            "表单已更新，请核对后再次提交，已填内容会保留。",
            "The form has changed. Check it and send it again; nothing you typed is lost.",
        ),
    )


def declined(why: Declined, who: str) -> Refused:
    """What the flow does not allow now, in its own words; `who` was quicker, "" if nobody was."""
    message = why.message
    if who:
        message = Text(f"{message.zh}（{who}）", f"{message.en} ({who})")
    details = [FieldError(why.code, (why.what,), message)] if why.what else []
    return Refused(why.code, message, details)


def no_flow(form: Form) -> Refused:
    """The form's records are only saved; nothing is decided about them."""
    return Refused(
        "no_flow",
        Text(
            f"“{form.label.zh}”没有流程。",
            f"Records of “{form.label.en}” have no flow: nothing can be done to them but saving.",
        ),
    )


def no_task() -> Refused:
    """Between tasks a record is changed by nobody, save those whose role may amend it."""
    return Refused(
        "no_task",
        Text(
            "此记录正在流程中，您目前没有可修改它的任务。",
            "This record is in its flow, and no open task of yours lets you change it.",
        ),
    )


def chain_too_long(most: int) -> Refused:
    """Records start records that start records: one more would be too many."""
    return Refused(
        "chain_too_long",
        Text(
            f"单据逐级发起已超过 {most} 级，流程可能互相发起。请检查流程定义。",
            f"Records have started each other more than {most} times over; their flows may start"
            " each other without end. Look at the definitions.",
        ),
    )


def not_unique(form: Form, rule: str) -> Refused:
    """Another record has the same values in fields that must differ from record to record."""
    unique = form.unique[rule]
    labels = [form.fields[name].label for name in unique.fields]
    message = unique.message or Text(
        f"已有记录使用相同的{'、'.join(label.zh for label in labels)}。",
        f"Another record has the same {', '.join(label.en for label in labels)}.",
    )
    details = [FieldError("not_unique", (name,), message, rule) for name in unique.fields]
    return Refused("not_unique", message, details)
