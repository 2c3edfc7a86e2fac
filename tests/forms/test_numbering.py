"""Numbers follow their pattern and start over when they say so."""

from __future__ import annotations

from datetime import date

from forms.numbering import Numbering, compile_numbering

DAY = date(2026, 3, 9)


def test_a_pattern_shows_date_and_count() -> None:
    numbering, problems = compile_numbering(
        {"pattern": "RMA-{yyyy}{mm}-{seq:5}", "reset": "month", "at": "submit"}
    )
    assert problems == []
    assert numbering == Numbering("RMA-{yyyy}{mm}-{seq:5}", "month", "submit")
    assert numbering.format(42, DAY) == "RMA-202603-00042"
    assert numbering.format(1_234_567, DAY) == "RMA-202603-1234567"
    assert Numbering("{yy}/{dd}/{seq:1}").format(7, DAY) == "26/09/7"


def test_the_count_belongs_to_its_period() -> None:
    periods = {
        reset: Numbering("{seq:5}", reset).period(DAY)
        for reset in ("never", "year", "month", "day")
    }
    assert periods == {"never": "", "year": "2026", "month": "2026-03", "day": "2026-03-09"}


def test_a_bare_pattern_is_enough() -> None:
    numbering, problems = compile_numbering("N{seq:3}")
    assert (numbering, problems) == (Numbering("N{seq:3}"), [])


def test_a_two_digit_year_shows_the_year() -> None:
    assert compile_numbering({"pattern": "{yy}{mm}{dd}-{seq:3}", "reset": "day"})[1] == []
