"""Packs first, then what a tenant changes: one tree for each definition, every node from its file.

Maps merge; scalars and lists replace; `null` removes; a node whose `type` or step kind changes is
replaced whole; `after` places an entry behind a sibling. The merged result is what gets checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.catalog.loader import Document
from app.catalog.nodes import Node, Span
from app.catalog.problems import Located, at_span
from app.catalog.schemas import FOLDERS, KINDS, SINGLE
from app.catalog.sources import Layer
from forms.problems import Path, Problem, suggest

STEP_KINDS = frozenset(
    ("task", "approve", "decide", "switch", "do", "wait", "each", "parallel", "start", "end")
)

# Maps whose entries may say `after: <sibling>`. `remind` is not among them: its `after` is a time.
COLLECTIONS = frozenset(
    "fields sections checks unique options values rules outputs stages slas interrupts steps "
    "levels do measures never tiles filters group signoffs revisions events can users "
    "departments records".split()
)

Key = tuple[str, str]


@dataclass(slots=True)
class Definition:
    """A definition as it counts: merged over all layers.

    `added` are the paths an overlay brought in, `removed` the paths it took out and where.
    """

    kind: str
    id: str
    root: Node
    layer: str
    pack: str
    document: Document | None = None
    """The one file it stands in, where no overlay changes it."""
    added: set[Path] = field(default_factory=set)
    removed: dict[Path, Span] = field(default_factory=dict)


@dataclass(slots=True)
class Merged:
    """All definitions by kind and id, what was wrong, and which could not be read at all."""

    definitions: dict[Key, Definition] = field(default_factory=dict)
    problems: list[Located] = field(default_factory=list)
    unreadable: set[Key] = field(default_factory=set)

    def of_kind(self, kind: str) -> dict[str, Definition]:
        """The definitions of one kind by id."""
        return {d.id: d for d in self.definitions.values() if d.kind == kind}

    def ids(self, kind: str) -> set[str]:
        """All ids of a kind, also of files that could not be read."""
        return {i for k, i in (*self.definitions, *self.unreadable) if k == kind}


def merge(layers: Iterable[Layer]) -> Merged:
    """Lay the layers over each other, packs first."""
    result = Merged()
    for layer in layers:
        for document in layer.documents:
            result.problems.extend(document.problems)
            if document.root is None:
                if document.kind in KINDS and document.id:
                    result.unreadable.add((document.kind, document.id))
                continue
            if _in_place(layer, document, result.problems):
                _lay(layer, document, document.root, result)
    return result


def _lay(layer: Layer, document: Document, root: Node, result: Merged) -> None:
    """Add one document to what the layers below gave."""
    key = (document.kind, document.id)
    base = result.definitions.get(key)
    extends = root.child("extends")
    if extends is None:
        if base is not None:
            problem = Problem(
                "redefined",
                (document.kind,),
                f"{document.kind} {document.id} is already defined by the pack {base.pack}",
                f"`extends: {base.pack}` changes it; a new definition needs another id",
            )
            result.problems.append(at_span(root.fields[document.kind].span, problem))
            return
        pack = "" if layer.is_tenant else layer.name
        definition = Definition(document.kind, document.id, root, layer.name, pack, document)
    elif key in result.unreadable:
        return
    elif base is None or base.pack != extends.value:
        known = [d.id for d in result.of_kind(document.kind).values() if d.pack == extends.value]
        near = suggest(document.id, known)
        allowed = f"{document.kind} {document.id} belongs to {base.pack}" if base else ""
        problem = Problem(
            "nothing_to_extend",
            ("extends",),
            f"the pack {extends.value} has no {document.kind} {document.id}",
            allowed,
            near,
        )
        result.problems.append(at_span(extends.span, problem))
        return
    else:
        definition = Definition(document.kind, document.id, base.root, layer.name, base.pack)
        definition.added, definition.removed = set(base.added), dict(base.removed)
        definition.root = _Merge(definition, result.problems).maps(base.root, root, ())
    if "after:" in document.text:
        definition.root, definition.document = _placed(definition.root, "", result.problems), None
    result.definitions[key] = definition


class _Merge:
    """One overlay laid over one definition."""

    def __init__(self, definition: Definition, problems: list[Located]) -> None:
        self.definition = definition
        self.problems = problems

    def maps(self, base: Node, over: Node, path: Path) -> Node:
        """The entries of both; the overlay's win."""
        children, keys = dict(base.fields), dict(base.keys)
        for key, node in over.fields.items():
            here = (*path, key)
            if not path and key in ("extends", self.definition.kind):
                continue
            if node.value is None:
                self._remove(children, keys, over.keys[key], here)
            elif key not in children:
                children[key], keys[key] = node, over.keys[key]
                self.definition.added.add(here)
            elif self._merges(children[key], node, here):
                children[key] = self.maps(children[key], node, here)
            else:
                children[key], keys[key] = node, over.keys[key]
        return Node(children, base.span, keys)

    def _merges(self, base: Node, over: Node, path: Path) -> bool:
        if not base.fields or not isinstance(over.value, dict):
            return False
        old, new = base.child("type"), over.child("type")
        if old is not None and new is not None and old.value != new.value:
            return False
        if self.definition.kind == "flow" and len(path) > 1 and path[-2] not in ("next", "set"):
            kinds = STEP_KINDS & base.keys.keys(), STEP_KINDS & over.keys.keys()
            return not (kinds[0] and kinds[1] and kinds[0].isdisjoint(kinds[1]))
        return True

    def _remove(
        self, children: dict[str, Node], keys: dict[str, Span], span: Span, path: Path
    ) -> None:
        key = str(path[-1])
        if key not in children:
            problem = Problem(
                "nothing_to_remove",
                path,
                f"there is no {key} to remove here",
                "",
                suggest(key, children),
                on_key=True,
            )
            self.problems.append(at_span(span, problem))
            return
        del children[key], keys[key]
        self.definition.removed[path] = span


