"""Filling in forms without scripts: nothing typed is lost, nothing is saved twice."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from html import unescape

from app.records import history, publish, read
from forms.values import Money, decode_id, encode_id
from tests.web.house import PASSWORD, House, inputs, token
from tests.web.pack import sources

LINE = {
    "lines.n0.item": "bowl",
    "lines.n0.quantity": "2",
    "lines.n0.price": "10.50",
    "lines.n0.fault": "broken",
}


def saved_id(answer) -> int:  # type: ignore[no-untyped-def]
    assert answer.status_code == 303, answer.text
    return decode_id(answer.location.rpartition("/")[2])


def test_a_record_is_created_with_all_kinds_of_values(house: House) -> None:
    clerk = house.client("clerk")
    answer = clerk.fill(
        "/forms/claim/new",
        {
            **LINE,
            "client": house.rid("ada"),
            "due_on": "2026-02-01",
            "asked_at": "2026-01-31T16:30",
            "urgent": "true",
            "why_urgent": "tomorrow is late",
            "channels": ["", "mail", "post"],
            "effort": "1h 30m",
            "discount": "12.5",
            "note": "first line\r\nsecond",
            "papers@file": (io.BytesIO(b"hello"), "paper.txt"),
        },
    )
    rid = saved_id(answer)
    row = read(house.tenant, house.actor("clerk"), "claim", rid).row
    assert row["channels"] == ["mail", "post"]
    assert row["note"] == "first line\nsecond"
    assert str(row["effort"]) == "1:30:00"
    assert row["total"] == Money(row["lines"][0]["amount"].amount, "CNY")
    assert f"{row['total']}" in {"21.00 CNY", "21 CNY"}
    assert len(row["papers"]) == 1

    page = clerk.get(answer.location)
    assert page.status_code == 200
    for text in ("tomorrow is late", "mail, post", "12.5", "21.00 CNY", "paper.txt", "Ada"):
        assert text in page.text
    link = re.search(r'href="([^"]+/files/[^"]+)"', page.text)
    assert link is not None
    file = clerk.get(link[1])
    assert file.data == b"hello"
    assert "attachment" in file.headers["Content-Disposition"]


def test_wrong_values_come_back_as_typed_with_their_errors(house: House) -> None:
    clerk = house.client("clerk")
    before = len(house.tenant.db.query("SELECT 1 FROM rf_journal"))
    answer = clerk.fill(
        "/forms/claim/new",
        {
            "client": "",
            "client@text": "nobody like this",
            "due_on": "2019-01-01",
            "discount": "abc",
            "lines.n0.item": "<b>cup</b>",
            "lines.n0.quantity": "1,5",
            "lines.n0.price": "",
        },
    )
    assert answer.status_code == 422
    assert len(house.tenant.db.query("SELECT 1 FROM rf_journal")) == before
    shown = inputs(answer)
    assert shown["client@text"] == ["nobody like this"]
    assert shown["discount"] == ["abc"]
    assert shown["lines.n0.item"] == ["<b>cup</b>"]
    assert shown["lines.n0.quantity"] == ["1,5"]
    assert "<b>cup</b>" not in answer.text
    assert 'href="#f-client"' in answer.text


def test_errors_stand_at_their_fields_and_in_the_summary(house: House) -> None:
    clerk = house.client("clerk")
    answer = clerk.fill(
        "/forms/claim/new",
        {**LINE, "client": house.rid("ada"), "due_on": "2019-01-01", "lines.n0.quantity": "0"},
    )
    assert answer.status_code == 422
    assert 'href="#f-lines-n0-quantity">Claimed goods, line 1, Quantity</a>' in answer.text
    assert "The due date is too early" in answer.text
    assert re.search(r'id="f-lines-n0-quantity-error">[^<]+<', answer.text)
    assert 'aria-describedby="f-lines-n0-quantity-error"' in answer.text


def test_a_limit_is_told_at_the_line_that_passes_it(house: House) -> None:
    clerk = house.client("clerk")
    delivery = read(house.tenant, house.actor("clerk"), "delivery", house.saved["d2"].id).row
    line = encode_id(delivery["lines"][0]["id"])
    answer = clerk.fill(
        "/forms/claim/new",
        {
            **LINE,
            "client": house.rid("ben"),
            "lines.n0.delivered": line,
            "lines.n0.quantity": "4",
        },
    )
    assert answer.status_code == 409
    assert "At most 3 can be claimed" in answer.text
    assert inputs(answer)["lines.n0.quantity"] == ["4"]


def test_sending_a_page_twice_saves_once(house: House) -> None:
    clerk = house.client("clerk")
    page = clerk.get("/forms/claim/new")
    data = inputs(page) | LINE | {"client": house.rid("ada")}
    first, second = (clerk.post("/forms/claim/new", data) for _ in range(2))
    assert saved_id(first) == saved_id(second)


def test_lines_are_added_copied_and_removed_by_plain_buttons(house: House) -> None:
    clerk = house.client("clerk")
    page = clerk.fill("/forms/claim/new", {**LINE, "client@text": "Ad", "_add": "lines"})
    assert page.status_code == 200
    keys = [key for key in inputs(page)["lines@rows"] if key]
    assert len(keys) == 2
    assert inputs(page)["lines.n0.item"] == ["bowl"]
    assert inputs(page)["client@text"] == ["Ad"]
    data = inputs(page) | {"_copy": "lines.n0"}
    page = clerk.post("/forms/claim/new", data)
    keys = [key for key in inputs(page)["lines@rows"] if key]
    assert len(keys) == 3
    assert inputs(page)[f"lines.{keys[1]}.item"] == ["bowl"]
    data = inputs(page) | {"_remove": "lines.n0"}
    page = clerk.post("/forms/claim/new", data)
    assert "n0" not in inputs(page)["lines@rows"]


def test_what_is_typed_in_a_picker_is_understood_without_scripts(house: House) -> None:
    clerk = house.client("clerk")
    answer = clerk.fill("/forms/claim/new", {**LINE, "client": "", "client@text": "ada"})
    row = read(house.tenant, house.actor("clerk"), "claim", saved_id(answer)).row
    assert row["client"] == house.saved["ada"].id


def test_a_picker_on_an_edit_page_knows_what_the_record_holds(house: House) -> None:
    clerk = house.client("clerk")
    rid = saved_id(clerk.fill("/forms/claim/new", {**LINE, "client": house.rid("ada")}))
    path = f"/forms/claim/{encode_id(rid)}/edit"
    page = inputs(clerk.get(path))
    (key,) = [one for one in page["lines@rows"] if one]
    sent = {f"lines.{key}.delivered": "", f"lines.{key}.delivered@text": "cup"}
    sent |= {"client": None, "client@text": None}  # as where a role may not change it
    answer = clerk.fill(path, sent)
    assert answer.status_code == 303, answer.text
    (line,) = read(house.tenant, house.actor("clerk"), "claim", rid).row["lines"]
    assert line["delivered"] is not None

    asked = {"csrf_token": page["csrf_token"], "_q": f"lines.{key}.delivered", "lines@rows": key}
    offered = clerk.post(f"/forms/claim/choices?rid={encode_id(rid)}", asked)
    assert offered.text.count('role="option"') == 3


def test_a_stale_version_shows_what_was_typed_and_saves_on_the_second_try(house: House) -> None:
    clerk, boss = house.client("clerk"), house.client("boss")
    path = f"/forms/delivery/{house.rid('d1')}/edit"
    mine = inputs(clerk.get(path)) | {"code": "D1-mine"}
    assert boss.fill(path, {"code": "D1-theirs"}).status_code == 303
    answer = clerk.post(path, mine)
    assert answer.status_code == 409
    assert inputs(answer)["code"] == ["D1-mine"]
    assert "Somebody else saved this record" in answer.text
    assert clerk.post(path, inputs(answer)).status_code == 303
    row = read(house.tenant, house.actor("clerk"), "delivery", house.saved["d1"].id).row
    assert row["code"] == "D1-mine"


def test_an_expired_page_is_shown_again_with_what_was_typed(house: House) -> None:
    clerk = house.client("clerk")
    data = inputs(clerk.get("/forms/claim/new")) | LINE | {"csrf_token": "old"}
    answer = clerk.post("/forms/claim/new", data)
    assert answer.status_code == 400
    assert inputs(answer)["lines.n0.item"] == ["bowl"]
    assert "had expired" in answer.text


def test_an_expired_session_carries_what_was_typed_through_signing_in(house: House) -> None:
    clerk = house.client("clerk")
    data = inputs(clerk.get("/forms/claim/new")) | LINE | {"note": 'long "story" 中文'}
    clerk.client.delete_cookie("rf_session", path=clerk.root)
    page = clerk.post("/forms/claim/new", data)
    assert page.status_code == 401
    carried = re.search(r'name="carried" value="([^"]*)"', page.text)
    wanted = re.search(r'name="next" value="([^"]*)"', page.text)
    assert carried is not None
    assert wanted is not None
    answer = clerk.post(
        "/sign-in",
        {
            "login": "clerk",
            "password": PASSWORD,
            "csrf_token": token(page),
            "carried": unescape(carried[1]),
            "next": unescape(wanted[1]),
        },
    )
    assert answer.status_code == 200
    shown = inputs(answer)
    assert shown["lines.n0.item"] == ["bowl"]
    assert shown["note"] == ['long "story" 中文']
    shown["client"] = house.rid("ada")
    assert clerk.post("/forms/claim/new", shown).status_code == 303


def test_a_page_of_an_older_release_is_judged_by_it(house: House) -> None:
    clerk = house.client("clerk")
    data = inputs(clerk.get("/forms/client/new")) | {"name": "Old page"}
    path = "packs/claims/forms/client.yaml"
    stricter = (
        sources().files[path].replace("label: {zh: 邮箱,", "required: true, label: {zh: 邮箱,")
    )
    publish(house.tenant, house.actor("boss"), sources().replaced(path, stricter))
    try:
        answer = clerk.post("/forms/client/new", data)
        assert answer.status_code == 303
        assert clerk.get(answer.location).status_code == 200
        assert clerk.fill("/forms/client/new", {"name": "New page"}).status_code == 422
    finally:
        publish(house.tenant, house.actor("boss"), sources())


def test_a_page_that_outlived_its_release_is_shown_again_with_what_was_typed(house: House) -> None:
    clerk = house.client("clerk")
    data = inputs(clerk.get("/forms/client/new")) | {"name": "Old page"}
    path = "packs/claims/forms/client.yaml"
    stricter = (
        sources().files[path].replace("label: {zh: 邮箱,", "required: true, label: {zh: 邮箱,")
    )
    clock = house.tenant.clock
    publish(house.tenant, house.actor("boss"), sources().replaced(path, stricter))
    house.tenant.clock = lambda: clock() + timedelta(hours=25)
    try:
        answer = clerk.post("/forms/client/new", data)
        assert answer.status_code == 409
        assert "The form has changed" in answer.text
        again = inputs(answer)
        assert again["name"] == ["Old page"] and again["_release"] != data["_release"]
        assert clerk.post("/forms/client/new", again).status_code == 422
        again["email"] = "now@example.com"
        assert clerk.post("/forms/client/new", again).status_code == 303
    finally:
        house.tenant.clock = clock
        publish(house.tenant, house.actor("boss"), sources())


def test_a_renamed_field_stays_off_the_pages_of_those_it_is_hidden_from(house: House) -> None:
    clerk = house.client("clerk")
    form, role = "packs/claims/forms/client.yaml", "packs/claims/roles/clerk.yaml"
    files = sources().files
    renamed = re.sub(r"\bsecret:( *)\{", r"quiet:\1{was: secret, ", files[form])
    hiding = files[role].replace("hide: [secret]", "hide: [quiet]")
    assert renamed != files[form] and hiding != files[role]
    later = sources().replaced(form, renamed).replaced(role, hiding)
    publish(house.tenant, house.actor("boss"), later)
    house.tenant.refresh()
    try:
        path = f"/forms/client/{house.rid('ada')}"
        for page in (clerk.get(path), clerk.get(f"{path}/edit")):
            assert page.status_code == 200
            assert "owes us" not in page.text and 'name="secret"' not in page.text
        assert clerk.fill(f"{path}/edit", {"email": "ada@example.com"}).status_code == 303
        kept = read(house.tenant, house.actor("boss"), "client", house.saved["ada"].id).row
        assert kept["secret"] == "owes us"
    finally:
        publish(house.tenant, house.actor("boss"), sources())


def test_editing_changes_only_what_was_changed(house: House) -> None:
    clerk = house.client("clerk")
    rid = house.create(
        "claim",
        {
            "client": house.saved["ada"].id,
            "asked_at": "2026-01-31T16:30:15Z",
            "lines": [
                {"item": "jug", "quantity": "1.5", "price": "3.25", "fault": "wrong"},
                {"item": "lid", "quantity": "2", "price": "1", "fault": "broken"},
            ],
        },
    ).id
    answer = clerk.fill(f"/forms/claim/{encode_id(rid)}/edit", {"note": "now with a note"})
    assert saved_id(answer) == rid
    entries = history(house.tenant, house.actor("boss"), "claim", rid)
    assert [sorted(entry.changes) for entry in entries[1:]] == [["note"]]


def test_deleting_asks_and_then_deletes(house: House) -> None:
    clerk = house.client("clerk")
    saved = house.create(
        "claim",
        {
            "client": house.saved["ada"].id,
            "lines": [{"item": "x", "quantity": 1, "price": 1, "fault": "wrong"}],
        },
    )
    path = f"/forms/claim/{encode_id(saved.id)}"
    page = clerk.get(path)
    version = re.search(r'name="_version" value="(\d+)"', page.text)
    assert version is not None
    answer = clerk.post(f"{path}/delete", {"csrf_token": token(page), "_version": version[1]})
    assert answer.status_code == 303
    assert clerk.get(path).status_code == 404
