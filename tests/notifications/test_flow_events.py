"""What a flow does is told: tasks, stages, reminders, promises, and what was withdrawn is not."""

from __future__ import annotations

from app.access.actor import Actor
from app.access.actors import actor_for_login
from app.records import act, fire
from tests.notifications.world import FILES, World, notification
from tests.support.mailbox import Mailbox

FLOW = {
    "packs/shop/flows/claim.yaml": """
flow: claim
stages: {open: {label: {zh: 处理中, en: Open}}, over: {label: Over}, back: {label: Back}}
slas: {answer: {label: {zh: 答复, en: Answer}, from: open, to: over, within: 2d, warn: 30h}}
interrupts:
  withdraw: {by: [{role: boss}], in: [open], to: gone}
steps:
  look:
    label: {zh: 查看, en: Look at it}
    stage: open
    task: {by: [{user: owner}, {role: clerk}], ask: {comment: optional}}
    due: {in: 1d, remind: {half: {before: 12h}}}
    next: {ok: over, late: over}
  over: {stage: over, end: settled}
  gone: {stage: back, end: withdrawn}
""",
    "packs/shop/portals/door.yaml": """
portal: door
label: Door
role: visitor
identify: {form: buyer, by: [name, email], code_to: email}
start: [claim]
""",
    "packs/shop/roles/visitor.yaml": """
role: visitor
label: Visitor
can:
  buyer: {actions: [read], rows: id == me}
  claim: {actions: [read], rows: buyer == me}
""",
}


def start(world: World, **values: object) -> int:
    """A claim made by the system: it waits in its first task."""
    from app.access.actor import SYSTEM
    from app.records import create

    given = {"buyer": world.buyer, **values}
    return create(world.tenant, SYSTEM, "claim", given, moment="save").id


def due(world: World) -> None:
    """Fire what is due, as the worker does."""
    rows = world.tenant.db.query(
        "SELECT id FROM rf_due WHERE kind = 'timer' AND status = 'open' AND due_at <= ?"
        " ORDER BY due_at",
        (world.tenant.now_us(),),
    )
    for (one,) in rows:
        fire(world.tenant, one)
    world.work()


def ann(world: World) -> Actor:
    return actor_for_login(world.tenant.db, "ann", via="web")


def test_who_has_the_task_is_told_with_its_due_time(world: World) -> None:
    words = {"zh": "待办 {task.label}，{task.due_at} 前", "en": "{task.label} by {task.due_at}"}
    world.publish(
        FLOW,
        notification(
            "todo", event="claim.task.assigned", to=[{"user": "assignee"}], text={"subject": words}
        ),
    )
    start(world)
    world.work()
    assert world.told("wang") == [("待办 查看，2026-11-22 20:00 前", "")]
    assert world.told("ann") == [("Look at it by 2026-11-22 20:00", "")]


def test_people_outside_get_no_word_meant_for_staff(world: World) -> None:
    flow = {
        path: text.replace(
            "by: [{user: owner}, {role: clerk}]", "by: [{field: buyer}, {role: clerk}]"
        )
        for path, text in FLOW.items()
    }
    given = {"event": "claim.task.assigned", "text": {"subject": "to do"}}
    world.publish(
        flow,
        notification("staff", to=[{"user": "assignee"}], **given),
        notification("all", to=[{"field": "assignee"}], **given),
    )
    start(world)
    world.work()
    assert len(world.told("ann")) == 2
    assert world.told_to(f"contact:buyer:{world.buyer}") == [("to do", "")]


def test_a_task_done_at_once_is_announced_to_nobody(world: World) -> None:
    world.publish(
        FLOW, notification("todo", event="claim.task.assigned", to=[{"user": "assignee"}])
    )
    rid = start(world)
    act(world.tenant, ann(world), "claim", rid, "ok")
    world.work()
    assert world.told("ann") == world.told("wang") == []


