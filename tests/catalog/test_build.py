"""From definitions to a catalog: what is compiled, and that nothing authors write breaks it."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.catalog.build import build
from app.catalog.loader import load_text
from app.catalog.model import Computed, Constant, Find
from app.catalog.sources import Sources, document, read_tenant
from forms.expr import DECIMAL, INTEGER, Env
from forms.types import register, unregister
from forms.types.numbers import IntegerType
from tests.catalog.support import ROOT, built, shown, sources

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def shop(mark: str = "") -> dict[str, str]:
    """Three forms and an aggregate, their ids ending in `mark`."""
    return {
        f"packs/shop/{path}{mark}.yaml": text.replace("@", mark) for path, text in TEXTS.items()
    }


TEXTS = {
    "forms/customer": (
        "form: customer@\nfields: {name: {type: text, required: true}, owner: {type: user}}\n"
        "unique: {one: {fields: [name]}}\n"
    ),
    "forms/order": """form: order@
currency: CNY
fields:
  nr: {type: text, required: true}
  customer: {type: link, to: customer@, fill: {city: customer.name}}
  city: {type: text, required: true}
  placed_on: {type: date}
  lines:
    type: lines
    fields:
      sku: {type: text, required: true}
      count: {type: integer}
      price: {type: money}
unique: {one: {fields: [nr]}}
""",
    "forms/back": """form: back@
currency: CNY
fields:
  order: {type: link, to: order@}
  left: {type: decimal, formula: "coalesce(returnable@(order).pieces, 0)"}
  lines: {type: lines, fields: {of: {type: link, to: order@.lines}, count: {type: integer}}}
""",
    "aggregates/returnable": """aggregate: returnable@
per: order@
measures:
  pieces: {from: order@.lines, by: order@, sum: count}
  worth: {from: order@.lines, by: order@, sum: price, where: count > 0}
  times: {from: back@, by: order, count: true, where: stage != 'refused'}
never:
  often: {when: times > 3, message: {zh: "已退 {times} 次", en: "Returned {times} times"}}
""",
}
FORMS = shop()


def test_aggregates() -> None:
    aggregate = built(FORMS).aggregates["returnable"]
    pieces, worth, times = aggregate.measures.values()
    assert (pieces.source, pieces.by) == ("order.lines", "order")
    assert (pieces.type, pieces.scale) == (INTEGER, 0)
    assert (worth.type.kind, worth.scale) == ("money", 4)
    assert (times.sum, times.type, times.source) == (None, INTEGER, "back")
    never = aggregate.never["often"]
    env = Env(NOW)
    assert never.when.evaluate({"times": 4}, env) is True
    assert never.message.render({"times": 4}, env).en == "Returned 4 times"


def test_roles() -> None:
    role = built(
        {
            **FORMS,
            "packs/shop/roles/reader.yaml": "role: reader\nlabel: Reader\n",
            "packs/shop/roles/clerk.yaml": (
                "role: clerk\nlabel: {zh: 客服, en: Clerk}\nincludes: [reader]\n"
                "can:\n"
                "  order: {actions: [read], rows: customer.owner == me, hide: [lines.price]}\n"
                "  customer: {actions: [read], rows: true}\n"
                "  back: {actions: [read], rows: false}\n"
                "admin: [users]\n"
            ),
        }
    ).roles["clerk"]
    assert role.includes == ("reader",)
    assert role.can["order"].actions == {"read"}
    assert role.can["order"].hide == {"lines.price"}
    rows = role.can["order"].rows
    assert rows is not None
    assert rows.source == "customer.owner == me"
    assert role.can["customer"].rows is None
    nothing = role.can["back"].rows
    assert nothing is not None
    assert nothing.constant
    assert role.admin == {"users"}


REPORTS = {
    "packs/shop/reports/sales.yaml": """report: sales
source: order.lines
filters: {customer: parent.customer}
group: {month: {by: parent.placed_on, unit: month}}
measures: {pieces: {sum: count}, mean: {avg: count}, orders: {distinct: order}}
sort: [-pieces]
top: 12
""",
    "packs/shop/reports/rate.yaml": """report: rate
