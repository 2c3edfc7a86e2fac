"""Roles: who may do what, with which records and fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Grant, Role
from app.catalog.sql_check import must_be_sql
from forms.model import Form

ACTIONS = ("list", "read", "create", "update", "amend", "delete", "export", "import")
KEYS = ("role", "label", "help", "was", "includes", "can", "admin")
GRANT_KEYS = ("actions", "rows", "hide", "readonly")


def compile_role(role_id: str, at: Compiling, forms: Mapping[str, Form]) -> Role:
    """Compile one role; what is wrong with it is noted in `at`."""
    for index, name in enumerate(at.data.get("includes", ())):
        at.refers("role", name, ("includes", index))
    can: dict[str, Grant] = {}
    for form, grant in at.data.get("can", {}).items():
        if at.refers("form", form, ("can", form), on_key=True):
            can[form] = _grant(form, grant, at)
    _check_titles(can, forms, at)
    return Role(
        id=role_id,
        label=at.text("label", role_id),
        help=at.text("help"),
        was=str(at.data.get("was", "")),
        includes=tuple(at.data.get("includes", ())),
        can=can,
        admin=frozenset(at.data.get("admin", ())),
    )


def _check_titles(can: Mapping[str, Grant], forms: Mapping[str, Form], at: Compiling) -> None:
    """A title stands in lists, links, searches and exports, whoever reads: it shows no field that a
    role hides, neither of its own form nor of one it links to."""
    for form_id in can:
        form = forms.get(form_id)
        if form is None or form.title is None:
            continue
        for expr in form.title.exprs:
            shown = {(form_id, name) for name in expr.names}
            for path, name in expr.link_reads:
                link = form.field_at(path)
                if link is not None and link.to in can:
                    shown.add((link.to, name))
            for owner, name in sorted(shown):
                _hides_shown(owner, name, form_id, at)


def _hides_shown(owner: str, name: str, form_id: str, at: Compiling) -> None:
    for index, hidden in enumerate(at.data["can"][owner].get("hide", ())):
        if name == hidden or name.startswith(f"{hidden}."):
            at.problem(
                "title_shows_hidden",
                ("can", owner, "hide", index),
                f"the title of {form_id} shows {name}, which this role hides",
                "fields the title does not show; or take it out of the title",
            )


def include_cycles(roles: Mapping[str, Role]) -> dict[str, list[str]]:
    """Roles that include themselves over others: role → the way round."""
    found: dict[str, list[str]] = {}
    for start in roles:
        way = _way_back(roles, start, start, [start], set())
        if way and not any(set(way) == set(other) for other in found.values()):
            found[start] = way
    return found


def _way_back(
    roles: Mapping[str, Role], start: str, at: str, way: list[str], seen: set[str]
) -> list[str]:
    for name in roles[at].includes if at in roles else ():
        if name == start:
            return [*way, start]
        if name not in seen:
            seen.add(name)
            found = _way_back(roles, start, name, [*way, name], seen)
            if found:
                return found
    return []


def _grant(form: str, grant: Mapping[str, Any], at: Compiling) -> Grant:
    path = ("can", form)
    scope = at.scope(form)
    rows = None
    if scope is not None:
        rows = at.condition(grant.get("rows"), (*path, "rows"), scope)
        must_be_sql(rows, form, (*path, "rows"), at)
    for key in ("hide", "readonly"):
        for index, name in enumerate(grant.get(key, ())):
            at.has_field(form, name, (*path, key, index))
    return Grant(
        actions=frozenset(grant.get("actions", ())),
        rows=rows,
        hide=frozenset(grant.get("hide", ())),
        readonly=frozenset(grant.get("readonly", ())),
    )
