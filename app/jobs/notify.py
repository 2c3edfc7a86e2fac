"""Telling people, as the worker does it: plan what a record event gives, then send each message.

Planning writes its messages in the transaction that settles the event, so that none is lost and
none is made twice. A message that cannot be sent is tried again like every effect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from app.access.actor import SYSTEM
from app.catalog.model import Catalog
from app.catalog.notifications import INBOX
from app.config import Config
from app.letters import MailSettings
from app.notifications import messages
from app.notifications.event import Happened, happened
from app.notifications.people import Recipient
from app.notifications.plan import Occasion, Outgoing, Trouble, listening, plan, unthrottled
from app.plugging import mail_settings
from app.records import outbox
from app.records.facts import Facts
from app.records.lines import line_names, rows_over
from app.records.plan import Plan
from app.records.prepare import Context, context, facts_for
from app.records.targets import micros
from app.records.tenant import Published, Tenant
from app.storage.sqlgen import Record
from flows.model import Each
from forms.values import Text, encode_id, new_id

log = structlog.get_logger(__name__)

TOPIC = "notify"
SAID = "@"
"""The key under which a journal entry keeps what a flow did."""
DIGEST = "digest:"
Statement = tuple[str, Sequence[Any]]
Webhook = Callable[[Tenant, str, str, Mapping[str, Any]], None]
"""(tenant, connection, key, content): posts a message to a connection. Raises to be tried again."""

_DEAD = (
    "INSERT INTO rf_outbox (id, once, topic, form, record_id, payload, status, attempts, due_at,"
    " last_error, fence, created_at) VALUES (?, ?, ?, ?, ?, ?, 'dead', 0, ?, ?, 0, ?)"
    " ON CONFLICT (once) DO NOTHING"
)
_THROTTLE = (
    "INSERT INTO rf_throttle (key, at) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET at = excluded.at"
)


@dataclass(frozen=True, slots=True)
class Post:
    """How messages leave this installation. `address`: tenant → the address people reach it
    under, without a slash at the end ("" where none is known)."""

    mail: MailSettings
    address: Callable[[str], str]
    webhook: Webhook | None = None
    secret: str = ""
    """The installation's key, for hashes of one-time codes."""

    @classmethod
    def of(cls, config: Config, webhook: Webhook | None = None) -> Post:
        """As the settings say."""

        def address(tenant: str) -> str:
            entry = config.tenants.get(tenant)
            base = config.text("web.url").rstrip("/")
            scheme = "https" if config.flag("web.https") else "http"
            if entry is not None and entry.hosts:
                return f"{scheme}://{entry.hosts[0]}"
            base = base or f"{scheme}://{config.text('web.host')}:{config.number('web.port')}"
            return f"{base}/t/{tenant}"

        return cls(MailSettings.told(mail_settings(config)), address, webhook, config.secret_key())


NOWHERE = Post(MailSettings(), lambda tenant: "")


def planned(tenant: Tenant, one: outbox.Claimed, post: Post = NOWHERE) -> list[Statement]:
    """What a record event has to be told to whom, as statements for the transaction that settles
    the event. Never raises for what definitions do; the record may be gone by now."""
    published = tenant.active()
    live = published.tables.form_of(one.form)
    if live is None:
        return []
    events = [
        event
        for event in happened(live.id, one.record_id, one.once, json.loads(one.payload))
        if _stands(tenant, event)
    ]
    if not listening(published.catalog, events):
        return []
    occasion = _occasion(tenant, published, live.id, one, post)
    if occasion is None:
        return []
    made = plan(occasion, _lined(tenant, _named(tenant, one, events)))
    now = tenant.now_us()
    throttled = [each.throttle_key for each in made.outgoing if each.throttle]
    kept = list(unthrottled(made.outgoing, _last(tenant, throttled), now))
    found = [_statement(each, one, now) for each in kept]
    found += [(_THROTTLE, (each.throttle_key, now)) for each in kept if each.throttle]
    found += [_told(each, one, now) for each in made.troubles]
    return found


