"""Packs and what tenants change: merging, order, provenance."""

from __future__ import annotations

from app.catalog.build import build
from tests.catalog.support import built, shown, sources

ORDER = """form: order
label: {zh: 订单, en: Order}
fields:
  nr: {type: text, required: true}
  amount: {type: decimal, min: 0}
  note: {type: text, lines: 3}
"""
BASE = {"packs/shop/forms/order.yaml": ORDER}


def overlay(text: str) -> dict[str, str]:
    return {**BASE, "tenants/t/forms/order.yaml": f"form: order\nextends: shop\n{text}"}


def problems(files: dict[str, str]) -> list[str]:
    return shown(build(sources(files, "t")).problems)


def test_maps_merge_and_scalars_replace() -> None:
    catalog = built(overlay("label: {en: Sale}\nfields: {amount: {max: 9}}\n"), "t")
    form = catalog.forms["order"]
    assert (form.label.zh, form.label.en) == ("订单", "Sale")
    assert list(form.fields) == ["nr", "amount", "note"]
    assert (str(form.fields["amount"].min), str(form.fields["amount"].max)) == ("0", "9")


def test_null_removes() -> None:
    catalog = built(overlay("fields: {note: null, amount: {min: null}}\n"), "t")
    assert list(catalog.forms["order"].fields) == ["nr", "amount"]
    assert catalog.forms["order"].fields["amount"].min is None


def test_removing_what_is_not_there_is_a_problem_with_a_suggestion() -> None:
    result = build(sources(overlay("fields:\n  amonut: null\n"), "t"))
    assert shown(result.problems) == ["tenants/t/forms/order.yaml:4:3 nothing_to_remove"]
    assert result.problems[0].problem.suggestion == "amount"


def test_a_changed_type_replaces_the_whole_field() -> None:
    catalog = built(overlay("fields: {amount: {type: text}}\n"), "t")
    assert catalog.forms["order"].fields["amount"].min is None


def test_a_new_field_is_placed_after_its_sibling() -> None:
    catalog = built(overlay("fields: {place: {type: text, after: nr}}\n"), "t")
    assert list(catalog.forms["order"].fields) == ["nr", "place", "amount", "note"]
    assert problems(overlay("fields:\n  place: {type: text, after: nn}\n")) == [
        "tenants/t/forms/order.yaml:4:30 bad_after"
    ]


def test_an_unknown_incomplete_id_is_taken_for_a_slip() -> None:
    result = build(sources(overlay("fields:\n  amonut: {min: 1}\n"), "t"))
    assert shown(result.problems) == ["tenants/t/forms/order.yaml:4:3 incomplete_new_id"]
    assert result.problems[0].problem.suggestion == "amount"


def test_redefining_without_extends_and_extending_nothing_are_problems() -> None:
    again = {**BASE, "tenants/t/forms/order.yaml": ORDER}
    assert problems(again) == ["tenants/t/forms/order.yaml:1:7 redefined"]
    nothing = {**BASE, "tenants/t/forms/oder.yaml": "form: oder\nextends: shop\n"}
    result = build(sources(nothing, "t"))
    assert shown(result.problems) == ["tenants/t/forms/oder.yaml:2:10 nothing_to_extend"]
    assert result.problems[0].problem.suggestion == "order"


def test_problems_point_into_the_file_that_caused_them() -> None:
    files = overlay("fields:\n  amount: {required: nope > 1}\n")
    files["packs/shop/forms/order.yaml"] = ORDER.replace("min: 0", "min: 0, visible: lost == 1")
    assert problems(files) == [
        "packs/shop/forms/order.yaml:5:44 expr_unknown_name",
        "tenants/t/forms/order.yaml:4:22 expr_unknown_name",
    ]


