"""What an author might write to keep the check busy, or a record: it ends, and says at what."""

from __future__ import annotations

import time

import pytest

from app.catalog.build import build
from app.catalog.sources import Sources
from flows.advance import work
from forms.templates import TemplateError, compile_template
from tests.flows.play import Play
from tests.flows.shop import HEAD, build_shop, flow_of
from tests.forms.test_templates import SCOPE
from tests.scenarios.test_runner import GOOD, sources

SECONDS = 20.0
"""Of processor time: far more than any of these takes, far less than a bomb would."""
TASK = "task: {by: [{role: clerk}]}"


def dense(steps: int, exits: int) -> str:
    """Everything leads everywhere."""
    named = [
        f"  s{n}: {{{TASK}, next: {{done: over, "
        + ", ".join(f"x{i}: s{(n + 1 + i * 7) % steps}" for i in range(exits))
        + "}}\n"
        for n in range(steps)
    ]
    return HEAD.lstrip() + "steps:\n" + "".join(named) + "  over: {stage: closed, end: closed}\n"


@pytest.mark.parametrize(("steps", "exits"), [(199, 4), (195, 9), (40, 45)])
def test_the_largest_flows_are_looked_at_in_time(steps: int, exits: int) -> None:
    began = time.process_time()
    found = build_shop(dense(steps, exits))
    assert time.process_time() - began < SECONDS
    assert "flow_too_large" not in {one.problem.code for one in found.problems}


@pytest.mark.parametrize(("steps", "exits"), [(200, 1), (1000, 1), (60, 60)])
def test_a_larger_flow_is_refused_with_its_size(steps: int, exits: int) -> None:
    began = time.process_time()
    (problem,) = build_shop(dense(steps, exits)).problems
    assert time.process_time() - began < SECONDS
    assert problem.problem.code == "flow_too_large"
    assert f"{steps + 1} steps" in str(problem) and "at most 200 steps" in str(problem)


def test_steps_inside_steps_count_too() -> None:
    branches = "".join(
        f"        b{n}: {{t: {{{TASK}, next: {{done: o}}}}, o: {{end: done}}}}\n"
        for n in range(100)
    )
    text = f"{HEAD.lstrip()}steps:\n  p:\n    parallel:\n      branches:\n{branches}"
    text += "    next: {done: over}\n  over: {stage: closed, end: closed}\n"
    (problem,) = build_shop(text).problems
    assert "the flow has 202 steps" in str(problem)


BRANCHES = """
steps:
  look:
    stage: open
    each:
      over: lines
      as: line
      steps:
        many: {parallel: {branches: {a: %s, b: %s, c: %s}}, next: {done: over}}
        over: {end: done}
    next: {done: closed}
  closed: {stage: closed, end: closed}
""" % (("{t: {task: {by: [{role: clerk}]}, next: {done: o}}, o: {end: done}}",) * 3)


def test_branches_of_ten_thousand_lines_stop_at_an_incident() -> None:
    play = Play(flow_of(BRANCHES), lines=[{"id": n} for n in range(1, 10_001)])
    began = time.process_time()
    play.begin()
    assert time.process_time() - began < SECONDS
    tokens = play.state.tokens
    assert len(tokens) <= work.MOST_PLACES
    codes = {one.data["incident"]["code"] for one in tokens.values() if "incident" in one.data}
    assert codes == {"too_many_places"}


@pytest.mark.parametrize(
    "source",
    [
        "{name.__class__}",
        "{name.__class__.__mro__}",
        "{name!r}",
        "{name:>999999}",
        "{name[0]}",
        "{self}",
        "{config}",
        "{me.password}",
        "{__import__('os')}",
        "{% for x in name %}x{% endfor %}",
        "{lambda: 1}",
        "{[x for x in name]}",
    ],
)
def test_a_placeholder_is_no_program(source: str) -> None:
    with pytest.raises(TemplateError) as wrong:
        compile_template(source, SCOPE)
    assert all(one.message for one in wrong.value.problems)


@pytest.mark.parametrize("formula", ["+".join(["1"] * 1_000), "(" * 400, "9 ** 9 ** 9", "x" * 5000])
def test_a_formula_that_is_a_bomb_stands_at_its_place(formula: str) -> None:
    text = f'form: f\ntitle: x\nfields:\n  a: {{type: integer, formula: "{formula}"}}\n'
    files = {"packs/p/pack.yaml": "pack: p\nlabel: P\n", "packs/p/forms/f.yaml": text}
    began = time.process_time()
    found = build(Sources(files))
    assert time.process_time() - began < SECONDS
    assert found.catalog is None
    assert found.problems[0].line == 4


def test_a_policy_has_no_more_rules_than_can_be_compared() -> None:
    rules = "".join(f"  r{n}: {{when: {{n: {n}}}, then: {{yes: true}}}}\n" for n in range(201))
    text = "policy: p\nfor: request\ninputs: {n: level}\noutputs: {yes: {}}\nrules:\n" + rules
    problems = [str(one) for one in build_shop(text).problems]
    assert any("rules" in one and "200" in one for one in problems), problems


BOMBS = {
    "alias": "scenario: light\na: &a [x, x]\nsteps: [*a, *a]\n",
    "deep": "scenario: light\nsteps: " + "[" * 4_000,
    "long": GOOD.split("steps:")[0] + "steps:\n" + "  - wait: 1d\n" * 1_001,
    "large": "scenario: light\n#" + "x" * (600 * 1024),
    "code": GOOD.replace("create: parcel", "create: !!python/object/apply:os.system [id]", 1),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_scenario_file_is_read_like_any_other(kind: str) -> None:
    began = time.process_time()
    files = sources(light=GOOD).replaced("packs/p/scenarios/light.yaml", BOMBS[kind])
    found = build(files)
    assert time.process_time() - began < SECONDS
    assert found.catalog is None
    assert found.problems[0].file == "packs/p/scenarios/light.yaml"