def _stands(tenant: Tenant, event: Happened) -> bool:
    """Whether it is still so: a task that was done or withdrawn meanwhile (whoever fills in a form
    does its first task at once) is announced to nobody."""
    task = event.data.get("task")
    if event.name != "task.assigned" or not isinstance(task, int):
        return True
    open_ = "SELECT 1 FROM rf_due WHERE task = ? AND status = 'open' LIMIT 1"
    return bool(tenant.db.query(open_, (task,)))


def _occasion(
    tenant: Tenant, published: Published, form_id: str, one: outbox.Claimed, post: Post
) -> Occasion | None:
    ctx = context(tenant, published, SYSTEM, form_id)
    found = _record(ctx, one)
    if found is None:
        return None
    plan, record = found
    row = plan.live(record.row, record.head.currency)
    facts = replace(facts_for(ctx, row), release=published.release)
    env = facts.env
    env.currency = record.head.currency or env.currency
    return Occasion(
        published.catalog,
        published.catalog.forms[form_id],
        one.form,
        row,
        env,
        tenant.db,
        _loader(facts),
        _links(tenant.id, published.catalog, form_id, one.record_id, post),
        published.zone,
        tenant.now(),
    )


def _record(ctx: Context, one: outbox.Claimed) -> tuple[Plan, Record] | None:
    """The record as it is, with the plan of its release. One that was deleted meanwhile is told
    of no more, but for its deletion; None then, and for one that was erased."""
    plan, found = ctx.plan, ctx.plan.sql.read(ctx.tenant.db, [one.record_id]).get(one.record_id)
    if found is None or (found.head.deleted and json.loads(one.payload).get("act") != "delete"):
        return None
    if found.head.release_no == ctx.release.no:
        return plan, found
    release = ctx.tenant.release(found.head.release_no)
    pinned = release.tables.form_of(one.form)
    if pinned is None:
        return None
    plan = ctx.published.plan(pinned.id, release)
    again = plan.sql.read(ctx.tenant.db, [one.record_id]).get(one.record_id)
    return None if again is None else (plan, again)


def _loader(facts: Facts) -> Callable[[Any], None]:
    return lambda wanted: facts.load(wanted, trusted=True)


def _links(
    tenant: str, catalog: Catalog, form_id: str, rid: int, post: Post
) -> Callable[[Recipient], str]:
    """The record's page: at the desk, or for people outside in the first portal that has it."""
    base = post.address(tenant)
    portal = next((one.id for one in catalog.portals.values() if form_id in one.start), "")

    def link(person: Recipient) -> str:
        if not base or (person.outside and not portal):
            return ""
        if person.outside:
            return f"{base}/portal/{portal}/records/{form_id}/{encode_id(rid)}"
        return f"{base}/forms/{form_id}/{encode_id(rid)}"

    return link


def _named(tenant: Tenant, one: outbox.Claimed, events: Sequence[Happened]) -> tuple[Happened, ...]:
    """The events with the name of whoever did it and what they said, from the journal."""
    rows = tenant.db.query(
        "SELECT actor_name, changes FROM rf_journal WHERE form = ? AND record_id = ? AND seq = ?",
        (one.form, one.record_id, int(json.loads(one.payload).get("seq") or 0)),
    )
    if not rows:
        return tuple(events)
    said = json.loads(rows[0][1]).get(SAID, {}) if rows[0][1] else {}
    comment = said.get("comment")  # of an answer it may be in two languages, and is nobody's word
    known = {"actor": rows[0][0], "comment": comment if isinstance(comment, str) else None}
    return tuple(replace(event, data={**known, **event.data}) for event in events)


