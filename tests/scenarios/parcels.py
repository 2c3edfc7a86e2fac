"""A small pack with stories about parcels, and a company that has it."""

from __future__ import annotations

import re
from pathlib import Path

from app.catalog.sources import Sources

HERE = Path(__file__).parent


def story(name: str) -> str:
    """The text of a story in this folder."""
    return (HERE / "stories" / f"{name}.yaml").read_text(encoding="utf-8")


GOOD = story("light")
BAD = GOOD.replace("stage: gone, outcome", "stage: kept, outcome")
"""The same story with an end that does not come."""


def sources(**scenarios: str) -> Sources:
    """The pack, with scenarios by their id."""
    pack = HERE / "pack"
    files = {
        f"packs/p/{path.relative_to(pack).as_posix()}": path.read_text(encoding="utf-8")
        for path in pack.rglob("*.yaml")
    }
    for name, text in scenarios.items():
        told = re.sub("^scenario: .*", f"scenario: {name}", text)
        files[f"packs/p/scenarios/{name}.yaml"] = told
    return Sources(files)


def company(text: str = GOOD, label: str = "T", **own: str) -> Sources:
    """A company with the pack, and with stories of its own by their id."""
    files = dict(sources(light=text).files)
    heading = f"tenant: t\nlabel: {label}\npacks: [p]\nzone: UTC\ncurrency: CNY\n"
    files["tenants/t/tenant.yaml"] = heading
    for name, told in own.items():
        named = re.sub("^scenario: .*", f"scenario: {name}", told)
        files[f"tenants/t/scenarios/{name}.yaml"] = named
    return Sources(files, "t")


def written(given: Sources, folder: Path) -> Path:
    """The definitions as files below a folder."""
    for path, text in given.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
