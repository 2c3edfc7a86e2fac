"""What lines are called where they are worked on: by their title, as far as one may see it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.access.actor import Actor
from app.records import read
from app.records.lines import line_names
from forms.compile import compile_form
from forms.compile_library import StaticLibrary
from forms.expr import INTEGER, AggregateType
from forms.signature import signature
from tests.web.house import House
from tests.web.test_acting import asked


def named(house: House, actor: Actor, form: str, lines: str, row: int) -> str:
    return line_names(house.tenant, actor, [(form, lines, row)])[row].name


def first_row(house: House, rid: int) -> int:
    return int(read(house.tenant, house.actor("boss"), "request", rid).row["items"][0]["id"])


def test_a_line_is_called_by_its_title(house: House) -> None:
    saved = asked(house, "Titles", items=[{"what": "Lamp", "quantity": "2.5", "price": "9"}])
    row = first_row(house, saved.id)
    assert named(house, house.actor("bob"), "request", "items", row) == "Lamp × 2.5"


def test_who_may_not_see_all_of_a_title_gets_the_first_text(house: House) -> None:
    saved = asked(house, "Hidden", items=[{"what": "Lamp", "quantity": "7", "price": "9"}])
    row = first_row(house, saved.id)
    assert named(house, house.actor("bob"), "request", "items", row) == "Lamp × 7"
    assert (
        named(
            house, replace(house.actor("bob"), roles=frozenset({"blind"})), "request", "items", row
        )
        == "Lamp"
    )


@pytest.mark.parametrize(
    ("title", "code", "words"),
    [
        (["what"], "title_not_text", "{product.name}"),
        ("{whta}", "expr_unknown_name", "what"),
        ("{parent.subject}", "expr_no_parent", "parent"),
        ("{used(client).asked}", "row_title_reads_totals", "used"),
        ("{client}", "template_value", "client"),
    ],
)
def test_what_a_title_of_rows_cannot_be_is_told(title: object, code: str, words: str) -> None:
    definition = {
        "form": "thing",
        "fields": {
            "subject": {"type": "text"},
            "items": {
                "type": "lines",
                "title": title,
                "fields": {"what": {"type": "text"}, "client": {"type": "link", "to": "thing"}},
            },
        },
    }
    used = AggregateType("thing", {"asked": INTEGER})
    library = StaticLibrary({"thing": signature("thing", definition)}, {}, {"used": used})
    form, problems = compile_form("thing", definition, library)
    assert form is None
    assert [(one.code, one.path) for one in problems] == [(code, ("fields", "items", "title"))]
    assert words in f"{problems[0].message} {problems[0].allowed} {problems[0].suggestion}"
