"""From what happened to what is sent: which notifications listen, to whom, in which words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any

from app.catalog.model import Catalog
from app.catalog.notifications import (
    ACTOR,
    CHANNELS,
    INBOX,
    MAIL,
    SLA,
    TASK,
    Listening,
    Notification,
)
from app.notifications.event import Happened, moment
from app.notifications.people import Around, Recipient, address_field, contact_links, recipients
from app.notifications.reads import wanted
from app.storage.ports import Reader
from flows.picture import step_name
from forms.expr import Env, EvalError
from forms.model import Form, Row
from forms.validate_result import Wanted
from forms.values import Text

ROUNDS = 4
SUBJECT_CHARS, BODY_CHARS = 200, 4_000
_LINE = Text("第 {number} 行", "line {number}")
_NAMED = Text("第 {number} 行：{name}", "line {number}: {name}")
_ONE_LINE = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")

Load = Callable[[Wanted], None]
"""Puts what is wanted into the environment it was made for."""
LinkOf = Callable[[Recipient], str]
"""The address of the record's page for somebody; "" where there is none."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A record with everything around it that notifications may look at.

    `row` is the record as it is now, under the names of the release in force. `load` fills `env`.
    """

    catalog: Catalog
    form: Form
    form_key: str
    row: Row
    env: Env
    db: Reader
    load: Load
    link: LinkOf
    zone: tzinfo
    now: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one person by one way. `after`: not before this time."""

    once: str
    notification: str
    channel: str
    to: Recipient
    subject: str
    body: str
    link: str
    throttle_key: str
    throttle: int
    after: datetime | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A notification whose condition, people or words could not be worked out."""

    once: str
    notification: str
    part: str
    why: Text


@dataclass(slots=True)
class Planned:
    """What comes of some happenings."""

    outgoing: list[Outgoing] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)


def listening(
    catalog: Catalog, events: Iterable[Happened]
) -> list[tuple[Notification, Listening, Happened]]:
    """The notifications that listen to what happened, in the order of events."""
    return [
        (notification, heard, event)
        for event in events
        for notification in catalog.notifications.values()
        if (heard := notification.forms.get(event.form)) is not None and event.name in heard.events
    ]


def plan(occasion: Occasion, events: Iterable[Happened]) -> Planned:
    """What to send. Whatever is wrong with a definition's expressions never raises: the words are
    replaced by plain ones, a condition or a recipient without value sends nothing; both are told
    as trouble."""
    made = Planned()
    for notification, heard, event in listening(occasion.catalog, events):
        _one(occasion, notification, heard, event, made)
    return made


def _one(
    occasion: Occasion, told: Notification, heard: Listening, event: Happened, made: Planned
) -> None:
    env = occasion.env
    _tell(occasion, event, "zh")
    for _ in range(ROUNDS):
        missing = wanted(
            heard.exprs, occasion.form, occasion.catalog.forms, _row(occasion, env), env
        )
        for each in missing:
            occasion.load(each)
        if not missing:
            break
    row = _row(occasion, env)
    around = Around(
        occasion.db,
        occasion.catalog.roles,
        occasion.catalog.forms,
        occasion.form,
        row,
        env,
        event.seats,
        occasion.form_key,
    )
    once = f"{event.once}:{told.id}"
    part = "when"
    try:
        if heard.when is not None and heard.when.evaluate(row, env) is not True:
            return
        part = "to"
        for target, ids in contact_links(heard.to, around).items():
            _contacts(occasion, target, ids)
        people = recipients(heard.to, around)
    except EvalError as error:
        made.troubles.append(Trouble(once, told.id, part, error.message))
        return
    for person in people:
        made.outgoing += _messages(occasion, told, heard, event, person, once, made)
    others = [channel for channel in told.channels if channel not in CHANNELS]
    if others:
        nobody = Recipient("")
        for one in _messages(occasion, told, heard, event, nobody, once, made, others):
            made.outgoing.append(one)


def _contacts(occasion: Occasion, target: str, ids: set[int]) -> None:
    form = occasion.catalog.forms.get(target)
    if form is not None and ids:
        names = frozenset(name for name in ("title", address_field(form)) if name)
        occasion.load(Wanted({target: ids}, {target: names}))


def _messages(
    occasion: Occasion,
    told: Notification,
    heard: Listening,
    event: Happened,
    person: Recipient,
    once: str,
    made: Planned,
    channels: Iterable[str] = CHANNELS,
) -> Iterator[Outgoing]:
    """A message for each of the notification's channels that reaches this person."""
    catalog = occasion.catalog
    lang = person.lang if person.lang in ("zh", "en") else catalog.tenant.languages[0]
    link = occasion.link(person)
    subject, body = _words(occasion, told, heard, event, lang, link, once, made)
    key = f"{told.id}:{event.form}:{event.record_id}:{person.principal}"
    for channel in told.channels:
        if channel not in channels or (channel == MAIL and not person.address):
            continue
        yield Outgoing(
            f"{once}:{person.principal}:{channel}",
            told.id,
            channel,
            Recipient(person.principal, person.name, person.address, lang),
            subject,
            body,
            link,
            f"{key}:{channel}",
            told.throttle,
            _after(told, channel, occasion.now, occasion.zone),
            told.digest,
        )


