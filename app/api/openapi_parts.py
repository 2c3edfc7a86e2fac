"""The fixed pieces of the API's description: schemas, parameters, failures, operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.access.rights import Rights
from app.api.formschema import ID, Json
from app.api.query import LIMIT, MOST, OPERATORS
from app.web.errors import CODES

WHEN: Json = {"type": "string", "format": "date-time"}
MAYBE_ID: Json = {"type": ["string", "null"]}
ABOUT = {
    "zh": "本租户的接口,由当前发布的定义生成。说明见 docs/api.md。",
    "en": "This tenant's API, made from the release in force. See docs/api.md.",
}


def schemas() -> Mapping[str, Json]:
    """Schemas that do not depend on a form."""
    return {
        "error": whole(
            {
                "error": whole(
                    {
                        "code": {"type": "string", "enum": sorted(CODES)},
                        "message": {"type": "string"},
                        "details": listed(
                            whole(
                                {
                                    "code": {"type": "string"},
                                    "path": listed({"type": ["string", "integer"]}),
                                    "message": {"type": "string"},
                                }
                            )
                        ),
                        "request_id": {"type": "string"},
                    }
                )
            }
        ),
        "me": {"type": "object"},
        "form": {"type": "object", "required": ["id", "label", "actions"]},
        "forms": whole({"forms": listed(ref("form"))}),
        "warning": {"type": "object", "required": ["code", "path", "message"]},
        "saved": whole(
            {
                "id": ID,
                "number": {"type": ["string", "null"]},
                "title": {"type": ["string", "null"]},
                "version": {"type": "integer"},
                "release": {"type": "integer"},
                "replayed": {"type": "boolean"},
                "warnings": listed(ref("warning")),
            }
        ),
        "entry": {
            "type": "object",
            "required": ["seq", "at", "by", "via", "act", "changes"],
            "properties": {"seq": {"type": "integer"}, "at": WHEN, "act": {"type": "string"}},
        },
        "journal": whole({"entries": listed(ref("entry"))}),
        "attachment": whole(
            {
                "id": ID,
                "name": {"type": "string"},
                "type": {"type": "string"},
                "size": {"type": "integer"},
            }
        ),
        "choices": whole({"choices": listed({"type": "object", "required": ["id", "title"]})}),
        "preview": {"type": "object", "required": ["values", "errors", "warnings"]},
        "operation": {
            "type": "object",
            "required": ["do"],
            "properties": {
                "do": {"enum": ["create", "update", "delete"]},
                "id": ID,
                "version": {"type": "integer"},
                "key": {"type": "string"},
                "values": {"type": "object"},
            },
        },
        "results": whole({"results": listed({"type": "object", "required": ["status"]})}),
    }


def form_schemas(form_id: str) -> Mapping[str, Json]:
    """Schemas of one form around its values."""
    record = whole(
        {
            "id": ID,
            "form": {"const": form_id},
            "number": {"type": ["string", "null"]},
            "title": {"type": ["string", "null"]},
            "stage": {"type": ["string", "null"]},
            "version": {"type": "integer"},
            "created_at": WHEN,
            "created_by": MAYBE_ID,
            "updated_at": WHEN,
            "updated_by": MAYBE_ID,
            "values": ref(f"{form_id}.shown"),
        }
    )
    values = ref(f"{form_id}.values")
    release = {"type": ["integer", "null"]}
    return {
        f"{form_id}.record": record,
        f"{form_id}.page": whole(
            {"records": listed(ref(f"{form_id}.record")), "next": {"type": ["string", "null"]}}
        ),
        f"{form_id}.create": {
            "type": "object",
            "required": ["values"],
            "properties": {"values": values, "release": release},
            "additionalProperties": False,
        },
        f"{form_id}.change": {
            "type": "object",
            "required": ["values"],
            "properties": {
                "values": {"type": "object"},
                "version": {"type": "integer"},
                "release": release,
            },
            "additionalProperties": False,
        },
    }


def parameters(lang: str) -> Mapping[str, Json]:
    """Parameters that several operations share."""
    texts = {
        "filter": ("filter[字段][运算]=值,运算:", "filter[field][op]=value, where op is one of "),
        "sort": ("排序字段,前置 - 为降序", "fields to sort by; - before a name: descending"),
        "q": ("按编号和标题搜索", "search in number and title"),
        "fields": ("只返回这些字段", "give only these fields"),
        "cursor": ("上一页的 next", "`next` of the page before"),
        "limit": ("每页条数", "records on a page"),
        "key": ("幂等键:同一键只生效一次", "sending the same key again creates nothing again"),
        "match": ('所读版本,如 "3"', 'the version that was read, such as "3"'),
    }
    said = {name: words[0 if lang == "zh" else 1] for name, words in texts.items()}
    text: Json = {"type": "string"}
    return {
        "filter": {
            "in": "query",
            "name": "filter",
            "style": "deepObject",
            "explode": True,
            "description": said["filter"] + " ".join(OPERATORS),
            "schema": {"type": "object"},
        },
        "sort": _query("sort", said["sort"], text),
        "q": _query("q", said["q"], text),
        "fields": _query("fields", said["fields"], text),
        "cursor": _query("cursor", said["cursor"], text),
        "limit": _query(
            "limit",
            said["limit"],
            {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
        ),
        "key": _header("Idempotency-Key", said["key"]),
        "match": _header("If-Match", said["match"]),
        "id": {"in": "path", "name": "id", "required": True, "schema": ID},
        "field": {"in": "path", "name": "field", "required": True, "schema": text},
        "attachment": {"in": "path", "name": "attachment", "required": True, "schema": ID},
    }


def failures(lang: str) -> Mapping[str, Json]:
    """A response for each code."""
    return {
        code: {
            "description": f"{status}: {message.pick(lang)}",
            "content": {"application/json": {"schema": ref("error")}},
        }
        for code, (status, message) in CODES.items()
    }


def general(lang: str) -> Mapping[str, Json]:
    """Operations that do not depend on a form."""
    say = Words(lang)
    return {
        "/me": {"get": operation("me", say("我是谁", "Who I am"), "me")},
        "/forms": {"get": operation("forms", say("可用的表单", "Forms I may use"), "forms")},
        "/openapi.json": {
            "get": {
                "operationId": "openapi",
                "summary": say("本说明", "This description"),
                "responses": _answers({"type": "object"}, 200, ()),
            }
        },
        "/events/{connection}": {"post": _events(say)},
    }


def form_paths(form_id: str, label: str, held: Rights, lang: str) -> Mapping[str, Json]:
    """The operations the caller may use on one form."""
    say, base = Words(lang), f"/forms/{form_id}"
    record, at = f"{base}/records/{{id}}", ["id"]
    paths: dict[str, Json] = {}

    def add(path: str, method: str, action: str, operation: Json) -> None:
        if held.may(action):
            operation["tags"] = [label]
            operation["operationId"] = f"{form_id}.{operation['operationId']}"
            if path.startswith(record):
                operation["parameters"] = at + operation.get("parameters", [])
            paths.setdefault(path, {})[method] = operation

    listing = ["filter", "sort", "q", "fields", "limit", "cursor"]
    for action in ("list", "read", "create", "update"):
        add(base, "get", action, operation("form", say("表单定义", "The form"), "form"))
    page = operation("list", say("列出", "List"), f"{form_id}.page", listing)
    add(f"{base}/records", "get", "list", page)
    create = operation("create", say("新建", "Create"), "saved", ["key"], 201)
    add(f"{base}/records", "post", "create", with_body(create, f"{form_id}.create"))
    read = operation("read", say("读取", "Read"), f"{form_id}.record", ["fields"])
    add(record, "get", "read", read)
    change = operation("update", say("修改", "Change"), "saved", ["match", "key"])
    add(record, "patch", "update", with_body(change, f"{form_id}.change"))
    remove = operation("delete", say("删除", "Delete"), None, ["match"], 204)
    add(record, "delete", "delete", remove)
    journal = operation("journal", say("历史", "History"), "journal")
    add(f"{record}/journal", "get", "read", journal)
    add(f"{record}/attachments/{{attachment}}", "get", "read", _download(say))
    for action in ("create", "update"):
        add(f"{base}/attachments", "post", action, _upload(say))
        choices = operation("choices", say("候选", "Choices"), "choices", ["field", "q"])
        add(f"{base}/choices/{{field}}", "get", action, choices)
        asked = operation("choices_for", say("候选", "Choices"), "choices", ["field"])
        add(f"{base}/choices/{{field}}", "post", action, with_body(asked, None))
        bulk = operation("bulk", say("批量", "Many at once"), "results")
        add(f"{base}/bulk", "post", action, with_body(bulk, None))
    preview = operation("preview", say("试算", "Try the rules"), "preview")
    add(f"{base}/preview", "post", "create", with_body(preview, f"{form_id}.create"))
    again = operation("preview_record", say("试算", "Try the rules"), "preview")
    add(f"{record}/preview", "post", "update", with_body(again, f"{form_id}.change"))
    return paths


class Words:
    """Picks one of two languages."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en


