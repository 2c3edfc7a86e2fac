"""The whole way of a return, in a real browser, on both grounds and with every id renamed.

Three lines go back: one is refunded, one exchanged, one scrapped. What must come out is written
down here in plain numbers, worked out by hand.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.access.actor import SYSTEM
from app.records import flow_of, list_, read
from app.records.proof import verify_aggregates, verify_journal
from forms.values import decode_id, encode_id
from tests.jobs.crash.matrix import valkey
from tests.journey.pages import PHONE, House, from_inbox, house, press, put, reload_until
from tests.journey.shop import CUSTOMER, GOODS, OPENING, ORDER_NO, fill
from tests.journey.stand import Ground, Stand, standing, until
from tests.pack.naming import original, renamed
from tests.support.mailbox import mail_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

REFUND = Decimal("393.12")
"""Two of three lamps: 3 × 199.90 − 10.01 = 589.69; two thirds of it, down to the cent."""


@pytest.fixture(params=["postgres", "embedded", "renamed"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        with valkey() as queue, mail_server() as box:
            ground = Ground("postgres", url, queue, box)
            with standing(original(), tmp_path, ground, fill) as running:
                yield running
        return
    named = renamed(tmp_path / "definitions") if request.param == "renamed" else original()
    with standing(named, tmp_path, Ground(request.param), fill) as running:
        yield running


def test_from_the_phone_to_the_last_ledger(stand: Stand, chromium: Browser, tmp_path: Path) -> None:
    shots = Path(os.environ.get("JOURNEY_SHOTS", tmp_path)) / f"shots-{stand.ground.name}"
    with house(stand, chromium, shots) as people:
        story = Story(people)
        story.customer_asks()
        story.two_people_approve()
        story.label_is_made()
        story.parcel_arrives()
        story.three_lines_are_inspected()
        story.everything_is_settled()
        story.customer_answers()
        story.everybody_can_see_why()
        assert people.complaints == []
    money_is_exact(stand)
    stock_is_exact(stand)
    everybody_was_told(stand, story.number)
    assert not verify_journal(stand.tenant, None).findings
    assert verify_aggregates(stand.tenant) == []


class Story:
    """The journey, act by act."""

    def __init__(self, people: House) -> None:
        self.people = people
        self.stand = people.stand
        self.rid = ""
        self.number = ""

    def n(self, dotted: str) -> str:
        return self.stand.n(dotted)

    # The customer -----------------------------------------------------------------------------

    @property
    def phone(self) -> Page:
        return self.people.window(
            "customer", locale="zh-CN", viewport=PHONE, has_touch=True, is_mobile=True
        )

    def look(self, name: str) -> None:
        """Keep what the customer sees; nothing hangs over the edge of the phone."""
        width = self.phone.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], name
        self.people.shot(self.phone, name)

    def customer_asks(self) -> None:
        """Order number, contact, the code from the letter; three lines."""
        page = self.phone
        page.goto(f"portal/{self.n('shop')}/")
        self.look("01-door")
        page.fill("#by-0", ORDER_NO)
        page.fill("#by-1", CUSTOMER)
        page.get_by_role("button", name="验证码").click()
        page.wait_for_selector("#code")
        page.fill("#code", self.stand.code(CUSTOMER))
        page.get_by_role("button", name="继续").click()
        page.wait_for_selector(".rp-order")
        self.look("02-home")
        page.locator(".rp-order a").first.click()
        page.wait_for_selector("[data-rf-form]")
        rows = page.locator("tr[data-rf-row]")
        for at, name in enumerate(one[0] for one in GOODS.values()):
            page.get_by_role("button", name=name).click()
            rows.nth(at).wait_for()
        for at, (quantity, reason) in enumerate(
            [("2", "unwanted"), ("1", "wrong_size"), ("3", "unwanted")]
        ):
            put(rows.nth(at), f".{self.n('quantity')}", quantity)
            put(rows.nth(at), f".{self.n('reason')}", self.n(reason))
        put(page, self.n("method"), self.n("label"))
        put(page, self.n("address"), "上海市徐汇区漕溪北路 100 号")
        put(page, self.n("note"), "灯太亮，枕头太高")
        self.look("03-form")
        page.locator(".rp-send button[name=_act]").first.click()
        page.wait_for_selector(".rp-way")
        assert self._portal_stage() == "审核中"
        self.look("04-asked")
        self.rid = page.url.partition("?")[0].rpartition("/")[2]
        self.number = str(self.request()["number"])

    def _portal_stage(self) -> str:
        return self.phone.locator('[aria-current="step"] .rp-way-label').inner_text()

    def request(self) -> dict[str, Any]:
        """The return as it is kept."""
        form = self.n("return_request")
        return dict(read(self.stand.tenant, SYSTEM, form, decode_id(self.rid)).row)

    # The staff --------------------------------------------------------------------------------

    def two_people_approve(self) -> None:
        """More than the lead may decide alone: finance, too."""
        lead = self.people.at_desk("lead")
        from_inbox(lead, self.number)
        self.people.shot(lead, "05-lead-task")
        press(lead, "approved")
        grace = self.people.at_desk("grace")
        from_inbox(grace, self.number)
        self.people.shot(grace, "06-finance-task")
        press(grace, "approved")
        self.people.shot(grace, "07-finance-after")

    def label_is_made(self) -> None:
        """The tracking number is in the portal as soon as the carrier gave it."""
        page = self.phone
        reload_until(page, "tracking number", lambda: page.get_by_text("SB00000").count() > 0)
        assert self._portal_stage() == "待寄回"
        self.look("08-label")
        (label,) = self.stand.ledger("carrier", "label")
        assert label["tracking_no"] == self.request()[self.n("tracking_no")]

    def parcel_arrives(self) -> None:
        """The carrier says so twice, signed; it counts once. Then it is counted."""
        (label,) = self.stand.ledger("carrier", "label")
        self.stand.on_the_road(label["tracking_no"], "delivered", times=2)
        qiang = self.people.at_desk("qiang", color_scheme="dark")
        from_inbox(qiang, self.number)
        self.people.shot(qiang, "09-receipt-dark")
        press(qiang, self.n("counted"))

    def three_lines_are_inspected(self) -> None:
        """Line by line: as new and refunded; as new and exchanged; used up, scrapped."""
        quinn = self.people.at_desk("quinn")
        findings = [
            ("2", "perfect", "restock", "refund"),
            ("1", "perfect", "restock", "exchange"),
            ("3", "slight", "scrap", "nothing"),
        ]
        until("tasks of inspection", lambda: self._open_tasks() == 3)
        for at, (accepted, grade, disposition, settle) in enumerate(findings):
            from_inbox(quinn, self.number)
            quinn.goto(self._task_of_line(at))
            quinn.wait_for_selector("#task-title")
            if not at:
                self.people.shot(quinn, "10-inspection")
            row = quinn.locator(f'.rf-panel tr[data-rf-row]:has([name$=".{self.n("accepted")}"])')
            put(row, f".{self.n('accepted')}", accepted)
            put(row, f".{self.n('grade')}", self.n(grade))
            put(row, f".{self.n('disposition')}", self.n(disposition))
            put(row, f".{self.n('settle')}", self.n(settle))
            if not at:
                self.people.shot(quinn, "11-inspection-filled")
            press(quinn, "done")

    def _open_tasks(self) -> int:
        form = self.n("return_request")
        return len(flow_of(self.stand.tenant, SYSTEM, form, decode_id(self.rid)).tasks)

    def _task_of_line(self, at: int) -> str:
        form = self.n("return_request")
        row = self.request()[self.n("lines")][at]["id"]
        tasks = flow_of(self.stand.tenant, SYSTEM, form, decode_id(self.rid)).tasks
        (task,) = (one.task.id for one in tasks if one.row == row)
        return f"forms/{form}/{self.rid}?task={encode_id(task)}"

    def everything_is_settled(self) -> None:
        """Goods to their places, the exchange sent, the money back: all by itself."""
        page = self.phone
        reload_until(page, "closed return", lambda: self._portal_stage() == "已完成")
        self.look("12-closed")

    def customer_answers(self) -> None:
        """The survey is offered in the portal, once."""
        page = self.phone
        page.locator(".rp-ask a").click()
        page.wait_for_selector("[data-rf-form]")
        put(page, self.n("rating"), "5")
        put(page, self.n("comment"), "很快，谢谢")
        self.look("13-survey")
        page.locator(".rp-send button[name=_act]").first.click()
        page.wait_for_selector("[data-rf-form]", state="detached")
        (survey,) = list_(
            self.stand.tenant, SYSTEM, self.n("survey"), columns=(self.n("rating"),)
        ).rows
        assert survey[self.n("rating")] == 5
        page.goto(f"portal/{self.n('shop')}/records/{self.n('return_request')}/{self.rid}")
        assert page.locator(".rp-ask").count() == 0

    def everybody_can_see_why(self) -> None:
        """The picture, the timeline and the reasons tell the story; the bell rang."""
        admin = self.people.at_desk("zhou")
        admin.goto(f"forms/{self.n('return_request')}/{self.rid}")
        admin.locator("#why summary").first.click()
        assert admin.locator(".rf-flow .rf-way.rf-taken").count() > 10
        told = admin.locator(".rf-timeline").inner_text()
        for name in ("林晓", "陈主管", "Grace Zhao", "Quinn Li", "系统"):
            assert name in told, name
        reasons = admin.locator("#why").inner_text()
        assert "退货政策" in reasons and "393.12" in admin.locator(".rf-record").inner_text()
        assert "system" not in told + reasons
        self.people.shot(admin, "14-record")
        for path, name in (
            ("inbox?box=done", "15-done"),
            ("messages", "16-messages"),
            (f"forms/{self.n('return_request')}/", "17-list"),
            ("dashboards/overview", "18-dashboard"),
        ):
            admin.goto(path)
            self.people.shot(admin, name)
        lead = self.people.at_desk("lead")
        lead.goto("inbox?box=done")
        assert lead.locator(".rf-inbox tbody tr").count() == 1
        assert "已办" in lead.locator(".rf-boxes").inner_text()
        lead.goto(f"forms/{self.n('return_request')}/")
        assert "已完成" in lead.locator("tbody").inner_text()


# What must have come out ------------------------------------------------------------------------


def money_is_exact(stand: Stand) -> None:
    """One refund in the payment service's own ledger, to the cent; no other booking."""
    (refund,) = stand.ledger("payment", "refund")
    assert (Decimal(refund["amount"]), refund["currency"]) == (REFUND, "CNY")
    for kind in ("hold", "capture", "release", "declined"):
        assert stand.ledger("payment", kind) == []


