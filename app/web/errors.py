"""One place where every error becomes an answer: JSON for programs, a page for people.

A failure has a stable code (docs/api.md lists them all), a text in two languages, and sometimes the
fields at fault. What nobody foresaw is logged and answered without a word about the inside.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any
from urllib.parse import urlencode

import structlog
from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from app.access.errors import AccessError
from app.records.errors import Refused
from app.storage.errors import AttachmentError, Busy, Conflict, NotUnique
from app.web.i18n import language
from app.web.session import API_PREFIX
from forms.values import Text

log = structlog.get_logger("returnflow.web")

PRODUCT = "Returnflow"

CODES: dict[str, tuple[int, Text]] = {
    "bad_request": (400, Text("请求格式不正确。", "The request is not well formed.")),
    "bad_json": (400, Text("JSON 格式不正确。", "The body is not acceptable JSON.")),
    "bad_parameter": (400, Text("请求参数不正确。", "A parameter of the address is wrong.")),
    "bad_cursor": (400, Text("翻页标记无效,请从头开始。", "The cursor is not valid: start again.")),
    "csrf": (
        400,
        Text("页面已过期,请刷新后重试。", "The page has expired: reload it and try again."),
    ),
    "sign_in_failed": (401, Text("登录名或密码不正确。", "Wrong login or password.")),
    "unauthenticated": (401, Text("请先登录。", "Sign in first, or send a valid token.")),
    "forbidden": (403, Text("您没有权限。", "You are not allowed to do this.")),
    "chain_too_long": (
        409,
        Text("单据逐级发起的层数过多。", "Records have started each other too often."),
    ),
    "no_task": (403, Text("您没有可用的任务。", "No open task of yours.")),
    "not_yours": (403, Text("这不是您的任务。", "This is not yours to do.")),
    "own_approval": (403, Text("不能审批自己的申请。", "Not one's own request.")),
    "not_found": (404, Text("没有找到。", "There is nothing here.")),
    "method_not_allowed": (405, Text("不支持此方法。", "This method is not allowed here.")),
    "not_acceptable": (406, Text("只提供 JSON。", "Only application/json is served here.")),
    "act_unavailable": (409, Text("此操作现在不可用。", "This act is not open now.")),
    "act_used_up": (409, Text("此操作次数已用完。", "This act has been used up.")),
    "cannot_send_back": (409, Text("不能退回到该步骤。", "It cannot be sent back there.")),
    "cannot_withdraw": (409, Text("已不能撤回。", "It cannot be withdrawn any more.")),
    "no_incident": (409, Text("此处没有异常。", "Nothing is stuck here.")),
    "not_claimed": (409, Text("请先领取任务。", "Take the task first.")),
    "not_in_stage": (409, Text("当前阶段不能这样做。", "Not at this stage.")),
    "task_decided": (409, Text("任务已被处理。", "Somebody has decided already.")),
    "limit_reached": (409, Text("超出限额。", "A limit would be passed.")),
    "not_unique": (409, Text("该值已存在。", "This value is already taken.")),
    "in_use": (409, Text("仍被其他记录引用。", "Other records link to this one.")),
    "release_changed": (409, Text("表单已更新。", "The form has changed meanwhile.")),
    "stale": (409, Text("记录已被他人修改。", "Somebody else has changed the record.")),
    "too_large": (413, Text("内容过大。", "The body is too large.")),
    "unsupported_media_type": (
        415,
        Text("不支持的内容类型。", "The content type is not accepted."),
    ),
    "invalid": (422, Text("内容有误。", "Some values need attention.")),
    "ask_missing": (
        422,
        Text("缺少必需的说明、附件或签名。", "A comment, file or signature is missing."),
    ),
    "cannot_add": (422, Text("不能这样加签。", "This person cannot be added.")),
    "cannot_transfer": (422, Text("不能转交给此人。", "It cannot be handed on to this person.")),
    "no_flow": (422, Text("此表单没有流程。", "This form has no flow.")),
    "unknown_act": (422, Text("没有这个操作。", "There is no such act.")),
    "key_reused": (422, Text("幂等键已用于其他请求。", "The idempotency key was used before.")),
    "precondition_required": (
        428,
        Text("请提供 If-Match 或 version。", "Send If-Match, or version in the body."),
    ),
    "rate_limited": (429, Text("请求过于频繁。", "Too many requests: slow down.")),
    "too_many_attempts": (429, Text("尝试次数过多。", "Too many attempts: wait a while.")),
    "internal": (500, Text("系统出错,请联系管理员。", "Something went wrong on our side.")),
    "busy": (503, Text("系统繁忙,请稍候再试。", "The system is busy: try again in a moment.")),
    "not_ready": (503, Text("系统尚未就绪。", "The system is not ready yet.")),
}
"""Every code the API can answer with: its status and what it says when nothing better is known."""

_BY_STATUS = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    428: "precondition_required",
    429: "rate_limited",
    503: "busy",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told about an error. `details` are (code, path, message)."""

    status: int
    code: str
    message: Text
    details: Sequence[tuple[str, tuple[str | int, ...], Text]] = ()
    retry_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """A refusal of the API itself: one of CODES, with a better text and details where known."""

    def __init__(
        self,
        code: str,
        message: Text | None = None,
        *,
        details: Sequence[tuple[str, tuple[str | int, ...], Text]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code)
        self.failure = Failure(
            CODES[code][0], code, message or CODES[code][1], details, retry_after
        )


def failure(code: str, **more: Any) -> Failure:
    """The failure of a code with its standing text."""
    status, message = CODES[code]
    return Failure(status, code, message, **more)


@singledispatch
def describe(error: Exception) -> Failure:
    """What to tell about an error; whatever is not known here is `internal`."""
    return failure("internal")


@describe.register
def _(error: ApiError) -> Failure:
    return error.failure


@describe.register
def _(error: AccessError) -> Failure:
    status = {"sign_in_failed": 401, "too_many_attempts": 429, "busy": 503}.get(error.code, 422)
    if error.code in CODES:
        return Failure(status, error.code, error.message, retry_after=error.retry_after)
    return Failure(
        422, "invalid", error.message, [(error.code, (error.field or "*",), error.message)]
    )


@describe.register
def _(error: Refused) -> Failure:
    details = [(one.code, one.path, one.message) for one in error.details]
    wait = 1 if error.code == "busy" else None
    return Failure(error.status, error.code, error.message, details, wait)


@describe.register(Busy)
@describe.register(Conflict)
def _(error: Exception) -> Failure:
    return failure("busy", retry_after=1)


@describe.register
def _(error: NotUnique) -> Failure:
    return failure("not_unique")


@describe.register
def _(error: AttachmentError) -> Failure:
    return failure({"too_large": "too_large", "missing": "not_found"}.get(error.code, "internal"))


@describe.register
def _(error: CSRFError) -> Failure:
    return failure("csrf")


@describe.register
def _(error: HTTPException) -> Failure:
    status = error.code or 500
    code = _BY_STATUS.get(status, "bad_request" if status < 500 else "internal")
    headers = dict(error.get_headers())
    kept = {"Allow": headers["Allow"]} if "Allow" in headers else {}
    if code == "unauthenticated" and request.path.startswith(API_PREFIX):
        kept["WWW-Authenticate"] = 'Bearer realm="returnflow"'
    standing, message = CODES[code]
    if status == 413 and request.max_content_length:
        most = request.max_content_length // 2**20
        message = Text(
            f"内容过大：一次最多 {most} MB，请减少内容或换小一点的文件。",
            f"This is too large: at most {most} MB at once. Send less, or a smaller file.",
        )
    return Failure(standing, code, message, headers=kept)


def init_errors(app: Flask) -> None:
    """Answer every error of the app here."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Any:
    """The response for an error."""
    if isinstance(error, RequestRedirect):
        return error.get_response()
    if isinstance(error, HTTPException) and error.response is not None:
        return error.response
    told = describe(error)
    if told.code == "internal":
        log.error("failed", request_id=g.get("request_id", ""), exc_info=error)
    response = _response(told)
    for name, value in told.headers.items():
        response.headers[name] = value
    if told.retry_after is not None:
        response.headers["Retry-After"] = str(told.retry_after)
    return response


def _response(told: Failure) -> Any:
    if wants_json():
        return json_failure(told)
    if told.status == 401 and request.method == "GET" and _sign_in_page():
        wanted = request.script_root + request.full_path.rstrip("?")
        return redirect(f"{_sign_in_page()}?{urlencode({'next': wanted})}")
    return page_failure(told)


def wants_json() -> bool:
    """Whether whoever asks is a program."""
    return request.path.startswith(API_PREFIX) or request.accept_mimetypes.best == (
        "application/json"
    )


def json_failure(told: Failure) -> Response:
    """The one error shape of the API."""
    lang = language()
    error: dict[str, Any] = {
        "code": told.code,
        "message": told.message.pick(lang),
        "details": [
            {"code": code, "path": list(path), "message": message.pick(lang)}
            for code, path, message in told.details
        ],
        "request_id": g.get("request_id", ""),
    }
    body = json.dumps({"error": error}, ensure_ascii=False)
    return Response(body, status=told.status, mimetype="application/json")


def page_failure(told: Failure) -> Response:
    """The error page."""
    lang = language()
    body = render_template(
        "error.html",
        status=told.status,
        code=told.code,
        message=told.message.pick(lang),
        details=[(path, message.pick(lang)) for _, path, message in told.details],
        request_id=g.get("request_id", ""),
        lang=lang,
        name=_whose(lang) if told.status < 500 else PRODUCT,
    )
    return Response(body, status=told.status, mimetype="text/html")


def _whose(lang: str) -> str:
    """The company's name; the product's where no company is known."""
    if g.get("tenant") is None:
        return PRODUCT
    return str(g.tenant.active().catalog.tenant.label.pick(lang)) or PRODUCT


def _sign_in_page() -> str:
    if g.get("tenant") is None or "desk.sign_in" not in current_app.view_functions:
        return ""
    return url_for("desk.sign_in")
