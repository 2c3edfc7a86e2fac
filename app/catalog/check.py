"""Check a folder, a pack, a tenant or a single file: all problems of all files."""

from __future__ import annotations

from pathlib import Path

from app.catalog.build import build
from app.catalog.loader import load_bytes
from app.catalog.problems import Located, in_order
from app.catalog.sources import PACKS, TENANTS, packs, read_packs, read_tenant, tenants
from flows.soundness import CODES as FLOW_CODES


def check(path: Path) -> list[Located]:
    """Everything that is wrong below `path`: `definitions/`, one pack or tenant, or one file.

    Packs are checked alone and within each tenant; a finding is told once. File names in the
    findings are below the `definitions` folder. Raises FileNotFoundError where nothing is there.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    root, below = _root_of(path)
    if root is None:
        return in_order(load_bytes(path.name, path.read_bytes()).problems) if path.is_file() else []
    parts = below.parts
    found: list[Located] = []
    for name in packs(root):
        if not parts or parts[0] == TENANTS or parts[1:2] in ((), (name,)):
            sources, problems = read_packs(root, [name])
            found += problems + _new(build(sources).problems, found)
    for name in tenants(root):
        if not parts or parts[0] == PACKS or parts[1:2] in ((), (name,)):
            sources, problems = read_tenant(root, name)
            found += problems + _new(build(sources).problems, found)
    prefix = below.as_posix()
    wanted = [p for p in found if prefix == "." or f"{p.file}/".startswith(f"{prefix}/")]
    return in_order(wanted)


def _new(problems: list[Located], told: list[Located]) -> list[Located]:
    """Without what was told of a flow before: within another tenant only the way there differs."""
    known = {(p.order, p.problem.path) for p in told if p.problem.code in FLOW_CODES}
    return [p for p in problems if (p.order, p.problem.path) not in known]


def _root_of(path: Path) -> tuple[Path | None, Path]:
    """The `definitions` folder a path lies in, and the path below it."""
    absolute = path.resolve()
    for folder in (absolute, *absolute.parents):
        if (folder / PACKS).is_dir() or (folder / TENANTS).is_dir():
            return folder, absolute.relative_to(folder)
    return None, absolute