source: back.lines
where: parent.stage != 'refused'
group: {month: {by: parent.created_at, unit: month}}
measures: {back: {sum: count}, sold: {of: sales.pieces}, rate: {ratio: [back, sold]}}
columns: [month, rate]
chart: {type: line, y: [rate]}
compare: previous_year
drill: [parent.number, count]
""",
    "packs/shop/reports/list.yaml": (
        "report: list\nsource: order\ncolumns: [nr, customer.name]\nsort: [-nr]\n"
    ),
    "packs/shop/dashboards/all.yaml": (
        "dashboard: all\nlabel: All\nfilters: {customer: {label: C}}\n"
        "tiles: {one: {report: sales, size: large}, two: {report: rate}}\n"
    ),
}


def test_reports_and_dashboards() -> None:
    catalog = built({**FORMS, **REPORTS})
    sales, rate, listed = (catalog.reports[name] for name in ("sales", "rate", "list"))
    assert sales.group["month"].unit == "month"
    assert {m.id: (m.kind, m.type) for m in sales.measures.values()} == {
        "pieces": ("sum", INTEGER),
        "mean": ("avg", DECIMAL),
        "orders": ("distinct", INTEGER),
    }
    assert (sales.sort, sales.top, sales.chart.type) == ((("pieces", True),), 12, "table")
    assert rate.measures["sold"].of == ("sales", "pieces")
    assert rate.measures["sold"].type == INTEGER
    assert (rate.measures["rate"].ratio, rate.measures["rate"].show) == (
        ("back", "sold"),
        "percent",
    )
    assert rate.show == ("month", "rate")
    assert (rate.chart.x, rate.chart.y) == ("month", ("rate",))
    assert [column.source for column in listed.columns] == ["nr", "customer.name"]
    dashboard = catalog.dashboards["all"]
    assert (dashboard.tiles["one"].size, dashboard.tiles["two"].label.en) == ("large", "rate")


IMPORT = """import: orders
into: order
file:
  name: orders.csv
  delimiter: tab
  columns: {nr: text, who: text, day: date}
  headings: {nr: Order No.}
where: not is_empty(nr)
key: nr
mode: insert
map:
  nr: trim(nr)
  placed_on: day
  customer: {find: customer, by: {name: who}, missing: empty}
  lines:
    file: {name: lines.csv, columns: {nr: text, sku: text, pieces: integer}}
    on: nr
    map: {sku: sku, count: pieces, price: {value: 0}}
