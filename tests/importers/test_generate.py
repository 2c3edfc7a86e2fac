"""Trial data: repeatable, linked, and wrong descriptions are named."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import count

import pytest

from app.importers.generate import DemoError, Maker, wanted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

DEFINITION = {
    "demo": "trial",
    "records": {
        "part": {"count": 3, "with": {"code": {"pattern": "P{n:3}"}, "name": {"nth": ["a", "b"]}}},
        "sale": {
            "count": 5,
            "with": {
                "at": {"time": ["-10d", "-1d"]},
                "on": {"date": ["-10d", "-1d"]},
                "kind": {"pick": {"x": 1, "y": 3}},
                "rows": {
                    "rows": [2, 3],
                    "with": {
                        "part": {"link": "part"},
                        "q": {"number": [2, 5]},
                        "price": {"number": [1, 9], "decimals": 2},
                    },
                },
            },
        },
        "back": {
            "count": 4,
            "like": "sale",
            "with": {
                "sale": {"of": "id"},
                "rows": {"each": "rows", "most": 1, "with": {"q": {"up_to": "q"}}},
            },
        },
    },
}


def make(definition: Mapping[str, object], seed: int = 1) -> list[tuple[str, dict[str, object]]]:
    maker, ids, out = Maker(random.Random(seed), NOW), count(1), []
    for want in wanted(definition, maker):
        row = {"id": next(ids), **want.submitted}
        maker.made.setdefault(want.form, []).append(row)
        out.append((want.form, row))
    return out


def test_the_same_seed_gives_the_same_records_and_another_seed_others() -> None:
    assert make(DEFINITION) == make(DEFINITION)
    assert make(DEFINITION) != make(DEFINITION, seed=2)


def test_values_come_about_as_described() -> None:
    made = make(DEFINITION)
    parts = [row for form, row in made if form == "part"]
    assert [(p["code"], p["name"]) for p in parts] == [("P001", "a"), ("P002", "b"), ("P003", "a")]
    sales = {row["id"]: row for form, row in made if form == "sale"}
    for sale in sales.values():
        assert "2026-02-19" <= str(sale["at"])[:10] <= "2026-02-28"
        assert {row["part"] for row in sale["rows"]} <= {p["id"] for p in parts}  # type: ignore[attr-defined]
        assert all(len(row["price"].split(".")[1]) <= 2 for row in sale["rows"])  # type: ignore[attr-defined]
    backs = [row for form, row in made if form == "back"]
    assert len(backs) == 4
    for back in backs:
        most = max(row["q"] for row in sales[back["sale"]]["rows"])  # type: ignore[attr-defined, index]
        assert len(back["rows"]) == 1  # type: ignore[arg-type]
        assert 1 <= back["rows"][0]["q"] <= most  # type: ignore[index]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"pik": ["a"]}, "demo_unknown_rule"),
        ({"pick": "a"}, "demo_bad_rule"),
        ({"nth": []}, "demo_bad_rule"),
        ({"number": 5}, "demo_bad_rule"),
        ({"time": ["-1d", "soon"]}, "demo_bad_rule"),
        ({"link": "nothing"}, "demo_nothing_made"),
        ({"of": "id"}, "demo_no_source"),
        ({"rows": [1, 2]}, "demo_bad_rule"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_named(rule: dict[str, object], code: str) -> None:
    with pytest.raises(DemoError) as caught:
        make({"records": {"part": {"with": {"x": rule}}}})
    assert caught.value.problem.code == code
    assert caught.value.problem.path[:4] == ("records", "part", "with", "x")


def test_moments_follow_others_and_records_come_in_their_order() -> None:
    step = {
        "count": 20,
        "at": "at",
        "then": [{"act": "go"}],
        "with": {
            "at": {"time": ["-10d", "-1d"]},
            "sent": {"own": "at", "plus": ["1d", "2d"], "day": True},
            "came": {"own": "at", "plus": ["9d", "30d"]},
        },
    }
    maker = Maker(random.Random(1), NOW)
    found = list(wanted({"records": {"sale": step}}, maker))
    moments = [str(one.submitted["at"]) for one in found]
    assert moments == sorted(moments)
    assert found[0].then == ({"act": "go"},)
    for one in found:
        at = datetime.fromisoformat(str(one.submitted["at"]))
        assert 0 <= (date.fromisoformat(str(one.submitted["sent"])) - at.date()).days <= 2
        assert at < datetime.fromisoformat(str(one.submitted["came"])) <= NOW
