"""The page on security names tests that exist."""

from __future__ import annotations

import re

from tests.docs.test_links import ROOT

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_named_test_exists() -> None:
    named = _TEST.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
    assert len(named) > 30
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).exists()
        or f"\ndef {test}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []
