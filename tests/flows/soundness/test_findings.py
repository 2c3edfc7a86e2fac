"""What an admin is told: the place, the way that proves it, what to do."""

from __future__ import annotations

import time

import pytest

from flows.soundness import World, check_flow
from forms.problems import Problem
from tests.flows import shop
from tests.flows.shop import build_shop, catalog

HEAD = """
flow: request
stages: {open: {label: Open}, closed: {label: Closed}}
steps:
  ask:
    stage: open
    task: {by: [{role: clerk}], edit: [order, customer, note, amount, kind, urgent, owner, lines]}
    next: {ok: go, quick: short}
  short: {set: {level: "2"}, next: go}
"""
TAIL = "  fin: {stage: closed, end: done}\n"


def told(steps: str, *more: str) -> list[Problem]:
    """The findings about the flow of `request` with these steps behind the first."""
    found = build_shop(HEAD.lstrip() + steps + TAIL, *more)
    return [p.problem for p in found.problems]


def codes(steps: str, *more: str) -> list[str]:
    return [p.code for p in told(steps, *more)]


def test_the_way_that_leaves_a_field_empty_is_shown() -> None:
    (found,) = told("  go: {switch: level > 1, next: {true: fin, false: fin}}\n")
    assert found.code == "may_be_empty"
    assert found.path == ("steps", "go", "switch")
    assert "while level is empty, as on the way ask (ok) → go" in found.message
    assert "fill level before" in found.allowed


@pytest.mark.parametrize(
    "condition",
    [
        "coalesce(level, 0) > 1",
        "not is_empty(level) and level > 1",
        "is_empty(level) or level > 1",
        "if(is_empty(level), false, level > 1)",
        "level == 2",
        "kind in ['small']",
        "sum(lines.total) > 0",
        "count(lines) > 2",
        "is_empty(order) or order.number == '7'",
    ],
)
def test_conditions_that_have_a_value_whatever_is_empty(condition: str) -> None:
    steps = f'  go: {{switch: "{condition}", next: {{true: fin, false: fin}}}}\n'
    assert codes(steps) == []


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("amount > limit", "amount or limit"),
        ("max(lines.quantity) > 3", "lines or lines.quantity"),
        ("all(lines.quantity > 3)", "lines.quantity"),
        ("urgent and kind == 'small'", "urgent"),
        ("total - limit > 5", "limit"),
    ],
)
def test_conditions_say_which_fields_they_need(condition: str, named: str) -> None:
    (found,) = told(f'  go: {{switch: "{condition}", next: {{true: fin, false: fin}}}}\n')
    assert f"while {named} is empty" in found.message


def test_what_a_switch_has_asked_for_is_known_behind_it() -> None:
    steps = """
  go: {switch: is_empty(owner), next: {true: fin, false: mine}}
  mine: {task: {by: [{user: owner}]}, next: {ok: fin}}
"""
    assert codes(steps) == []
    (found,) = told(steps.replace("true: fin, false: mine", "true: mine, false: fin"))
    assert found.code == "nobody_by_then"
    assert "ask (ok) → go (true) → mine" in found.message


def test_what_people_may_edit_they_may_empty_again() -> None:
    steps = """
  go: {set: {amount: "money(5)"}, next: look}
  look: {task: {by: [{role: lead}], EDIT}, next: {ok: big}}
  big: {switch: amount > 3, next: {true: fin, false: fin}}
"""
    assert codes(steps.replace("EDIT", "edit: [note]")) == []
    assert codes(steps.replace("EDIT", "edit: [amount]")) == ["may_be_empty"]
    assert codes(steps.replace("EDIT", "require: [amount]")) == []


def test_a_branch_beside_may_empty_a_field() -> None:
    steps = """
  go: {set: {amount: "money(5)"}, next: both}
  both:
    parallel:
      branches:
        left:
          wait: {task: {by: [{role: lead}]}, next: {ok: big}}
          big: {switch: amount > 3, next: {true: end, false: end}}
          end: {end: done}
        right:
          look: {task: {by: [{role: lead}], edit: [EDIT]}, next: {ok: end}}
          end: {end: done}
    next: fin
"""
    assert codes(steps.replace("EDIT", "note")) == []
    (found,) = told(steps.replace("EDIT", "amount"))
    assert "ask (ok) → go (done) → both → left: wait (ok) → big" in found.message


