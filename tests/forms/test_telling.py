"""Expressions in words, in both languages: every operator, every function, every kind of value."""

from __future__ import annotations

from datetime import UTC
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings

from forms.compile import compile_form
from forms.compile_library import StaticLibrary
from forms.compile_options import compile_options
from forms.expr import (
    BOOLEAN,
    FUNCTIONS,
    INTEGER,
    MONEY,
    USER,
    AggregateType,
    Scope,
    compile_expr,
    link,
)
from forms.model import Form
from forms.signature import signature
from forms.telling import Words, labels_of, phrases, tell, tell_condition
from forms.values import Text
from tests.forms.expr.generated import expressions
from tests.forms.expr.world import SCOPE as RANDOM

FAULT = {
    "options": "fault",
    "label": {"zh": "责任方", "en": "At fault"},
    "values": {
        "us": {"label": {"zh": "商家", "en": "Us"}},
        "buyer": {"label": {"zh": "客户", "en": "Buyer"}},
    },
}
REASON = {
    "options": "reason",
    "label": {"zh": "原因", "en": "Reason"},
    "attributes": {
        "fault": {"options": "fault"},
        "free": {"label": {"zh": "免运费", "en": "Free of charge"}, "type": "boolean"},
    },
    "values": {
        "quality": {
            "label": {"zh": "质量问题", "en": "Quality fault"},
            "fault": "us",
            "free": True,
        },
        "unwanted": {"label": {"zh": "不想要", "en": "Unwanted"}, "fault": "buyer", "free": False},
    },
}


