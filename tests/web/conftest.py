"""The house the page tests share, on SQLite: pages know nothing of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

from app.storage.databases import StorageSettings
from app.web import assets
from tests.web.house import PASSWORD, House, open_house

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]
"""Opens a page as somebody: login, language, and what a browser context takes."""


@pytest.fixture(scope="session", autouse=True)
def front_end_files() -> None:
    """Pages link to files that `python -m app.web.assets` puts in place."""
    assets.build()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for a module: its tests add records of their own and count on no others."""
    folder: Path = tmp_path_factory.mktemp("house")
    opened = open_house(StorageSettings(folder=folder / "data"), folder, "acme")
    yield opened
    opened.tenants.close()


@pytest.fixture(scope="module")
def address(house: House) -> Iterator[str]:
    """The house served on a free port of this machine: the tenant's address."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/t/{house.name}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[Open]:
    """Opens pages as somebody who has signed in; fails on any error in the console."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def opened(login: str = "clerk", lang: str = "en", **more: Any) -> Page:
        context = chromium.new_context(
            locale="zh-CN" if lang == "zh" else "en-GB", base_url=f"{address}/", **more
        )
        contexts.append(context)
        context.add_cookies([{"name": "rf_lang", "value": lang, "url": address}])
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".rf-shell")
        return page

    yield opened
    for context in contexts:
        context.close()
    expected = ("401", "409", "422", "400")  # answers that show the page again
    assert [one for one in complaints if not any(code in one for code in expected)] == []
