"""Record ids: in order of time, readable back, never twice, also not after a fork."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import pytest

from forms.values import Money, Text, decode_id, encode_id, minor_units, new_id

FORKED = """
import os
from forms.values import new_id
new_id()
read, write = os.pipe()
for _ in range(2):
    if os.fork() == 0:
        os.write(write, str(new_id() & ((1 << 21) - 1)).encode() + b" ")
        os._exit(0)
for _ in range(2):
    os.wait()
print(os.read(read, 100).decode())
"""


def test_ids_order_by_time_and_differ() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert len(set(ids)) == len(ids)
    assert all(0 < i < 1 << 63 for i in ids)
    assert ids[0] >> 21 <= ids[-1] >> 21


def test_what_people_see_reads_back_also_in_capitals_and_with_look_alikes() -> None:
    one = new_id()
    shown = encode_id(one)
    assert len(shown) == 13
    assert decode_id(shown) == decode_id(shown.upper()) == one
    assert decode_id("000000000000O") == decode_id("000000000000o") == 0
    assert decode_id("000000000000I") == 1


@pytest.mark.parametrize("text", ["", "abc", "0" * 14, "zzzzzzzzzzzzz", "00000000000u0", "½" * 13])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a record id"):
        decode_id(text)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_processes_do_not_repeat_each_others_ids() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True
    )
    first, second = told.stdout.split()
    assert first != second


def test_texts_and_currencies() -> None:
    assert Text.of({"zh": "退货"}).pick("en") == "退货"
    assert Text.of(None, "id").pick("zh") == "id"
    assert (minor_units("CNY"), minor_units("JPY"), minor_units("KWD")) == (2, 0, 3)
    assert str(Money(Decimal("12.30"), "CNY")) == "12.30 CNY"
