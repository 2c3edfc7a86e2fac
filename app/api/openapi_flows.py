"""The pieces of the API's description that are about flows."""

from __future__ import annotations

from collections.abc import Mapping

from app.access.rights import Rights
from app.api.formschema import ID, Json
from app.api.openapi_parts import WHEN, Words, operation, ref, with_body

_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_IDS: Json = {"type": "array", "items": ID}
_SIGNATURE: Json = {
    "type": "object",
    "required": ["name", "password"],
    "properties": {"name": _TEXT, "password": {"type": "string", "format": "password"}},
}


def schemas() -> Mapping[str, Json]:
    """Schemas of inbox, standing, trace and acts."""
    row: Json = {
        "type": "object",
        "required": ["task", "form", "record", "title", "step", "opened_at", "due_at"],
        "properties": {
            "task": _MAYBE,
            "kind": {"enum": ["task", "vote", "record"]},
            "form": _TEXT,
            "record": ID,
            "title": _TEXT,
            "stage": _MAYBE,
            "step": _MAYBE,
            "opened_at": WHEN,
            "due_at": _MAYBE,
            "overdue": {"type": "boolean"},
            "outcome": _MAYBE,
        },
    }
    act: Json = {
        "type": "object",
        "required": ["name", "label", "kind", "ask", "unavailable"],
        "properties": {"name": _TEXT, "label": _TEXT, "kind": _TEXT, "unavailable": _MAYBE},
    }
    task: Json = {
        "type": "object",
        "required": ["id", "kind", "step", "people", "mine", "acts"],
        "properties": {"id": ID, "acts": {"type": "array", "items": ref("flow.act")}},
    }
    entry: Json = {
        "type": "object",
        "required": ["seq", "at", "act", "said", "trace"],
        "properties": {
            "seq": {"type": "integer"},
            "at": WHEN,
            "trace": {"type": "array", "items": {"type": "object", "required": ["kind"]}},
        },
    }
    return {
        "inbox.row": row,
        "inbox": {
            "type": "object",
            "required": ["tasks", "next"],
            "properties": {
                "tasks": {"type": "array", "items": ref("inbox.row")},
                "next": _MAYBE,
            },
        },
        "inbox.count": {
            "type": "object",
            "required": ["todo", "overdue"],
            "properties": {"todo": {"type": "integer"}, "overdue": {"type": "integer"}},
        },
        "flow": {"type": "object", "required": ["form", "label", "stages", "steps"]},
        "flow.act": act,
        "flow.task": task,
        "flow.standing": {
            "type": "object",
            "required": ["stage", "outcome", "at", "tasks", "interrupts", "path", "version"],
            "properties": {"tasks": {"type": "array", "items": ref("flow.task")}},
        },
        "flow.entry": entry,
        "flow.why": {
            "type": "object",
            "required": ["entries"],
            "properties": {"entries": {"type": "array", "items": ref("flow.entry")}},
        },
        "flow.doing": _body(
            task=ID,
            values={"type": "object"},
            comment=_TEXT,
            attachments=_IDS,
            signature=_SIGNATURE,
            to=_TEXT,
            version={"type": "integer"},
            release={"type": "integer"},
        ),
        "flow.transfer": _body("to", to=ID, comment=_TEXT),
        "flow.add": _body(
            "user", "how", user=ID, how={"enum": ["before", "after", "parallel"]}, comment=_TEXT
        ),
        "flow.comment": _body("text", text=_TEXT, attachments=_IDS),
        "flow.many": _body("records", records=_IDS, comment=_TEXT, key=_TEXT),
    }


def _body(*required: str, **properties: Json) -> Json:
    found: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def parameters(lang: str) -> Mapping[str, Json]:
    """Parameters of paths and of the inbox."""
    say = Words(lang)
    said = {
        "act": say("出口、审批或中断的名称", "an exit, a vote, or an interrupt"),
        "task": say("任务 id", "id of the task"),
        "seq": say("历史序号", "number of the journal entry"),
    }
    found: dict[str, Json] = {
        name: {
            "in": "path",
            "name": name,
            "required": True,
            "description": text,
            "schema": {"task": ID, "seq": {"type": "integer"}}.get(name, _TEXT),
        }
        for name, text in said.items()
    }
    box = {"type": "string", "enum": ["todo", "done", "started"], "default": "todo"}
    found["box"] = {"in": "query", "name": "box", "schema": box}
    found["form"] = {"in": "query", "name": "form", "schema": _TEXT}
    return found


def general(lang: str) -> Mapping[str, Json]:
    """The inbox."""
    say = Words(lang)
    inbox = operation(
        "tasks", say("待办、已办、我发起的", "To do, done, started by me"), "inbox",
        ["box", "form", "q", "limit", "cursor"],
    )  # fmt: skip
    count = operation("task_count", say("待办数量", "How much is to do"), "inbox.count")
    return {"/tasks": {"get": inbox}, "/tasks/count": {"get": count}}


def form_paths(form_id: str, label: str, held: Rights, lang: str) -> Mapping[str, Json]:
    """What can be seen and done in the flow of one form."""
    say, base = Words(lang), f"/forms/{form_id}"
    record = f"{base}/records/{{id}}"
    paths: dict[str, Json] = {}

    def add(path: str, method: str, one: Json) -> None:
        one["tags"] = [label]
        one["operationId"] = f"{form_id}.{one['operationId']}"
        paths.setdefault(path, {})[method] = one

    def see(name: str, summary: str, schema: str, tail: str, *more: str) -> None:
        add(f"{record}{tail}", "get", operation(name, summary, schema, ["id", *more]))

    def do(name: str, summary: str, body: str | None, tail: str, *more: str) -> None:
        status = 201 if name == "comment" else 200
        one = operation(name, summary, "saved", ["id", *more, "key"], status)
        add(f"{record}{tail}", "post", with_body(one, body) if body is not None else one)

    add(f"{base}/flow", "get", operation("flow", say("流程", "The flow"), "flow"))
    see("standing", say("流转位置", "Where it stands"), "flow.standing", "/flow")
    see("why", say("为什么", "Why it is there"), "flow.why", "/why")
    see("trace", say("一次决定", "One decision"), "flow.entry", "/trace/{seq}", "seq")
    do("act", say("处理", "Act"), "flow.doing", "/acts/{act}", "act")
    do("claim", say("领取", "Take"), None, "/tasks/{task}/claim", "task")
    do("give_back", say("放回", "Give back"), None, "/tasks/{task}/give_back", "task")
    do("transfer", say("转交", "Hand over"), "flow.transfer", "/tasks/{task}/transfer", "task")
    do("add_approver", say("加签", "Ask another"), "flow.add", "/tasks/{task}/add_approver", "task")
    do("comment", say("评论", "Comment"), "flow.comment", "/comments")
    many = operation("act_on_many", say("批量处理", "Act on many"), "results", ["act", "key"])
    add(f"{base}/acts/{{act}}", "post", with_body(many, "flow.many"))
    return paths
