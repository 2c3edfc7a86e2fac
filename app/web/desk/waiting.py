"""What an unfinished record without tasks is waiting for: another record, an event, a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.records import FlowView
from app.web.desk.flowwords import joined
from app.web.desk.names import names_of_ids
from app.web.i18n import gettext as _
from flows.model import Flow, Start, Step, Wait
from flows.picture import exit_label, step_name
from forms.telling import tell_condition


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits. `name` and `url` are of the record it waits for, where it is one the
    reader may see; `note` says what is waited for otherwise."""

    title: str
    note: str
    name: str = ""
    url: str = ""


def waiting_for(view: FlowView, row: Mapping[str, Any], lang: str) -> list[Waiting]:
    """What each place of the record waits for, each once."""
    if view.outcome is not None or view.tasks:
        return []
    found: list[Waiting] = []
    for token in view.tokens:
        path = f"{token.scope}/{token.step}" if token.scope else token.step
        if token.outcome is None and not token.children:
            step = view.flow.steps.get(path)
            found.append(_waiting(view.flow, step, row, lang) if step else Waiting(path, ""))
    return list(dict.fromkeys(found))


def _waiting(flow: Flow, step: Step, row: Mapping[str, Any], lang: str) -> Waiting:
    title, body = step_name(step, lang, flow), step.body
    if isinstance(body, Start) and body.wait and isinstance(row.get(body.save), int):
        chip = names_of_ids({body.form: {row[body.save]}})[body.form][row[body.save]]
        return Waiting(title, _("waits for the end of"), chip.text, chip.url)
    if isinstance(body, Wait):
        if body.until is not None:
            said = tell_condition(body.until, flow.words, lang)
        else:
            said = joined([exit_label(flow, step, one, lang) for one in body.events], lang)
        return Waiting(title, _("waits for: %(what)s", what=said))
    return Waiting(title, _("goes on by itself"))