def text(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


FORMS = {
    "sale": {
        "form": "sale",
        "label": text("订单", "Sale"),
        "fields": {
            "paid": {"type": "money", "label": text("实付", "Paid")},
            "placed": {"type": "datetime", "label": text("下单时间", "Placed at")},
        },
    },
    "claim": {
        "form": "claim",
        "label": text("申请", "Claim"),
        "fields": {
            "sale": {"type": "link", "label": text("订单", "Sale"), "to": "sale"},
            "amount": {"type": "money", "label": text("金额", "Amount")},
            "pieces": {"type": "integer", "label": text("件数", "Pieces")},
            "share": {"type": "decimal", "label": text("比例", "Share")},
            "note": {"type": "text", "label": text("说明", "Note")},
            "reason": {"type": "choice", "label": text("原因", "Reason"), "options": "reason"},
            "tags": {
                "type": "choice", "label": text("标签", "Tags"), "many": True, "options": "reason",
            },
            "intact": {"type": "boolean", "label": text("完好", "Intact")},
            "due": {"type": "date", "label": text("期限", "Due")},
            "spent": {"type": "duration", "label": text("用时", "Time taken")},
            "lines": {
                "type": "lines",
                "label": text("明细", "Goods"),
                "fields": {
                    "sale": {"type": "link", "label": text("订单", "Sale"), "to": "sale"},
                    "count": {"type": "integer", "label": text("数量", "Quantity")},
                    "ok": {"type": "boolean", "label": text("合格", "Passed")},
                    "reason": {
                        "type": "choice", "options": "reason",
                        "label": text("行原因", "Line reason"),
                    },
                },
            },
        },
    },
}  # fmt: skip
STAGES = {"claim": {"open": Text("待处理", "Open"), "shut": Text("已关闭", "Closed")}}
USED = SimpleNamespace(
    label=Text("已用", "Used"),
    measures={"asked": SimpleNamespace(label=Text("已申请", "Asked for"))},
)


def world() -> tuple[Words, StaticLibrary]:
    every = {"fault": FAULT, "reason": REASON}
    options = {}
    for name, one in every.items():
        made, problems = compile_options(name, one, every)
        assert not problems and made is not None
        options[name] = made
    bare = StaticLibrary({}, options)
    signatures = {name: signature(name, one, bare.option_values) for name, one in FORMS.items()}
    used = {"used": AggregateType("sale", {"asked": INTEGER, "left": MONEY})}
    library = StaticLibrary(signatures, options, used)
    forms: dict[str, Form] = {}
    for name, one in FORMS.items():
        form, problems = compile_form(name, one, library)
        assert not problems and form is not None
        forms[name] = form
    zone = ZoneInfo("Asia/Shanghai")
    words = Words("claim", forms, options, {"used": USED}, STAGES, zone)  # type: ignore[dict-item]
    return words, library


WORDS, LIBRARY = world()
NAMES = LIBRARY.fields_of("claim") or {}
OWN = Scope({**NAMES, "this": link("claim"), "me": USER}, None, None, LIBRARY, 3)
FLOW = Scope({**OWN.names, "row": link("claim.lines")}, None, None, LIBRARY, 3)
LINE = Scope(LIBRARY.fields_of("claim.lines") or {}, NAMES, None, LIBRARY, 3)


def say(source: str, lang: str, scope: Scope = OWN, own: str = "claim") -> str:
    expr = compile_expr(source, scope)
    tells = tell_condition if expr.type == BOOLEAN else tell
    return tells(expr, WORDS.of(own), lang)


@pytest.mark.parametrize(
    ("source", "zh", "en"),
    [
        ("amount > 500 and reason == 'quality'",
         "金额 > 500 且 原因是“质量问题”", "Amount > 500 and Reason is “Quality fault”"),
        ("amount >= money(1500, 'CNY') or pieces <= 3",
         "金额 ≥ 1500 CNY 或 件数 ≤ 3", "Amount ≥ 1500 CNY or Pieces ≤ 3"),
        ("(pieces > 1 or intact) and share < 0.5",
         "（件数 > 1 或 完好：是） 且 比例 < 0.5", "(Pieces > 1 or Intact: yes) and Share < 0.5"),
        ("pieces == 2", "件数 = 2", "Pieces = 2"),
        ("pieces != 2", "件数 ≠ 2", "Pieces ≠ 2"),
        ("reason != 'quality'", "原因不是“质量问题”", "Reason is not “Quality fault”"),
        ("reason == null", "原因为空", "Reason is empty"),
        ("null != reason", "原因不为空", "Reason is not empty"),
        ("reason in ['quality', 'unwanted']",
         "原因是“质量问题”、“不想要”之一", "Reason is one of “Quality fault”, “Unwanted”"),
        ("reason not in ['quality', 'unwanted']",
         "原因不是“质量问题”、“不想要”中的任何一个",
         "Reason is none of “Quality fault”, “Unwanted”"),
        ("reason in ['quality']", "原因是“质量问题”", "Reason is “Quality fault”"),
        ("'quality' in tags", "标签中有“质量问题”", "Tags has “Quality fault”"),
        ("has(tags, 'unwanted')", "标签中有“不想要”", "Tags has “Unwanted”"),
        ("not has(tags, 'unwanted')", "标签中没有“不想要”", "Tags does not have “Unwanted”"),
        ("0 < pieces <= 15", "0 < 件数 ≤ 15", "0 < Pieces ≤ 15"),
        ("not (0 < pieces <= 15)", "并非（0 < 件数 ≤ 15）", "not (0 < Pieces ≤ 15)"),
        ("not (pieces > 3 and intact)", "件数 ≤ 3 或 完好：否", "Pieces ≤ 3 or Intact: no"),
        ("not not intact", "完好：是", "Intact: yes"),
        ("intact == false", "完好：否", "Intact: no"),
        ("intact != false", "完好：是", "Intact: yes"),
        ("coalesce(intact, false)", "完好：是", "Intact: yes"),
        ("not coalesce(intact, false)", "完好：否", "Intact: no"),
        ("is_empty(note)", "说明为空", "Note is empty"),
        ("not is_empty(note)", "说明不为空", "Note is not empty"),
        ("pieces + 2 * pieces - 1", "件数 + 2 × 件数 − 1", "Pieces + 2 × Pieces − 1"),
        ("(pieces + 2) * 3", "（件数 + 2） × 3", "(Pieces + 2) × 3"),
        ("pieces - (2 - pieces)", "件数 − （2 − 件数）", "Pieces − (2 − Pieces)"),
        ("pieces % 3", "件数 除以 3 的余数", "the remainder of Pieces ÷ 3"),
        ("-pieces / 2", "−件数 ÷ 2", "−Pieces ÷ 2"),
        ("if(intact, amount, 0)", "如果完好：是则为金额，否则为0", "Amount if Intact: yes, else 0"),
        ("if(intact, 1, 2) + 1", "（如果完好：是则为1，否则为2） + 1",
         "(1 if Intact: yes, else 2) + 1"),
        ("coalesce(reason, 'quality')", "原因（为空时取 “质量问题”）",
         "Reason (“Quality fault” if empty)"),
        ("reason.fault == 'us'", "原因 · 责任方是“商家”", "Reason · At fault is “Us”"),
        ("reason.free", "原因 · 免运费：是", "Reason · Free of charge: yes"),
        ("sale.paid", "订单 · 实付", "Sale · Paid"),
        ("used(sale).asked", "已用 · 已申请（订单）", "Used · Asked for (Sale)"),
        ("used(sale).left", "已用 · left（订单）", "Used · left (Sale)"),
        ("stage == 'shut'", "阶段是“已关闭”", "Stage is “Closed”"),
        ("created_by == me", "创建人是当前用户", "Created by is the current user"),
        ("due <= '2026-03-01'", "期限 ≤ 2026-03-01", "Due ≤ 2026-03-01"),
        ("sale.placed < datetime('2026-03-01T00:00Z')",
         "订单 · 下单时间 < 2026-03-01 00:00Z", "Sale · Placed at < 2026-03-01 00:00Z"),
        ("spent > duration(90, 'minutes')", "用时 > 90 分钟", "Time taken > 90 minutes"),
        ("sum(lines.count where ok)", "明细（合格：是）的数量之和",
         "the sum of Quantity in Goods (where Passed: yes)"),
        ("count(lines where reason == 'quality') > 1",
         "明细（行原因是“质量问题”）的行数 > 1",
         "the number of lines in Goods (where Line reason is “Quality fault”) > 1"),
        ("count(lines.count)", "明细中有数量的行数", "the number of lines in Goods with Quantity"),
        ("all(lines.ok)", "明细每一行：合格：是", "in every line of Goods: Passed: yes"),
        ("not any(lines.count > 2)", "明细每一行：数量 ≤ 2",
         "in every line of Goods: Quantity ≤ 2"),
        ("max(lines.reason) == 'quality'", "明细的行原因最大值是“质量问题”",
         "the greatest Line reason in Goods is “Quality fault”"),
        ("sign(amount) == 'positive'", "金额的正负是“正数”", "the sign of Amount is “positive”"),
        ("days_between(due, today()) > 7", "从期限到今天的天数 > 7", "days from Due to today > 7"),
        ("add_days(due, 5)", "期限后 5 天", "5 days after Due"),
        ("len(tags) + len(note)", "标签的个数 + 说明的长度",
         "the number of Tags + the length of Note"),
        ("true", "是", "yes"),
        ("concat(note, 'x')", "说明、“x”连成的文字", "Note, “x” put together"),
        ("min(pieces, 3)", "件数、3中的最小者", "the least of Pieces, 3"),
    ],
)  # fmt: skip
def test_expressions_are_told(source: str, zh: str, en: str) -> None:
    assert (say(source, "zh"), say(source, "en")) == (zh, en)


def test_names_mean_what_they_mean_where_they_stand() -> None:
    assert (
        say("count > 1 and parent.pieces > 2", "en", LINE, "claim.lines")
        == "Quantity > 1 and Pieces > 2"
    )
    assert say("parent.reason == reason", "zh", LINE, "claim.lines") == "原因是行原因"
    assert say("row.count > 1", "en", FLOW) == "Quantity > 1"
    assert say("row.sale.paid", "zh", FLOW) == "订单 · 实付"
    candidate = Scope(LIBRARY.fields_of("sale") or {}, NAMES, LINE.names, LIBRARY, 1)
    expr = compile_expr("this.count > 1 and paid == parent.amount", candidate)
    told = tell(expr, WORDS.of("sale", "claim.lines"), "en")
    assert told == "Quantity > 1 and Paid = Amount"  # fmt: skip


def test_a_condition_and_its_contrary_are_told_apart() -> None:
    expr = compile_expr("reason == 'quality' or pieces > 2", OWN)
    assert tell_condition(expr, WORDS, "en", holds=False) == (
        "Reason is not “Quality fault” and Pieces ≤ 2"
    )


def test_what_values_are_called() -> None:
    labels = labels_of(compile_expr("coalesce(reason.fault, 'us')", OWN), WORDS)
    assert labels is not None and labels["us"] == Text("商家", "Us")
    assert labels_of(compile_expr("pieces", OWN), WORDS) is None


SPECIAL = {"if", "coalesce", "is_empty", "has"}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_has_words_for_every_way_to_call_it(name: str) -> None:
    known = phrases.FUNCTIONS
    counts = {
        phrases.ALWAYS if one.variadic else len(one.params) for one in FUNCTIONS[name].overloads
    }
    loops = any("lines" in form for form in FUNCTIONS[name].forms)
    assert name in SPECIAL or loops or all((name, count) in known for count in counts)
    if loops:
        assert name in phrases.LOOPS


def test_words_stand_for_functions_there_are() -> None:
    assert {name for name, _ in phrases.FUNCTIONS} | set(phrases.LOOPS) <= set(FUNCTIONS)


@settings(max_examples=400, deadline=None, derandomize=True, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(source=expressions())
def test_any_expression_can_be_told(source: str) -> None:
    """Without any labels, too; each name it reads is there, as it is written."""
    expr = compile_expr(source, RANDOM)
    words = Words("rec.none", zone=UTC)
    for lang in ("zh", "en"):
        said = tell(expr, words, lang)
        assert said and "{" not in said
        for name in expr.names - {"this", "id", "me"}:
            assert name.rpartition(".")[2] in said, (source, said)