def stock_is_exact(stand: Stand) -> None:
    """By moves and by the running total, both recounted."""
    tenant, n = stand.tenant, stand.n
    rows = [
        read(tenant, SYSTEM, n("stock_booking"), one["id"]).row
        for one in list_(tenant, SYSTEM, n("stock_booking"), columns=(), limit=50).rows
    ]
    skus = {
        one["id"]: str(one[n("sku")])
        for one in list_(tenant, SYSTEM, n("product"), columns=(n("sku"),), limit=50).rows
    }
    moved = Counter[tuple[str, str, str]]()
    for row in rows:
        moved[skus[row[n("product")]], row[n("from_zone")], row[n("zone")]] += int(
            row[n("quantity")]
        )
    zone = {name: n(name) for name in ("quarantine", "saleable", "scrap", "outside")}
    assert moved == {
        ("LAMP", zone["quarantine"], zone["saleable"]): 2,
        ("PILLOW", zone["quarantine"], zone["saleable"]): 1,
        ("PILLOW", zone["saleable"], zone["outside"]): 1,
        ("FLASK", zone["quarantine"], zone["scrap"]): 3,
    }
    names = ("moved", "sold", "put_back", "taken", "isolated", "cleared", "scrapped")
    assert {sku: measures(stand, "stock", key, names) for key, sku in skus.items()} == {
        "LAMP": (OPENING, 3, 2, 0, 2, 2, 0),
        "PILLOW": (OPENING, 1, 1, 1, 1, 1, 0),
        "FLASK": (OPENING, 3, 0, 0, 3, 3, 3),
    }