def test_rows_are_filled_one_by_one() -> None:
    steps = """
  go:
    each:
      over: lines
      as: line
      steps:
        look: {task: {by: [{role: quality}], require: [lines.good]}, next: {ok: which}}
        which: {switch: line.good, next: {true: end, false: end}}
        end: {end: done}
    next: again
  again:
    each:
      over: lines
      as: line
      steps:
        which: {switch: line.good, next: {true: end, false: end}}
        end: {end: done}
    next: fin
"""
    assert codes(steps) == []
    (found,) = told(steps.replace("over: lines\n", "over: lines where quantity > 1\n", 1))
    assert found.path[:2] == ("steps", "again")
    assert "while line.good is empty" in found.message


def test_a_way_keeps_to_the_max_of_its_exits() -> None:
    steps = """
  go: {set: {amount: "money(5)"}, next: big}
  big: {switch: amount > 3, next: {true: wipe, false: fin}}
  wipe: {set: {amount: "null"}, next: {done: {to: BACK, max: 2}}}
"""
    assert codes(steps.replace("BACK", "go")) == []
    (found,) = told(steps.replace("BACK", "big"))
    assert "go (done) → big (true) → wipe (done) → big" in found.message


def test_an_approval_may_send_back_to_any_step_people_have_left() -> None:
    steps = """
  go: {set: {amount: "money(5)"}, next: first}
  first: {task: {by: [{role: lead}]}, next: {ok: big}}
  big: {switch: amount > 3, next: {true: clear, false: clear}}
  clear: {set: {amount: "null"}, next: last}
  last: {task: {by: [{role: lead}]}, next: {ok: check}}
  check:
    approve: {levels: {one: {by: [{role: boss}]}}, if_nobody: [{role: admin}]}
    next: {approved: fin, rejected: fin, sent_back: {to: last, max: 2}}
"""
    (found,) = told(steps)
    assert found.path == ("steps", "big", "switch")
    assert "check (sent_back) → first (ok) → big" in found.message
    assert codes(steps.replace(", sent_back: {to: last, max: 2}", "")) == []


def test_jumping_back_passes_over_what_fills_a_field() -> None:
    steps = """
  go: {task: {by: [{role: lead}], edit: [amount]}, next: {ok: keep}}
  keep: {set: {amount: "coalesce(amount, money(5))"}, next: check}
  check:
    approve: {levels: {one: {by: [{role: boss}]}}, if_nobody: [{role: admin}], resubmit: HOW}
    next: {approved: big, rejected: fin, sent_back: {to: go, max: 2}}
  big: {switch: amount > 3, next: {true: fin, false: fin}}
"""
    assert codes(steps.replace("HOW", "replay")) == []
    (found,) = told(steps.replace("HOW", "jump_back"))
    assert "check (sent_back) → go (ok) → check (approved) → big" in found.message


def test_a_started_record_tells_what_its_end_has_filled() -> None:
    steps = """
  go: {start: {form: child, with: {request: this}, save: child, wait: true}, next: {done: big}}
  big: {switch: "child.amount > money(3)", next: {true: fin, false: fin}}
"""
    child = """
flow: child
stages: {open: {label: Open}}
steps:
  ask: {stage: open, task: {by: [{role: clerk}], WHAT}, next: {ok: fin}}
  fin: {end: done}
"""
    assert codes(steps, child.replace("WHAT", "require: [amount]")) == []
    assert codes(steps, child.replace("WHAT", "edit: [amount]")) == ["link_may_be_empty"]


