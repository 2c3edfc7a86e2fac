"""Portals: how people outside show who they are, and that they see nobody else's records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.catalog.compiling import Compiling
from app.catalog.model import Raw, Role
from app.catalog.portals import Identify, Portal, Survey
from forms.compile_library import StaticLibrary
from forms.expr import Type, link
from forms.model import Form
from forms.problems import Path, listed, suggest

KEYS = "portal label help was role identify start show policy ask".split()
IDENTIFY_KEYS = ("form", "by", "as", "code_to")
SHOW_KEYS = ("stages", "fields")
ASK_KEYS = ("form", "at")


def contact_form(data: Raw, library: StaticLibrary) -> str:
    """The form contacts of a portal are records of; "" where that cannot be told."""
    identify = data.get("identify")
    if not isinstance(identify, Mapping):
        return ""
    form, leads = str(identify.get("form", "")), identify.get("as")
    if leads is None:
        return form
    found = (library.fields_of(form) or {}).get(str(leads))
    return found.target or "" if found is not None and found.kind == "link" else ""


def contact_roles(portals: Mapping[str, Raw], library: StaticLibrary) -> dict[str, str]:
    """Role → the form its holders are records of, for the roles that portals give."""
    found: dict[str, str] = {}
    for data in portals.values():
        form = contact_form(data, library)
        if form:
            found.setdefault(str(data.get("role", "")), form)
    return found


def as_contact(at: Compiling, form: str | None) -> Compiling:
    """The same, with `me` a link to a record of that form, where there is one."""
    if form:
        at.me = link(form)
    return at


def compile_portal(
    portal_id: str,
    at: Compiling,
    forms: Mapping[str, Form],
    roles: Mapping[str, Role],
    flows: Mapping[str, Raw],
) -> Portal | None:
    """Compile one portal; what is wrong with it is noted in `at`."""
    data = at.data
    at.refers("role", data["role"], ("role",))
    for index, name in enumerate(data.get("start", ())):
        at.refers("form", name, ("start", index))
    policies = data.get("policy", ())
    one = isinstance(policies, str)
    for index, name in enumerate([policies] if one else policies):
        at.refers("policy", name, ("policy",) if one else ("policy", index))
    identify = _identify(data["identify"], at, forms)
    ask = _ask(data.get("ask"), at, flows)
    if identify is None:
        return None
    show = data.get("show", {})
    stages = show.get("stages", True)
    portal = Portal(
        id=portal_id,
        label=at.text("label", portal_id),
        help=at.text("help"),
        role=str(data["role"]),
        identify=identify,
        start=tuple(name for name in data.get("start", ()) if name in forms),
        stages=None if stages is True else frozenset(stages or ()),
        fields=tuple(show.get("fields", ())),
        policies=(policies,) if isinstance(policies, str) else tuple(policies),
        ask=ask,
    )
    _check_show(portal, at, flows)
    _check_role(portal, at, roles)
    if portal.role in roles:
        _check_oneself(portal, at, roles)
    return portal


def _identify(raw: Mapping[str, Any], at: Compiling, forms: Mapping[str, Form]) -> Identify | None:
    form_id = str(raw["form"])
    here: Path = ("identify",)
    if not at.refers("form", form_id, (*here, "form")) or form_id not in forms:
        return None
    form, fine = forms[form_id], True
    leads, contact = str(raw.get("as", "")), form_id
    if leads:
        found = (at.library.fields_of(form_id) or {}).get(leads)
        if found is None:
            at.has_field(form_id, leads, (*here, "as"))
            return None
        if found.kind != "link" or not found.target or "." in found.target:
            at.problem(
                "portal_as_no_link",
                (*here, "as"),
                f"{leads} is {found}; who somebody is must be another record",
                listed([f.id for f in form.fields.values() if f.type == "link" and not f.many]),
            )
            return None
        contact = found.target
    by = [str(name) for name in raw["by"]]
    for index, name in enumerate(by):
        fine &= _known_text(form_id, name, (*here, "by", index), at, own=index == 0)
    code_to = str(raw.get("code_to", ""))
    if code_to:
        fine &= _known_text(form_id, code_to, (*here, "code_to"), at)
    else:
        mails = [name for name in by if _format(forms, form_id, name) == "email"]
        code_to = mails[0] if mails else ""
        if not code_to and fine:
            at.problem(
                "portal_without_address",
                here,
                "there is no address a one-time code could be sent to",
                "`code_to`: the path of an e-mail field",
                on_key=True,
            )
            fine = False
    return Identify(form_id, tuple(by), code_to, leads, contact) if fine else None


def _known_text(form: str, path: str, where: Path, at: Compiling, *, own: bool = False) -> bool:
    """Whether a path leads to a text of the record, or over one link to a text of another."""
    head, _, rest = path.partition(".")
    known = at.library.fields_of(form) or {}
    first = known.get(head)
    if first is None:
        return at.has_field(form, head, where) and False
    found: Type | None = first
    if rest:
        target = first.target if first.kind == "link" else None
        below = at.library.fields_of(target) if target else None
        found = below.get(rest) if below is not None else None
        if found is None and below is not None and target:
            at.unknown_field(target, rest, where, below)
            return False
    if found is not None and found.kind == "text" and not (own and rest):
        return True
    at.problem(
        "portal_not_text",
        where,
        f"{path} is no text of {form}" + (" itself" if own else ""),
        "a text field of the record" + ("" if own else ", or over a link: `customer.email`"),
    )
    return False


def _format(forms: Mapping[str, Form], form: str, path: str) -> str:
    head, _, rest = path.partition(".")
    field = forms[form].fields.get(head)
    if rest and field is not None and field.to in forms:
        field = forms[field.to].fields.get(rest)
    return field.format if field is not None else ""


def _ask(raw: Mapping[str, Any] | None, at: Compiling, flows: Mapping[str, Raw]) -> Survey | None:
    if raw is None:
        return None
    known = _stages(at, flows)
    for index, stage in enumerate(raw["at"]):
        if stage not in known:
            _unknown_stage(stage, known, ("ask", "at", index), at)
    if not at.refers("form", raw["form"], ("ask", "form")):
        return None
    return Survey(str(raw["form"]), frozenset(raw["at"]))


def _stages(at: Compiling, flows: Mapping[str, Raw]) -> list[str]:
    """The stages of everything that can be started here."""
    return [
        stage
        for form in at.data.get("start", ())
        for stage in flows.get(form, {}).get("stages", {})
    ]


def _unknown_stage(stage: object, known: list[str], path: Path, at: Compiling) -> None:
    at.problem(
        "unknown_stage",
        path,
        f"nothing that is started here has a stage {stage}",
        listed(known) if known else "",
        suggest(str(stage), known),
    )


def _check_show(portal: Portal, at: Compiling, flows: Mapping[str, Raw]) -> None:
    known = _stages(at, flows)
    stages = at.data.get("show", {}).get("stages", True)
    for index, stage in enumerate(stages if isinstance(stages, list) else ()):
        if stage not in known:
            _unknown_stage(stage, known, ("show", "stages", index), at)
    for index, name in enumerate(portal.fields):
        if portal.start and all(at.type_at(form, name) is None for form in portal.start):
            at.has_field(portal.start[0], name, ("show", "fields", index))


def _check_role(portal: Portal, at: Compiling, roles: Mapping[str, Role]) -> None:
    """A portal's role shows only what is somebody's own: each of its forms has `rows`."""
    for form in dict.fromkeys((*portal.forms, portal.identify.contact)):
        for name in _with_included(portal.role, roles):
            grant = roles[name].can.get(form)
            if grant is not None and grant.actions and grant.rows is None:
                at.problem(
                    "portal_shows_all",
                    ("role",),
                    f"the role {name} opens every record of {form} to everybody in the portal",
                    "`rows` that name `me`, the person: `rows: customer == me`",
                )


def _check_oneself(portal: Portal, at: Compiling, roles: Mapping[str, Role]) -> None:
    """Who may not read their own record could not be named by any record either."""
    contact = portal.identify.contact
    grants = [roles[name].can.get(contact) for name in _with_included(portal.role, roles)]
    if not any(grant is not None and "read" in grant.actions for grant in grants):
        at.problem(
            "portal_not_oneself",
            ("role",),
            f"the role {portal.role} does not let people read their own record of {contact}",
            f"`{contact}: {{actions: [read], rows: id == me}}` in its `can`",
        )


def _with_included(role: str, roles: Mapping[str, Role]) -> list[str]:
    found: list[str] = []
    left = [role]
    while left:
        name = left.pop()
        if name in roles and name not in found:
            found.append(name)
            left.extend(roles[name].includes)
    return found
