"""Small helpers for tests of definitions."""

from __future__ import annotations

import re
from pathlib import Path

from app.catalog.build import build
from app.catalog.loader import Document, load_text
from app.catalog.model import Catalog
from app.catalog.problems import Located
from app.catalog.sources import Sources

ROOT = Path(__file__).parent.parent.parent
SHARED_EXAMPLES = ROOT.parent / "shared" / "examples"


def documents(path: str, text: str) -> list[Document]:
    """The definitions of a text that keeps several apart by `---` lines."""
    return [load_text(path, part) for part in re.split(r"(?m)^---\n", text) if part.strip()]


def sources(files: dict[str, str], tenant: str = "") -> Sources:
    """Sources from texts; a pack or tenant without its heading gets one."""
    found = dict(files)
    for path in files:
        group, name, *_ = [*path.split("/"), ""]
        if group == "packs":
            found.setdefault(f"packs/{name}/pack.yaml", f"pack: {name}\nlabel: {name}\n")
    if tenant:
        named = sorted({path.split("/")[1] for path in files if path.startswith("packs/")})
        found.setdefault(
            f"tenants/{tenant}/tenant.yaml",
            f"tenant: {tenant}\nlabel: {tenant}\npacks: [{', '.join(named)}]\n",
        )
    return Sources(found, tenant)


def shown(problems: list[Located]) -> list[str]:
    """Problems as `file:line:column code`."""
    return [f"{p.file}:{p.line}:{p.column} {p.problem.code}" for p in problems]


def built(files: dict[str, str], tenant: str = "") -> Catalog:
    """The catalog of texts that have no error."""
    result = build(sources(files, tenant))
    errors = [str(p) for p in result.problems if p.stands_in_the_way]
    assert errors == []
    assert result.catalog is not None
    return result.catalog
