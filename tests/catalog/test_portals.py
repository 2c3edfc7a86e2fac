"""Portals: what they name exists, codes can be sent, and nobody sees anybody else's records."""

from __future__ import annotations

from app.catalog.build import build
from app.catalog.compile_portals import ASK_KEYS, IDENTIFY_KEYS, KEYS, SHOW_KEYS
from app.catalog.schemas import schema
from forms.expr import link
from tests.catalog.support import built, shown, sources

FILES = {
    "packs/p/forms/customer.yaml": (
        "form: customer\ntitle: '{name}'\nfields:\n  name: {type: text}\n"
        "  email: {type: text, format: email}\n"
    ),
    "packs/p/forms/order.yaml": (
        "form: order\ntitle: '{order_no}'\nfields:\n  order_no: {type: text}\n"
        "  customer: {type: link, to: customer}\n  paid: {type: decimal}\n"
    ),
    "packs/p/forms/claim.yaml": (
        "form: claim\nfields:\n  order: {type: link, to: order}\n"
        "  customer: {type: link, to: customer}\n  note: {type: text}\n"
    ),
    "packs/p/roles/visitor.yaml": (
        "role: visitor\nlabel: Visitor\ncan:\n"
        "  customer: {actions: [read], rows: id == me}\n"
        "  order: {actions: [list, read], rows: customer == me}\n"
        "  claim: {actions: [list, read, create], rows: customer == me}\n"
    ),
}
GOOD = (
    "portal: shop\nrole: visitor\n"
    "identify: {form: order, as: customer, by: [order_no, customer.email]}\n"
    "start: [claim]\nshow: {fields: [note]}\n"
)


def codes(text: str = GOOD, **files: str) -> list[str]:
    given = {**FILES, "packs/p/portals/shop.yaml": text}
    given |= {f"packs/p/{name.replace('__', '/')}.yaml": one for name, one in files.items()}
    return [line.partition("packs/p/")[2] for line in shown(build(sources(given)).problems)]


def test_a_portal_is_compiled_and_its_role_knows_who_me_is() -> None:
    catalog = built({**FILES, "packs/p/portals/shop.yaml": GOOD})
    portal = catalog.portals["shop"]
    assert portal.identify.contact == "customer" and portal.identify.code_to == "customer.email"
    assert portal.forms == ("claim", "order") and portal.stages is None
    rows = catalog.roles["visitor"].can["order"].rows
    assert rows is not None and rows.reads_me
    assert link("customer")


def test_the_record_itself_may_be_the_contact() -> None:
    text = GOOD.replace("as: customer, ", "")
    role = FILES["packs/p/roles/visitor.yaml"]
    assert "expr_types" in " ".join(codes(text)), "an order is no customer"
    own = role.replace("customer: {actions: [read], rows: id == me}\n  ", "")
    own = own.replace("read], rows: customer", "read], rows: id").replace("customer ==", "order ==")
    assert codes(text, roles__visitor=own) == []


def test_what_is_wrong_is_told_where_it_is() -> None:
    assert "portals/shop.yaml:2:7 unknown_role" in codes(GOOD.replace("visitor", "visiter"))
    assert codes(GOOD.replace("[claim]", "[clame]")) == ["portals/shop.yaml:4:9 unknown_form"]
    wrong = codes(GOOD.replace("as: customer", "as: paid"))
    assert "portals/shop.yaml:3:29 portal_as_no_link" in wrong
    assert codes(GOOD.replace("[order_no, customer.email]", "[order_no]")) == [
        "portals/shop.yaml:3:1 portal_without_address"
    ]
    assert codes(GOOD.replace("customer.email", "customer.emial")) == [
        "portals/shop.yaml:3:54 unknown_field"
    ]
    assert codes(GOOD.replace("[order_no, ", "[paid, ")) == [
        "portals/shop.yaml:3:44 portal_not_text"
    ]
    assert codes(GOOD.replace("[note]", "[nota]")) == ["portals/shop.yaml:5:17 unknown_field"]
    assert codes(GOOD + "ask: {form: claim, at: [over]}\n") == [
        "portals/shop.yaml:6:25 unknown_stage"
    ]


def test_a_role_that_opens_everything_is_refused() -> None:
    open_role = FILES["packs/p/roles/visitor.yaml"].replace(
        "order: {actions: [list, read], rows: customer == me}", "order: {actions: [list, read]}"
    )
    assert codes(roles__visitor=open_role) == ["portals/shop.yaml:2:7 portal_shows_all"]


def test_people_may_name_themselves() -> None:
    blind = FILES["packs/p/roles/visitor.yaml"].replace(
        "  customer: {actions: [read], rows: id == me}\n", ""
    )
    assert codes(roles__visitor=blind) == ["portals/shop.yaml:2:7 portal_not_oneself"]


def test_the_schema_knows_the_same_keys() -> None:
    properties = schema("portal")["properties"]
    assert set(properties) == {*KEYS, "extends"}
    for name, keys in (("identify", IDENTIFY_KEYS), ("show", SHOW_KEYS), ("ask", ASK_KEYS)):
        assert set(properties[name]["properties"]) == set(keys)