def test_a_record_only_flows_start_has_what_they_give() -> None:
    steps = """
  go: {start: {form: child, with: {request: this, amount: AMOUNT}, wait: false}, next: fin}
"""
    child = """
flow: child
stages: {open: {label: Open}}
steps:
  big: {stage: open, switch: "amount > money(3)", next: {true: fin, false: fin}}
  fin: {end: done}
"""
    assert codes(steps.replace("AMOUNT", '"coalesce(amount, money(1))"'), child) == []
    assert codes(steps.replace("AMOUNT", "amount"), child) == ["may_be_empty"]
    role = "role: maker\nlabel: Maker\ncan: {child: {actions: [read, create]}}\n"
    assert "may_be_empty" in codes(steps.replace("AMOUNT", "money(3)"), child, role)


def test_the_rounds_that_use_up_every_exit_are_shown() -> None:
    steps = """
  go: {task: {by: [{role: lead}]}, next: {ok: {to: check, max: 2}, nay: {to: look, max: 1}}}
  check: {task: {by: [{role: lead}]}, next: {fine: fin, again: {to: go, max: 2}}}
  look:
    approve: {levels: {one: {by: [{role: boss}]}}, if_nobody: [{role: admin}]}
    next: {approved: fin, rejected: MORE}
"""
    (found,) = told(steps.replace("MORE", "go"))
    assert found.code == "exits_used_up"
    assert found.message.endswith(
        "then nobody can leave it: ask (ok) → go, then go (ok) → check (again) → go (2×), "
        "then go (nay) → look (rejected) → go"
    )
    assert codes(steps.replace("MORE", "fin")) == []


def test_sending_back_uses_up_the_last_exit_of_an_approval_too() -> None:
    steps = """
  go:
    approve: {levels: {one: {by: [{role: boss}]}}, if_nobody: [{role: admin}]}
    next: {approved: {to: look, max: 1}, rejected: fin, sent_back: {to: fin, max: 1}}
  look: {task: {by: [{role: lead}]}, next: {ok: go}}
"""
    (found,) = told(steps.replace("rejected: fin", "rejected: {to: look, max: 1}"))
    assert found.code == "exits_used_up"
    assert found.message.endswith(
        "then nobody can leave it: ask (ok) → go, then go (approved) → look (ok) → go, "
        "then go (rejected) → look (ok) → go, then go (sent_back) → ask (ok) → go"
    )
    assert codes(steps) == []


def test_the_way_that_leaves_a_required_read_only_field_empty_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = "  go: {task: {by: [{role: lead}], require: [reference]}, next: {ok: fin}}\n"
    given = "  go: {set: {reference: VALUE}, next: seal}\n" + asked.replace("go:", "seal:")
    sealed = "reference: {type: text, readonly: true}"
    forms = shop.FORMS.replace("reference: {type: text}", sealed)
    monkeypatch.setattr(shop, "FORMS", forms)
    for text, way in (
        (asked, "ask (ok) → go"),
        (given.replace("VALUE", "note"), "ask (ok) → go (done) → seal"),
    ):
        (found,) = told(text)
        assert found.code == "readonly_but_required"
        assert found.message.endswith(f"which is read-only and may be empty, as on the way {way}")
    assert told(given.replace("VALUE", "\"'x'\"")) == []


def test_the_way_that_leaves_a_field_empty_for_who_cannot_write_it_is_shown() -> None:
    porter = (
        "role: porter\nlabel: Porter\n"
        "can: {request: {actions: [read], readonly: [level], hide: [limit]}}\n"
    )
    steps = "  go: {task: {by: [{role: porter}], require: [WHAT]}, next: {ok: fin}}\n"
    for field, code in (("level", "readonly_but_required"), ("limit", "hidden_but_required")):
        (found,) = told(steps.replace("WHAT", field), porter)
        assert found.code == code
        assert found.message.endswith("and which may be empty, as on the way ask (ok) → go")


def test_money_that_would_move_once_only_is_told_in_scopes_too() -> None:
    steps = """
  go:
    each:
      over: lines
      as: line
      steps:
        pay: {do: {pay: {use: payment.refund, with: {amount: money(3)}KEY}}, next: {done: end}}
        end: {end: done}
    next: check
  check: {task: {by: [{role: lead}]}, next: {ok: fin, again: {to: go, max: 2}}}
"""
    (found,) = told(steps.replace("KEY", ""))
    assert found.code == "money_twice"
    assert "go (done) → check (again) → go" in found.message
    assert codes(steps.replace("KEY", ', key: "line.state"')) == ["may_be_empty"]


