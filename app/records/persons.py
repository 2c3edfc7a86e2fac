"""Who acts, as flows know them: a user with everything they may act as."""

from __future__ import annotations

from typing import Any

from app.access.actor import Actor
from app.access.rights import effective_roles
from flows.state import SYSTEM, Person


def person(catalog: Any, actor: Actor) -> Person:
    """The actor with all principals: the user, every role held or included, and every department
    the user is in; of people outside nothing but the contact they are."""
    if actor.unrestricted:
        return SYSTEM
    if actor.contact:  # a task of the portal's role would be everybody's there
        return Person(None, actor.name, frozenset({actor.contact}), actor.contact, actor.via)
    held = {f"role:{role}" for role in effective_roles(catalog, actor.roles)}
    held |= {f"department:{one}" for one in actor.departments}
    if actor.user_id is not None:
        held.add(f"user:{actor.user_id}")
    return Person(actor.user_id, actor.name, frozenset(held), "", actor.via)
