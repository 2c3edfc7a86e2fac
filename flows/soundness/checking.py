"""All findings about one flow, and what other flows want to know of it."""

from __future__ import annotations

from flows.model import Flow, Start
from flows.soundness.actions import check_actions
from flows.soundness.analysis import Analysis, analyse
from flows.soundness.facts import Facts, Frame
from flows.soundness.money import check_money
from flows.soundness.people import check_people
from flows.soundness.stages import check_stages
from flows.soundness.structure import check_structure
from flows.soundness.values import check_values
from flows.soundness.world import World
from forms.model import Lines
from forms.problems import Problem


def check_flow(flow: Flow, world: World) -> list[Problem]:
    """Every finding about a compiled flow, errors and warnings, by `Problem.severity`."""
    return findings(analyse(flow, world))


def findings(known: Analysis) -> list[Problem]:
    """Every finding about a flow that was analysed."""
    return [
        *check_structure(known),
        *check_values(known),
        *check_people(known),
        *check_money(known),
        *check_stages(known),
        *check_actions(known),
    ]


def filled_at_end(known: Analysis) -> Facts:
    """The fields of a record that are filled whatever end it came to."""
    ends = [*known.found[""].ends.values()]
    if not ends:
        return frozenset()
    facts = ends[0].intersection(*ends[1:])
    return frozenset(
        one.id for one in known.form.fields.values() if not known.empty.fact(one.id, facts, "")
    )


def given_by(known: Analysis, form: str) -> list[Facts]:
    """For every step that starts a record of a form: the fields it surely fills."""
    found = []
    target = known.world.forms.get(form)
    for step in known.flow.steps.values():
        body = step.body
        if not isinstance(body, Start) or body.form != form or target is None:
            continue
        for state in known.states(step):
            facts = state.inside
            given = {n for n, expr in body.values.items() if not known.empty.of(expr, facts)}
            for lines, rows in body.rows.items():
                if isinstance(target.fields.get(lines), Lines) and rows.where is None:
                    given |= {lines} if rows.over in facts else set()
                given |= {
                    f"{lines}.{n}"
                    for n, expr in rows.values.items()
                    if not known.empty.of(expr, facts, Frame(rows.over))
                }
            found.append(frozenset(given))
    return found
