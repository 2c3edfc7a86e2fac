"""Notifications: what they name exists, and their words can be filled in."""

from __future__ import annotations

from app.catalog.build import build
from app.catalog.compile_notifications import KEYS, happenings
from app.catalog.loader import load_text
from app.catalog.schemas import schema
from tests.catalog.support import built, shown, sources

FORMS = {
    "packs/p/forms/customer.yaml": (
        "form: customer\ntitle: '{name}'\nfields:\n  name: {type: text}\n"
        "  email: {type: text, format: email}\n"
    ),
    "packs/p/forms/claim.yaml": (
        "form: claim\nnumber: {pattern: 'C{seq:3}'}\nfields:\n"
        "  customer: {type: link, to: customer}\n  owner: {type: user}\n"
        "  group: {type: department}\n  sum: {type: decimal}\n"
        "  wish: {type: choice, options: wish}\n"
        "  lines: {type: lines, fields: {checker: {type: user}, note: {type: text}}}\n"
    ),
    "packs/p/options/wish.yaml": "options: wish\nvalues: {money: {label: {zh: 退款, en: Money}}}\n",
    "packs/p/roles/chief.yaml": "role: chief\nlabel: Chief\n",
}
FLOW = """flow: claim
stages: {open: {label: Open}, over: {label: Over}}
slas: {answer: {from: stage.open, to: stage.over, within: 2d, warn: 4h}}
steps:
  look:
    stage: open
    task: {by: [{role: chief}]}
    due: {in: 1d, remind: {half: {before: 12h}}}
    next: {ok: over, late: over}
  over: {stage: over, end: settled}
"""
HEAD = "notification: told\ntext: {subject: Hello}\nchannels: [inbox]\n"


def files(text: str) -> dict[str, str]:
    return {**FORMS, "packs/p/notifications/told.yaml": text}


def codes(text: str) -> list[str]:
    return [line.partition(".yaml:")[2] for line in shown(build(sources(files(text))).problems)]


def test_what_can_happen_comes_from_the_flow() -> None:
    flow = load_text("flow.yaml", FLOW).data
    assert happenings(None) == ["created", "updated", "deleted"]
    assert happenings(flow)[3:] == [
        *("stage.open", "stage.over", "task.assigned", "task.claimed", "task.cancelled"),
        *("escalated", "comment", "incident"),
        *("remind.look.half", "late.look", "ended.settled", "sla.answer.warn", "sla.answer.breach"),
    ]


def test_one_notification_may_listen_to_several_forms() -> None:
    catalog = built(
        files(
            HEAD.replace("Hello", "'{number}: {actor.name}'")
            + "event: [claim.created, customer.updated, claim.updated]\nto: [{role: chief}]\n"
        )
    )
    told = catalog.notifications["told"]
    assert {form: one.events for form, one in told.forms.items()} == {
        "claim": {"created", "updated"},
        "customer": {"updated"},
    }
    assert told.forms["claim"].to[0].value == "chief"
    assert "notification" not in catalog.others


def test_names_of_the_event_are_known_and_typed() -> None:
    text = HEAD.replace(
        "Hello", '"{wish} {task.label} {sla.answer.due_at} {customer.email} {link}"'
    )
    given = files(
        f"{text}event: claim.sla.answer.warn\nwhen: sum > 10 and task.step == 'look'\n"
        "to: [{user: assignee}, {field: customer.email}, {field: lines.checker}, {user: wang},\n"
        "  {manager_of: owner}, {head_of: group}, {actor_of: look}]\n"
        "quiet: 22:00-08:00\nthrottle: 1h 30m\n"
    ) | {"packs/p/flows/claim.yaml": FLOW}
    result = build(sources(given))
    mine = [p for p in result.problems if "/notifications/" in str(p)]
    assert mine == [], mine
    if result.catalog is None:
        return
    told = result.catalog.notifications["told"]
    assert (told.quiet, told.throttle) == ((22 * 60, 8 * 60), 5400)


def test_what_is_wrong_is_told_where_it_is() -> None:
    ok = "event: claim.created\nto: [{role: chief}]\n"
    assert codes(HEAD + ok.replace("created", "creatd")) == ["4:8 unknown_event"]
    assert codes(HEAD + ok.replace("claim", "clame")) == ["4:8 unknown_form"]
    assert codes(HEAD + ok.replace("chief", "cheif")) == ["5:13 unknown_role"]
    assert codes(HEAD.replace("inbox", "inbx") + ok) == ["3:12 unknown_channel"]
    assert codes(HEAD.replace("Hello", '"{numbr}"') + ok) == ["2:19 expr_unknown_name"]
    assert codes(HEAD.replace("Hello", '"{task.label}"') + ok) == ["2:19 expr_unknown_name"]
    assert codes(HEAD + ok.replace("role: chief", "field: sum")) == ["5:14 not_a_person"]
    assert codes(HEAD + ok.replace("role: chief", "user: ownr")) == ["5:13 expr_unknown_name"]
    assert codes(HEAD + ok.replace("role: chief", "actor_of: look")) == ["5:17 unknown_step"]
    assert codes(HEAD + ok + "throttle: 2wd\n") == ["6:11 throttle_on_the_clock"]
    assert codes(HEAD + ok + "when: sum\n") == ["6:7 expr_expected"]
    assert codes(HEAD + ok + "attach: [slip]\n") == ["6:10 unknown_document"]


def test_the_schema_knows_the_same_keys() -> None:
    assert set(schema("notification")["properties"]) == {*KEYS, "extends"}
