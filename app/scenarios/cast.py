"""The people of a scenario: users with their roles, and customers outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.access.actor import SYSTEM, Actor
from app.access.actors import actor_for_login
from app.catalog.model import Catalog, Scenario
from app.records.targets import micros
from app.records.tenant import Tenant
from app.scenarios.names import Known
from forms.values import new_id

ANYBODY = "anybody"
"""Who acts where nobody is named: somebody with every role but those of customers."""

_USER = (
    "INSERT INTO rf_user (id, login, name, email, password, department_id, manager_id, lang,"
    " active, created_at, updated_at) VALUES (?, ?, ?, ?, NULL, ?, ?, 'en', 1, ?, ?)"
)
_ROLE = "INSERT INTO rf_user_role (user_id, role) VALUES (?, ?)"
_DEPARTMENT = "INSERT INTO rf_department (id, code, name) VALUES (?, ?, ?)"


class Cast:
    """Who plays; users are made once, at the beginning."""

    def __init__(self, tenant: Tenant, scenario: Scenario, catalog: Catalog) -> None:
        self._tenant = tenant
        self._catalog = catalog
        self._contacts = {
            name: str(person["contact"])
            for name, person in scenario.people.items()
            if "contact" in person
        }
        self.ids: dict[str, int] = {}
        people: dict[str, Mapping[str, Any]] = {
            name: person for name, person in scenario.people.items() if name not in self._contacts
        }
        named = [step.get("by") for step in (*scenario.given, *scenario.steps)]
        if any("by" not in one and ("act" in one or "update" in one) for one in scenario.steps):
            named.append(ANYBODY)
        for name in named:
            if name and name not in people and name not in self._contacts:
                people[str(name)] = {"roles": [r for r in catalog.roles if r not in self._outside]}
        self._make(people)

    @property
    def _outside(self) -> set[str]:
        """Roles of customers."""
        portals = self._catalog.raw.get("portal", {}).values()
        return {str(one.get("role", "")) for one in portals}

    def actor(self, name: str | None, find: Callable[[str], Known]) -> Actor:
        """Who acts under a name; the system where nobody is named. `find` finds a record."""
        if name is None:
            return SYSTEM
        if name in self._contacts:
            who = find(self._contacts[name])
            return Actor(
                None,
                name,
                frozenset(self._outside),
                via="portal",
                lang="en",
                contact=f"contact:{who.form}:{who.id}",
            )
        return actor_for_login(self._tenant.db, name.lower(), via="web")

    def _make(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        at = micros(self._tenant.now())
        departments: dict[str, int] = {}
        self.ids = {name: new_id() for name in people}
        with self._tenant.db.write() as tx:
            for name, person in people.items():
                code = person.get("department")
                if code and code not in departments:
                    departments[code] = new_id()
                    tx.execute(_DEPARTMENT, (departments[code], code, code))
                boss = self.ids.get(str(person.get("manager", "")))
                mail = f"{name.lower()}@example.com"
                place = departments.get(code or "")
                user = self.ids[name]
                tx.execute(_USER, (user, name.lower(), name, mail, place, boss, at, at))
                for role in person.get("roles", ()):
                    tx.execute(_ROLE, (user, role))
