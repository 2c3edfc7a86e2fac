"""Reports that go out by themselves, over a real mail server, on both databases."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from app.access.actor import SYSTEM
from app.access.users import change_user, create_user, get_user, set_roles
from app.catalog.build import build
from app.catalog.sources import Sources
from app.hooks import load_plugins
from app.jobs.connect import Outside
from app.jobs.notify import Post
from app.jobs.reporting import plan, send_report
from app.jobs.worker import Worker
from app.letters import MailSettings
from app.records import incidents, outbox
from app.records.releases import publish
from app.records.tenant import Tenant
from app.records.transition import Lost
from app.reports.schedule import current, following, moment
from app.storage.control import Control
from app.storage.databases import Installation
from tests.notifications.world import FILES, GOOD, World, open_world
from tests.support.mailbox import Mailbox, mail_server

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROLES = {
    "packs/shop/roles/clerk.yaml": (
        "role: clerk\nlabel: Clerk\ncan:\n"
        "  buyer: {actions: [list, read]}\n"
        "  claim: {actions: [list, read, create], rows: owner == me}\n"
    ),
    "packs/shop/roles/chief.yaml": (
        "role: chief\nlabel: Chief\nincludes: [clerk]\ncan:\n"
        "  buyer: {actions: [list, read]}\n  claim: {actions: [list, read]}\n"
    ),
}


def report(schedule: str, name: str = "by_wish", more: str = "") -> dict[str, str]:
    """A scheduled report's file; `more` as its whole body."""
    body = more or (
        "source: claim\ngroup: {wish: {label: {zh: 期望, en: Wish}, by: wish},"
        " owner: {label: Owner, by: owner}}\n"
        "measures: {claims: {label: {zh: 单数, en: Claims}, count: true},"
        " sum: {label: Sum, sum: sum}}\n"
    )
    label = "label: {zh: 按期望, en: By wish}\n"
    return {
        f"packs/shop/reports/{name}.yaml": f"report: {name}\n{label}{body}schedule: {schedule}\n"
    }


@pytest.fixture
def world(installation: Installation, tenant_id: str) -> World:
    made = open_world(installation, tenant_id)
    made.clock.at = datetime(2026, 3, 10, 4, tzinfo=UTC)  # Tuesday noon in Shanghai
    return made


@pytest.fixture
def mailbox(world: World) -> Iterator[Mailbox]:
    with mail_server() as box:
        world.post = Post(box.settings(), lambda tenant: "https://x.test")
        yield box


def begin(world: World, *files: dict[str, str]) -> None:
    """Put these reports, and no others, into force; a worker sees them."""
    merged = {**FILES, **ROLES}
    for one in files:
        merged |= one
    publish(world.tenant, SYSTEM, Sources(merged, "acme"))
    work(world)


def work(world: World) -> int | None:
    """What a visit of the worker does of reports; when it wants to come again."""
    again = plan(world.tenant)
    world.work()
    return again


def go_to(world: World, *when: int) -> None:
    """Local time in Shanghai: year, month, day, hour, minute."""
    world.clock.at = datetime(*when, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[misc]


def table(letter: EmailMessage) -> list[list[str]]:
    """The enclosed CSV."""
    (file,) = letter.iter_attachments()
    text = file.get_content()
    text = text.decode() if isinstance(text, bytes) else text
    return list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))


def cells(letter: EmailMessage) -> list[list[Any]]:
    """The enclosed workbook: numbers as floats, texts as texts."""
    (file,) = letter.iter_attachments()
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(io.BytesIO(file.get_content())) as book:
        shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        words = ["".join(one.itertext()) for one in shared.findall("m:si", space)]
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    found = []
    for row in sheet.iterfind(".//m:row", space):
        values: list[Any] = []
        for cell in row.findall("m:c", space):
            value = cell.findtext("m:v", "", space)
            values.append(words[int(value)] if cell.get("t") == "s" else float(value))
        found.append(values)
    return found


def test_each_gets_what_they_may_see_in_their_language(world: World, mailbox: Mailbox) -> None:
    begin(world, report("{every: month, to: [{role: clerk}], as: csv}"))
    for owner, amount in (("wang", "3.5"), ("wang", "1"), ("ann", "4")):
        world.claim(owner=world.users[owner], wish="money", sum=amount)
    work(world)
    go_to(world, 2026, 4, 1, 6, 59)
    work(world)
    assert mailbox.letters == []
    go_to(world, 2026, 4, 1, 7, 0)
    again = work(world)

    (english,) = mailbox.to("ann@shop.test")
    (chinese,) = mailbox.to("wang@shop.test")
    assert english["Subject"] == "By wish, 2026-04-01"
    assert chinese["Subject"] == "按期望（2026-04-01）"
    assert sorted(table(english)[1:]) == [
        ["Money back", "Ann", "1", "4.000000"],
        ["Money back", "王芳", "2", "4.500000"],
    ]
    assert table(chinese) == [["期望", "Owner", "单数", "Sum"], ["退款", "王芳", "2", "4.500000"]]
    body = english.get_body().get_content()
    assert "2 rows" in body and "https://x.test/reports/by_wish" in body
    (file,) = english.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("by_wish-2026-04-01.csv", "text/csv")
    due = datetime(2026, 5, 1, 7, tzinfo=SHANGHAI)
    assert again == due.timestamp() * 1_000_000