def measures(stand: Stand, aggregate: str, key: int, names: tuple[str, ...]) -> tuple[int, ...]:
    """Running totals as they are kept."""
    active = stand.tenant.active()
    one, home = active.catalog.aggregates[aggregate], active.tables.aggregates[aggregate]
    columns = ", ".join(home.columns[stand.n(name)] for name in names)
    sql = f"SELECT {columns} FROM rf_aggregate WHERE aggregate = ? AND key = ?"
    (row,) = stand.tenant.db.query(sql, (home.name, key))
    scales = [one.measures[stand.n(name)].scale for name in names]
    return tuple(int(value) // 10**scale for value, scale in zip(row, scales, strict=True))


def everybody_was_told(stand: Stand, number: str) -> None:
    """The customer's letters by subject; the staff's messages by the bell. Each once."""
    letters = Counter(
        str(letter["Subject"]).partition("是您")[1] or str(letter["Subject"])
        for name, letter in stand.letters()
        if CUSTOMER in name
    )
    assert letters == {
        "是您": 1,
        f"已收到您的退货申请 {number}": 1,
        f"退货 {number} 已通过": 1,
        f"已收到您退回的商品 {number}": 1,
        "已退款 393.12 CNY": 1,
        f"退货 {number} 的换货商品已寄出": 1,
        f"退货 {number} 已完成，请您评价": 1,
    }
    assert {name for name, _ in stand.letters()} == {CUSTOMER}
    rows = stand.tenant.db.query(
        "SELECT u.login, count(*) FROM rf_message AS m JOIN rf_user AS u"
        " ON m.principal = 'user:' || CAST(u.id AS TEXT) GROUP BY u.login"
    )
    assert dict(rows) == {"lead": 1, "grace": 1, "qiang": 4, "quinn": 3, "zhou": 6}