def operation(
    name: str,
    summary: str,
    schema: str | None,
    parameters: list[str] | None = None,
    status: int = 200,
) -> Json:
    """One operation: its answer (None: empty), its parameters by name, its refusals."""
    codes = ["unauthenticated", "forbidden", "not_found", "rate_limited", "busy"]
    if status == 201 or name in ("update", "delete"):
        codes += ["invalid", "limit_reached", "not_unique", "key_reused"]
    if name in ("update", "delete"):
        codes += ["stale", "precondition_required"]
    operation: Json = {
        "operationId": name,
        "summary": summary,
        "responses": _answers(None if schema is None else ref(schema), status, codes),
    }
    if parameters:
        operation["parameters"] = parameters
    return operation


def _answers(schema: Json | None, status: int, codes: Any) -> Json:
    answers: Json = {str(status): {"description": "OK"}}
    if schema is not None:
        answers[str(status)]["content"] = {"application/json": {"schema": schema}}
    for code in codes:
        answers.setdefault(
            str(CODES[code][0]), {"$ref": f"#/components/responses/{code}"}
        )  # one status, one response: the first code stands for the others
    answers["default"] = {"$ref": "#/components/responses/internal"}
    return answers


def with_body(operation: Json, schema: str | None) -> Json:
    """An operation that takes a JSON body."""
    body = {"type": "object"} if schema is None else ref(schema)
    content = {"application/json": {"schema": body}}
    return operation | {"requestBody": {"required": True, "content": content}}