def _placed(node: Node, name: str, problems: list[Located]) -> Node:
    """Carry out `after` in all collections below."""
    if isinstance(node.value, list):
        return node
    if not node.fields:
        return node
    children = {key: _placed(child, key, problems) for key, child in node.fields.items()}
    order = list(children)
    if name in COLLECTIONS:
        for key in list(children):
            after = children[key].child("after")
            if after is None:
                continue
            child = children[key]
            children[key] = Node(
                {k: v for k, v in child.fields.items() if k != "after"},
                child.span,
                {k: v for k, v in child.keys.items() if k != "after"},
            )
            sibling = after.value
            if not isinstance(sibling, str) or sibling not in children or sibling == key:
                problem = Problem(
                    "bad_after",
                    (name, key, "after"),
                    f"there is no {sibling} to stand after",
                    "the id of a sibling",
                    suggest(str(sibling), [k for k in children if k != key]),
                )
                problems.append(at_span(after.span, problem))
                continue
            order.remove(key)
            order.insert(order.index(sibling) + 1, key)
    return Node(
        {key: children[key] for key in order},
        node.span,
        {key: node.keys[key] for key in order},
    )


def _in_place(layer: Layer, document: Document, problems: list[Located]) -> bool:
    """Whether a file stands where its kind and id say. What is misplaced is not used further."""
    root = document.root
    if root is None:
        return False
    kind_span = next(iter(root.keys.values()))
    if document.kind not in KINDS:
        problem = Problem(
            "unknown_kind",
            (document.kind,),
            f"{document.kind} is no kind of definition; the first key names the kind",
            f"one of {', '.join(KINDS)}",
            suggest(document.kind, KINDS),
            on_key=True,
        )
        problems.append(at_span(kind_span, problem))
        return False
    named = root.fields[document.kind]
    if not document.id:
        problem = Problem(
            "bad_id", (document.kind,), "the id is missing", "a word, as the file name"
        )
        problems.append(at_span(named.span, problem))
        return False
    parts = document.path.split("/")[2:]
    top, stem = "/".join(parts[:-1]), parts[-1].removesuffix(".yaml")
    folder = "" if document.kind in SINGLE else FOLDERS[document.kind]
    if top != folder:
        where = f"{folder}/" if folder else "the top folder"
        problem = Problem(
            "wrong_folder", (document.kind,), f"a {document.kind} stands in {where}", on_key=True
        )
        problems.append(at_span(kind_span, problem))
        return False
    expected = {"demo": stem, "pack": layer.name, "tenant": layer.name}.get(document.kind, stem)
    if document.kind in SINGLE:
        named_right = stem == document.kind and (document.kind == "demo" or document.id == expected)
    else:
        named_right = document.id == stem
    if not named_right:
        problem = Problem(
            "wrong_file_name",
            (document.kind,),
            f"the file {parts[-1]} holds {document.kind} {document.id}",
            f"the name of the file is the id: {expected}",
        )
        problems.append(at_span(named.span, problem))
        return False
    if document.kind in ("pack", "tenant") and (document.kind == "tenant") != layer.is_tenant:
        what = "tenant" if layer.is_tenant else "pack"
        problem = Problem(
            "wrong_folder", (document.kind,), f"this is the folder of a {what}", on_key=True
        )
        problems.append(at_span(kind_span, problem))
        return False
    return True
