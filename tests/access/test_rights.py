"""What roles add up to, and how scopes narrow it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from app.access.actor import SYSTEM, Actor
from app.access.rights import Rights, admin_rights, effective_roles, forms_for, rights


@dataclass(frozen=True)
class Condition:
    source: str


@dataclass(frozen=True)
class Grant:
    actions: frozenset[str]
    rows: Condition | None = None
    hide: frozenset[str] = frozenset()
    readonly: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Role:
    can: dict[str, Grant]
    includes: tuple[str, ...] = ()
    admin: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Catalog:
    roles: dict[str, Role]
    hash: str
    forms: dict[str, None] = field(default_factory=lambda: {"order": None, "customer": None})


OWN = Condition("created_by == me")
EAST = Condition("region == 'east'")


def grant(words: str, rows: Condition | None = None, hide: str = "", readonly: str = "") -> Grant:
    return Grant(
        frozenset(words.split()), rows, frozenset(hide.split()), frozenset(readonly.split())
    )


CATALOG = Catalog(
    {
        "reader": Role({"order": grant("list read", hide="cost")}),
        "own": Role({"order": grant("list read update", OWN)}),
        "east": Role({"order": grant("list read", EAST, hide="note lines.cost")}),
        "clerk": Role({"order": grant("create update", readonly="price", hide="cost")}),
        "boss": Role({"order": grant("list read create update delete")}, ("reader", "own")),
        "keeper": Role({}, ("boss",), frozenset({"users", "tokens"})),
        "loop": Role({"customer": grant("list read")}, ("loop", "missing", "boss")),
    },
    hash="one",
)


def held(*roles: str, scopes: str | None = None, form: str = "order") -> Rights:
    narrowed = None if scopes is None else frozenset(scopes.split())
    return rights(CATALOG, Actor(7, "Mei", frozenset(roles), scopes=narrowed), form)


def test_no_role_no_right() -> None:
    for nothing in (held(), held("missing"), held("keeper", form="nowhere")):
        assert not nothing.actions
        assert nothing.rows("read") == []
        assert not nothing.may("list")
        assert not nothing.everything


def test_roles_add_up() -> None:
    both = held("reader", "clerk")
    assert both.actions == {"list", "read", "create", "update"}
    assert both.rows("read") is None
    assert both.rows("delete") == []
    assert both.readonly == {"price"}


def test_row_conditions_are_alternatives_for_each_action() -> None:
    assert held("own").rows("read") == [OWN]
    assert held("own", "east").rows("read") == [OWN, EAST]
    assert held("own", "east").rows("update") == [OWN]
    assert held("own", "reader").rows("read") is None
    assert held("own", "reader").rows("update") == [OWN]


def test_a_field_is_open_when_a_grant_for_all_those_rows_opens_it() -> None:
    assert held("reader").hidden == {"cost"}
    assert held("reader", "boss").hidden == frozenset()
    assert held("east", "reader").hidden == {"cost"}
    # a grant for some rows opens nothing that another hides on more rows
    assert held("reader", "own").hidden == {"cost"}
    assert held("east", "own").hidden == {"note", "lines.cost"}


def test_a_right_to_write_does_not_open_what_reading_hides() -> None:
    assert held("reader", "clerk").hidden == {"cost"}
    assert held("clerk", "boss").readonly == frozenset()


def test_included_roles_count_once_and_loops_end() -> None:
    assert set(effective_roles(CATALOG, ["keeper"])) == {"keeper", "boss", "reader", "own"}
    assert set(effective_roles(CATALOG, ["loop"])) == {"loop", "boss", "reader", "own"}
    assert held("keeper").actions == {"list", "read", "create", "update", "delete"}


@pytest.mark.parametrize(
    ("scopes", "left"),
    [
        ("order:read", {"list", "read"}),
        ("order:list", {"list"}),
        ("*:read", {"list", "read"}),
        ("order:*", {"list", "read", "create", "update", "delete"}),
        ("*:update order:create", {"update", "create"}),
        ("customer:*", set()),
        ("order:import", set()),
        ("admin:*", set()),
    ],
)
def test_scopes_narrow_and_never_widen(scopes: str, left: set[str]) -> None:
    assert held("boss", scopes=scopes).actions == left
    assert held("reader", scopes=scopes).actions == left & {"list", "read"}
    assert held(scopes=scopes).actions == frozenset()


def test_administrative_rights_need_their_own_scope() -> None:
    def admin(*roles: str, scopes: str | None = None) -> frozenset[str]:
        narrowed = None if scopes is None else frozenset(scopes.split())
        return admin_rights(CATALOG, Actor(7, "Mei", frozenset(roles), scopes=narrowed))

    assert admin("keeper") == {"users", "tokens"}
    assert admin("boss") == frozenset()
    assert admin("keeper", scopes="*:*") == frozenset()
    assert admin("keeper", scopes="admin:users") == {"users"}
    assert admin("boss", scopes="admin:*") == frozenset()
    assert admin_rights(CATALOG, SYSTEM) == {"users", "tokens"}


def test_the_system_may_everything_but_only_the_system() -> None:
    assert rights(CATALOG, SYSTEM, "order").everything
    assert rights(CATALOG, SYSTEM, "order").rows("delete") is None
    assert not rights(CATALOG, SYSTEM, "nowhere").may("read")
    for actor in (Actor(7, "Mei", via="system"), Actor(None, "x", via="web")):
        assert not rights(CATALOG, actor, "order").everything
        assert not rights(CATALOG, actor, "order").actions


def test_forms_are_listed_where_something_is_allowed() -> None:
    assert forms_for(CATALOG, Actor(7, "Mei", frozenset({"loop"}))) == ["order", "customer"]
    assert forms_for(CATALOG, Actor(7, "Mei", frozenset({"clerk"})), "read") == []
    assert forms_for(CATALOG, Actor(7, "Mei", frozenset({"clerk"})), "create") == ["order"]


def test_another_catalog_gives_another_answer() -> None:
    changed = Catalog({"reader": Role({"order": grant("list")})}, hash="two")
    actor = Actor(7, "Mei", frozenset({"reader"}))
    assert rights(CATALOG, actor, "order").may("read")
    assert not rights(changed, actor, "order").may("read")
