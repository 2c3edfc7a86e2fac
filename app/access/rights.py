"""What an actor may do on a form: the union of the roles held, narrowed by a token's scopes.

Rights are read from the live catalog at every request, so a right taken away is gone at once, for
old records too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

from app.access.actor import Actor
from app.access.errors import AccessError
from app.access.scopes import ACTIONS, let_admin_through, let_through
from forms.values import Text

Rows = tuple[Any, ...] | None
"""Row conditions (Expr) of which one must hold; None: every row."""

_READING = ("list", "read")
_WRITING = ("create", "update", "amend")


class Grant(Protocol):
    """What one role allows on one form (app.catalog.model.Grant)."""

    @property
    def actions(self) -> frozenset[str]: ...
    @property
    def rows(self) -> Any: ...
    @property
    def hide(self) -> frozenset[str]: ...
    @property
    def readonly(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Rights:
    """An actor's rights on one form.

    `hidden` and `readonly` are dotted field paths ("lines.cost"); `everything` marks the system.
    """

    form: str
    actions: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    readonly: frozenset[str] = frozenset()
    everything: bool = False
    conditions: Mapping[str, Rows] = field(default_factory=dict)

    def may(self, action: str) -> bool:
        """Whether the action is allowed on some row at least."""
        return self.everything or action in self.actions

    def sees(self, path: str) -> bool:
        """Whether a field ("total", "lines.cost") is not hidden."""
        return path not in self.hidden and path.partition(".")[0] not in self.hidden

    def rows(self, action: str) -> list[Any] | None:
        """The rows an action is allowed on.

        None: all rows; []: none; else expressions of which one must be true for the row.
        """
        if self.everything:
            return None
        if action not in self.actions:
            return []
        found = self.conditions.get(action)
        return None if found is None else list(found)


_KEPT = 4096
_cache: OrderedDict[tuple[str, str, frozenset[str], frozenset[str] | None], Rights] = OrderedDict()
_cache_lock = Lock()


def rights(catalog: Any, actor: Actor, form_id: str) -> Rights:
    """What the actor may do on a form of the catalog; no rights at all on a form that is not in it.

    The answer depends on content only (the catalog's hash, the roles, the scopes) and is kept.
    """
    if form_id not in catalog.forms:
        return Rights(form_id)
    if actor.unrestricted:
        return Rights(form_id, frozenset(ACTIONS), everything=True)
    key = (catalog.hash, form_id, actor.roles, actor.scopes)
    with _cache_lock:
        found = _cache.get(key)
        if found is not None:
            _cache.move_to_end(key)
            return found
    made = _combine(form_id, list(_grants(catalog, actor.roles, form_id)), actor.scopes)
    with _cache_lock:
        _cache[key] = made
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return made


def admin_rights(catalog: Any, actor: Actor) -> frozenset[str]:
    """The administrative rights (`admin` of the roles) the actor holds."""
    held: set[str] = set()
    for role_id in effective_roles(catalog, actor.roles):
        held |= catalog.roles[role_id].admin
    if actor.unrestricted:
        held = {right for role in catalog.roles.values() for right in role.admin}
    return frozenset(right for right in held if let_admin_through(actor.scopes, right))


def forms_for(catalog: Any, actor: Actor, action: str = "") -> list[str]:
    """Ids of the forms on which the actor may do something (or that action), in catalog order."""
    found = []
    for form_id in catalog.forms:
        held = rights(catalog, actor, form_id)
        if held.may(action) if action else (held.everything or held.actions):
            found.append(form_id)
    return found


def effective_roles(catalog: Any, roles: Iterable[str]) -> list[str]:
    """The granted roles with all they include, each once; roles the catalog lacks are left out."""
    found: dict[str, None] = {}
    left = sorted(roles, reverse=True)
    while left:
        role_id = left.pop()
        if role_id in catalog.roles and role_id not in found:
            found[role_id] = None
            left.extend(catalog.roles[role_id].includes)
    return list(found)


def check_stand_in(catalog: Any, actor: Actor, roles: Iterable[str], field: str) -> None:
    """Before the actor gets what lets one act as a person with these roles (a new password, a
    token): whoever may grant roles could have them anyway, others must have them already.

    Raises AccessError beyond_own_roles about `field`.
    """
    if "roles" in admin_rights(catalog, actor):
        return
    if not set(effective_roles(catalog, roles)) <= set(effective_roles(catalog, actor.roles)):
        raise AccessError(
            "beyond_own_roles",
            Text(
                "此人的角色超出您的角色：请由可以授予角色的管理员处理。",
                "This person has roles you do not have: ask an administrator who may grant roles.",
            ),
            field=field,
        )


def _grants(catalog: Any, roles: Iterable[str], form_id: str) -> Iterable[Grant]:
    for role_id in effective_roles(catalog, roles):
        grant = catalog.roles[role_id].can.get(form_id)
        if grant is not None:
            yield grant


def _combine(form_id: str, grants: list[Grant], scopes: frozenset[str] | None) -> Rights:
    allowed = {action for grant in grants for action in grant.actions}
    actions = frozenset(one for one in allowed if let_through(scopes, form_id, one))
    by_action = {one: [g for g in grants if one in g.actions] for one in actions}
    hidden: set[str] = set()
    readonly: set[str] = set()
    for action in (*_READING, *_WRITING):
        hidden |= _withheld(by_action.get(action, []), writing=False)
    for action in _WRITING:
        readonly |= _withheld(by_action.get(action, []), writing=True)
    return Rights(
        form_id,
        actions,
        frozenset(hidden),
        frozenset(readonly - hidden),
        conditions={action: _any_row(found) for action, found in by_action.items()},
    )


def _any_row(grants: list[Grant]) -> Rows:
    if any(grant.rows is None for grant in grants):
        return None
    by_source = {grant.rows.source: grant.rows for grant in grants}
    return tuple(by_source[source] for source in sorted(by_source))


def _withheld(grants: list[Grant], *, writing: bool) -> set[str]:
    """Fields that stay closed: a grant opens a field another one closes only on rows it covers.

    Rows are not told apart field by field, so a grant for fewer rows opens nothing: a field is
    never seen on a row whose own grant hides it.
    """
    closed: set[str] = set()
    for grant in grants:
        for name in _closed(grant, writing):
            openers = (g for g in grants if name not in _closed(g, writing))
            if not any(_covers(opener, grant) for opener in openers):
                closed.add(name)
    return closed


def _closed(grant: Grant, writing: bool) -> frozenset[str]:
    return grant.hide | grant.readonly if writing else grant.hide


def _covers(wider: Grant, narrower: Grant) -> bool:
    if wider.rows is None:
        return True
    return narrower.rows is not None and wider.rows.source == narrower.rows.source