"""


def test_imports() -> None:
    found = built({**FORMS, "packs/shop/imports/orders.yaml": IMPORT}).imports["orders"]
    assert (found.into, found.key, found.mode, found.file.delimiter) == (
        "order",
        ("nr",),
        "insert",
        "\t",
    )
    assert found.file.heading("nr") == "Order No."
    nr, customer = found.map["nr"], found.map["customer"]
    assert isinstance(nr, Computed)
    assert nr.value.evaluate({"nr": " A1 "}, Env(NOW)) == "A1"
    assert isinstance(customer, Find)
    assert (customer.target, list(customer.by), customer.missing) == ("customer", ["name"], "empty")
    lines = found.lines["lines"]
    assert lines.file is not None
    assert (lines.file.name, lines.on) == ("lines.csv", ("nr",))
    assert lines.map["price"] == Constant(0)
    assert found.rejects == "orders_rejected.csv"


class Stars(IntegerType):
    """A type as a plugin would add it."""

    __slots__ = ()
    id = "stars"
    keys = IntegerType.keys | {"most_stars"}


def test_a_type_of_a_plugin_brings_its_own_keys() -> None:
    text = "form: rating\nfields: {a: {type: stars, most_stars: 5}}\n"
    files = {"packs/shop/forms/rating.yaml": text}
    register(Stars())
    try:
        assert built(files).forms["rating"].fields["a"].type == "stars"
    finally:
        unregister("stars")
        document.cache_clear()
    codes = {p.problem.code for p in build(sources(files)).problems}
    assert codes == {"unknown_type", "unknown_key"}


def test_one_unreadable_file_is_one_finding() -> None:
    files = {**FORMS, "packs/shop/forms/order.yaml": "form: order\nfields: {a: max(b, c)}\n"}
    files |= {**REPORTS, "packs/shop/imports/orders.yaml": IMPORT}
    files["packs/shop/roles/clerk.yaml"] = (
        "role: clerk\nlabel: C\ncan: {order: {actions: [read], rows: nr == 'x', hide: [nr]}}\n"
    )
    assert shown(build(sources(files)).problems) == [
        "packs/shop/forms/order.yaml:2:13 quote_expression"
    ]


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("form: order\nfields:\n\ta: {type: text}\n", "3:1 tab"),
        ("form: order\nfields: {a: {type: text, label: a\x07b}}\n", "2:34 control_character"),
        ("form: order\nfields: [a, b]\n", "2:9 wrong_type"),
        ("form: order\nfields:\n", "2:8 empty_value"),
        ("form: order\nlabel: Order\n", "1:1 missing_key"),
        ("form: order\nfields: {a: {type: text\n", "2:13 yaml_syntax"),
    ],
)
def test_totals_and_reports_wait_for_a_form_that_cannot_be_read(broken: str, expected: str) -> None:
    files = {
        "packs/shop/forms/order.yaml": broken,
        "packs/shop/forms/visit.yaml": "form: visit\nfields: {order: {type: link, to: order}}\n",
        "packs/shop/aggregates/load.yaml": (
            "aggregate: load\nper: order\nmeasures:\n  promised: {from: order, sum: nr}\n"
            "  done: {from: visit, by: order, count: true}\n"
            "never: {too_many: {when: done > promised, message: '{promised} at most'}}\n"
        ),
        "packs/shop/reports/visits.yaml": (
            "report: visits\nsource: order\ngroup: {by_nr: {by: nr}}\n"
            "measures: {n: {count: true}}\n"
        ),
    }
    assert shown(build(sources(files)).problems) == [f"packs/shop/forms/order.yaml:{expected}"]


def test_a_default_is_not_judged_by_options_that_are_missing() -> None:
    form = "form: order\nfields:\n  way: {type: choice, options: chanel, default: \"'desk'\"}\n"
    options = "options: channel\nlabel: C\nvalues: {desk: {label: D}}\n"
    files = {
        "packs/shop/forms/order.yaml": form,
        "packs/shop/options/channel.yaml": options,
    }
    assert shown(build(sources(files)).problems) == [
        "packs/shop/forms/order.yaml:3:32 unknown_options"
    ]


def test_a_mistyped_key_is_one_finding_however_many_read_the_field() -> None:
    files = dict(FORMS)
    files["packs/shop/forms/order.yaml"] = files["packs/shop/forms/order.yaml"].replace(
        "count: {type: integer}", "count: {typ: integer}"
    )
    assert shown(build(sources({**files, **REPORTS})).problems) == [
        "packs/shop/forms/order.yaml:12:15 unknown_key"
    ]


def test_the_same_sources_give_the_same_catalog_and_hash() -> None:
    one, two = built(FORMS), built(dict(reversed(FORMS.items())))
    assert one.hash == two.hash
    assert list(one.forms) == list(two.forms)


def test_two_hundred_definitions_are_checked_in_well_under_two_seconds() -> None:
    files: dict[str, str] = {}
    for number in range(50):
        files |= shop(f"_{number}")
    packed = sources(files)
    document.cache_clear()
    start = time.process_time()
    result = build(packed)
    assert time.process_time() - start < 2
    assert len(packed.files) == 201
    assert result.problems == []


def test_no_text_breaks_the_loader() -> None:
    dice = random.Random(7)
    signs = "{}[]:,-?!&*#|>%@`'\"\\ \n\t\u3000é0a"
    pieces = [*signs, "form: x\n", "a: b\n", "  ", "- ", ": ", "---\n"]
    for _ in range(3_000):
        text = "".join(dice.choices(pieces, k=dice.randint(1, 40)))
        found = load_text("f.yaml", text)
        assert found.root is not None or found.problems, repr(text)
        for problem in found.problems:
            assert problem.line >= 1
            assert problem.column >= 1


def test_no_change_to_a_definition_breaks_the_build() -> None:
    """Values are swapped, taken out and replaced at random: problems, never exceptions."""
    dice = random.Random(11)
    packed, _ = read_tenant(ROOT / "definitions", "demo")
    paths = [path for path in packed.files if path.count("/") == 3]
    words = [
        "1",
        "x",
        "[]",
        "{}",
        "[a, b]",
        "{a: b}",
        "true",
        "''",
        "~",
        "lines",
        "order.lines",
        "1.5",
        "a.b.c",
    ]
    for _ in range(30):
        path = dice.choice(paths)
        lines = packed.files[path].split("\n")
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(lines))
            lines[at] = mutated(lines[at], words, dice)
        build(packed.replaced(path, "\n".join(lines)))


def mutated(line: str, words: list[str], dice: random.Random) -> str:
    act = dice.randrange(4)
    if act == 0:
        return ""
    if act == 1 and ": " in line:
        return f"{line.split(': ')[0]}: {dice.choice(words)}"
    parts = line.split(" ")
    at = dice.randrange(len(parts))
    if act == 2:
        del parts[at]
    else:
        parts[at] = dice.choice(words)
    return " ".join(parts)


def test_sources_can_change_one_file() -> None:
    packed = Sources({"a.yaml": "x"}, "t")
    assert packed.replaced("a.yaml", None).files == {}
    assert packed.replaced("b.yaml", "y").files == {"a.yaml": "x", "b.yaml": "y"}
    assert packed.replaced("b.yaml", "y").tenant == "t"
    assert load_text("f.yaml", "form: a\nmin: 1.50\n").data["min"] == Decimal("1.50")
