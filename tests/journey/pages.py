"""Hands and eyes: browsers of the people of the journey, and what they do on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.journey.shop import PASSWORD, STAFF
from tests.journey.stand import PATIENCE, Stand, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PHONE = {"width": 390, "height": 800}
DESKTOP = {"width": 1280, "height": 900}


@dataclass(slots=True)
class House:
    """Everybody's open browser windows, and what their consoles complained about."""

    stand: Stand
    chromium: Browser
    shots: Path
    complaints: list[str] = field(default_factory=list)
    windows: dict[str, Page] = field(default_factory=dict)

    def window(self, who: str, **more: Any) -> Page:
        """A window of somebody's own, kept over the journey."""
        if who in self.windows:
            return self.windows[who]
        context = self.chromium.new_context(base_url=f"{self.stand.address}/", **more)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("console", lambda said: self._heard(who, said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(f"{who}: {error}"))
        self.windows[who] = page
        return page

    def _heard(self, who: str, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{who}: {text}")

    def at_desk(self, login: str, **more: Any) -> Page:
        """A member of staff, signed in, with the language of their own."""
        if login in self.windows:
            return self.windows[login]
        lang = STAFF[login][2]
        options: dict[str, Any] = {"viewport": DESKTOP, **more}
        page = self.window(login, locale="zh-CN" if lang == "zh" else "en-GB", **options)
        page.goto("sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector(".rf-shell")
        return page

    def shot(self, page: Page, name: str) -> None:
        """Keep a picture of the whole page for people to look at."""
        page.wait_for_load_state("networkidle")
        page.screenshot(path=self.shots / f"{name}.png", full_page=True)


@contextmanager
def house(stand: Stand, chromium: Browser, shots: Path) -> Iterator[House]:
    """Windows are closed at the end; a picture of each is kept where the story breaks off."""
    shots.mkdir(parents=True, exist_ok=True)
    opened = House(stand, chromium, shots)
    try:
        yield opened
    except BaseException:
        for who, page in opened.windows.items():
            page.screenshot(path=shots / f"broken-{who}.png", full_page=True)
            (shots / f"broken-{who}.html").write_text(page.content(), encoding="utf-8")
        raise
    finally:
        for page in opened.windows.values():
            page.context.close()


def put(where: Page | Locator, name: str, value: str) -> None:
    """Fill in an input by its name, whatever it looks like; `.name` is one of a row."""
    chosen = f'[name$="{name}"]' if name.startswith(".") else f'[name="{name}"]'
    found = where.locator(chosen).locator("visible=true").first
    found.wait_for()
    kind = found.evaluate("one => one.type || one.tagName.toLowerCase()")
    if kind in ("radio", "checkbox"):
        where.locator(f'{chosen}[value="{value}"]').check()
    elif kind.startswith("select"):
        found.select_option(value)
    else:
        found.fill(value)


def reload_until(page: Page, what: str, seen: Callable[[], bool]) -> None:
    """Look at a page again and again until something stands there, as people do."""

    def look() -> bool:
        if seen():
            return True
        page.reload()
        return seen()

    until(what, look, PATIENCE)


def from_inbox(page: Page, text: str) -> None:
    """Open the first task whose line in the inbox has a text."""
    page.goto("inbox")
    line = page.locator(".rf-inbox tbody tr").filter(has_text=text)
    reload_until(page, f"task {text!r} in the inbox", lambda: line.count() > 0)
    line.first.locator("a").first.click()
    page.wait_for_selector("#task-title")


def press(page: Page, name: str) -> None:
    """Press the button of an act; the page that follows says that it is done."""
    page.locator(f'.rf-panel-foot button[name=_act][value="{name}"]').click()
    page.wait_for_selector(".alert-success")
