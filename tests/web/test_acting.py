"""Acting on records in a flow, on pages without scripts."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.records import Saved, act, flow_of, publish
from app.records import claim as take
from app.records.errors import Refused
from app.web.desk.why import Teller
from forms.values import encode_id
from tests.web.house import PASSWORD, House, Visitor, inputs, token
from tests.web.pack import sources

ITEMS = [
    {"what": "Lamp", "quantity": 2, "price": "200.00"},
    {"what": "Desk", "quantity": 1, "price": "10"},
]


def asked(house: House, subject: str = "Lamps", login: str = "clerk", **more: Any) -> Saved:
    """A request that has been submitted."""
    return house.create(
        "request", {"subject": subject, "currency": "CNY", "items": ITEMS, **more}, login
    )


def page_of(saved: Saved) -> str:
    return f"/forms/request/{encode_id(saved.id)}"


def panel(page: TestResponse) -> dict[str, Any]:
    """What the panel of the task would send."""
    form = page.text.partition('<form class="rf-act"')[2].partition("</form>")[0]
    return inputs_of(f"data-rf-form{form}</form>")


def inputs_of(html: str) -> dict[str, Any]:
    class Part:
        text = html

    return inputs(Part())  # type: ignore[arg-type]


def send(visitor: Visitor, saved: Saved, name: str, **values: Any) -> TestResponse:
    """Open the record's page, fill the panel in and press a button."""
    page = visitor.get(page_of(saved))
    assert page.status_code == 200, page.text
    return visitor.post(f"{page_of(saved)}/act", panel(page) | {"_act": name} | values)


def test_the_inbox_leads_to_the_task_and_the_act_to_the_next(house: House) -> None:
    saved = asked(house)
    lena = house.client("lena")
    box = lena.get("/inbox")
    assert saved.title in unescape(box.text)
    assert "Approval · Head" in box.text and "hours left" in box.text
    answer = send(lena, saved, "approved", _comment="go on")
    assert answer.status_code == 303
    page = lena.get(page_of(saved)).text
    assert "go on" in page and "on “Approval · Head”: Approve" in unescape(page)
    assert saved.title not in unescape(lena.get("/inbox").text)
    assert saved.title in unescape(lena.get("/inbox?box=done").text)
    assert saved.title in unescape(house.client("clerk").get("/inbox?box=started").text)
    found = lena.get("/inbox?box=done&q=nothing+like+it")
    assert "Nothing matches" in found.text


def test_fields_of_the_step_are_open_and_no_others(house: House) -> None:
    saved = asked(house)
    send(house.client("lena"), saved, "approved")
    finn = house.client("finn")
    page = finn.get(page_of(saved))
    assert set(panel(page)) >= {"budget", "margin", "_sign_name", "_password"}
    assert "subject" not in panel(page)
    missing = send(finn, saved, "approved", _sign_name="Finn", _password=PASSWORD)
    assert missing.status_code == 422
    assert 'href="#f-budget"' in missing.text
    assert panel(missing)["_sign_name"] == ["Finn"]
    assert PASSWORD not in missing.text
    unsigned = send(finn, saved, "approved", budget="IT")
    assert unsigned.status_code == 422 and panel(unsigned)["budget"] == ["IT"]
    wrong = send(finn, saved, "approved", budget="IT", _sign_name="Finn", _password="guess")
    assert wrong.status_code == 422 and "Wrong password" in wrong.text
    done = send(finn, saved, "approved", budget="IT", _sign_name="Finn", _password=PASSWORD)
    assert done.status_code == 303
    assert "Signed: Finn" in finn.get(page_of(saved)).text


def test_hidden_and_closed_fields_that_are_posted_are_refused(house: House) -> None:
    saved = asked(house)
    lena = house.client("lena")
    for name in ("subject", "total", "budget"):
        refused = send(lena, saved, "approved", **{name: "4711 forged"})
        assert refused.status_code == 422, name
    view = flow_of(house.tenant, house.actor("lena"), "request", saved.id)
    assert [one.task.level for one in view.tasks] == ["lead"]
    assert "4711 forged" not in lena.get(page_of(saved)).text


