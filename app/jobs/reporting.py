"""Reports that go out by themselves: planned once a unit of time, sent to each as theirs.

Planning moves the report's `rf_schedule` row on and writes one outbox row for each person in one
transaction: however many workers plan, one does, and none is lost by a crash. Each row is sent like
every effect; what somebody sees, and whether they still may, is asked when it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import structlog

from app.access.actor import Actor
from app.access.actors import actor_for_user
from app.access.errors import AccessError
from app.catalog.model import Catalog, Report
from app.jobs.notify import Post
from app.jobs.posting import post_letter
from app.letters import Enclosed, Letter
from app.notifications.people import Around, Recipient, recipients
from app.records import outbox
from app.records.reporting import may_export, names_in, run_report
from app.records.targets import micros
from app.records.tenant import Tenant
from app.reports.files import as_file
from app.reports.result import Result
from app.reports.schedule import current, following, moment
from app.reports.words import Teller
from forms.values import Text, new_id

log = structlog.get_logger(__name__)

TOPIC = "report"

_BEGIN = (
    "INSERT INTO rf_schedule (report, every, period) VALUES (?, ?, ?)"
    " ON CONFLICT (report) DO UPDATE SET every = excluded.every, period = excluded.period"
    " WHERE rf_schedule.every <> excluded.every"
)
_MOVE_ON = (
    "UPDATE rf_schedule SET period = CAST(? AS TEXT)"
    " WHERE report = ? AND every = ? AND period < CAST(? AS TEXT) RETURNING report"
)
_SUBJECT = Text("{report}（{day}）", "{report}, {day}")
_BODY = Text(
    "附件是您的报表“{report}”，共 {rows} 行。", "Your report “{report}” is enclosed: {rows} rows."
)
_ALSO = Text("在线查看：", "See it online:")


def plan(tenant: Tenant) -> int | None:
    """Plan the letters of every report whose unit of time is over; when the next one is
    (microseconds UTC), or None.

    A report that is scheduled for the first time, or anew, begins with the next unit; units that
    passed while nobody worked are caught up by one letter.
    """
    published = tenant.active()
    catalog, now = published.catalog, tenant.now()
    scheduled = {one.id: one for one in catalog.reports.values() if one.schedule is not None}
    known = _known(tenant, scheduled)
    found: list[int] = []
    for report in scheduled.values():
        schedule = report.schedule
        assert schedule is not None
        period = current(schedule.every, now, published.zone)
        every, last = known.get(report.id, ("", ""))
        if every != schedule.every:
            tenant.db.execute_now(_BEGIN, (report.id, schedule.every, period.isoformat()))
            last = period.isoformat()
        elif last < period.isoformat():
            _plan_one(tenant, catalog, report, period)
            last = period.isoformat()
        later = following(date.fromisoformat(last), schedule.every)
        found.append(micros(moment(later, published.zone)))
    return min(found, default=None)


def _known(tenant: Tenant, scheduled: Mapping[str, Report]) -> dict[str, tuple[str, str]]:
    """Report → (unit, last one done). What is scheduled no more is forgotten, so that it begins
    anew should it come back."""
    rows = tenant.db.query("SELECT report, every, period FROM rf_schedule")
    for report, _every, _period in rows:
        if report not in scheduled:
            tenant.db.execute_now("DELETE FROM rf_schedule WHERE report = ?", (report,))
    return {row[0]: (row[1], row[2]) for row in rows if row[0] in scheduled}


def _plan_one(tenant: Tenant, catalog: Catalog, report: Report, period: date) -> None:
    """One outbox row for each person, if this unit is not planned already."""
    schedule = report.schedule
    assert schedule is not None
    people = _people(tenant, catalog, report)
    day, now = period.isoformat(), tenant.now_us()
    form_key = tenant.active().tables.forms[report.source.partition(".")[0]].key
    with tenant.db.write() as tx:
        if not tx.execute(_MOVE_ON, (day, report.id, schedule.every, day)):
            return
        for person in people:
            content = {
                "report": report.id,
                "day": day,
                "user": int(person.principal.partition(":")[2]),
                "format": schedule.format,
                "if_data": schedule.if_data,
            }
            once = f"report:{report.id}:{day}:{person.principal}"
            payload = json.dumps(content)
            tx.queue(outbox.INSERT_ONCE, (new_id(), once, TOPIC, form_key, 0, payload, now, now))
    log.info("report planned", tenant=tenant.id, report=report.id, day=day, letters=len(people))


def _people(tenant: Tenant, catalog: Catalog, report: Report) -> list[Recipient]:
    assert report.schedule is not None
    published = tenant.active()
    form = catalog.forms[report.source.partition(".")[0]]
    env = published.env(tenant.now(), None)
    around = Around(tenant.db, catalog.roles, catalog.forms, form, {}, env)
    return [one for one in recipients(report.schedule.to, around) if not one.outside]


def send_report(tenant: Tenant, one: outbox.Claimed, post: Post) -> None:
    """Send one letter. Raises to be tried again, or GiveUp for somebody without an address. Nothing
    goes to people who are gone, may not have the report any more, or would find nothing in it."""
    content = json.loads(one.payload)
    report = tenant.active().catalog.reports.get(content["report"])
    actor = _actor(tenant, content["user"])
    if report is None or actor is None or not may_export(tenant, actor, report):
        log.info("report not sent: not theirs any more", tenant=tenant.id, once=one.once)
        return
    result = run_report(tenant, actor, report, file=True)
    if content["if_data"] and not result.rows:
        log.info("report not sent: nothing in it", tenant=tenant.id, once=one.once)
        return
    letter = _letter(tenant, one, post, actor, report, result, content)
    post_letter(tenant, one, letter, post.mail, refused=actor.login)


def _actor(tenant: Tenant, user_id: int) -> Actor | None:
    try:
        return actor_for_user(tenant.db, user_id, via="system")
    except AccessError:
        return None


def _letter(
    tenant: Tenant,
    one: outbox.Claimed,
    post: Post,
    actor: Actor,
    report: Report,
    result: Result,
    content: Mapping[str, Any],
) -> Letter:
    published = tenant.active()
    lang = actor.lang or published.catalog.tenant.languages[0]
    title, day = report.label.pick(lang) or report.id, str(content["day"])
    names = names_in(tenant, actor, result, lang)
    teller = Teller(result, lang, published.zone, published.catalog, names)
    file = as_file(str(content["format"]), teller, title, f"{report.id}-{day}", tenant.now())
    parts = [_BODY.pick(lang).format(report=title, rows=len(result.rows)), report.help.pick(lang)]
    base = post.address(tenant.id)
    if base:
        parts.append(f"{_ALSO.pick(lang)} {base}/reports/{report.id}")
    rows = tenant.db.query("SELECT email FROM rf_user WHERE id = ?", (actor.user_id,))
    return Letter(
        one.once,
        str(rows[0][0] or "") if rows else "",
        actor.name,
        _SUBJECT.pick(lang).format(report=title, day=day),
        "\n\n".join(part for part in parts if part),
        lang,
        enclosed=(Enclosed(file.name, file.mime, file.content),),
    )
