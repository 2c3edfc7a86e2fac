"""Scenarios: what can be known of them without running them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Scenario
from app.catalog.schemas import KINDS
from forms.problems import Path, listed, suggest

KEYS = tuple("scenario label help was people given now settings answers steps".split())
STEP_KEYS = (
    "create act send wait answer outcome update on to as by at with set row comment signature "
    "files back_to key expect refused"
).split()


def compile_scenario(scenario_id: str, at: Compiling) -> Scenario:
    """Compile one scenario: its forms, fields, people and the records it names exist."""
    names: dict[str, str] = {}
    for key in ("given", "steps"):
        for index, step in enumerate(at.data.get(key, ())):
            _step(step, (key, index), names, at)
    for name, person in at.data.get("people", {}).items():
        for index, role in enumerate(person.get("roles", ())):
            at.refers("role", role, ("people", name, "roles", index))
        if "contact" in person:
            _named(str(person["contact"]), ("people", name, "contact"), names, at)
    for kind, entries in at.data.get("settings", {}).items():
        for name in entries:
            if kind in KINDS:
                at.refers(kind, name, ("settings", kind, name), on_key=True)
            else:
                at.problem(
                    "unknown_kind",
                    ("settings", kind),
                    f"there is no kind {kind}",
                    listed(sorted(KINDS)),
                    suggest(kind, KINDS),
                    on_key=True,
                )
    return Scenario(
        id=scenario_id,
        label=at.text("label", scenario_id),
        given=tuple(at.data.get("given", ())),
        steps=tuple(at.data.get("steps", ())),
        now=str(at.data.get("now", "")),
        people=at.data.get("people", {}),
        settings=at.data.get("settings", {}),
        answers={use: tuple(found) for use, found in at.data.get("answers", {}).items()},
    )


def _step(step: Mapping[str, Any], path: Path, names: dict[str, str], at: Compiling) -> None:
    """One step; `names` collects alias → form."""
    form = step.get("create")
    for key in ("on", "to", "update"):
        if key in step and "create" not in step:
            form = _named(str(step[key]), (*path, key), names, at)
    if "create" in step:
        known = at.refers("form", form, (*path, "create"))
        alias = step.get("as")
        if alias in names:
            at.problem("alias_twice", (*path, "as"), f"{alias} is already another record")
        elif alias is not None:
            names[alias] = str(form)
        if not known:
            return
    if not form:
        return
    for written in ("set",) if "send" in step else ("with", "set"):
        for name, value in step.get(written, {}).items():
            _value(form, name, value, (*path, written, name), at)
    by = step.get("by")
    people = at.data.get("people")
    if people and by is not None and by not in people:
        at.problem(
            "unknown_person",
            (*path, "by"),
            f"{by} is not among the people",
            listed([*people]),
            suggest(by, people),
        )


def _named(text: str, path: Path, names: dict[str, str], at: Compiling) -> str:
    """The form of the record a step names: `r`, or over its links `r.refund`."""
    alias, *links = text.partition("[")[0].split(".")
    if alias not in names:
        at.problem(
            "unknown_alias",
            path,
            f"no record is called {alias} here",
            listed([*names]) if names else "`as: <name>` names a record",
            suggest(alias, names),
        )
        return ""
    form = names[alias]
    for link in links:
        if not form or not at.has_field(form, link, path):
            return ""
        found = at.type_at(form, link)
        if found is None or found.target is None:
            at.problem("unknown_alias", path, f"{form}.{link} leads to no record")
            return ""
        form = found.target
    return form


def _value(form: str, name: str, value: Any, path: Path, at: Compiling) -> None:
    """A field of a form with the value it gets; `lines[0].disposition` names one cell."""
    plain = name.partition("[")[0] + name.partition("]")[2] if "[" in name else name
    added = at.data.get("settings", {}).get("form", {}).get(form, {}).get("fields", {})
    if plain.partition(".")[0] in added:
        return  # what an overlay adds is judged when the scenario is played
    if not at.has_field(form, plain, path, on_key=True) or not isinstance(value, list):
        return
    if at.library.fields_of(f"{form}.{plain}") is None:
        return
    for index, row in enumerate(value):
        for inner in row if isinstance(row, Mapping) else ():
            at.has_field(form, f"{plain}.{inner}", (*path, index, inner), on_key=True)