def test_the_second_to_decide_hears_who_was_first_and_keeps_the_words(house: House) -> None:
    saved = asked(house)
    first, second = house.client("boss"), house.client("lena", "zh")
    page = second.get(page_of(saved))
    act(house.tenant, house.actor("lena"), "request", saved.id, "approved")
    late = second.post(
        f"{page_of(saved)}/act", panel(page) | {"_act": "rejected", "_comment": "太贵了"}
    )
    assert late.status_code == 409
    assert "Lena" in late.text and "太贵了" in late.text
    assert first.get(page_of(saved)).status_code == 200


def test_what_was_done_first_is_called_by_its_label(house: House) -> None:
    saved = asked(house, "Pencils", items=[{"what": "Pencil", "quantity": 3, "price": "1"}])
    bob = house.actor("bob")
    (open_,) = flow_of(house.tenant, bob, "request", saved.id).tasks
    take(house.tenant, bob, "request", saved.id, task=open_.task.id)
    rows = [{"id": encode_id(open_.row or 0), "supplier": "Acme"}]
    done = partial(act, house.tenant, bob, "request", saved.id, "done", task=open_.task.id)
    done(values={"items": rows})
    with pytest.raises(Refused) as late:
        done()
    assert late.value.code == "task_decided"
    assert late.value.message.en == "Somebody else has dealt with this: Ordered (Bob)"
    assert late.value.message.zh == "此任务已由他人处理：已下单（Bob）"


def test_a_replayed_act_is_done_once(house: House) -> None:
    saved = asked(house)
    lena = house.client("lena")
    sent = panel(lena.get(page_of(saved))) | {"_act": "sent_back", "_comment": "which hall?"}
    assert lena.post(f"{page_of(saved)}/act", sent).status_code == 303
    assert lena.post(f"{page_of(saved)}/act", sent).status_code == 303
    page = unescape(lena.get(page_of(saved)).text)
    assert page.count("which hall?") == 1
    other_key = lena.post(f"{page_of(saved)}/act", sent | {"_key": "another-key-0123456789"})
    assert other_key.status_code == 409


def test_nobody_decides_on_their_own_request(house: House) -> None:
    saved = asked(house)
    task = flow_of(house.tenant, house.actor("lena"), "request", saved.id).tasks[0].task.id
    clerk = house.client("clerk")
    page = clerk.get(page_of(saved))
    assert 'class="rf-act"' not in page.text
    sent = {"csrf_token": token(page), "_task": encode_id(task), "_act": "approved"}
    refused = clerk.post(f"{page_of(saved)}/act", sent)
    assert refused.status_code == 403
    view = flow_of(house.tenant, house.actor("lena"), "request", saved.id)
    assert [one.task.id for one in view.tasks] == [task]


def test_what_no_record_is_without_is_asked_for_on_a_new_one(house: House) -> None:
    path = "packs/claims/flows/request.yaml"
    closed = sources().files[path].replace("edit: [subject, currency, needed_by,", "edit: [")
    assert closed != sources().files[path]
    publish(house.tenant, house.actor("boss"), sources().replaced(path, closed))
    house.tenant.refresh()
    try:
        page = house.client("clerk").get("/forms/request/new").text
        assert 'name="subject"' in page and 'name="urgent"' in page
        assert 'name="needed_by"' not in page and 'name="currency"' not in page
    finally:
        publish(house.tenant, house.actor("boss"), sources())
        house.tenant.refresh()


def test_drafts_are_saved_and_submitted_later(house: House) -> None:
    clerk = house.client("clerk")
    page = clerk.get("/forms/request/new")
    assert 'value="_save"' in page.text and 'value="submit"' in page.text
    assert 'name="budget"' not in page.text  # what the first step does not open is not asked
    answer = clerk.fill("/forms/request/new", {"subject": "Sofa", "_act": "_save"})
    assert answer.status_code == 303, answer.text
    where = answer.location.partition("/t/acme")[2]
    draft = clerk.get(where)
    assert "Drafting" in draft.text and "Fill in" in draft.text
    again = clerk.post(f"{where}/act", panel(draft) | {"_act": "_save", "reason": "red one"})
    assert again.status_code == 303, again.text
    sent = panel(clerk.get(where))
    assert sent["reason"] == ["red one"]
    (key,) = [name for name in sent if name.endswith(".what")]
    row = key.removesuffix(".what")
    filled = {f"{row}.what": "Sofa", f"{row}.quantity": "1", f"{row}.price": "900"}
    done = clerk.post(f"{where}/act", sent | filled | {"_act": "submit"})
    assert done.status_code == 303, done.text
    assert "Under approval" in clerk.get(where).text


