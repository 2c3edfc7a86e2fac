"""Scopes of API tokens: they narrow what the owner's roles give and never widen it.

A scope is `<form>:<action>`; `*` stands for every form or every action, `read` covers `list`, and
`admin:<right>` (or `admin:*`) lets an administrative right of the owner through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.access.errors import AccessError
from forms.problems import suggest
from forms.values import Text

ACTIONS = ("list", "read", "create", "update", "amend", "delete", "export", "import")
"""What a role can allow on a form."""

ADMIN = "admin"
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}|\*")
_LIMIT = 100


def parse_scopes(words: str | Iterable[str], forms: Iterable[str] | None = None) -> frozenset[str]:
    """Read scopes from a list, or a text with blanks or commas between them.

    `forms`, where given, are the known form ids. Raises AccessError `bad_scope`.
    """
    listed = re.split(r"[\s,]+", words.strip()) if isinstance(words, str) else list(words)
    listed = [word for word in listed if word]
    if not listed:
        raise _bad("", "至少要有一个权限范围", "at least one scope is needed")
    if len(listed) > _LIMIT:
        raise _bad("", f"权限范围最多 {_LIMIT} 个", f"at most {_LIMIT} scopes are allowed")
    known = None if forms is None else set(forms)
    return frozenset(_checked(word, known) for word in listed)


def _checked(word: str, forms: set[str] | None) -> str:
    form, colon, action = word.partition(":")
    if not colon or not _WORD.fullmatch(form) or not _WORD.fullmatch(action):
        raise _bad(
            word,
            "写作 form:action,例如 return_request:read 或 *:read",
            "write form:action, such as return_request:read or *:read",
        )
    if form == ADMIN:
        return word
    if action != "*" and action not in ACTIONS:
        zh, en = _hint(action, ACTIONS)
        allowed = " ".join((*ACTIONS, "*"))
        raise _bad(word, f"动作可为:{allowed}{zh}", f"actions are {allowed}{en}")
    if forms is not None and form != "*" and form not in forms:
        zh, en = _hint(form, forms)
        raise _bad(word, f"没有这个表单{zh}", f"there is no such form{en}")
    return word


def _hint(word: str, known: Iterable[str]) -> tuple[str, str]:
    near = suggest(word, known)
    return (f"(是否想写 {near}?)", f" (did you mean {near}?)") if near else ("", "")


def _bad(word: str, zh: str, en: str) -> AccessError:
    shown = f" {word[:60]!r}" if word else ""
    return AccessError(
        "bad_scope", Text(zh=f"权限范围{shown} 无效:{zh}。", en=f"Bad scope{shown}: {en}."),
        field="scopes",
    )  # fmt: skip


def let_through(scopes: frozenset[str] | None, form: str, action: str) -> bool:
    """Whether the scopes let an action on a form through (None lets everything through)."""
    if scopes is None:
        return True
    for place in (form, "*"):
        if f"{place}:*" in scopes or f"{place}:{action}" in scopes:
            return True
        if action == "list" and f"{place}:read" in scopes:
            return True
    return False


def let_admin_through(scopes: frozenset[str] | None, right: str) -> bool:
    """Whether the scopes let an administrative right through (`*:*` alone does not)."""
    return scopes is None or f"{ADMIN}:{right}" in scopes or f"{ADMIN}:*" in scopes
