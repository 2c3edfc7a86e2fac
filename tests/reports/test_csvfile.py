"""CSV cells cannot become formulas."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from app.reports.csvfile import BYTE_ORDER_MARK, lines, safe


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\tx", "\rx", "\n=1", "  =1", "＝1", "＋1"]
)
def test_dangerous_texts_are_disarmed(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=b", "", "1-2", "客户", "’"])
def test_ordinary_texts_stay(value: str) -> None:
    assert safe(value) == value


def test_numbers_stay_numbers() -> None:
    assert safe(Decimal("-12.50")) == "-12.50"
    assert safe(-3) == "-3"
    assert safe(None) == ""
    assert safe(Decimal("1E+3")) == "1000"


def test_a_file_is_streamed_and_reads_back() -> None:
    rows = [[n, "=x", 'a,"b"\nc'] for n in range(5000)]
    pieces = list(lines(["n", "-h", "t"], rows))
    assert len(pieces) > 1
    text = "".join(pieces)
    assert text.startswith(BYTE_ORDER_MARK)
    read = list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK))))
    assert read[0] == ["n", "'-h", "t"]
    assert read[1:] == [[str(n), "'=x", 'a,"b"\nc'] for n in range(5000)]
