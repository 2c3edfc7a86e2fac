"""Policies in packs and overlays: what a tenant changes is checked as a whole."""

from __future__ import annotations

import pytest

from app.catalog.build import build
from app.catalog.plan import plan
from flows.policy import public_text
from tests.catalog.support import built, sources
from tests.flows.policy_support import FILES, found, policy, problems

TERMS = """
policy: terms
for: claim.lines
params: {days: 7, fee: 10}
inputs: {points: points, intact: intact}
outputs: {verdict: {combine: max}, percent: {}}
branch: verdict
rules:
  early: {when: {points: up to days}, then: {verdict: auto, percent: fee}, says: "{days}"}
  used:  {when: {intact: false}, then: {verdict: review}}
else: {verdict: refuse}
"""
PACK = {**FILES, "packs/p/policies/terms.yaml": TERMS}


def overlay(text: str) -> dict[str, str]:
    return {**PACK, "tenants/t/policies/terms.yaml": f"policy: terms\nextends: p\n{text}"}


def test_a_tenant_changes_a_parameter_and_the_wording_follows() -> None:
    before = built(PACK)
    after = built(overlay("params: {days: 14}\n"), "t")
    assert public_text(before.policies["terms"], "zh") == "7"
    assert public_text(after.policies["terms"], "zh") == "14"
    words = [change.words.en for change in plan(before, after).changes if change.kind == "policy"]
    assert len(words) == 1
    assert "14" in words[0]


def test_a_tenant_adds_a_rule_and_an_edition() -> None:
    text = """
rules:
  none: {when: {points: 100}, then: {verdict: review}, after: early}
editions:
  later:
    from: 2026-07-01
    rules:
      first: {when: {points: 1}, then: {verdict: refuse}, before: early}
"""
    found = built(overlay(text), "t").policies["terms"]
    assert [rule.id for rule in found.editions[0].rules] == ["early", "none", "used"]
    assert [rule.id for rule in found.editions[1].rules] == ["first", "early", "none", "used"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "params: {days: 200}\n",
            [("packs/p/policies/terms.yaml:10:3", "policy_shadowed")],
        ),
        (
            "rules:\n  more: {when: {points: 3}, then: {verdict: auto}}\n",
            [("tenants/t/policies/terms.yaml:4:3", "policy_shadowed")],
        ),
        ("else: null\n", [("packs/p/policies/terms.yaml:8:1", "policy_gap")]),
        (
            "params: {fee: 101}\n",
            [("tenants/t/policies/terms.yaml:3:15", "policy_value")],
        ),
        (
            "editions: {later: {from: 2026-07-01, params: {days: 100}}}\n",
            [("packs/p/policies/terms.yaml:10:3", "policy_shadowed")],
        ),
    ],
)
def test_the_merged_policy_is_what_is_checked(text: str, expected: list[tuple[str, str]]) -> None:
    result = build(sources(overlay(text), "t"))
    shown = [(f"{p.file}:{p.line}:{p.column}", p.problem.code) for p in result.problems]
    assert shown == expected


def test_what_an_edition_inherits_is_told_with_its_name() -> None:
    result = build(
        sources(overlay("editions: {later: {from: 2026-07-01, params: {days: 100}}}\n"), "t")
    )
    message = result.problems[0].problem.message
    assert message.startswith("in the edition later: this rule never applies: early before it")


CASE = """
policy: tested
for: claim.lines
inputs:
  score: INPUT
outputs: {percent: {}}
rules:
  low:  {when: {score: LOW}, then: {percent: 1}}
  high: {when: {score: HIGH}, then: {percent: 2}}
"""


@pytest.mark.parametrize(
    ("source", "low", "high", "witness"),
    [
        # A required field with bounds is never empty and never outside them.
        ("points", "0..50", "51..100", ""),
        ("points", "0..50", "52..100", "score=51"),
        ("parent.points", "0..50", "51..100", ""),
        ("points + 0", "0..50", "51..100", "score=-1"),
        ("points / 2", "up to 50", "over 50", "score=none"),
        ("if(intact, points, 2)", "up to 50", "over 50", ""),
        ("if(vip, points, 2)", "up to 50", "over 50", "score=none"),
        ("max(points, 2)", "up to 50", "over 50", ""),
        ("days_between(today(), date(now()))", "up to 50", "over 50", ""),
        ("days_between(today(), applied_on)", "up to 50", "over 50", "score=none"),
        ("score", "up to 1", "over 1", "score=none"),
        ("coalesce(score, 0)", "up to 1", "over 1", ""),
        ("sum(lines.quantity)", "up to 1", "over 1", ""),
        ("count(lines)", "up to 1", "over 1", ""),
        ("intact", "true", "false", ""),
        ("not intact", "true", "false", ""),
        ("quantity > 1", "true", "false", "score=none"),
        ("quantity == 1", "true", "false", ""),
        ("reason in ['quality']", "true", "false", ""),
        ("is_empty(note)", "true", "false", ""),
        ("note == null and vip == true", "true", "false", ""),
        ("reason", "[unwanted, quality]", "transit", ""),
        ("reason.fault", "[customer, carrier]", "merchant", ""),
        ("points > 3", "true", "false", ""),
        ("verdict", "[refuse, auto]", "none", "score=review"),
    ],
)
def test_what_an_input_can_be_is_known_from_its_field_and_expression(
    source: str, low: str, high: str, witness: str
) -> None:
    text = CASE.replace("INPUT", f'"{source}"').replace("LOW", low).replace("HIGH", high)
    expected = [("policy_gap", f"no rule applies to {witness}")] if witness else []
    assert found(text) == expected


