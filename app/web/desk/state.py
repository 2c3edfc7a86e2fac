"""A record on its way through a page: what the engine says about it, by input name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g, url_for
from werkzeug.datastructures import MultiDict

from app.records import Preview, preview
from app.web.desk.data import released, submit_values
from app.web.desk.fields import Place, State
from app.web.desk.names import names_of
from app.web.desk.post import Posted
from app.web.i18n import language
from forms.model import Form
from forms.values import encode_id


@dataclass(slots=True)
class Draft:
    """A form page's content: the form of its release, and the state of what is in it."""

    form: Form
    rid: int | None
    release_no: int
    version: int | None
    title: str
    state: State


def draft_of(
    form_id: str,
    rid: int | None,
    posted: Posted | None,
    data: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    task: int | None = None,
) -> Draft:
    """Ask the engine about a page: an empty one, a record's, or one that was posted; `task`: what
    is open in it.

    `errors` are complaints that are known already, by input name; without them the engine's own
    are shown. Raises Refused where the form or record is not this person's.
    """
    release = released(form_id, data.get("_release") if data else None)
    values, keys = _submitted(release.form, posted, data, new=rid is None)
    answer = preview(g.tenant, g.actor, form_id, values, rid=rid, release_no=release.no, task=task)
    for lines in answer.form.lines:
        if lines.id not in keys or lines.id in answer.fixed:
            keys[lines.id] = [encode_id(one["id"]) for one in answer.values.get(lines.id) or ()]
    state = state_of(answer, keys, posted)
    if errors is not None:
        state.errors = dict(errors)
    version = answer.version
    sent = data.get("_version", "") if data else ""
    if version is not None and sent.isdecimal():
        version = int(sent)
    title = str(answer.values.get("title") or answer.values.get("number") or "")
    return Draft(answer.form, rid, answer.release_no, version, title, state)


def state_of(answer: Preview, keys: dict[str, list[str]], posted: Posted | None) -> State:
    """The engine's answer by input name."""
    lang, form, row = language(), answer.form, answer.values

    def name(path: tuple[str | int, ...]) -> str:
        return input_name(path, keys)

    errors: dict[str, str] = {}
    for error in answer.errors:
        errors.setdefault(name(error.path), error.message.pick(lang))
    return State(
        row=row,
        row_keys=keys,
        visible={name(path): flag for path, flag in answer.visible.items()},
        required={name(path): flag for path, flag in answer.required.items()},
        readonly={name(path): flag for path, flag in answer.readonly.items()},
        errors=errors,
        warnings={name(one.path): one.message.pick(lang) for one in answer.warnings},
        hidden=answer.hidden,
        locked=answer.locked,
        fixed=answer.fixed,
        names=names_of(form, row),
        currency=answer.currency or "",
        posted=posted,
        computed=_computed(answer, keys, posted),
        blank_row={one.id: form.plan.lines[one.id].fresh for one in form.lines},
    )


def input_name(path: tuple[str | int, ...], keys: Mapping[str, list[str]]) -> str:
    """("lines", 0, "quantity") → "lines.<row key>.quantity"."""
    if len(path) < 2 or path[0] not in keys:
        return ".".join(str(part) for part in path)
    known, index = keys[str(path[0])], path[1]
    key = known[index] if isinstance(index, int) and index < len(known) else str(index)
    return ".".join([str(path[0]), key, *(str(part) for part in path[2:])])


def place(draft: Draft) -> Place:
    """Where the form is drawn."""
    where: dict[str, Any] = {"form_id": draft.form.id}
    if draft.rid is not None:
        where["rid"] = encode_id(draft.rid)
    zone = g.tenant.active().zone
    return Place(
        lang=language(),
        choices_url=url_for("desk.choices", **where),
        upload_url=url_for("desk.upload_base", form_id=draft.form.id),
        zone=zone,
        today=g.tenant.now().astimezone(zone).date(),
        to_minute=draft.rid is None,
    )


def _submitted(
    form: Form, posted: Posted | None, data: MultiDict[str, str] | None, *, new: bool
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What to ask the engine about, and the row keys of the page where it has some."""
    if posted is not None:
        return submit_values(form, posted, data or MultiDict()), dict(posted.rows)
    values: dict[str, Any] = {}
    if new:
        for one in form.lines:
            if one.readonly is not True:
                least = one.min if isinstance(one.min, int) else 0
                values[one.id] = [{} for _ in range(max(1, least))]
    keys = {one: [f"n{n}" for n in range(len(rows))] for one, rows in values.items()}
    return values, keys


def _computed(answer: Preview, keys: dict[str, list[str]], posted: Posted | None) -> frozenset[str]:
    """Inputs that show the engine's value: formulas, and what was left for it to fill in."""
    if posted is None:
        return frozenset()
    found = set()
    for path in answer.visible:
        one = answer.form.field_at(".".join(str(p) for p in path if not isinstance(p, int)))
        name = input_name(path, keys)
        if one is not None and (one.formula is not None or name in posted.left):
            found.add(name)
    return frozenset(found)