def test_rows_are_worked_one_by_one_by_whoever_takes_them(house: House) -> None:
    items = [
        {"what": "Pencil", "quantity": 3, "price": "1"},
        {"what": "Pen", "quantity": 1, "price": "2"},
    ]
    saved = asked(house, "Pencils", items=items)
    bob = house.client("bob")
    box = unescape(bob.get("/inbox").text)
    assert "line 1: Pencil × 3" in box and "line 2: Pen × 1" in box
    assert "第 2 行：Pen × 1" in house.client("bob", lang="zh").get("/inbox").text
    page = bob.get(page_of(saved))
    assert "Order · line 1: Pencil × 3" in page.text and "Take the task" in page.text
    task = re.search(r'name="_task" value="([^"]+)"', page.text)
    assert task is not None
    claim = {"csrf_token": token(page), "_task": task[1], "_key": "take-0123456789abcdef"}
    assert bob.post(f"{page_of(saved)}/claim", claim).status_code == 303
    mine = bob.get(f"{page_of(saved)}?task={task[1]}")
    sent = panel(mine)
    cells = [name for name in sent if name.startswith("items.")]
    assert [name.rpartition(".")[2] for name in cells] == ["supplier"]  # one row, one column
    done = bob.post(f"{page_of(saved)}/act", sent | {cells[0]: "Acme", "_act": "done"})
    assert done.status_code == 303, done.text
    assert "Order · line 2: Pen × 1" in bob.get(page_of(saved)).text
    row = house.client("clerk").get(page_of(saved)).text
    assert "Acme" in row


def test_transfer_add_comment_and_withdraw(house: House) -> None:
    saved = asked(house)
    lena = house.client("lena")
    page = lena.get(page_of(saved))
    sent = {"csrf_token": token(page), "_task": panel(page)["_task"]}
    people = lena.post(f"{page_of(saved)}/people", {"_user@text": "fay", **sent})
    fay = re.search(r'data-value="([^"]+)"', people.text)
    assert fay is not None and "Fay" in people.text
    answer = lena.post(f"{page_of(saved)}/transfer", sent | {"_user": fay[1], "_comment": "yours"})
    assert answer.status_code == 303
    page = house.client("fay").get(page_of(saved))
    assert "It was handed over to you." in page.text and "yours" in page.text
    finn = house.client("clerk")
    said = {"csrf_token": token(finn.get(page_of(saved))), "_text": "when?\n<b>soon</b>"}
    assert finn.post(f"{page_of(saved)}/comment", said).status_code == 303
    shown = finn.get(page_of(saved)).text
    assert "&lt;b&gt;soon&lt;/b&gt;" in shown and "<b>soon" not in shown
    gone = {"csrf_token": said["csrf_token"], "_act": "withdraw"}
    assert finn.post(f"{page_of(saved)}/interrupt", gone).status_code == 303
    assert "Withdrawn" in finn.get(page_of(saved)).text
    assert 'class="rf-act"' not in house.client("fay").get(page_of(saved)).text


def test_many_at_once_with_a_list_of_results(house: House) -> None:
    good, decided = asked(house, "Bulk one"), asked(house, "Bulk two")
    lena = house.client("lena")
    page = lena.get("/inbox?q=Bulk")
    picks = [unescape(one) for one in re.findall(r'name="pick" value="([^"]+)"', page.text)]
    assert len(picks) == 2
    act(house.tenant, house.actor("lena"), "request", decided.id, "approved")
    answer = lena.post(
        "/inbox/act", {"csrf_token": token(page), "pick": picks, "act": "approved", "comment": "ok"}
    )
    assert answer.status_code == 200
    text = unescape(answer.text)
    assert "1 done" in text and "1 not done" in text and "Lena" in text
    assert good.title in text and decided.title in text