def test_a_key_an_overlay_took_out_is_missing_there() -> None:
    files = {
        "packs/shop/forms/order.yaml": ORDER,
        "packs/shop/aggregates/sold.yaml": (
            "aggregate: sold\nper: order\nmeasures: {a: {from: order, sum: amount}}\n"
        ),
        "tenants/t/aggregates/sold.yaml": "aggregate: sold\nextends: shop\nper: null\n",
    }
    assert problems(files) == ["tenants/t/aggregates/sold.yaml:3:1 missing_key"]


def test_a_changed_step_kind_replaces_the_step_and_a_changed_exit_merges() -> None:
    flow = (
        "flow: order\nstages: {s: {label: S}, e: {label: E}}\nsteps:\n"
        "  ask:\n    stage: s\n    task: {by: [{user: created_by}]}\n"
        "    next: {ok: fin, nix: fin}\n"
        "  fin: {stage: e, end: done}\n"
    )
    over = (
        "flow: order\nextends: shop\nsteps:\n  ask: {next: {ok: look}}\n"
        "  look: {after: ask, task: {by: [{user: created_by}]}, next: fin}\n"
    )
    files = {**BASE, "packs/shop/flows/order.yaml": flow, "tenants/t/flows/order.yaml": over}
    steps = built(files, "t").raw["flow"]["order"]["steps"]
    assert list(steps) == ["ask", "look", "fin"]
    assert steps["ask"]["next"] == {"ok": "look", "nix": "fin"}
    assert "after" not in steps["look"]
    files["tenants/t/flows/order.yaml"] = (
        "flow: order\nextends: shop\nsteps: {ask: {switch: amount > 1, next: fin}}\n"
    )
    assert built(files, "t").raw["flow"]["order"]["steps"]["ask"] == {
        "switch": "amount > 1",
        "next": "fin",
    }


def test_packs_build_on_packs() -> None:
    files = {
        **BASE,
        "packs/extra/pack.yaml": "pack: extra\nlabel: Extra\nrequires: [shop]\n",
        "packs/extra/forms/order.yaml": "form: order\nextends: shop\nfields: {m: {type: text}}\n",
        "packs/shop/pack.yaml": "pack: shop\nlabel: Shop\n",
        "tenants/t/tenant.yaml": "tenant: t\nlabel: T\npacks: [extra]\n",
    }
    assert list(built(files, "t").forms["order"].fields) == ["nr", "amount", "note", "m"]
    files["packs/shop/pack.yaml"] = "pack: shop\nlabel: Shop\nrequires: [extra]\n"
    assert problems(files)[0] == "packs/shop/pack.yaml:3:12 pack_cycle"


def test_an_unknown_pack_and_misplaced_files_are_told() -> None:
    files = {
        **BASE,
        "packs/shop/forms/oder.yaml": "form: order2\nfields: {a: {type: text}}\n",
        "packs/shop/roles/clerk.yaml": "form: clerk\nfields: {a: {type: text}}\n",
        "packs/shop/froms/x.yaml": "from: x\n",
        "tenants/t/tenant.yaml": "tenant: t\nlabel: T\npacks: [shop, shp]\n",
    }
    assert problems(files) == [
        "packs/shop/forms/oder.yaml:1:7 wrong_file_name",
        "packs/shop/froms/x.yaml:1:1 unknown_kind",
        "packs/shop/roles/clerk.yaml:1:1 wrong_folder",
        "tenants/t/tenant.yaml:3:15 unknown_pack",
    ]


def test_a_heading_stands_in_its_own_kind_of_folder() -> None:
    files = {
        **BASE,
        "packs/shop/tenant.yaml": "tenant: shop\nlabel: S\npacks: [shop]\n",
        "tenants/t/pack.yaml": "pack: t\nlabel: T\n",
        "loose.yaml": "form: loose\nfields: {a: {type: text}}\n",
    }
    assert problems(files) == [
        "loose.yaml:1:1 wrong_folder",
        "packs/shop/tenant.yaml:1:1 wrong_folder",
        "tenants/t/pack.yaml:1:1 wrong_folder",
    ]
