"""The files a catalog is made of: found in their folders, hashed, exported as they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.catalog.loader import Document, load_bytes, load_text
from app.catalog.problems import Located, at_span
from forms.problems import Problem, suggest

PACKS = "packs"
TENANTS = "tenants"


@dataclass(frozen=True, slots=True)
class Sources:
    """What one tenant's catalog is made of: path below `definitions/` to the text of the file.

    Texts keep their byte order mark and line ends, so that they can be written back byte for byte.
    `tenant` is "" for packs alone.
    """

    files: Mapping[str, str]
    tenant: str = ""

    @property
    def hash(self) -> str:
        """The address of this content: see `content_hash`."""
        return content_hash(self.files)

    def replaced(self, path: str, text: str | None) -> Sources:
        """The same sources with one file written anew, or left out where `text` is None."""
        files = {name: old for name, old in self.files.items() if name != path}
        if text is not None:
            files[path] = text
        return Sources(files, self.tenant)


@dataclass(frozen=True, slots=True)
class Layer:
    """A pack or the tenant: its definitions by kind and id, in the order of the paths."""

    name: str
    is_tenant: bool
    documents: tuple[Document, ...]


def content_hash(files: Mapping[str, str]) -> str:
    """SHA-256 over paths and texts in the order of the paths: same content, same hash.

    Every character counts, line ends and byte order marks too.
    """
    digest = hashlib.sha256(b"returnflow definitions 1\n")
    for path in sorted(files):
        for part in (path.encode(), files[path].encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def export(sources: Sources) -> dict[str, bytes]:
    """The files as they were read, byte for byte."""
    return {path: text.encode("utf-8") for path, text in sources.files.items()}


def tenants(root: Path) -> list[str]:
    """The tenants that have a folder below `root/tenants`."""
    return _folders(root / TENANTS)


def packs(root: Path) -> list[str]:
    """The packs that have a folder below `root/packs`."""
    return _folders(root / PACKS)


def read_tenant(root: Path, tenant: str) -> tuple[Sources, list[Located]]:
    """A tenant's own files and those of its packs, with the packs these require.

    `root` is the `definitions` folder. Files that cannot be read as text are left out and reported.
    """
    reading = _Reading(root)
    reading.folder(f"{TENANTS}/{tenant}")
    reading.packs(_named(reading.files, f"{TENANTS}/{tenant}/tenant.yaml", "packs"))
    return Sources(reading.files, tenant), reading.problems


def read_packs(root: Path, names: list[str]) -> tuple[Sources, list[Located]]:
    """Packs alone, with the packs these require."""
    reading = _Reading(root)
    reading.packs(names)
    return Sources(reading.files), reading.problems


class _Reading:
    """Collects the files of folders and of the packs they need."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, str] = {}
        self.problems: list[Located] = []
        self.seen: set[str] = set()

    def packs(self, names: list[str]) -> None:
        for name in names:
            if name not in self.seen and (self.root / PACKS / name).is_dir():
                self.seen.add(name)
                self.folder(f"{PACKS}/{name}")
                self.packs(_named(self.files, f"{PACKS}/{name}/pack.yaml", "requires"))

    def folder(self, folder: str) -> None:
        for path in sorted((self.root / folder).rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_symlink() or not path.is_file() or "/." in f"/{name}":
                continue
            if path.suffix == ".yaml":
                self._file(name, path)
            elif path.suffix in (".yml", ".json"):
                problem = Problem(
                    "wrong_file_name",
                    (),
                    "this file would never be read",
                    "definitions end in .yaml",
                )
                self.problems.append(Located(name, 1, 1, problem))

    def _file(self, name: str, path: Path) -> None:
        content = path.read_bytes()
        try:
            self.files[name] = content.decode("utf-8")
        except UnicodeDecodeError:
            self.problems.extend(load_bytes(name, content).problems)


@lru_cache(maxsize=4096)
def document(path: str, text: str) -> Document:
    """A file as read; the same text is read once. Nobody may change what comes back."""
    return load_text(path, text)


def layers(sources: Sources) -> tuple[list[Layer], list[Located]]:
    """Packs in the order in which they build on each other, the tenant last; and what is amiss."""
    by_folder: dict[str, list[Document]] = {}
    problems: list[Located] = []
    for path in sorted(sources.files):
        parts = path.split("/")
        if len(parts) < 3 or parts[0] not in (PACKS, TENANTS):
            problem = Problem("wrong_folder", (), "this file belongs to no pack and no tenant")
            problems.append(Located(path, 1, 1, problem))
            continue
        by_folder.setdefault("/".join(parts[:2]), []).append(document(path, sources.files[path]))
    found = {name.split("/")[1]: docs for name, docs in by_folder.items() if name.startswith(PACKS)}
    ordered: list[Layer] = []
    own = by_folder.get(f"{TENANTS}/{sources.tenant}", [])
    if sources.tenant:
        wanted = _heading(own, "tenant")
        if wanted is None:
            where = f"{TENANTS}/{sources.tenant}/tenant.yaml"
            problem = Problem("missing_file", (), f"{where} is missing", "it names the packs")
            problems.append(Located(where, 1, 1, problem))
        roots: list[_Reference] = list(_references(wanted, "packs"))
    else:
        roots = [(name, None) for name in found]
    for name, located in roots:
        _visit(name, located, found, ordered, [], problems)
    if sources.tenant:
        ordered.append(Layer(sources.tenant, True, tuple(own)))
    return ordered, problems


_Reference = tuple[str, Document | None]


def _visit(
    name: str,
    by: Document | None,
    found: Mapping[str, list[Document]],
    ordered: list[Layer],
    path: list[str],
    problems: list[Located],
) -> None:
    """Depth first: what a pack requires comes before it."""
    if name in path:
        circle = " → ".join([*path[path.index(name) :], name])
        problems.append(
            _at_name(by, name, Problem("pack_cycle", (), f"packs in a circle: {circle}"))
        )
        return
    if any(layer.name == name and not layer.is_tenant for layer in ordered):
        return
    if name not in found:
        known = sorted(found)
        problem = Problem(
            "unknown_pack",
            (),
            f"there is no pack {name}",
            "a folder below packs/",
            suggest(name, known),
        )
        problems.append(_at_name(by, name, problem))
        return
    heading = _heading(found[name], "pack")
    if heading is None:
        where = f"{PACKS}/{name}/pack.yaml"
        problems.append(
            Located(where, 1, 1, Problem("missing_file", (), f"{where} is missing", "pack: <id>"))
        )
    for required, at in _references(heading, "requires"):
        _visit(required, at, found, ordered, [*path, name], problems)
    ordered.append(Layer(name, False, tuple(found[name])))


def _at_name(by: Document | None, name: str, problem: Problem) -> Located:
    """The place where a pack is named in a heading."""
    if by is not None and by.root is not None:
        for key in ("packs", "requires"):
            listed = by.root.child(key)
            for index, item in enumerate(listed.items if listed is not None else []):
                if item.value == name:
                    return at_span(item.span, problem.under(key, index))
        return Located(by.path, 1, 1, problem)
    return Located(f"{PACKS}/{name}/pack.yaml", 1, 1, problem)


def _heading(documents: list[Document], kind: str) -> Document | None:
    return next((d for d in documents if d.path.endswith(f"/{kind}.yaml")), None)


def _references(heading: Document | None, key: str) -> Iterator[_Reference]:
    if heading is None or heading.root is None:
        return
    listed = heading.root.child(key)
    for item in listed.items if listed is not None else []:
        if isinstance(item.value, str):
            yield item.value, heading


def _named(files: Mapping[str, str], path: str, key: str) -> list[str]:
    found = document(path, files[path]) if path in files else None
    return [name for name, _ in _references(found, key)]


def _folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    return sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
