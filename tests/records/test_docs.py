"""The developers' page names every error and every finding there is."""

from __future__ import annotations

from pathlib import Path

from app.records.audit import CODES
from app.records.errors import STATUS

PAGE = (Path(__file__).parents[2] / "docs/records.md").read_text()


def test_every_error_is_explained_with_its_status():
    for code, status in STATUS.items():
        assert f"| `{code}` | {status} |" in PAGE, code


def test_every_finding_is_explained():
    for code in CODES:
        assert f"`{code}`" in PAGE, code
