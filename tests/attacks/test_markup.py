"""Markup in labels, titles, comments and names is text on every page."""

from __future__ import annotations

import re
from html import escape

import pytest

from app.web import assets
from tests.api.rules_house import PASSWORD, Desk, Desks, desk, desks
from tests.web.house import Visitor, token

__all__ = ["desk", "desks"]

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


@pytest.fixture(scope="module", autouse=True)
def evil(desks: Desks) -> None:
    """Every label of the definitions is markup."""
    assets.build()
    told = EVIL.replace("{{7*7}}", "")
    for name, old in (
        ("forms/chief", "Request chief"),
        ("forms/chief", "en: Note"),
        ("flows/chief", "en: Agree"),
        ("flows/chief", "en: Open"),
        ("flows/chief", "en: Withdraw"),
    ):
        path = f"packs/rules/{name}.yaml"
        new = f"'{told}'" if "en: " not in old else f"en: '{told}'"
        desks.given = desks.given.replaced(path, desks.given.files[path].replace(old, new))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_markup_stays_text_on_every_page(desk: Desk, lang: str) -> None:
    made = desk.new("chief", note=EVIL)
    said = desk.call("dan", "POST", f"{made.path}/comments", {"text": EVIL})
    assert said.status_code == 201, said.text
    dan = Visitor(desk.client, desk.root)
    dan.client.set_cookie("rf_lang", lang, path=dan.root)
    page = dan.get("/sign-in")
    data = {"login": "dan", "password": PASSWORD, "csrf_token": token(page)}
    assert dan.post("/sign-in", data).status_code == 302
    shown = 0
    for path in (
        "/",
        "/inbox",
        "/inbox?q=" + "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/forms/chief/",
        "/forms/chief/?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/forms/chief/new",
        "/forms/chief/flow",
        f"/forms/chief/{made.id}",
    ):
        answer = dan.get(path)
        assert answer.status_code == 200, path
        text = answer.text
        assert "<script>alert" not in text and "<img src=x" not in text, path
        assert not re.search(r"<[^>]* onerror=", re.sub(r'"[^"]*"', '""', text)), path
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"], path
        assert '">49' not in text
        shown += escape("<script>alert(1)", quote=False) in text
    assert shown >= 5