def _lined(tenant: Tenant, events: Sequence[Happened]) -> tuple[Happened, ...]:
    """The events with the line they are about and what it is called, where it is one of an `each`.
    Words are the definition's to choose, so its name is told whoever reads it."""
    flow = tenant.active().catalog.flows.get(events[0].form) if events else None
    if flow is None or all(not isinstance(step.body, Each) for step in flow.steps.values()):
        return tuple(events)
    tasks = sorted({int(e.data["task"]) for e in events if e.data.get("task")})
    marks = ", ".join("?" * len(tasks)) or "NULL"
    sql = f"SELECT DISTINCT task, data FROM rf_due WHERE task IN ({marks})"
    known = {task: json.loads(data or "{}") for task, data in tenant.db.query(sql, tasks)}
    places: dict[str, tuple[str, int]] = {}
    for event in events:
        about = known.get(event.data.get("task"), event.data)
        if about.get("row"):
            path = str(about.get("path") or event.data.get("step") or "")
            places[event.once] = (rows_over(flow, path), int(about["row"]))
    wanted = [(events[0].form, lines, row) for lines, row in places.values()]
    names = line_names(tenant, SYSTEM, wanted)
    return tuple(
        replace(event, data={**event.data, "line": [line.number, line.name]})
        if event.once in places and (line := names.get(places[event.once][1])) is not None
        else event
        for event in events
    )


def _last(tenant: Tenant, keys: Sequence[str]) -> dict[str, int]:
    if not keys:
        return {}
    marks = ", ".join("?" * len(keys))
    return dict(tenant.db.query(f"SELECT key, at FROM rf_throttle WHERE key IN ({marks})", keys))


def _statement(each: Outgoing, one: outbox.Claimed, now: int) -> Statement:
    """A message for the inbox is there at once; others wait in the outbox for their turn."""
    if each.channel == INBOX and each.after is None:
        return messages.INSERT, message_row(new_id(), each.once, one, _content(each), now)
    after = now if each.after is None else micros(each.after)
    payload = json.dumps(_content(each), ensure_ascii=False)
    return outbox.INSERT_ONCE, (
        new_id(),
        _digest_once(each, after) if each.digest else each.once,
        TOPIC,
        one.form,
        one.record_id,
        payload,
        after,
        now,
    )


def _digest_once(each: Outgoing, after: int) -> str:
    """Messages that go out together share what stands before the second colon."""
    shared = f"{each.notification}\0{each.to.principal}\0{each.channel}\0{after}"
    return f"{DIGEST}{hashlib.sha256(shared.encode()).hexdigest()[:32]}:{each.once}"


def _content(each: Outgoing) -> dict[str, Any]:
    return {
        "notification": each.notification,
        "channel": each.channel,
        "principal": each.to.principal,
        "name": each.to.name,
        "address": each.to.address,
        "lang": each.to.lang,
        "subject": each.subject,
        "body": each.body,
        "link": each.link,
    }


def message_row(
    message_id: int, once: str, one: outbox.Claimed, content: Mapping[str, Any], now: int
) -> tuple[Any, ...]:
    """The values of `messages.INSERT` for a message behind the bell."""
    return (
        message_id,
        once,
        content["principal"],
        content["notification"],
        one.form,
        one.record_id,
        content["subject"],
        content["body"],
        now,
    )


def _told(trouble: Trouble, one: outbox.Claimed, now: int) -> Statement:
    """Trouble with a definition stands in the outbox as what could not be done."""
    content = {"notification": trouble.notification, "trouble": trouble.part}
    about = f"{trouble.notification}, {trouble.part}"
    error = Text(f"通知 {about}：{trouble.why.zh}", f"notification {about}: {trouble.why.en}")
    log.warning("notification without value", notification=trouble.notification, error=error.en)
    return _DEAD, (
        new_id(),
        f"{trouble.once}:{trouble.part}",
        TOPIC,
        one.form,
        one.record_id,
        json.dumps(content, ensure_ascii=False),
        now,
        outbox.written(error),
        now,
    )
