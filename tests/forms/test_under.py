"""Choices that hang on another choice: what is checked of definitions, and of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from forms.compile import compile_form
from forms.compile_library import StaticLibrary
from forms.compile_options import compile_options
from forms.model import Form
from forms.problems import Problem
from forms.signature import signature
from tests.forms.test_validate import run

AREA = {
    "options": "area",
    "values": {
        "north": {"label": {"zh": "北", "en": "North"}},
        "south": {"label": {"zh": "南", "en": "South"}},
        "n_coast": {"label": {"zh": "北岸", "en": "North coast"}, "parent": "north"},
        "n_hills": {"label": {"zh": "北山", "en": "North hills"}, "parent": "north"},
        "s_coast": {"label": {"zh": "南岸", "en": "South coast"}, "parent": "south"},
        "harbour": {"label": {"zh": "港", "en": "Harbour"}, "parent": "n_coast"},
    },
}
FLAT = {"options": "flat", "values": {"a": {}, "b": {}}}


def compiled(fields: Mapping[str, Any]) -> tuple[Form | None, list[Problem]]:
    options = {}
    for one in (AREA, FLAT):
        made, problems = compile_options(str(one["options"]), one)
        assert made is not None and problems == []
        options[made.id] = made
    definition = {"form": "visit", "fields": fields}
    library = StaticLibrary(
        {"visit": signature("visit", definition, lambda name: tuple(options[name].values))},
        options,
    )
    return compile_form("visit", definition, library)


CHOICE = {"type": "choice", "options": "area"}
FIELDS: Mapping[str, Any] = {
    "part": CHOICE,
    "place": {**CHOICE, "under": "part"},
    "spot": {**CHOICE, "under": "place"},
    "more": {**CHOICE, "under": "part", "many": True},
    "lines": {
        "type": "lines",
        "fields": {
            "own": CHOICE,
            "below": {**CHOICE, "under": "own"},
            "outer": {**CHOICE, "under": "parent.part"},
        },
    },
}


@pytest.fixture(scope="module")
def form() -> Form:
    made, problems = compiled(FIELDS)
    assert problems == [] and made is not None
    return made


def refused(form: Form, submitted: Mapping[str, Any], previous: Any = None) -> dict[str, str]:
    """Dotted place of each error → its code."""
    outcome = run(form, submitted, previous=previous)
    return {".".join(map(str, one.path)): one.code for one in outcome.errors}


def test_a_value_stands_under_the_one_above(form: Form) -> None:
    good = {"part": "north", "place": "n_coast", "spot": "harbour", "more": ["n_coast", "n_hills"]}
    assert refused(form, good) == {}
    assert refused(form, {**good, "place": "s_coast"}) == {
        "place": "option_not_under",
        "spot": "option_not_under",
    }
    assert refused(form, {**good, "more": ["n_coast", "s_coast"]}) == {"more": "option_not_under"}
    assert refused(form, {"place": "n_coast"}) == {"place": "option_without_head"}
    assert refused(form, {"part": "n_coast"}) == {"part": "option_not_top"}
    assert refused(form, {"part": "north", "place": "north"}) == {"place": "option_not_under"}
    assert refused(form, {"part": "north"}) == {}


def test_lines_hang_on_their_own_row_or_on_the_record(form: Form) -> None:
    row = {"own": "south", "below": "s_coast", "outer": "n_hills"}
    assert refused(form, {"part": "north", "lines": [row]}) == {}
    assert refused(form, {"part": "south", "lines": [row, {**row, "below": "n_hills"}]}) == {
        "lines.0.outer": "option_not_under",
        "lines.1.outer": "option_not_under",
        "lines.1.below": "option_not_under",
    }


def test_what_was_saved_is_looked_at_when_either_changes(form: Form) -> None:
    first = run(form, {"part": "north", "place": "n_coast"})
    before = {**first.values, "id": 7, "place": "s_coast"}  # the tree was another one then
    assert refused(form, {"spot": None}, before) == {}
    assert refused(form, {"part": "south"}, before) == {}
    before["place"] = "n_coast"
    assert refused(form, {"part": "south"}, before) == {"place": "option_not_under"}
    assert refused(form, {"part": "south", "place": None}, before) == {}


def test_the_words_name_options_as_people_know_them(form: Form) -> None:
    (wrong,) = run(form, {"part": "north", "place": "s_coast"}).errors
    assert wrong.message.en == (
        "“South coast” does not stand under “North”; allowed: North coast, North hills"
    )
    assert wrong.message.zh == "“南岸”不属于“北”；可选：北岸、北山"


PROBLEMS: list[tuple[Mapping[str, Any], str, tuple[str, ...]]] = [
    ({"a": CHOICE, "b": {**CHOICE, "under": "aa"}}, "under_unknown", ("b",)),
    ({"b": {**CHOICE, "under": "b"}}, "under_unknown", ("b",)),
    ({"a": {"type": "text"}, "b": {**CHOICE, "under": "a"}}, "under_no_choice", ("b",)),
    (
        {"a": {**CHOICE, "many": True}, "b": {**CHOICE, "under": "a"}},
        "under_no_choice",
        ("b",),
    ),
    (
        {"a": {"type": "choice", "options": "flat"}, "b": {**CHOICE, "under": "a"}},
        "under_other_options",
        ("b",),
    ),
    (
        {
            "a": {"type": "choice", "options": "flat"},
            "b": {"type": "choice", "options": "flat", "under": "a"},
        },
        "under_no_parents",
        ("b",),
    ),
    (
        {"a": {**CHOICE, "under": "b"}, "b": {**CHOICE, "under": "a"}},
        "under_circle",
        ("a",),
    ),
]


@pytest.mark.parametrize(("fields", "code", "path"), PROBLEMS)
def test_what_is_wrong_with_a_definition_is_told(
    fields: Mapping[str, Any], code: str, path: tuple[str, ...]
) -> None:
    form, problems = compiled(fields)
    assert form is None
    assert problems[0].code == code and problems[0].path == ("fields", *path, "under")


def test_keys_of_another_type_are_refused() -> None:
    _form, problems = compiled({"a": CHOICE, "b": {"type": "text", "under": "a"}})
    assert [one.code for one in problems] == ["key_not_for_type"]