PAY = (
    "  pay: {do: {pay: {use: payment.refund, with: {amount: money(3)}UNDO}}, next: {done: NEXT}}\n"
)
SEEN = "  seen: {task: {by: [{role: lead}]}, next: {ok: fin}}\n"


def pay(then: str, undo: str = "") -> str:
    """A step that pays."""
    return PAY.replace("NEXT", then).replace("UNDO", undo and f", undo: {undo}")


def interrupted(how: str, steps: str) -> list[Problem]:
    """The findings where the event carrier.lost leads back to the payment."""
    head = HEAD.lstrip().replace("steps:\n", f"interrupts: {{carrier.lost: {{{how}}}}}\nsteps:\n")
    return [p.problem for p in build_shop(head + steps + TAIL).problems]


def test_money_cannot_move_twice_where_the_exit_to_it_is_used_up() -> None:
    steps = "  go: {task: {by: [{role: lead}]}, next: {pay: {to: pay, max: MOST}, nay: fin}}\n"
    assert codes(steps.replace("MOST", "1") + pay("go")) == []
    (found,) = told(steps.replace("MOST", "2") + pay("go"))
    assert found.code == "money_twice"
    assert found.message.startswith(
        "ask (ok) → go (pay) → pay (done) → go (pay) → pay leads through pay (payment.refund) again"
    )


def test_money_moves_twice_by_an_event_that_leads_back_and_takes_nothing_back() -> None:
    (found,) = interrupted(
        "in: [open], to: pay", "  go: {set: {level: '1'}, next: pay}\n" + pay("seen") + SEEN
    )
    assert found.code == "money_twice"
    assert found.message.startswith("ask (carrier.lost) → pay (carrier.lost) → pay leads through")
    assert found.allowed.endswith("; or undo of the action, and undo: true of carrier.lost")


def test_an_event_leads_back_through_scopes_and_in_its_stages_only() -> None:
    steps = """
  go:
    parallel:
      branches:
        goods: {look: {task: {by: [{role: lead}]}, next: {ok: end}}, end: {end: done}}
        money:
          pay: {do: {pay: {use: payment.refund, with: {amount: money(3)}}}, next: {done: end}}
          end: {end: done}
    STAGE
    next: {done: seen}
"""
    (found,) = interrupted("in: [open], to: go", steps.replace("STAGE", "") + SEEN)
    assert found.code == "money_twice"
    assert found.message.startswith("ask (ok) → go (carrier.lost) → go → money: pay leads through")
    closed = steps.replace("STAGE", "stage: closed") + SEEN
    assert interrupted("in: [open], to: go", closed) == []


def test_an_event_takes_back_what_can_be_taken_back() -> None:
    steps = "  go: {set: {level: '1'}, next: pay}\n" + pay("seen", "UNDO") + SEEN
    back = steps.replace("UNDO", "payment.release")
    how = "in: [open], to: pay, undo: true"
    assert [one.code for one in interrupted(how, steps.replace(", undo: UNDO", ""))] == [
        "money_twice"
    ]
    assert interrupted(how, back) == []
    assert [one.code for one in interrupted(how.removesuffix(", undo: true"), back)] == [
        "money_twice"
    ]


def test_a_person_withdraws_only_where_nothing_has_run() -> None:
    steps = "  go: {set: {level: '1'}, next: pay}\n" + pay("seen") + SEEN
    head = HEAD.lstrip().replace(
        "steps:\n", "interrupts: {back: {by: [{role: clerk}], in: [open], to: go}}\nsteps:\n"
    )
    assert build_shop(head + steps + TAIL).problems == []


def test_money_moves_twice_where_an_approval_sends_back_past_it() -> None:
    steps = (
        """
  go: {task: {by: [{role: lead}]}, next: {ok: pay}}
"""
        + pay("look")
        + """
  look:
    approve: {levels: {one: {by: [{role: boss}]}}, if_nobody: [{role: admin}]}
    next: {approved: fin, rejected: fin, sent_back: {to: note, max: 1}}
  note: {task: {by: [{role: lead}]}, next: {ok: fin}}
"""
    )
    (found,) = told(steps)
    assert found.code == "money_twice"
    assert "pay (done) → look (sent_back) → go (ok) → pay leads through" in found.message


