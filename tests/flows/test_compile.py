"""Definitions of flows become typed objects, or problems that say where."""

from __future__ import annotations

import pytest

from app.catalog.build import build
from app.catalog.sources import Sources
from flows.model import Approve, Do, Each, Parallel, Start, Switch, Task, Wait
from tests.catalog.support import SHARED_EXAMPLES
from tests.catalog.test_worked_cases import cases
from tests.flows.shop import flow_of, problems_of

WHOLE = """
slas:
  answer: {from: open, to: done_at, within: 3wd, warn: 1wd, pause: [later]}
interrupts:
  withdraw: {by: [{user: created_by}], in: [open], to: gone, undo: true}
  carrier.lost: {in: [later], to: gone, when: urgent}
steps:
  write:
    stage: open
    set: {level: 1, lines.state: "'new'", wanted_on: today()}
    task: {by: [{user: created_by}], edit: all}
    due: {in: 30d, remind: {soon: {before: 1d}, often: {after: 2d, every: 1d, max: 3}}}
    next: {submit: sort, late: gone}
  sort: {switch: kind, next: {small: work, large: agree, none: agree}}
  agree:
    approve:
      exclude: [{user: created_by}]
      if_nobody: [{role: admin}]
      skip: already_approved
      allow: [transfer, add]
      resubmit: jump_back
      ask: {comment: on_reject}
      levels:
        lead: {by: [{role: lead}, {manager_of: created_by}], need: 60%}
        money: {by: [{role: finance}], need: 2, when: amount > 500, ask: {signature: required}}
    due: {in: 8wh, escalate: [{manager_of: assignee}]}
    next: {approved: work, rejected: gone, sent_back: {to: write, max: 2}}
  work:
    stage: later
    parallel:
      join: any
      branches:
        goods:
          count: {each: {over: lines where good, as: line, steps: {
            look: {set: {line.state: "'seen'"}, task: {by: [{user: line.checker}]}, next: end},
            end: {end: done}}}, next: done}
          done: {end: done}
        pay:
          pay:
            do:
              pay:
                use: payment.refund
                with: {amount: amount, lines: lines, to: "'customer'", who: order.customer.name}
                save: {reference: reference}
                retry: {max: 2, every: 1h}
                undo: payment.release
            next: {done: over, failed.declined: over}
          over: {end: paid}
    next: {done: child, paid: child}
  child:
    start:
      form: child
      with: {request: this, amount: amount}
      rows: {parts: {over: lines where good, with: {of: row, quantity: quantity}}}
      save: child
      wait: true
    next: {ended: wait}
  wait:
    wait: {until: is_empty(child) or child.stage == 'closed'}
    due: {at: wanted_on}
    next: {until: closed, late: gone}
  closed: {stage: closed, set: {done_at: now()}, end: closed}
  gone: {stage: gone, end: gone}
"""
CHILD = "flow: child\nstages: {s: {label: S}}\nsteps: {over: {stage: s, end: ended}}\n"


def test_the_whole_grammar_compiles() -> None:
    flow = flow_of(WHOLE, CHILD)
    steps = flow.steps
    assert list(flow.scopes) == ["", "work/goods/count", "work/goods", "work/pay"]
    assert flow.top.entry == "write"
    assert isinstance(steps["write"].body, Task)
    assert steps["write"].body.edit == ("*",)
    assert [one.path for one in steps["write"].sets] == [
        ("level",),
        ("lines", "state"),
        ("wanted_on",),
    ]
    assert steps["write"].due is not None
    assert steps["write"].due.remind["often"].max == 3
    assert isinstance(steps["sort"].body, Switch)
    agree = steps["agree"].body
    assert isinstance(agree, Approve)
    assert agree.levels["money"].ask.comment == "on_reject"
    assert agree.levels["money"].ask.signature == "required"
    assert agree.skip == {"already_approved"}
    assert steps["agree"].exits["sent_back"].max == 2
    work = steps["work"].body
    assert isinstance(work, Parallel)
    assert work.join == 1
    each = steps["work/goods/count"].body
    assert isinstance(each, Each)
    look = steps["work/goods/count/look"]
    assert look.sets[0].path == ("lines", "state")
    assert look.sets[0].current
    pay = steps["work/pay/pay"].body
    assert isinstance(pay, Do)
    assert pay.actions["pay"].retries == 2
    assert pay.actions["pay"].arguments["lines"].type.kind == "lines"
    child = steps["child"].body
    assert isinstance(child, Start)
    assert list(child.rows["parts"].values) == ["of", "quantity"]
    wait = steps["wait"].body
    assert isinstance(wait, Wait)
    assert flow.reading.watched == {"child"}
    assert flow.slas["answer"].start == ("stage", "open")
    assert flow.interrupts["carrier.lost"].when is not None