@pytest.mark.parametrize(
    ("name", "low", "high", "witness"),
    [
        ("reason", "[unwanted, quality]", "transit", ""),
        ("reason", "unwanted", "transit", "score=quality"),
        ("detail", "crushed", "[lost, none]", ""),
        ("detail", "crushed", "none", "score=lost"),
    ],
)
def test_a_choice_above_another_has_its_own_options_only(
    name: str, low: str, high: str, witness: str
) -> None:
    options = FILES["packs/p/options/reason.yaml"] + "".join(
        f"  {one}: {{fault: carrier, parent: transit}}\n" for one in ("crushed", "lost")
    )
    form = FILES["packs/p/forms/claim.yaml"].replace(
        "      intact:",
        "      detail: {type: choice, options: reason, under: reason}\n      intact:",
    )
    text = CASE.replace("INPUT", name).replace("LOW", low).replace("HIGH", high)
    files = {"packs/p/options/reason.yaml": options, "packs/p/forms/claim.yaml": form}
    told = build(sources({**FILES, **files, "packs/p/policies/tested.yaml": text})).problems
    assert [one.problem.message for one in told] == (
        [f"no rule applies to {witness}"] if witness else []
    )


def test_a_policy_waits_for_its_form_to_be_mended() -> None:
    files = {**PACK, "packs/p/options/reason.yaml": "options: reason\nvalues: {}\n"}
    codes = {one.problem.code for one in build(sources(files)).problems}
    assert not {code for code in codes if code.startswith("policy_")}


def test_an_option_called_none_is_that_option() -> None:
    files = dict(FILES)
    files["packs/p/forms/claim.yaml"] = files["packs/p/forms/claim.yaml"].replace(
        "[customer, merchant]}\n  verdict", "[none, merchant]}\n  verdict"
    )
    files["packs/p/policies/tested.yaml"] = (
        "policy: tested\nfor: claim\ninputs: {who: freight}\noutputs: {freight: {}}\n"
        "rules: {free: {when: {who: none}, then: {freight: merchant}}}\nelse: {freight: none}\n"
    )
    found = built(files).policies["tested"]
    assert found.editions[0].rules[0].conditions[0].allowed.values == {"none"}
    assert found.editions[0].otherwise is not None
    assert found.editions[0].otherwise.then == {"freight": "none"}


def test_an_output_must_be_a_field_of_the_form() -> None:
    text = "policy: tested\nfor: claim\ninputs: {a: points}\noutputs: {NAME: {}}\nelse: {NAME: 1}\n"
    for name, message in (
        ("levl", "claim has no field levl"),
        ("stage", "claim has no field stage"),
        ("doubled", "doubled is computed by its formula, so nothing can be written to it"),
        ("opened_at", "rules cannot give a datetime"),
    ):
        shown = [m for _, m in found(text.replace("NAME", name))]
        assert shown == [message], name
    assert problems(text.replace("NAME", "levl"))[0].problem.suggestion == "level"


def test_a_line_and_its_record_must_be_of_one_type_to_be_combined() -> None:
    text = (
        "policy: tested\nfor: claim.lines\ninputs: {a: points}\n"
        "outputs: {wide: {combine: max}}\nelse: {wide: auto}\n"
    )
    assert found(text) == [("policy_output", "lines.wide and wide are not of one type")]


def test_a_policy_may_do_without_rules() -> None:
    text = (
        "policy: tested\nfor: claim\ninputs: {a: points}\noutputs: {level: {}}\nelse: {level: 1}\n"
    )
    assert policy(text).editions[0].rules == ()


@pytest.mark.parametrize(
    ("output", "written", "message"),
    [
        ("by_then", "wait", "by_then does not take wait, which is 3wd: it counts working time"),
        ("by_then", "3wd", "by_then does not take '3wd'"),
        ("fee", "much", "much, which is 10 says no currency"),
        ("level", "much", ""),
        ("freight", "payer", ""),
        ("freight", "much", "freight does not take much, which is 10"),
    ],
)
def test_a_parameter_must_fit_the_output_it_is_given_to(
    output: str, written: str, message: str
) -> None:
    text = (
        "policy: tested\nfor: claim\nparams: {wait: 3wd, much: 10, payer: merchant}\n"
        f"inputs: {{a: points}}\noutputs: {{{output}: {{}}}}\nelse: {{{output}: {written}}}\n"
    )
    told = [message for _, message in found(text)]
    assert len(told) == bool(message)
    assert "".join(told).startswith(message)


def test_amounts_that_become_one_are_of_one_currency() -> None:
    text = (
        "policy: tested\nfor: claim.lines\ninputs: {a: points}\noutputs: {fee: {combine: sum}}\n"
        "rules: {one: {when: {a: 1}, then: {fee: 1 USD}}}\nelse: {fee: 2 CNY}\n"
    )
    assert found(text) == [("policy_combine", "amounts of CNY, USD cannot become one")]