def test_a_branch_that_cuts_off_the_money_leads_past_it() -> None:
    steps = """
  go:
    parallel:
      join: all
      branches:
        goods:
          look: {task: {by: [{role: lead}]}, next: {ok: end, nay: stop}}
          end: {end: done}
          stop: {end: stop}
        money:
          pay: {do: {pay: {use: payment.refund, with: {amount: money(3)}}}, next: {done: out}}
          out: {end: paid}
    next: {stop: STOP, paid: PAID}
"""
    assert codes(steps.replace("STOP", "fin").replace("PAID", "fin")) == ["cut_off_with_money"]
    for stop, paid, way in (
        ("{to: go, max: 1}", "fin", "stop"),
        ("fin", "{to: go, max: 1}", "paid"),
    ):
        found = told(steps.replace("STOP", stop).replace("PAID", paid))
        (twice,) = [p for p in found if p.code == "money_twice"]
        assert f"go ({way}) → go → money: pay leads through" in twice.message


def test_what_a_scope_with_money_cannot_come_out_as_leads_nowhere() -> None:
    steps = """
  go:
    each:
      over: lines
      as: line
      steps:
        ask: {switch: line.good, next: {true: pay, false: end, none: end}}
        pay: {do: {pay: {use: payment.refund, with: {amount: money(3)}}}, next: {done: LAST}}
        end: {end: done}
        bad: {end: bad}
    next: {done: {to: go, max: 2}, bad: fin}
"""
    for last, expected in (("end", ["money_twice"]), ("bad", [])):
        found = codes(steps.replace("LAST", last))
        assert [one for one in found if one == "money_twice"] == expected


def test_warnings_do_not_keep_from_publishing() -> None:
    steps = "  go: {task: {by: [{role: clerk}]}, due: {in: 1d}, next: {ok: fin}}\n"
    found = build_shop(HEAD.lstrip() + steps + TAIL)
    (warning,) = found.problems
    assert warning.problem.severity == "warning"
    assert not warning.stands_in_the_way
    assert found.catalog is not None
    assert "warning steps.go.due: nothing happens" in str(warning)


INTERRUPTS = (
    "interrupts: {carrier.lost: {in: [open], to: s9}, carrier.delivered: {in: [closed], to: t1}}\n"
)


@pytest.mark.parametrize(
    ("head", "first"),
    [
        (HEAD, "t0"),
        (HEAD.replace("stage: open\n", "claim\n", 1).replace("    claim\n", ""), "t0"),
        (HEAD.replace("steps:\n", INTERRUPTS + "steps:\n"), "t0"),
        (HEAD, "fin"),
    ],
    ids=["staged", "without stages", "interrupted", "unreachable"],
)
def test_a_flow_of_forty_steps_is_checked_in_no_time(head: str, first: str) -> None:
    steps = "".join(
        f"  t{i}: {{task: {{by: [{{role: clerk}}], edit: [amount, lines], require: [note]}}, "
        f"next: {{ok: s{i}, back: {{to: t{max(0, i - 3)}, max: 2}}}}}}\n"
        f"  s{i}: {{set: {{limit: amount}}, switch: 'coalesce(amount, money(0)) > money({i})', "
        f"next: {{true: t{i + 1}, false: s{i + 1}}}}}\n"
        for i in range(20)
    )
    steps = steps.replace("t20", "fin").replace("s20", "fin")
    go = f'  go: {{set: {{level: "1"}}, next: {first}}}\n'
    made = catalog(head.lstrip() + go + steps + TAIL)
    world = World(made.forms, made.roles)
    flow = made.flows["request"]
    best = min(_seconds(lambda: check_flow(flow, world)) for _ in range(5))
    assert len(flow.steps) > 40
    assert best < 0.020


def _seconds(work: object) -> float:
    start = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - start
