"""Every word people see is there in both languages."""

from __future__ import annotations

import re

from babel.messages.pofile import read_po

from app.web.i18n import CATALOGS
from tests.web.words import words

PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def test_all_words_are_translated_and_none_is_left_over() -> None:
    with (CATALOGS / "zh.po").open("rb") as source:
        catalog = read_po(source, locale="zh_Hans_CN")
    known = {entry.id: entry for entry in catalog if entry.id}
    wanted = set(words())
    assert wanted - set(known) == set(), "words without Chinese: add them to zh.po"
    assert set(known) - wanted == set(), "Chinese for words that are no more: take it out of zh.po"
    for entry in known.values():
        said = entry.string if isinstance(entry.string, str) else entry.string[0]
        assert said, entry.id
        assert not entry.fuzzy, entry.id
        source_text = entry.id if isinstance(entry.id, str) else entry.id[1]
        assert set(PLACEHOLDER.findall(said)) == set(PLACEHOLDER.findall(source_text)), entry.id