def test_a_workbook_holds_numbers_and_no_formulas(world: World, mailbox: Mailbox) -> None:
    body = "source: claim\ncolumns: [number, contact, sum]\n"
    role = {**ROLES, "packs/shop/roles/clerk.yaml": (
        "role: clerk\nlabel: Clerk\ncan: {claim: {actions: [list, read, export]}}\n"
    )}  # fmt: skip
    begin(world, report("{every: week, to: [{user: wang}]}", "all", body), role)
    world.claim(contact="=1+1", sum="2.5")
    work(world)
    go_to(world, 2026, 3, 16, 7, 1)  # Monday
    work(world)
    (letter,) = mailbox.letters
    (file,) = letter.iter_attachments()
    assert file.get_filename() == "all-2026-03-16.xlsx"
    heads, row = cells(letter)
    assert row == ["C0001", "=1+1", 2.5]
    assert heads[0] == "编号"
    with zipfile.ZipFile(io.BytesIO(file.get_content())) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


def test_nothing_is_sent_to_whom_it_does_not_concern(world: World, mailbox: Mailbox) -> None:
    """Without rows (`if_data`), without the right to the report any more, gone, without address."""
    db = world.tenant.db
    idle = create_user(db, "idle", "Idle", GOOD, email="idle@shop.test", roles=["clerk"])
    create_user(db, "gone", "Gone", GOOD, email="gone@shop.test", roles=["clerk"])
    create_user(db, "bare", "Bare", GOOD, roles=["chief"])
    begin(world, report("{every: day, to: [{role: clerk}], as: csv, if_data: true}"))
    world.claim(owner=world.users["wang"])
    work(world)
    go_to(world, 2026, 3, 11, 8, 0)
    plan(world.tenant)
    gone = get_user(db, _id(world, "gone"))
    told = {"name": gone.name, "email": gone.email, "lang": gone.lang}
    change_user(db, gone.id, department_id=None, manager_id=None, active=False, **told)
    set_roles(db, world.users["ann"], [])
    world.work()
    assert [one["To"] for one in mailbox.letters] == ["王芳 <wang@shop.test>"]
    rows = db.query(
        "SELECT status, last_error FROM rf_outbox WHERE topic = 'report' AND status <> 'done'"
    )
    ((status, error),) = rows
    told = outbox.read_error(error)
    assert status == "dead" and told.en == "bare: '' is no e-mail address"
    assert told.zh.startswith("bare: 邮件地址无效")
    world.claim(owner=idle)
    work(world)
    go_to(world, 2026, 3, 12, 8, 0)
    work(world)
    assert len(mailbox.to("idle@shop.test")) == 1


def _id(world: World, login: str) -> int:
    ((found,),) = world.tenant.db.query("SELECT id FROM rf_user WHERE login = ?", (login,))
    return int(found)


def test_one_letter_a_unit_however_often_and_many_work(world: World, mailbox: Mailbox) -> None:
    begin(world, report("{every: quarter, to: [{role: clerk}], as: csv}"))
    go_to(world, 2026, 4, 1, 9, 0)
    started = threading.Barrier(4)
    problems: list[BaseException] = []

    def worker() -> None:
        try:
            started.wait(10)
            plan(world.tenant)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert problems == []
    for _ in range(3):
        work(world)
        world.clock.pass_by(hours=1)
    assert sorted(one["To"] for one in mailbox.letters) == [
        "Ann <ann@shop.test>",
        "王芳 <wang@shop.test>",
    ]
    # Two quarters nobody worked are caught up by one letter; what is done is forgotten in time.
    go_to(world, 2026, 11, 2, 9, 0)
    outbox.forget(world.tenant.db, world.tenant.now_us())
    work(world)
    work(world)
    assert len(mailbox.letters) == 4


def test_a_worker_that_dies_loses_no_letter_and_doubles_none(
    world: World, mailbox: Mailbox
) -> None:
    begin(world, report("{every: day, to: [{role: clerk}], as: csv}"))
    go_to(world, 2026, 3, 11, 7, 30)
    db = world.tenant.db
    plan(world.tenant)  # and dies; the next one finds what was planned
    assert mailbox.letters == []
    (first, *_others) = outbox.claim(db, world.tenant.now_us())
    world.clock.pass_by(minutes=5)  # another dies with the letters in its hands
    work(world)
    assert len(mailbox.letters) == 2
    # The one that died was only slow: what is not its any more, it does not send.
    with pytest.raises(Lost):
        send_report(world.tenant, first, world.post)
    assert len({one["Message-ID"] for one in mailbox.letters}) == len(mailbox.letters) == 2
    assert not outbox.finish(db, first, world.tenant.now_us())