def test_what_a_step_reads_is_known_with_what_follows_at_once() -> None:
    flow = flow_of(WHOLE, CHILD)
    reads = flow.steps["agree"].reads
    assert [who.value for who in reads.people] == ["created_by", "lead", "created_by", "finance"]
    pay = flow.steps["work/pay/pay"].reads
    assert pay.links == {("order", "customer"), ("order.customer", "name")}
    # A machine's step waits for nobody: what comes after it is read in the same breath.
    assert ("order.customer", "name") in flow.steps["work"].reads.links


ONE = "steps:\n  ask: {task: {by: [{user: created_by}]%s}, next: %s}\n  fin: {end: over}\n"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (ONE % (", edit: [amont]", "fin"), ("steps.ask.task.edit.0", "unknown_field", "amount")),
        (ONE % ("", "{ok: fine}"), ("steps.ask.next.ok", "unknown_step", "fin")),
        (ONE % ("", "{ok: fin, late: fin}"), ("steps.ask.next.late", "late_without_due", "")),
        (
            "steps: {ask: {switch: amount, next: fin}, fin: {end: over}}",
            ("steps.ask.switch", "bad_switch", "sign(amount)"),
        ),
        (
            "steps: {ask: {switch: kind, next: {smal: fin, else: fin}}, fin: {end: over}}",
            ("steps.ask.next.smal", "unknown_outcome", "small"),
        ),
        (
            "steps: {ask: {set: {total: 1}, next: fin}, fin: {end: over}}",
            ("steps.ask.set.total", "set_formula", ""),
        ),
        (
            "steps: {ask: {set: {amount: urgnt}, next: fin}, fin: {end: over}}",
            ("steps.ask.set.amount", "expr_unknown_name", "urgent"),
        ),
        (
            "steps: {ask: {set: {urgent: 3}, next: fin}, fin: {end: over}}",
            ("steps.ask.set.urgent", "expr_expected", ""),
        ),
        (
            "steps: {ask: {set: {urgent: true}}, fin: {end: over}}",
            ("steps.ask.next", "no_next", ""),
        ),
        (
            "steps: {fin: {end: over, next: fin}}",
            ("steps.fin.next", "end_goes_on", ""),
        ),
        (
            "steps: {ask: {task: {by: [{manager_of: assignee}]}, next: fin}, fin: {end: over}}",
            ("steps.ask.task.by.0.manager_of", "no_assignee", ""),
        ),
        (
            "steps: {ask: {task: {by: [{actor_of: aks}]}, next: fin}, fin: {end: over}}",
            ("steps.ask.task.by.0.actor_of", "unknown_step", "ask"),
        ),
        (
            ONE % ("", "fin") + "slas: {s: {from: amont, to: done_at, within: 3d}}",
            ("slas.s.from", "unknown_stage_or_field", ""),
        ),
        (
            ONE % ("", "fin") + "interrupts: {stop: {in: [open], to: fin}}",
            ("interrupts.stop", "nobody_interrupts", ""),
        ),
        (
            ONE % ("", "fin") + "slas: {s: {from: open, to: done_at, within: rules.days}}",
            ("slas.s.within", "unknown_policy", ""),
        ),
        (
            "steps: {ask: {start: {form: child, save: order}, next: fin}, fin: {end: over}}",
            ("steps.ask.start.save", "save_no_link", ""),
        ),
        (
            "steps: {ask: {each: {over: lines, as: note, steps: {fin: {end: done}}}, next: fin},"
            " fin: {end: over}}",
            ("steps.ask.each.as", "row_name_taken", ""),
        ),
        (
            "steps: {ask: {each: {over: lies, as: line, steps: {fin: {end: done}}}, next: fin},"
            " fin: {end: over}}",
            ("steps.ask.each.over", "unknown_lines", "lines"),
        ),
        (
            "steps: {ask: {wait: {for: [carrier.delivered]}, due: {in: 1d, at: wanted_on},"
            " next: {carrier.delivered: fin}}, fin: {end: over}}",
            ("steps.ask.due", "one_due", ""),
        ),
    ],
)
def test_a_problem_says_where_and_what_was_meant(
    steps: str, expected: tuple[str, str, str]
) -> None:
    assert expected in problems_of(steps)


@pytest.mark.skipif(not SHARED_EXAMPLES.exists(), reason="the worked cases lie beside the project")
def test_the_worked_cases_compile() -> None:
    result = build(Sources(cases()))
    assert [str(p) for p in result.problems] == []
    assert result.catalog is not None
    flows = result.catalog.flows
    assert {"exchange", "receipt", "refund", "return_handling", "return_request"} <= set(flows)
    exchange = flows["exchange"]
    lines = exchange.steps["swap/out/ship"].body
    assert isinstance(lines, Do)
    assert lines.actions["reserve"].arguments["lines"].type.target == "exchange.wanted"
    assert exchange.reading.watched == {"aggregate:received"}
    assert exchange.steps["swap/back/await"].reads.aggregates == {("received", "lines.this")}
    move = flows["receipt"].steps["put_away/move"]
    assert ("lines.line.order_line", "sku") in move.reads.links
