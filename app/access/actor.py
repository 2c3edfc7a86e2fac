"""Who acts: a signed-in person, a token's owner, an import, a plugin, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is behind a use case.

    `departments` holds the user's own department first, then those above it. `scopes` is None
    where nothing narrows the roles (a session), else the scopes of the token used. `contact` is a
    person outside, known by a record: "contact:customer:77".
    """

    user_id: int | None
    name: str
    roles: frozenset[str] = frozenset()
    departments: tuple[int, ...] = ()
    via: str = "web"
    lang: str = "zh"
    scopes: frozenset[str] | None = None
    login: str = ""
    contact: str = ""

    @property
    def unrestricted(self) -> bool:
        """Whether this is the system itself, whom no role limits."""
        return self.via == "system" and self.user_id is None

    @property
    def me(self) -> int | None:
        """What `me` is in the row conditions of roles: the user, or a contact's own record. It
        also tells whose uploads and keys are whose: users and records never share an id."""
        return int(self.contact.rpartition(":")[2]) if self.contact else self.user_id


SYSTEM = Actor(user_id=None, name="system", via="system", lang="en", login="system")
