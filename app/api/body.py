"""Reading a JSON body strictly: what two parsers could read differently is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from app.web.errors import ApiError
from forms.problems import suggest
from forms.values import Text

LARGEST = 2 * 1024 * 1024
DEEPEST = 16
_LONGEST_NUMBER = 60
_ODD = re.compile("[\x00\ud800-\udfff]")


def parse_json(raw: bytes, content_type: str | None) -> dict[str, Any]:
    """A JSON object from a request body; numbers with a point or exponent become Decimal.

    Raises ApiError: unsupported_media_type, too_large, bad_json (not UTF-8 or not JSON, a key
    twice, NaN, nested too deep, half a surrogate pair, a NUL, a number nobody means).
    """
    media, _, rest = (content_type or "").partition(";")
    charset = rest.strip().lower().replace('"', "")
    if media.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise ApiError(
            "unsupported_media_type",
            Text(
                "请以 Content-Type: application/json(UTF-8)发送。",
                "Send the body as Content-Type: application/json in UTF-8.",
            ),
        )
    if len(raw) > LARGEST:
        raise ApiError("too_large")
    try:
        found = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        _refuse("正文不是 UTF-8", "the body is not UTF-8")
    except RecursionError:
        _refuse(f"嵌套超过 {DEEPEST} 层", f"nested deeper than {DEEPEST}")
    except json.JSONDecodeError as error:
        place = f"{error.lineno}:{error.colno}"
        _refuse(f"第 {place} 处:{error.msg}", f"at {place}: {error.msg}")
    if not isinstance(found, dict):
        _refuse("应为一个对象 {…}", "an object {…} is expected")
    _inspect(found, b"\\u" in raw or b"\x00" in raw, 1)
    return found


def only(body: Mapping[str, Any], **kinds: type | tuple[type, ...]) -> dict[str, Any]:
    """The body's members by name, where it has no others and each is of its kind (or null).

    Raises ApiError bad_request with the members at fault.
    """
    details: list[tuple[str, tuple[str | int, ...], Text]] = []
    for name, value in body.items():
        kind = kinds.get(name)
        if kind is None:
            near = suggest(name, kinds)
            allowed = ", ".join(kinds)
            zh = f"(是否想写 {near}?)" if near else ""
            en = f" (did you mean {near}?)" if near else ""
            text = Text(f"未知成员,可用:{allowed}{zh}", f"unknown member; known: {allowed}{en}")
            details.append(("unknown_member", (name,), text))
        elif value is not None and (
            not isinstance(value, kind) or (isinstance(value, bool) and kind is int)
        ):
            word = _kind(kind)
            text = Text(f"应为 {word}", f"{word} is expected")
            details.append(("wrong_type", (name,), text))
    if details:
        raise ApiError("bad_request", details=details)
    return {name: body.get(name) for name in kinds}


def _kind(kind: type | tuple[type, ...]) -> str:
    names = {dict: "object", list: "array", str: "string", int: "integer", bool: "boolean"}
    return names.get(kind, "value") if isinstance(kind, type) else "value"


def _inspect(value: Any, escapes: bool, depth: int) -> None:
    if depth > DEEPEST:
        _refuse(f"嵌套超过 {DEEPEST} 层", f"nested deeper than {DEEPEST}")
    if isinstance(value, dict):
        for key, member in value.items():
            if escapes:
                _text(key)
            if escapes or isinstance(member, dict | list):
                _inspect(member, escapes, depth + 1)
    elif isinstance(value, list):
        for member in value:
            if escapes or isinstance(member, dict | list):
                _inspect(member, escapes, depth + 1)
    elif isinstance(value, str):
        _text(value)


def _text(value: str) -> None:
    if _ODD.search(value):
        _refuse("文本含有 NUL 或不成对的代理字符", "a text holds a NUL or half a surrogate pair")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                _refuse(f"键 {key[:60]!r} 重复", f"the key {key[:60]!r} is there twice")
            seen.add(key)
    return found


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) > _LONGEST_NUMBER or not -40 < number.adjusted() < 40:
        _refuse("数字过大或过长", "a number is too large or too long")
    return number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        _refuse("数字过大或过长", "a number is too large or too long")
    return int(text)


def _constant(text: str) -> NoReturn:
    _refuse(f"{text} 不是 JSON 数字", f"{text} is no JSON number")


def _refuse(zh: str, en: str) -> NoReturn:
    raise ApiError("bad_json", Text(f"JSON 无法接受:{zh}。", f"JSON not accepted: {en}."))


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)
