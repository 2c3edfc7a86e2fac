"""A clerk takes a return in a browser, as the product ships and with every id renamed.

The real thing: `run --demo` in a process of its own, web and worker, driven through Chromium.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.access.actor import SYSTEM
from app.config import load_config
from app.records import create, list_, read
from app.records.proof import verify_aggregates
from app.records.tenant import Tenants
from forms.values import decode_id
from tests.pack.naming import Named, original, renamed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
TENANT = "demo"

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True)
class Running:
    """The demo as it runs: where, with which names, and an order of three lines in it."""

    named: Named
    config: Path
    address: str
    password: str
    order_no: str

    def n(self, dotted: str) -> str:
        """An original id in the running definitions' names."""
        return self.named.path(dotted)


@pytest.fixture(scope="module", params=["original", "renamed"])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp(request.param)
    named = original() if request.param == "original" else renamed(folder / "definitions")
    if request.param == "renamed":
        for scenarios in named.folder.rglob("scenarios"):  # test_scenarios.py plays them renamed
            shutil.rmtree(scenarios)
    config = folder / "config.yaml"
    config.write_text(f"definitions: {named.folder}\ntenants: {{{TENANT}: {{}}}}\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "--config", str(config), "run", "--demo"],
        cwd=ROOT,
        env={**os.environ, "PORT": str(port)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/readyz", process, folder / "log")
        order_no = _order(config, named)
        password = (folder / "var" / f"demo_{TENANT}.password").read_text()
        address = f"http://127.0.0.1:{port}/t/{TENANT}"
        yield Running(named, config, address, password, order_no)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=40)
        log.close()
    assert code == 0, (folder / "log").read_text()[-2000:]


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text()[-2000:])


def _order(config: Path, named: Named) -> str:
    """An order of three lines, two pieces each; its lines' product labels are the demo's own."""
    tenants = Tenants.of(load_config(config, {}))
    tenant = tenants.get(TENANT)
    page = list_(tenant, SYSTEM, named.name("product"), columns=[], limit=3)
    customer = create(
        tenant, SYSTEM, named.name("customer"), named.values({"name": "Quill & Sons"})
    ).id
    lines = [
        {"line_no": n, "product": row["id"], "quantity": 2, "unit_price": f"{n}0.50"}
        for n, row in enumerate(page.rows, 1)
    ]
    order = {"order_no": "QUILL-1", "customer": customer, "currency": "CNY", "lines": lines}
    create(tenant, SYSTEM, named.name("order"), named.values(order))
    tenants.close()
    return "QUILL-1"


def _pick(page: Page, name: str, text: str, nth: int = 0) -> None:
    box = page.locator(f'[name="{name}@text"]')
    box.click()
    box.press_sequentially(text, delay=10)
    options = page.locator(f'[data-rf-field="{name}"] [role=option]').filter(has_text=text)
    options.nth(nth).wait_for()
    options.nth(nth).click()


def _rows(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        "tbody tr[data-rf-row]", "found => found.map(row => row.dataset.rfRow)"
    )


def test_a_return_of_three_lines_and_a_unit_too_many(running: Running, chromium: Browser) -> None:
    from playwright.sync_api import expect

    n = running.n
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{running.address}/sign-in")
    page.fill("#login", "admin")
    page.fill("#password", running.password)
    page.keyboard.press("Enter")
    page.wait_for_selector(".rf-shell")

    page.goto(f"{running.address}/forms/{n('return_request')}/new")
    _pick(page, n("customer"), "Quill")
    lines = n("lines")
    for at in range(3):
        if at:
            page.locator("[data-rf-line=add]").click()
        expect(page.locator("tbody tr[data-rf-row]")).to_have_count(at + 1)
        key = _rows(page)[at]
        _pick(page, f"{lines}.{key}.{n('order_line')}", running.order_no, at)
        price = page.locator(f'[name="{lines}.{key}.{n("unit_price")}"]')
        expect(price).to_have_value(f"{at + 1}0.50")
        quantity = "3" if at == 2 else "2"
        page.fill(f'[name="{lines}.{key}.{n("quantity")}"]', quantity)
        reason = running.named.name("unwanted")
        page.select_option(f'[name="{lines}.{key}.{n("reason")}"]', reason)
    expect(page.locator(f"#f-{n('total')}")).to_have_value("153.50")

    page.click("button[name=_act]")
    page.wait_for_selector("[data-rf-summary]")
    summary = page.inner_text("[data-rf-summary]")
    assert "2" in summary
    assert any(words in page.content() for words in ("最多可退 2", "At most 2 can be returned"))

    third = _rows(page)[2]
    page.fill(f'[name="{lines}.{third}.{n("quantity")}"]', "2")
    page.click("button[name=_act]")
    page.wait_for_selector(".rf-timeline")
    rid = decode_id(page.url.rpartition("/")[2])

    page.goto(f"{running.address}/dashboards/overview")
    expect(page.locator("main svg:not(.rf-icon)")).to_have_count(5)
    page.goto(f"{running.address}/admin/")
    page.wait_for_load_state("networkidle")
    assert page.title()
    context.close()
    assert complaints == []
    _kept(running, rid)


def _kept(running: Running, rid: int) -> None:
    tenants = Tenants.of(load_config(running.config, {}))
    tenant = tenants.get(TENANT)
    row = read(tenant, SYSTEM, running.named.name("return_request"), rid).row
    quantities = [str(line[running.n("quantity")]) for line in row[running.n("lines")]]
    differences = verify_aggregates(tenant)
    tenants.close()
    assert quantities == ["2", "2", "2"]
    assert differences == []
