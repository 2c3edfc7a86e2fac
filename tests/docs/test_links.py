"""The pages hang together: no link leads nowhere, no page is out of reach."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")


def targets(page: Path) -> set[Path]:
    found = set()
    for target, _ in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            found.add((page.parent / target).resolve())
    return found


def test_every_link_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} → {target}"
        for page in PAGES
        for target in targets(page)
        if not target.exists()
    ]
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        ahead += sorted(targets(page))
    assert {page.relative_to(ROOT).as_posix() for page in PAGES if page not in seen} == set()
