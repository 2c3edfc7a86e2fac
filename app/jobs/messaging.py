"""Messages on their way out: one by one, or those of a digest as one letter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.catalog.notifications import INBOX, MAIL
from app.jobs.notify import DIGEST, TOPIC, Post, Statement, message_row
from app.jobs.posting import post_letter
from app.letters import Letter
from app.notifications import messages
from app.records import outbox
from app.records.tenant import Tenant
from forms.values import Text, encode_id, new_id

_WORDS = {
    "more": Text("查看详情：", "See it here:"),
    "digest": Text("{count} 条消息", "{count} messages"),
}


def deliver_message(tenant: Tenant, one: outbox.Claimed, post: Post) -> None:
    """Send one message. Raises to be tried again, or GiveUp for an address that is none."""
    content = json.loads(one.payload)
    if "trouble" in content:  # looked at; the plain words went out long ago
        return
    taken: list[int] = []
    parts = [content]
    if one.once.startswith(DIGEST):
        rows = _bundle(tenant, one)
        if one.id not in {row[0] for row in rows}:  # went out with another of them
            return
        taken = [row[0] for row in rows if row[0] != one.id]
        parts = [part for row in rows for part in _parts(json.loads(row[1]))]
        content = _together(parts)
    if content["channel"] == INBOX:
        values = message_row(new_id(), one.once, one, content, tenant.now_us())
        tenant.db.execute_now(messages.INSERT, values)
    elif content["channel"] == MAIL:
        _mail(tenant, one, content, post, _bundling(tenant, one, parts, taken))
        return
    elif post.webhook is not None:
        post.webhook(tenant, content["channel"], one.once, _public(tenant, one, content))
    else:
        raise LookupError(f"nobody delivers to the channel {content['channel']!r}")
    if taken:
        tenant.db.execute_now(*_done_with(tenant, taken))


def _bundling(
    tenant: Tenant, one: outbox.Claimed, parts: Sequence[Mapping[str, Any]], taken: Sequence[int]
) -> list[Statement]:
    """What goes out with another message is done with when that one leaves, which keeps it all."""
    if not taken:
        return []
    kept = json.dumps({**parts[0], "parts": list(parts)}, ensure_ascii=False)
    return [
        ("UPDATE rf_outbox SET payload = ? WHERE id = ?", (kept, one.id)),
        _done_with(tenant, taken),
    ]


def _mail(
    tenant: Tenant,
    one: outbox.Claimed,
    content: Mapping[str, Any],
    post: Post,
    also: Sequence[Statement],
) -> None:
    lang, link = content["lang"], content["link"]
    parts = [content["body"]]
    if link and link not in content["body"]:
        parts.append(f"{_WORDS['more'].pick(lang)} {link}")
    letter = Letter(
        one.once,
        content["address"],
        content["name"],
        content["subject"],
        "\n\n".join(part for part in parts if part),
        lang,
    )
    post_letter(tenant, one, letter, post.mail, also)


def _public(tenant: Tenant, one: outbox.Claimed, content: Mapping[str, Any]) -> dict[str, Any]:
    """What a webhook is told."""
    kept = ("notification", "lang", "subject", "body", "link")
    return {
        "key": one.once,
        "tenant": tenant.id,
        "form": one.form,
        "record": encode_id(one.record_id),
        **{name: content[name] for name in kept},
    }


def _bundle(tenant: Tenant, one: outbox.Claimed) -> list[tuple[int, str]]:
    """(id, payload) of a digest's messages that wait; what was withdrawn meanwhile is not there."""
    prefix = ":".join(one.once.split(":", 2)[:2]) + ":"
    rows = tenant.db.query(
        "SELECT id, payload FROM rf_outbox WHERE topic = ? AND once >= ? AND once < ?"
        " AND status IN ('ready', 'running') ORDER BY id",
        (TOPIC, prefix, prefix + "\uffff"),
    )
    return [(row[0], row[1]) for row in rows]


def _parts(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages a row stands for: more than its own where it once took others along."""
    parts: list[dict[str, Any]] = content.get("parts") or [content]
    return parts


def _together(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several messages as one."""
    first = found[0]
    if len(found) == 1:
        return first
    many = _WORDS["digest"].pick(first["lang"]).format(count=len(found))
    lines = [f"• {one['subject']}\n  {one['link']}".rstrip() for one in found]
    return {**first, "subject": many, "body": "\n".join(lines), "link": ""}


def _done_with(tenant: Tenant, ids: Sequence[int]) -> Statement:
    """What goes out with another message."""
    marks = ", ".join("?" * len(ids))
    return (
        "UPDATE rf_outbox SET status = 'done', done_at = ?, lease_until = NULL"
        f" WHERE id IN ({marks}) AND status IN ('ready', 'running')",
        (tenant.now_us(), *ids),
    )