def _words(
    occasion: Occasion,
    told: Notification,
    heard: Listening,
    event: Happened,
    lang: str,
    link: str,
    once: str,
    made: Planned,
) -> tuple[str, str]:
    """Subject and body in one language; plain ones where a template has no value."""
    env = occasion.env
    _tell(occasion, event, lang)
    row = {**_row(occasion, env), "link": link}
    part = "subject"
    try:
        subject = _in(heard.subject, lang).render(row, env, lang, SUBJECT_CHARS)
        part = "body"
        body = _in(heard.body, lang).render(row, env, lang, BODY_CHARS) if heard.body else ""
    except EvalError as error:
        trouble = Trouble(once, told.id, f"text.{part}", error.message)
        if trouble not in made.troubles:
            made.troubles.append(trouble)
        title = str(row.get("title") or occasion.form.label.pick(lang) or event.form)
        subject, body = f"{title}: {told.label.pick(lang) or told.id}", ""
    return _ONE_LINE.sub(" ", subject).strip() or told.label.pick(lang), body


def _in(text: Any, lang: str) -> Any:
    return text.zh if lang == "zh" else text.en


def _row(occasion: Occasion, env: Env) -> Row:
    """The record with the names of the event; a field of the same name comes first."""
    return {"task": 1, "actor": 1, "sla": 1, **occasion.row}


def _tell(occasion: Occasion, event: Happened, lang: str) -> None:
    """Put what happened where expressions look for it, in one language."""
    links: Any = occasion.env.links
    flow = occasion.catalog.raw.get("flow", {}).get(event.form, {})
    path = str(event.data.get("step") or "")
    step = path.rpartition("/")[2]
    links[TASK] = {
        1: {
            "label": _step_name(occasion.catalog, event.form, path, lang),
            "line": _line(event.data.get("line"), lang),
            "step": step or None,
            "due_at": event.due_at or (_task_due(occasion, event, step) if step else None),
            "comment": str(event.data.get("comment") or "") or None,
        }
    }
    links[ACTOR] = {1: {"name": event.data.get("actor")}}
    slas = flow.get("slas", {})
    links[SLA] = {1: dict.fromkeys(slas, 1)}
    dues = _promised(occasion, event) if slas else {}
    for name, sla in slas.items():
        label = Text.of(sla.get("label"), name).pick(lang)
        links[f"{SLA}.{name}"] = {1: {"label": label, "due_at": dues.get(name)}}


def _step_name(catalog: Catalog, form: str, path: str, lang: str) -> str:
    """What a step is called, found by its path or by its own id."""
    flow, id_ = catalog.flows.get(form), path.rpartition("/")[2]
    steps = flow.steps if flow is not None else {}
    found = steps.get(path) or next((one for one in steps.values() if one.id == id_), None)
    return step_name(found, lang) if found is not None else id_


def _line(told: Any, lang: str) -> str | None:
    """The line a task is about: its place and what it is called. None where it is about none."""
    if not isinstance(told, Sequence) or len(told) != 2:
        return None
    number, name = told
    return (_NAMED if name else _LINE).pick(lang).format(number=number, name=name)


def _task_due(occasion: Occasion, event: Happened, step: str) -> datetime | None:
    """When the step an event is about has to be done."""
    ((due,),) = occasion.db.query(
        "SELECT MIN(due_at) FROM rf_due WHERE form = ? AND record_id = ? AND status = 'open'"
        " AND step = ? AND (kind IN ('task', 'vote') OR rule LIKE 'due%')",
        (occasion.form_key, event.record_id, step),
    )
    return None if due is None else moment(due)


def _promised(occasion: Occasion, event: Happened) -> dict[str, datetime]:
    """SLA → when it must be kept: by its timer, and for the one at hand by the event."""
    rows = occasion.db.query(
        "SELECT rule, due_at FROM rf_due WHERE form = ? AND record_id = ? AND rule LIKE 'sla/%'"
        " ORDER BY due_at",
        (occasion.form_key, event.record_id),
    )
    found = {
        str(rule).split("/")[1]: at
        for rule, due in rows
        if str(rule).endswith("/breach") and (at := moment(due)) is not None
    }
    parts = event.name.split(".")
    if parts[0] == "sla" and event.due_at is not None:
        found[parts[1]] = event.due_at
    return found


def _after(told: Notification, channel: str, now: datetime, zone: tzinfo) -> datetime | None:
    """When a message may go: at the end of its period, and not in quiet hours. What waits in the
    inbox disturbs nobody and keeps no quiet hours."""
    at = now
    if told.digest:
        at = period_end(now, told.digest, zone)
    if told.quiet is not None and channel != INBOX:
        at = after_quiet(at, told.quiet, zone)
    return None if at == now else at


def period_end(now: datetime, unit: str, zone: tzinfo) -> datetime:
    """The end of the hour, day or week (Sunday night) that `now` is in, where the tenant is."""
    here = now.astimezone(zone)
    if unit == "hour":
        start = here.replace(minute=0, second=0, microsecond=0)
        return (start + timedelta(hours=1)).astimezone(now.tzinfo)
    days = 1 if unit == "day" else 7 - here.weekday()
    end = datetime.combine(here.date() + timedelta(days=days), time(), zone)
    return end.astimezone(now.tzinfo)


def after_quiet(at: datetime, quiet: tuple[int, int], zone: tzinfo) -> datetime:
    """The moment itself, or the end of the quiet hours it falls into."""
    here = at.astimezone(zone)
    minute = here.hour * 60 + here.minute
    start, end = quiet
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return at
    day = here.date() + timedelta(days=1 if end <= minute else 0)
    wall = time(end // 60 % 24, end % 60)
    if end == 24 * 60:
        day = here.date() + timedelta(days=1)
    return datetime.combine(day, wall, zone).astimezone(at.tzinfo)


def unthrottled(
    outgoing: Iterable[Outgoing], last: Mapping[str, int], now: int
) -> Iterator[Outgoing]:
    """Those that may be sent: `last` is when each key was last used (microseconds UTC)."""
    used = dict(last)
    for one in outgoing:
        if one.throttle:
            before = used.get(one.throttle_key)
            if before is not None and now - before < one.throttle * 1_000_000:
                continue
            used[one.throttle_key] = now
        yield one
