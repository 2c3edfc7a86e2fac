"""What publishing would change: words for people, changes of tables for storage."""

from __future__ import annotations

from itertools import product

from app.catalog.model import Catalog
from app.catalog.plan import Plan, plan
from app.catalog.plan_tables import TableChange, retype
from app.storage.convert import keeps_column, legal_change
from tests.catalog.support import built

FORM = """form: order
label: Order
fields:
  nr: {type: text, required: true}
  amount: {type: decimal, index: true}
  state: {type: choice, options: state}
  rows:
    type: lines
    fields: {sku: {type: text}, count: {type: integer}}
"""
OPTIONS = (
    "options: state\nattributes: {done: boolean}\nvalues: {a: {done: true}, b: {done: false}}\n"
)
AGGREGATE = """aggregate: sold
per: order
measures: {count: {from: order.rows, by: order, sum: count, where: parent.state.done}}
"""


def shop(form: str = FORM, options: str = OPTIONS, **more: str) -> Catalog:
    files = {
        "packs/shop/forms/order.yaml": form,
        "packs/shop/options/state.yaml": options,
        "packs/shop/aggregates/sold.yaml": AGGREGATE,
    }
    files |= {f"packs/shop/{path.replace('__', '/')}.yaml": text for path, text in more.items()}
    return built({path: text for path, text in files.items() if text})


def words(found: Plan) -> list[str]:
    return [f"{c.severity}: {c.words.en}" for c in found.changes]


def tables(found: Plan) -> list[TableChange]:
    return list(found.tables)


def test_nothing_changes_by_comments_spaces_and_quotes() -> None:
    found = plan(shop(), shop(FORM.replace("Order", "'Order'  # note")))
    assert found.nothing
    assert found.old != found.new
    assert found.severity == "safe"


def test_members_of_lists_are_compared_one_by_one() -> None:
    story = """scenario: tale
label: A tale
steps:
  - {create: order, with: {nr: A}}
  - {create: order, with: {nr: B}}
"""
    other = story.replace("nr: B}}", "nr: C}}\n  - {create: order, with: {nr: D}}")
    found = plan(shop(scenarios__tale=story), shop(scenarios__tale=other))
    assert words(found) == [
        "safe: scenario tale · steps[1].with.nr: B becomes C",
        "safe: scenario tale · steps[2]: added {create, with}",
    ]


def test_the_first_release_adds_everything() -> None:
    found = plan(None, shop())
    assert found.old == ""
    assert tables(found) == [
        TableChange("add_form", "order"),
        TableChange("add_aggregate", "sold", new="order"),
    ]
    assert {c.op for c in found.changes} == {"added"}


def test_a_new_label_is_safe_and_said_in_both_languages() -> None:
    found = plan(shop(), shop(FORM.replace("label: Order", "label: Sale")))
    assert words(found) == ["safe: form order · label: Order becomes Sale"]
    assert found.changes[0].words.zh == "表单 order · label：Order 改为 Sale"
    assert tables(found) == []


def test_fields_come_go_and_move_to_new_names() -> None:
    changed = FORM.replace(
        "amount: {type: decimal, index: true}", "total: {type: decimal, was: amount}"
    )
    changed = changed.replace("count: {type: integer}", "weight: {type: decimal}")
    more = {"aggregates__sold": ""}
    found = plan(shop(**more), shop(changed, **more))
    assert tables(found) == [
        TableChange("rename_field", "order", "", "total", was="amount"),
        TableChange("drop_index", "order", "", "total"),
        TableChange("add_field", "order", "rows", "weight", new="decimal"),
        TableChange("drop_field", "order", "rows", "count", old="integer"),
    ]
    assert words(found) == [
        "safe: form order · fields.total: was amount",
        "safe: form order · fields.total.index: removed",
        "safe: form order · fields.rows.fields.weight: added decimal",
        "destructive: form order · fields.rows.fields.count: removed",
    ]
    assert found.severity == "destructive"
    assert found.forms == ("order",)


def test_types_widen_convert_or_start_empty() -> None:
    changed = FORM.replace("options: state", "options: [a, b]").replace(
        "type: choice, ", "type: text, "
    )
    changed = changed.replace("type: text, options: [a, b]", "type: text")
    changed = changed.replace("amount: {type: decimal", "amount: {type: money")
    changed = changed.replace("sku: {type: text}", "sku: {type: user}")
    more = {"aggregates__sold": ""}
    assert tables(plan(shop(**more), shop(changed, **more))) == [
        TableChange("retype_field", "order", "", "amount", old="decimal", new="money"),
        TableChange("widen_field", "order", "", "state", old="choice", new="text"),
        TableChange("replace_field", "order", "rows", "sku", old="text", new="user"),
    ]


def test_changes_of_type_are_judged_as_storage_carries_them_out() -> None:
    types = (
        "text integer decimal percent money money:CNY boolean choice choice[] text[] date datetime "
        "duration link:a link:b link:a[] user department file image"
    ).split()
    for old, new in product(types, types):
        if old == new:
            continue
        expected = "replace_field"
        if keeps_column(old, new):
            expected = "widen_field"
        elif legal_change(old, new):
            expected = "retype_field"
        assert retype(old, new) == expected, f"{old} → {new}"


def test_rules_that_old_records_may_not_meet_ask_for_attention() -> None:
    changed = FORM + (
        "checks: {positive: {that: amount > 0, message: Must be positive}}\n"
        "unique: {one: {fields: [nr]}}\n"
        'number: {pattern: "A-{seq:4}", reset: never, gapless: true}\n'
    )
    found = plan(shop(), shop(changed))
    assert {c.severity for c in found.changes} == {"attention"}
    assert tables(found) == [
        TableChange("add_unique", "order", field="nr"),
        TableChange("gapless", "order"),
    ]


def test_an_aggregate_changes_with_what_it_reads() -> None:
    found = plan(shop(), shop(options=OPTIONS.replace("b: {done: false}", "b: {done: true}")))
    assert TableChange("change_aggregate", "sold", new="order") in tables(found)
    relabelled = plan(
        shop(), shop(options=OPTIONS.replace("{done: true}", "{done: true, label: A}"))
    )
    assert tables(relabelled) == []


def test_a_renamed_form_keeps_its_table() -> None:
    renamed = FORM.replace("form: order", "form: sale\nwas: order")
    more = {"aggregates__sold": ""}
    found = plan(shop(**more), shop("", forms__sale=renamed, **more))
    assert tables(found) == [TableChange("rename_form", "sale", was="order")]
    assert words(found) == ["safe: form sale: was order"]


def test_removing_a_form_is_destructive_and_rights_act_at_once() -> None:
    role = "role: clerk\nlabel: Clerk\ncan: {order: {actions: [read]}}\n"
    more = {"roles__clerk": role}
    found = plan(shop(**more), shop(roles__clerk=role.replace("[read]", "[read, delete]")))
    assert words(found) == [
        "attention: role clerk · can.order.actions: [read] becomes [read, delete]"
    ]
    gone = plan(
        shop(),
        shop("", aggregates__sold="", forms__other="form: other\nfields: {a: {type: text}}\n"),
    )
    assert TableChange("drop_form", "order") in tables(gone)
    assert gone.severity == "destructive"
