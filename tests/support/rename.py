"""Rename every form, field, option, option value and role id of the definitions, by script.

What flows, policies and the kinds around them name is renamed by `rename_flows`.

Whatever still works afterwards did not know the names: the proof that nothing about returns is in
the program. Works on the structure of the YAML, so that words of the grammar keep their meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml

from app.catalog.flow_rows import LINES, NAMES
from tests.support.rename_flows import FlowRenamer, Found

SYSTEM = {"id", "number", "title", "stage", "created_by", "created_at", "updated_by", "updated_at"}
_TOKEN = re.compile(r"('(?:[^'\\]|\\.)*'|\"[^\"]*\")|([A-Za-z_][A-Za-z0-9_]*)")
TOLD = ("task.", "actor.")
"""What comes with an event has names of the engine's own, whatever fields are called."""
_PLACE = re.compile(r"\{([^{}]*)\}")
Node = object


class _Loader(yaml.SafeLoader):
    """Text stays text: only true, false, null and whole numbers are anything else."""


_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789")
)


def default_name(old: str) -> str:
    """The new id of an old one: nothing of the old word is left to be recognised."""
    return "z" + "".join(chr((ord(c) - 97 + 13) % 26 + 97) if c.isalpha() else c for c in old)


class Renamer:
    """Collects the ids of all files first, then rewrites the files."""

    def __init__(self, documents: Mapping[Path, Mapping[str, Node]]) -> None:
        self.documents = documents
        self.forms: set[str] = set()
        self.fields: set[str] = set()
        self.options: set[str] = set()
        self.values: set[str] = set()
        self.roles: set[str] = set()
        for document in documents.values():
            self._collect(document)
        self.kept: set[str] = set()
        self.found = Found(documents.values())
        self.flows = FlowRenamer(self, self.found, default_name)

    def _collect(self, document: Mapping[str, Node]) -> None:
        kind = next(iter(document))
        if kind == "form":
            self.forms.add(str(document["form"]))
            self._collect_fields(_map(document.get("fields")))
        elif kind == "options":
            self.options.add(str(document["options"]))
            self.values |= set(_map(document.get("values")))
            self.fields |= set(_map(document.get("attributes")))
            for listed in _map(document.get("attributes")).values():
                self.values |= {str(v) for v in listed} if isinstance(listed, list) else set()
        elif kind == "role":
            self.roles.add(str(document["role"]))

    def _collect_fields(self, fields: Mapping[str, Node]) -> None:
        for name, spec in fields.items():
            self.fields.add(name)
            self._collect_fields(_map(_map(spec).get("fields")))

    # Names ------------------------------------------------------------------------------------

    def form(self, name: Node) -> str:
        return default_name(str(name)) if str(name) in self.forms else str(name)

    def target(self, name: Node) -> str:
        form, dot, lines = str(name).partition(".")
        return self.form(form) + dot + (self.path(lines) if dot else "")

    def path(self, name: Node) -> str:
        text = str(name)
        sign = "-" if text.startswith("-") else ""
        return sign + ".".join(self._word(part) for part in text.removeprefix("-").split("."))

    def _word(self, word: str) -> str:
        known = word in self.fields or word in self.forms or word in self.found.slas
        return default_name(word) if known and word not in SYSTEM else word

    def value(self, value: Node) -> Node:
        return default_name(value) if isinstance(value, str) and value in self.values else value

    def _literal(self, word: str) -> str:
        """A text inside an expression: an option's value, or a stage."""
        known = word in self.values or word in self.found.stages or word in self.found.steps
        return default_name(word) if known else word

    def role(self, name: Node) -> str:
        return default_name(str(name)) if str(name) in self.roles else str(name)

    def expr(self, source: Node, names: bool = True) -> Node:
        """An expression; with `names` false only the option values inside quotes are renamed."""
        if not isinstance(source, str):
            return source

        def swap(match: re.Match[str]) -> str:
            literal, word = match[1], match[2]
            if literal:
                return literal[0] + self._literal(literal[1:-1]) + literal[-1]
            called = source[match.end() :].lstrip().startswith("(")
            before = source[: match.start()]
            own = word in self.kept and not before.endswith(".")
            told = before.endswith(TOLD)
            return word if called or own or told or not names else self._word(word)

        return _TOKEN.sub(swap, source)

    def text(self, value: Node) -> Node:
        """A text for people: only its placeholders are expressions."""
        if isinstance(value, Mapping):
            return {k: self.text(v) for k, v in value.items()}
        if not isinstance(value, str):
            return value
        return _PLACE.sub(lambda m: "{" + str(self.expr(m[1])) + "}", value)

    # Kinds ------------------------------------------------------------------------------------

    def document(self, document: Mapping[str, Node]) -> Mapping[str, Node]:
        """One definition, renamed."""
        kind = next(iter(document))
        rewrite: Callable[[Mapping[str, Node]], Mapping[str, Node]] | None = getattr(
            self, f"_{kind}", None
        ) or getattr(self.flows, kind, None)
        return rewrite(document) if rewrite else document

    def _form(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        return _rewrite(
            d,
            form=self.form,
            title=self.text,
            currency=self.expr,
            fields=self._fields,
            checks=lambda c: _each(
                c, lambda x: _rewrite(x, that=self.expr, message=self.text, at=self._moments)
            ),
            unique=lambda u: _each(u, lambda x: _rewrite(x, fields=self._paths)),
            sections=lambda s: _each(s, lambda x: _rewrite(x, fields=self._paths)),
            list=lambda x: {key: self._paths(paths) for key, paths in _map(x).items()},
        )

    def _moments(self, moments: Node) -> Node:
        steps = self.found.steps
        listed = moments if isinstance(moments, list) else [moments]
        return [default_name(m) if m in steps and m != "submit" else m for m in listed]

    def _fields(self, fields: Node) -> Mapping[str, Node]:
        return {self._word(n): self._field(_map(spec)) for n, spec in _map(fields).items()}

    def _field(self, spec: Mapping[str, Node]) -> Mapping[str, Node]:
        exprs = dict.fromkeys(
            ("required", "visible", "readonly", "default", "formula", "where", "currency"),
            self.expr,
        )
        return _rewrite(
            spec,
            **exprs,
            to=self.target,
            fill=lambda f: {self._word(k): self.expr(v) for k, v in _map(f).items()},
            options=self._choice,
            under=self.expr,
            title=self.text,
            fields=self._fields,
            unique=self._paths,
        )

    def _choice(self, options: Node) -> Node:
        if isinstance(options, str):
            return default_name(options) if options in self.options else options
        if isinstance(options, list):
            return [self.value(v) for v in options]
        return options

    def _paths(self, paths: Node) -> list[str]:
        return [self.path(p) for p in (paths if isinstance(paths, list) else [paths])]

    def _options(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        def attributes(entry: Node) -> Mapping[str, Node]:
            keep = ("label", "parent", "from", "until", "after")
            renamed = {
                k if k in keep else self._word(k): v if k in keep else self.value(v)
                for k, v in _map(entry).items()
            }
            return _rewrite(renamed, parent=self.value)

        def allowed(kinds: Node) -> Node:
            if isinstance(kinds, Mapping):
                return _rewrite(kinds, options=self._choice)
            return [self.value(k) for k in kinds] if isinstance(kinds, list) else kinds

        return _rewrite(
            d,
            options=self._choice,
            attributes=lambda a: {self._word(k): allowed(v) for k, v in _map(a).items()},
            values=lambda v: {self.value(k): attributes(e) for k, e in _map(v).items()},
        )

    def _role(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        return _rewrite(
            d,
            role=self.role,
            includes=lambda names: [self.role(n) for n in names],
            can=lambda can: {
                self.form(f): _rewrite(
                    _map(g), rows=self.expr, hide=self._paths, readonly=self._paths
                )
                for f, g in _map(can).items()
            },
        )

    def _aggregate(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        def measure(m: Mapping[str, Node]) -> Mapping[str, Node]:
            return _rewrite(
                m, **{"from": self.target}, by=self.path, sum=self.expr, where=self.expr
            )

        return _rewrite(d, per=self.target, measures=lambda m: _each(m, measure))

    def _report(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A report; of a flow's work the product itself names the columns."""
        self.kept = set(NAMES) if str(d.get("source", "")).endswith(f".{LINES}") else set()
        try:
            return self._report_of(d)
        finally:
            self.kept = set()

    def _report_of(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        kept = ("of", "ratio", "label", "show", "unit")

        def part(p: Node) -> Node:
            if not isinstance(p, Mapping):
                return self.expr(p)
            return {k: v if k in kept else self.expr(v) for k, v in p.items()}

        def parts(p: Node) -> Mapping[str, Node]:
            return {k: part(v) for k, v in _map(p).items()}

        return _rewrite(
            d,
            source=self.target,
            where=self.expr,
            filters=parts,
            group=parts,
            measures=parts,
            drill=lambda shown: [self.expr(one) for one in shown],
        )

    def _import(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        return _rewrite(d, into=self.form, key=self._key, map=self._mapping)

    def _key(self, key: Node) -> Node:
        return self.path(key) if isinstance(key, str) else self._paths(key)

    def _mapping(self, mapping: Node) -> Mapping[str, Node]:
        return {self._word(k): self._mapped(v) for k, v in _map(mapping).items()}

    def _mapped(self, how: Node) -> Node:
        if not isinstance(how, Mapping):
            return self.expr(how, names=False)
        return _rewrite(
            how,
            value=self.value,
            find=self.target,
            by=lambda by: {self.path(k): v for k, v in _map(by).items()},
            map=self._mapping,
        )

    def _demo(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        def step(s: Mapping[str, Node]) -> Mapping[str, Node]:
            rules = {"with": self._made, "at": self.path, "then": self.flows.then}
            return _rewrite(s, form=self.form, like=self.form, **rules)

        def user(u: Mapping[str, Node]) -> Mapping[str, Node]:
            return _rewrite(u, roles=lambda names: [self.role(n) for n in names])

        def steps(s: Node) -> Mapping[str, Node]:
            return {self.form(k): step(_map(v)) for k, v in _map(s).items()}

        return _rewrite(d, users=lambda u: _each(u, user), records=steps)

    def _made(self, spec: Node) -> Mapping[str, Node]:
        return {self._word(k): self._way(v) for k, v in _map(spec).items()}

    def _way(self, rule: Node) -> Node:
        if not isinstance(rule, Mapping):
            return self.value(rule)

        def picked(p: Node) -> Node:
            if isinstance(p, Mapping):
                return {self.value(k): v for k, v in p.items()}
            return [self.value(v) for v in p] if isinstance(p, list) else p

        return _rewrite(
            rule,
            pick=picked,
            nth=picked,
            link=self.target,
            of=self.path,
            own=self.path,
            up_to=self.path,
            each=self.path,
            **{"with": self._made},
        )


def rename_definitions(source: Path, target: Path) -> Renamer:
    """Copy a `definitions` folder with every id renamed; schemas are copied as they are."""
    schemas = target / "schemas"
    schemas.mkdir(parents=True)
    for path in (source / "schemas").glob("*.json"):
        (schemas / path.name).write_bytes(path.read_bytes())
    documents = {path: load(path) for path in sorted(source.rglob("*.yaml"))}
    renamer = Renamer(documents)
    for path, document in documents.items():
        renamed = renamer.document(document)
        own = str(next(iter(renamed.values())))
        named_by_id = path.stem == str(next(iter(document.values())))
        relative = path.relative_to(source).with_name(f"{own}.yaml" if named_by_id else path.name)
        out = target / relative
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(dump(renamed), encoding="utf-8")
    return renamer


def load(path: Path) -> Mapping[str, Node]:
    """One definition as plain data."""
    return _map(yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader))


def dump(document: Mapping[str, Node]) -> str:
    """Plain data as YAML, in the same order."""
    return yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False, width=200)


def _map(node: Node) -> Mapping[str, Node]:
    return node if isinstance(node, Mapping) else {}


def _rewrite(node: Mapping[str, Node], **rules: Callable[[Node], Node]) -> Mapping[str, Node]:
    return {
        key: rules[key](value) if key in rules and value is not None else value
        for key, value in node.items()
    }


def _each(
    node: Node, rule: Callable[[Mapping[str, Node]], Mapping[str, Node]]
) -> Mapping[str, Node]:
    return {
        key: rule(value) if isinstance(value, Mapping) else value
        for key, value in _map(node).items()
    }


def words_left(folder: Path, words: Iterable[str]) -> set[str]:
    """Which of the old ids still stand as a key or value somewhere below `folder`."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml")))
    return {word for word in words if re.search(rf"^\s*{re.escape(word)}:", text, re.MULTILINE)}
