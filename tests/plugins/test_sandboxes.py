"""The sandboxes and their connectors: once for a key, whatever the network does in between."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pluggy
import pytest

from app.hooks import TryAgain, Unknown, call_one
from plugins.signing import HEADER, holds, sign
from tests.plugins.conftest import Receiver
from tests.support.sandboxes import SECRET, Sandbox, running

PAYMENT, CARRIER = "plugins.payment_sandbox", "plugins.carrier_sandbox"


def run(plugins: pluggy.PluginManager, plugin: str, call: dict, hook: str = "run_action"):
    return call_one(plugins, plugin, hook, {"tenant": "acme", "call": call})


def booked(bank: Sandbox, key: str) -> list[dict]:
    return [one for one in bank.ledger("refund") if one["key"] == key]


def test_a_refund_is_booked_once_for_a_key(plugins: pluggy.PluginManager, bank: Sandbox) -> None:
    call = bank.call(key="twice")
    first = run(plugins, PAYMENT, call)
    assert first["outcome"] == "done" and first["data"]["reference"].startswith("R0")
    assert run(plugins, PAYMENT, call) == first
    assert run(plugins, PAYMENT, call, "ask_action") == first
    (entry,) = booked(bank, "twice")
    assert (entry["amount"], entry["currency"]) == ("12.30", "CNY")
    other = bank.call(key="twice", arguments={"amount": {"amount": "99", "currency": "CNY"}})
    with pytest.raises(Unknown):
        run(plugins, PAYMENT, other)


@pytest.mark.parametrize(("how", "happened"), [("timeout_before", 0), ("timeout_after", 1)])
def test_after_a_time_out_the_service_is_asked(
    plugins: pluggy.PluginManager, bank: Sandbox, how: str, happened: int
) -> None:
    call = bank.call(key=how, settings={"url": bank.url, "timeout": 0.5})
    bank.tell(do=how, hang=1.0)
    with pytest.raises(Unknown):
        run(plugins, PAYMENT, call)
    assert len(booked(bank, how)) == happened
    found = run(plugins, PAYMENT, call, "ask_action")
    assert (found is not None) == bool(happened)
    assert run(plugins, PAYMENT, call)["outcome"] == "done"
    assert len(booked(bank, how)) == 1


def test_what_the_bank_says_becomes_an_outcome(
    plugins: pluggy.PluginManager, bank: Sandbox
) -> None:
    bank.tell(do="decline")
    declined = run(plugins, PAYMENT, bank.call(key="no"))
    assert declined["outcome"] == "failed.declined"
    assert run(plugins, PAYMENT, bank.call(key="no"), "ask_action") == declined
    bank.tell(do="fail")
    with pytest.raises(Unknown):
        run(plugins, PAYMENT, bank.call(key="fail"))
    bank.tell(do="busy")
    with pytest.raises(TryAgain) as told:
        run(plugins, PAYMENT, bank.call(key="busy"))
    assert told.value.after == 1
    wrong = bank.call(key="wrong", secrets={"key": "another"})
    assert run(plugins, PAYMENT, wrong)["outcome"] == "failed.refused"
    assert not booked(bank, "wrong")
    away = bank.call(key="away", settings={"url": "http://127.0.0.1:1"})
    with pytest.raises(TryAgain):
        run(plugins, PAYMENT, away)


def test_money_is_held_taken_and_let_go(plugins: pluggy.PluginManager, bank: Sandbox) -> None:
    def act(use: str, key: str, **arguments: object):
        return run(plugins, PAYMENT, bank.call(use=use, key=key, arguments=arguments))

    amount = {"amount": "50.00", "currency": "CNY"}
    held = act("payment.authorise", "h1", amount=amount)["data"]["reference"]
    too_much = {"amount": "60.00", "currency": "CNY"}
    over = act("payment.capture", "c0", reference=held, amount=too_much)
    assert over["outcome"] == "failed.declined"
    assert act("payment.capture", "c1", reference=held, amount=amount)["outcome"] == "done"
    assert act("payment.release", "r1", reference=held)["outcome"] == "failed.expired"


def test_the_ledger_is_read_again_after_a_crash(
    plugins: pluggy.PluginManager, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.jsonl"
    with running("payment_sandbox", file) as bank:
        first = run(plugins, PAYMENT, bank.call())
        bank.process.kill()
    with file.open("a") as cut:
        cut.write('{"no": 2, "ke')
    with running("payment_sandbox", file) as bank:
        assert run(plugins, PAYMENT, bank.call()) == first
        assert len(bank.ledger("refund")) == 1


def test_a_label_has_a_number_and_a_bad_address_none(
    plugins: pluggy.PluginManager, carrier: Sandbox
) -> None:
    call = carrier.call(use="carrier.create_label", key="l1", arguments={"address": "Main St 1"})
    made = run(plugins, CARRIER, call)
    assert made["outcome"] == "done" and made["data"]["tracking_no"].startswith("SB")
    assert run(plugins, CARRIER, call, "ask_action") == made
    lost = carrier.call(use="carrier.create_label", key="l2", arguments={"address": "Nowhere 1"})
    assert run(plugins, CARRIER, lost)["outcome"] == "failed.bad_address"
    void = carrier.call(use="carrier.void_label", key="v1", arguments={}, undo_of="l1")
    assert run(plugins, CARRIER, void)["outcome"] == "done"


def test_the_road_is_played_signed_twice_and_early(
    plugins: pluggy.PluginManager, carrier: Sandbox, receiver: Receiver
) -> None:
    carrier.tell("control/events", early=["delivered"])
    call = carrier.call(
        use="carrier.create_label",
        key="road",
        arguments={"address": "Main St 1"},
        events_url=receiver.url,
    )
    tracking = run(plugins, CARRIER, call)["data"]["tracking_no"]
    assert len(receiver.got) == 1, "told before the number was"
    told = carrier.tell("control/events", tracking_no=tracking, event="lost", times=2)
    assert told == {"answers": [204, 204]}
    seen = []
    for headers, body in receiver.got:
        assert holds(SECRET, headers[HEADER], body, time.time())
        (event,) = json.loads(body)["events"]
        assert event["tracking_no"] == tracking
        seen.append(event["id"])
    assert seen == [f"{tracking}-delivered", f"{tracking}-lost", f"{tracking}-lost"]
    used = carrier.call(use="carrier.void_label", key="v9", arguments={"tracking_no": tracking})
    assert run(plugins, CARRIER, used)["outcome"] == "failed.already_used"


def test_events_are_read_only_where_the_signature_holds(plugins: pluggy.PluginManager) -> None:
    body = json.dumps(
        {"events": [{"id": "e1", "event": "delivered", "tracking_no": "SB1", "at": "2026-01-01"}]}
    ).encode()
    now = time.time()

    def receive(header: str, at: float = now, secret: str = SECRET):
        connection = {"id": "c", "settings": {}, "secrets": {"key": secret}}
        request = {"headers": {HEADER: header}, "body": body, "at": at}
        return call_one(
            plugins,
            CARRIER,
            "receive_event",
            {"tenant": "acme", "connection": connection, "request": request},
        )

    good = sign(SECRET, body, now)
    assert receive(good) == [
        {
            "id": "e1",
            "event": "carrier.delivered",
            "key": "SB1",
            "data": {"tracking_no": "SB1", "at": "2026-01-01"},
        }
    ]
    assert receive(sign("other", body, now)) is None
    assert receive(good, at=now + 301) is None
    assert receive("") is None and receive("t=x,v1=y") is None and receive("v1=") is None
    assert receive(good, secret="") is None
    assert receive(f"{good},v1=00") is not None
    assert not holds("", sign("", body, now), body, now)