def _events(say: Words) -> Json:
    """Signed by the service that sends them, in its own way: no token, any body."""
    accepted = whole({"accepted": {"type": "integer"}})
    return {
        "operationId": "events",
        "summary": say(
            "接收外部服务的事件（由其签名）", "Events of an outside service, signed by it"
        ),
        "security": [],
        "parameters": [
            {"in": "path", "name": "connection", "required": True, "schema": {"type": "string"}}
        ],
        "requestBody": {"required": True, "content": {"*/*": {}}},
        "responses": _answers(accepted, 202, ("unauthenticated", "too_large")),
    }


def _upload(say: Words) -> Json:
    upload = operation("upload", say("上传附件", "Upload a file"), "attachment", None, 201)
    form = {
        "type": "object",
        "required": ["field", "file"],
        "properties": {
            "field": {"type": "string"},
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
        },
    }
    content = {"multipart/form-data": {"schema": form}}
    return upload | {"requestBody": {"required": True, "content": content}}


def _download(say: Words) -> Json:
    download = operation("download", say("下载附件", "Download a file"), None, ["attachment"])
    download["responses"]["200"]["content"] = {"application/octet-stream": {}}
    return download


def whole(properties: Json) -> Json:
    """An object that has all of these members."""
    return {"type": "object", "required": list(properties), "properties": properties}


def listed(items: Json) -> Json:
    """A list of such items."""
    return {"type": "array", "items": items}


def ref(name: str) -> Json:
    """A reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, text: str, schema: Json) -> Json:
    return {"in": "query", "name": name, "description": text, "schema": schema}


def _header(name: str, text: str) -> Json:
    return {"in": "header", "name": name, "description": text, "schema": {"type": "string"}}