def test_the_worker_does_it_and_notes_when_the_next_is_due(
    world: World, mailbox: Mailbox, installation: Installation, tmp_path: Path
) -> None:
    control = Control(installation.settings)
    control.enter(world.tenant.id)
    try:
        outside = Outside(load_plugins([]), lambda tenant: {}, world.post)
        worker = Worker(_OneTenant(world), control, outside, tmp_path)  # type: ignore[arg-type]
        begin(world, report("{every: month, to: [{user: ann}], as: csv}"))
        worker.sweep_all()
        world.clock.pass_by(minutes=2)
        worker.sweep_all()
        due = int(datetime(2026, 4, 1, 7, tzinfo=SHANGHAI).timestamp()) * 1_000_000
        told = world.tenant.id
        assert told not in control.due(due - 1) and told in control.due(due)
        go_to(world, 2026, 4, 1, 7, 1)
        worker.sweep_due()
        worker.sweep_due()
        assert [one["Subject"] for one in mailbox.letters] == ["By wish, 2026-04-01"]
    finally:
        control.close()


class _OneTenant:
    """The tenants of a worker that has one."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get(self, tenant_id: str) -> Tenant:
        return self.world.tenant

    def now_us(self) -> int:
        return self.world.tenant.now_us()


def test_a_server_that_is_away_is_tried_again_and_then_by_a_person(
    world: World, mailbox: Mailbox
) -> None:
    begin(world, report("{every: day, to: [{user: ann}], as: csv}"))
    go_to(world, 2026, 3, 11, 7, 30)
    mailbox.refusals = 2
    for _ in range(3):
        work(world)
        world.clock.pass_by(minutes=10)
    assert len(mailbox.letters) == 1
    go_to(world, 2026, 3, 12, 7, 30)
    mailbox.refusals = 10
    plan(world.tenant)
    for _ in range(10):
        world.work()
        world.clock.pass_by(hours=7)
    (dead,) = incidents.incidents(world.tenant)
    assert dead.status == "dead" and len(mailbox.letters) == 1
    incidents.retry(world.tenant, SYSTEM, dead.name, "the mail server is back")
    world.work()
    assert [one["Subject"] for one in mailbox.letters] == [
        "By wish, 2026-03-11",
        "By wish, 2026-03-12",
    ]


def test_a_new_schedule_begins_with_the_next_unit(world: World, mailbox: Mailbox) -> None:
    daily = report("{every: day, to: [{user: ann}], as: csv}")
    weekly = report("{every: week, to: [{user: ann}], as: csv}")
    begin(world, daily)
    assert mailbox.letters == []
    go_to(world, 2026, 3, 11, 8, 0)
    begin(world, weekly)  # changed before the day's letter was planned: the next is Monday's
    assert mailbox.letters == []
    begin(world)
    go_to(world, 2026, 3, 18, 8, 0)
    begin(world, weekly)  # taken out, Monday passed, put in again
    assert mailbox.letters == []
    go_to(world, 2026, 3, 23, 8, 0)
    work(world)
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize(
    ("every", "now", "day", "later"),
    [
        ("day", "2026-03-10T06:59", "2026-03-09", "2026-03-10"),
        ("day", "2026-03-10T07:00", "2026-03-10", "2026-03-11"),
        ("week", "2026-03-16T06:59", "2026-03-09", "2026-03-16"),
        ("week", "2026-03-22T23:00", "2026-03-16", "2026-03-23"),
        ("month", "2026-03-01T06:00", "2026-02-01", "2026-03-01"),
        ("month", "2026-12-31T09:00", "2026-12-01", "2027-01-01"),
        ("quarter", "2026-01-01T06:00", "2025-10-01", "2026-01-01"),
        ("quarter", "2026-06-30T09:00", "2026-04-01", "2026-07-01"),
    ],
)
def test_units_begin_at_seven_in_the_zone(every: str, now: str, day: str, later: str) -> None:
    for zone in (SHANGHAI, ZoneInfo("America/New_York")):
        at = datetime.fromisoformat(now).replace(tzinfo=zone).astimezone(UTC)
        found = current(every, at, zone)
        assert found == date.fromisoformat(day)
        assert following(found, every) == date.fromisoformat(later)
        assert moment(following(found, every), zone) > at >= moment(found, zone)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("{field: owner}", "a report belongs to no record, so field: owner leads to nobody"),
        ("{user: created_by}", "a report belongs to no record"),
        ("{actor_of: start}", "a report belongs to no record"),
        ("{role: clark}", "there is no role clark"),
    ],
)
def test_who_gets_it_is_checked(to: str, said: str) -> None:
    files = {**FILES, **ROLES, **report(f"{{every: day, to: [{to}]}}")}
    (problem,) = build(Sources(files, "acme")).problems
    assert said in problem.problem.message


def test_letters_are_kept_as_files_without_a_server(world: World, tmp_path: Path) -> None:
    world.post = Post(MailSettings(folder=tmp_path), lambda tenant: "")
    begin(world, report("{every: day, to: [{user: ann}]}"))
    go_to(world, 2026, 3, 11, 7, 30)
    work(world)
    (kept,) = tmp_path.rglob("*.eml")
    assert b"by_wish-2026-03-11.xlsx" in kept.read_bytes()
