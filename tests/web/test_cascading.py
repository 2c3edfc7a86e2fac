"""Choices that hang on another choice: shown so without scripts, held to by every way in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.access import tokens
from app.access.users import find_user
from app.importers.run import Job, run_import
from app.records import Refused, create, publish, read
from forms.values import encode_id
from tests.web.cascade import cascading
from tests.web.house import House, inputs
from tests.web.pack import sources
from tests.web.test_acting import panel


@pytest.fixture(scope="module")
def shop(house: House) -> Iterator[House]:
    publish(house.tenant, house.actor("boss"), cascading())
    house.tenant.refresh()
    yield house
    publish(house.tenant, house.actor("boss"), sources())
    house.tenant.refresh()


def offered(page: TestResponse, name: str) -> list[str]:
    """The options of a select or a group of boxes."""
    found = re.search(rf'<select[^>]* name="{re.escape(name)}".*?</select>', page.text, re.DOTALL)
    if found is not None:
        return [one for one in re.findall(r'<option value="([^"]*)"', found[0]) if one]
    return re.findall(rf'type="checkbox" name="{re.escape(name)}" value="([^"]*)"', page.text)


def test_the_page_offers_what_stands_under_the_choice_above(shop: House) -> None:
    boss = shop.client("boss")
    page = boss.get("/forms/complaint/new")
    assert offered(page, "cause") == ["transit", "quality"]
    assert offered(page, "detail") == offered(page, "deeper") == []
    again = boss.fill("/forms/complaint/new", {"cause": "transit"})
    assert again.status_code == 422  # the subject is missing
    assert offered(again, "detail") == ["crushed", "lost"]
    sent = inputs(again) | {"subject": "a", "detail": "crushed", "deeper": ["torn", "scratch"]}
    third = boss.post("/forms/complaint/new", sent)
    assert third.status_code == 422 and offered(third, "deeper") == ["torn", "wet"]
    assert "“Scratched” does not stand under “Crushed”; allowed: Torn, Wet" in third.text
    fine = boss.post("/forms/complaint/new", sent | {"deeper": ["torn"]})
    assert fine.status_code == 303, re.findall(r'class="rf-error"[^>]*>[^<]+', fine.text)


def test_what_no_longer_fits_is_let_go_and_told(shop: House) -> None:
    boss = shop.client("boss")
    changed = boss.fill(
        "/forms/complaint/new", {"subject": "b", "cause": "quality", "detail": "lost"}
    )
    assert changed.status_code == 422
    assert offered(changed, "detail") == ["scratch", "dead"]
    assert inputs(changed)["detail"] == [""]
    assert "“Lost” does not stand under “Quality”" in unescape(changed.text)
    chinese = shop.client("boss", lang="zh").fill(
        "/forms/complaint/new", {"subject": "b", "detail": "lost"}
    )
    assert "“丢失”属于“运输”：请先选择上一级" in chinese.text


def test_the_server_answers_live(shop: House) -> None:
    boss = shop.client("boss")
    data = inputs(boss.get("/forms/complaint/new")) | {"cause": "quality"}
    fields = boss.post("/forms/complaint/preview", data).json["fields"]
    assert fields["detail"]["options"] == [["scratch", "Scratched"], ["dead", "Does not work"]]
    assert fields["deeper"]["options"] == [] and "options" not in fields["cause"]


def test_rows_hang_on_themselves_or_on_the_record(shop: House) -> None:
    boss = shop.client("boss")
    rid = _made(shop, subject="rows", cause="transit", lines=[
        {"item": "x", "own": "quality", "why": "dead", "like": "lost"}
    ])  # fmt: skip
    page = boss.get(f"/forms/complaint/{encode_id(rid)}")
    row = encode_id(_read(shop, rid)["lines"][0]["id"])
    assert page.status_code == 200 and "Does not work" in page.text
    data = inputs(boss.get("/forms/complaint/new"))
    data |= {"lines@rows": ["", "n1"], "lines.n1.own": "quality", "cause": "transit"}
    fields = boss.post("/forms/complaint/preview", data).json["fields"]
    assert [one[0] for one in fields["lines.n1.why"]["options"]] == ["scratch", "dead"]
    assert [one[0] for one in fields["lines.n1.like"]["options"]] == ["crushed", "lost"]
    assert row


def _made(shop: House, **values: Any) -> int:
    return create(shop.tenant, shop.actor("boss"), "complaint", values).id


def _read(shop: House, rid: int) -> Any:
    return read(shop.tenant, shop.actor("boss"), "complaint", rid).row


def test_an_act_fills_in_what_stands_under_the_record(shop: House) -> None:
    boss = shop.client("boss")
    rid = _made(shop, subject="act", cause="quality")
    path = f"/forms/complaint/{encode_id(rid)}"
    page = boss.get(path)
    assert offered(page, "verdict") == ["scratch", "dead"]
    sent = panel(page) | {"_act": "judged", "verdict": "lost"}
    refused = boss.post(f"{path}/act", sent)
    assert refused.status_code == 422
    assert "does not stand under “Quality”" in unescape(refused.text)
    assert boss.post(f"{path}/act", sent | {"verdict": "dead"}).status_code == 303
    assert _read(shop, rid)["verdict"] == "dead"


def test_the_api_refuses_what_does_not_stand_there(shop: House) -> None:
    user = find_user(shop.tenant.db, "boss")
    assert user is not None
    _id, secret = tokens.issue_token(shop.tenant.db, user.id, "test", "*:*")
    headers = {"Authorization": f"Bearer {secret}", "Accept-Language": "en"}
    address = f"/t/{shop.name}/api/v1/forms/complaint/records"
    values = {"subject": "api", "cause": "transit", "detail": "dead"}
    client = shop.app.test_client()
    answer = client.post(address, json={"values": values}, headers=headers)
    assert answer.status_code == 422, answer.text
    (detail,) = answer.json["error"]["details"]
    assert (detail["code"], detail["path"]) == ("option_not_under", ["detail"])
    assert "allowed: Crushed, Lost" in detail["message"]
    good = client.post(address, json={"values": values | {"detail": "lost"}}, headers=headers)
    assert good.status_code == 201, good.text


def test_an_import_rejects_what_does_not_stand_there(shop: House, tmp_path: Path) -> None:
    rows = "subject,cause,detail\ni1,transit,lost\ni2,transit,dead\ni3,,lost\ni4,lost,\n"
    (tmp_path / "complaints.csv").write_text(rows)
    definition = shop.tenant.active().catalog.imports["complaints"]
    rejects = tmp_path / definition.rejects
    done = run_import(Job(shop.tenant, shop.actor("boss"), definition, {}, tmp_path, rejects))
    rejected = (tmp_path / "complaints_rejected.csv").read_text("utf-8")
    assert (done.accepted, done.rejected) == (1, 3), rejected
    for code in ("option_not_under", "option_without_head", "option_not_top"):
        assert code in rejected


def test_the_use_case_itself_refuses_it(shop: House) -> None:
    with pytest.raises(Refused) as refused:
        _made(shop, subject="u", cause="transit", deeper=["torn"])
    assert [one.code for one in refused.value.details] == ["option_without_head"]
