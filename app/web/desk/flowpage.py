"""What will happen: the flow of a form as a picture and as a list, before there is any record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, g, render_template, url_for
from markupsafe import Markup

from app.access.rights import rights
from app.catalog.model import Catalog
from app.web.desk.flowwords import due_words, people_of, stage_places
from app.web.i18n import language
from flows.model import Flow
from flows.picture import NOWHERE, Marks, Told, draw, outline


@dataclass(frozen=True, slots=True)
class StageShown:
    """One stage in the strip above a picture. `state`: "", "been" or "now"."""

    label: str
    colour: int
    state: str = ""


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step of the list: what the picture says, who acts and by when."""

    told: Told
    people: Sequence[str]
    due: str


@dataclass(frozen=True, slots=True)
class FlowShown:
    """A flow on a page."""

    picture: Markup
    stages: Sequence[StageShown]
    steps: Sequence[StepShown]


def add_routes(desk: Blueprint) -> None:
    """The flow of a form."""
    desk.add_url_rule("/forms/<form_id>/flow", "flow", show_flow)


def show_flow(form_id: str) -> Any:
    """The page of a form's flow. 404 where the form has none, or is closed to the reader."""
    catalog, lang = g.tenant.active().catalog, language()
    flow = catalog.flows.get(form_id)
    if flow is None or not rights(catalog, g.actor, form_id).actions:
        abort(404)
    held = rights(catalog, g.actor, form_id)
    return render_template(
        "desk/flow.html",
        form_label=catalog.forms[form_id].label.pick(lang),
        list_url=url_for("desk.records", form_id=form_id) if held.may("list") else "",
        new_url=url_for("desk.new_record", form_id=form_id) if held.may("create") else "",
        flow=shown_flow(flow, catalog, lang),
    )


def shown_flow(
    flow: Flow,
    catalog: Catalog,
    lang: str,
    marks: Marks = NOWHERE,
    stages: Mapping[str, str] | None = None,
) -> FlowShown:
    """A flow for the template `desk/flowparts.html`; `stages`: stage → "been" or "now"."""
    places, states = stage_places(flow), stages or {}
    return FlowShown(
        Markup(draw(flow, lang, marks)),  # noqa: S704 - drawn by us, everything in it escaped
        [
            StageShown(one.label.pick(lang) or one.id, places[one.id], states.get(one.id, ""))
            for one in flow.stages.values()
        ],
        [
            StepShown(
                told,
                people_of(flow.steps[told.path], catalog, flow, lang)
                if told.path in flow.steps
                else (),
                due_words(flow.steps[told.path].due, flow, lang) if told.path in flow.steps else "",
            )
            for told in outline(flow, lang, marks)
        ],
    )