def test_a_session_that_ran_out_loses_no_word(house: House) -> None:
    saved = asked(house)
    lena = house.client("lena")
    sent = panel(lena.get(page_of(saved))) | {"_comment": "long words", "_act": "rejected"}
    sent["_password"] = "secret-of-mine"
    lena.client.delete_cookie("rf_session", path=lena.root)
    page = lena.post(f"{page_of(saved)}/act", sent)
    assert page.status_code == 401
    assert "secret-of-mine" not in page.text
    carried = re.search(r'name="carried" value="([^"]*)"', page.text)
    wanted = re.search(r'name="next" value="([^"]*)"', page.text)
    assert carried is not None and wanted is not None
    again = lena.post(
        "/sign-in",
        {
            "login": "lena",
            "password": PASSWORD,
            "csrf_token": token(page),
            "carried": unescape(carried[1]),
            "next": unescape(wanted[1]),
        },
    )
    assert again.status_code == 200
    assert "long words" in again.text and "signed in again" in again.text
    view = flow_of(house.tenant, house.actor("lena"), "request", saved.id)
    assert view.outcome is None  # nothing was decided without the person


def test_an_expired_page_loses_no_word(house: House) -> None:
    saved = asked(house)
    lena = house.client("lena")
    sent = panel(lena.get(page_of(saved))) | {"_comment": "still here", "_act": "rejected"}
    answer = lena.post(f"{page_of(saved)}/act", sent | {"csrf_token": "old"})
    assert answer.status_code == 400
    assert "still here" in answer.text and "expired" in answer.text


def test_why_tells_the_rule_the_inputs_and_who_was_asked(house: House) -> None:
    saved = asked(house)
    text = unescape(house.client("lena").get(page_of(saved)).text)
    assert "“How much”: Total > 100" in text and "total > 100" not in text
    assert "Total = 410.00 CNY" in text
    assert "Asked for “Approval · Head”: Lena (the first one decides)" in text
    assert "It waits for people:" in text
    chinese = unescape(house.client("lena", "zh").get(page_of(saved)).text)
    assert "“主管与财务审批 · 主管”由 Lena 处理 (先到者决定)" in chinese
    assert "“金额分级”：合计 > 100" in chinese
    small = asked(house, "Small", items=[{"what": "Pen", "quantity": "1", "price": "9"}])
    text = unescape(house.client("boss").get(page_of(small)).text)
    assert "“How much”: Small (Total ≤ 100)" in text


def test_who_may_see_definitions_can_unfold_them_as_written(house: House) -> None:
    saved = asked(house)
    page = unescape(house.client("boss").get(page_of(saved)).text)
    assert "As defined" in page and '<code class="rf-written">total > 100</code>' in page
    assert "As defined" not in house.client("lena").get(page_of(saved)).text


def test_facts_of_the_line_at_hand_are_called_by_their_fields(house: House) -> None:
    catalog = house.tenant.active().catalog
    teller = Teller(catalog.flows["request"], catalog, "en", {}, {})
    read = {"item": 4711, "request.items:4711.quantity": "2", "client:12.name": "Quill"}
    assert teller.facts(read) == [("Quantity", "2"), ("Client · Name", "Quill")]


@pytest.mark.parametrize("login", ["own", "nobody"])
def test_who_may_not_see_the_record_can_do_nothing_with_it(house: House, login: str) -> None:
    saved = asked(house)
    task = flow_of(house.tenant, house.actor("lena"), "request", saved.id).tasks[0].task.id
    stranger = house.client(login)
    csrf = token(stranger.get("/account"))
    sent = {"csrf_token": csrf, "_task": encode_id(task), "_act": "approved", "_text": "x"}
    for verb in ("act", "comment", "claim", "give-back", "transfer", "add-approver", "interrupt"):
        assert stranger.post(f"{page_of(saved)}/{verb}", sent).status_code == 404, verb
    assert stranger.post(f"{page_of(saved)}/people", sent).status_code == 404
    assert saved.title not in unescape(stranger.get("/inbox").text)
