"""docs/access.md names every code access can refuse with."""

from __future__ import annotations

import re
from pathlib import Path

import app.access

SOURCES = Path(app.access.__file__).parent
DOCUMENT = Path(__file__).parents[2] / "docs" / "access.md"


def test_every_code_is_documented_and_no_other() -> None:
    raised = set()
    for file in SOURCES.glob("*.py"):
        raised |= set(re.findall(r"AccessError\(\s*\"([a-z_]+)\"", file.read_text()))
    section = DOCUMENT.read_text().split("## Codes")[1].split("## ")[0]
    documented = set(
        re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\|([^|]*)\|", section, re.M)))
    )
    assert raised == documented