def test_stages_reminders_and_promises_are_told_once(world: World) -> None:
    def told(name: str, event: str, subject: str) -> dict[str, str]:
        return notification(name, event=event, to=[{"user": "ann"}], text={"subject": subject})

    world.publish(
        FLOW,
        told("stage", "claim.stage.open", "open {stage}"),
        told("half", "claim.remind.look.half", "half {task.label}"),
        told("warn", "claim.sla.answer.warn", "warn {sla.answer.label} {sla.answer.due_at}"),
        told("late", "claim.late.look", "late"),
        told("end", "claim.ended.settled", "end {stage}"),
    )
    start(world)
    world.work()
    assert [one for one, _ in world.told("ann")] == ["open open"]
    world.clock.pass_by(hours=13)
    due(world)
    world.clock.pass_by(hours=12)
    due(world)
    due(world)
    subjects = [one for one, _ in world.told("ann")]
    assert subjects[:2] == ["open open", "half Look at it"]
    assert sorted(subjects[2:]) == ["end over", "late", "warn Answer 2026-11-23 20:00"]


def test_whoever_acted_and_what_they_said_can_be_told(world: World) -> None:
    world.publish(
        FLOW,
        notification(
            "done",
            event="claim.stage.over",
            to=[{"actor_of": "look"}, {"user": "wang"}],
            text={"subject": "{actor.name}: {task.comment}"},
        ),
    )
    rid = start(world)
    act(world.tenant, ann(world), "claim", rid, "ok", comment="fine with me")
    world.work()
    assert world.told("ann") == world.told("wang") == [("Ann: fine with me", "")]


EACH = {
    **FLOW,
    "packs/shop/flows/claim.yaml": """
flow: claim
stages: {open: {label: Open}, over: {label: Over}}
steps:
  goods:
    stage: open
    each:
      over: goods
      as: piece
      steps:
        check_it:
          task: {by: [{role: clerk}]}
          due: {in: 1d, remind: {half: {before: 12h}}}
          next: {ok: seen, late: seen}
        seen: {end: done}
    next: {done: over}
  over: {stage: over, end: settled}
""",
    "packs/shop/forms/claim.yaml": FILES["packs/shop/forms/claim.yaml"]
    + "  goods:   {type: lines, fields: {count: {type: integer}, from: {type: link, to: buyer}}}\n",
}


def test_a_task_about_a_line_says_which_and_the_step_its_name(world: World) -> None:
    words = {"zh": "{task.label}，{task.line}", "en": "{task.label} - {task.line}"}
    world.publish(
        EACH,
        *(
            notification(name, event=event, to=[{"user": "ann"}], text={"subject": words})
            for name, event in (
                ("todo", "claim.task.assigned"),
                ("half", "claim.remind.check_it.half"),
                ("late", "claim.late.check_it"),
            )
        ),
    )
    start(world, goods=[{"count": 1}, {"count": 2, "from": world.buyer}])
    world.work()
    buyer = world.tenant.db.query(
        f"SELECT title FROM {world.tenant.active().tables.forms['buyer'].table} WHERE id = ?",
        (world.buyer,),
    )[0][0]
    told = sorted(one for one, _ in world.told("ann"))
    assert told == ["check it - line 1", f"check it - line 2: {buyer}"]
    world.clock.pass_by(hours=13)
    due(world)
    world.clock.pass_by(hours=12)
    due(world)
    assert sorted(one for one, _ in world.told("ann")) == sorted(told * 3)


def test_what_was_withdrawn_is_not_told_any_more(world: World, mailbox: Mailbox) -> None:
    world.publish(
        FLOW,
        notification(
            "news",
            event="claim.stage.open",
            to=[{"user": "ann"}],
            channels=["mail"],
            quiet="19:00-08:00",
        ),
        notification("bye", event="claim.stage.back", to=[{"user": "ann"}]),
    )
    rid = start(world)
    world.work()
    assert world.outbox("status") == [("ready",)]
    boss = Actor(None, "Boss", frozenset({"boss"}), lang="en", login="boss")
    act(world.tenant, boss, "claim", rid, "withdraw")
    world.work()
    world.clock.pass_by(hours=13)
    world.work()
    assert mailbox.letters == []
    assert world.outbox("status") == [("cancelled",)]
    assert world.told("ann") == [("C0001", "")]


def test_people_outside_are_led_to_the_portal(world: World, mailbox: Mailbox) -> None:
    world.publish(
        FLOW,
        notification(
            "got",
            event="claim.stage.open",
            to=[{"field": "buyer"}, {"user": "ann"}],
            channels=["mail"],
        ),
    )
    start(world)
    world.work()
    assert (
        "https://x.test/portal/door/records/claim/" in mailbox.to("li@home.test")[0].get_content()
    )
    assert "https://x.test/forms/claim/" in mailbox.to("ann@shop.test")[0].get_content()
