"""From sources to a compiled catalog: all problems of all files, or something to publish."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.capabilities import Capability
from app.capabilities import known as known_capabilities
from app.catalog.check_flows import Around, check_flows
from app.catalog.compile_aggregates import aggregate_type, compile_aggregate
from app.catalog.compile_calendars import compile_calendar
from app.catalog.compile_connections import compile_connection
from app.catalog.compile_dashboards import compile_dashboard
from app.catalog.compile_flows import compile_flow
from app.catalog.compile_imports import compile_import
from app.catalog.compile_notifications import compile_notification
from app.catalog.compile_policies import compile_policy
from app.catalog.compile_portals import as_contact, compile_portal, contact_roles
from app.catalog.compile_reports import compile_report
from app.catalog.compile_roles import compile_role, include_cycles
from app.catalog.compile_scenarios import compile_scenario
from app.catalog.compile_taken import link_reports
from app.catalog.compiling import Compiling
from app.catalog.model import Aggregate, Catalog, Raw, Report, Tenant
from app.catalog.nodes import Node, Span, plain
from app.catalog.overlay import Definition, Merged, merge
from app.catalog.problems import Located, at_span, in_order, locate
from app.catalog.references import check_references
from app.catalog.schemas import KINDS, validate
from app.catalog.sources import Sources, layers
from app.catalog.words import words_of
from flows.compile import ends_of
from forms.compile import compile_form, compile_options
from forms.compile_library import StaticLibrary
from forms.model import Form, Options
from forms.problems import ERROR, Path, Problem, suggest
from forms.signature import signature
from forms.values import Text

T = TypeVar("T")

# Findings that another finding may have caused: a name is missing only because what it names could
# not be read or compiled. They wait until that is mended.
CONSEQUENCES = frozenset(
    "expr_unknown_name expr_unknown_function expr_unknown_target expr_aggregate expr_attribute "
    "expr_option expr_types "
    "unknown_field unknown_target unknown_target_lines unknown_lines unknown_options list_unknown "
    "section_unknown unique_unknown fill_unknown keep_unknown unknown_column bad_default".split()
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

COMPILED = (
    *("form", "options", "role", "aggregate", "import", "report", "dashboard", "scenario"),
    *("calendar", "policy", "flow", "connection", "portal", "notification"),
)


@dataclass(frozen=True, slots=True)
class Built:
    """A catalog, or None where an error stands in its way; the problems in the files' order,
    warnings among them.

    `whole`: the catalog whatever the problems, as long as every definition could be compiled. A
    release that was published under fewer checks than today's is still the company's: its records
    go on by it, only publishing it again is refused.
    """

    catalog: Catalog | None
    problems: list[Located] = field(default_factory=list)
    whole: Catalog | None = None


def build(sources: Sources, capabilities: Mapping[str, Capability] | None = None) -> Built:
    """Compile everything. Never raises for what authors write.

    `capabilities`: what connections can serve; None: what this process knows.
    """
    ordered, problems = layers(sources)
    merged = merge(ordered)
    work = _Work(sources, merged, capabilities or known_capabilities())
    problems += merged.problems
    problems += work.check_schemas()
    catalog = work.compile()
    problems += work.problems
    whole = None if work.lost or merged.unreadable else catalog
    stands = any(p.stands_in_the_way for p in problems)
    return Built(None if stands else catalog, in_order(problems), whole)


class _Work:
    """The state of one build: plain values of each definition and what was found."""

    def __init__(
        self, sources: Sources, merged: Merged, capabilities: Mapping[str, Capability]
    ) -> None:
        self.sources = sources
        self.capabilities = capabilities
        self.merged = merged
        self.problems: list[Located] = []
        self.data: dict[tuple[str, str], dict[str, Any]] = {}
        self.faulty: dict[tuple[str, str], list[Path]] = {}
        self.lost = False
        """Whether a definition could not be compiled."""
        self.troubled: set[tuple[str, str]] = set()
        """Definitions with a problem of their own: what follows from it is not told."""
        self.suspects: set[str] = {name for _, name in merged.unreadable}
        self.removed = _removed(merged)
        self.ids: dict[str, set[str]] = {kind: merged.ids(kind) for kind in KINDS}
        self.library = StaticLibrary()
        self._texts = {path: text.removeprefix("\ufeff") for path, text in sources.files.items()}

    def check_schemas(self) -> list[Located]:
        """Hold every definition against its schema; what does not fit is not compiled."""
        found: list[Located] = []
        for key, definition in self.merged.definitions.items():
            root = _without(definition.root, ("extends",))
            problems = [_new_id(definition, p) for p in _misfits(definition, root)]
            found.extend(_place(definition, root, p) for p in problems)
            self.faulty[key] = [p.path for p in problems]
            for problem in problems:
                self.suspects.update(step for step in problem.path if isinstance(step, str))
            if key[0] == "form" and ("fields",) in self.faulty[key]:
                self.suspects.add(key[1])  # like a file that could not be read
                continue
            values = plain(root)
            data = values if isinstance(values, dict) else {}
            for problem in problems:
                _prune(data, problem)
            self.data[key] = data
        return found

    def compile(self) -> Catalog:
        """Compile in the order in which definitions need each other."""
        options = self._options()
        signatures = {
            i: signature(i, data, _values(options)) for i, data in self._of("form").items()
        }
        library = StaticLibrary(signatures, options)
        self.library = library
        aggregates = self._aggregates()
        known = {name: aggregate_type(found) for name, found in aggregates.items()}
        self.library = StaticLibrary(signatures, options, known)
        forms = self._forms()
        outside = contact_roles(self._of("portal"), self.library)
        roles = self._compiled(
            "role", lambda i, at: compile_role(i, as_contact(at, outside.get(i)), forms)
        )
        for start, way in include_cycles(roles).items():
            problem = Problem(
                "include_cycle", ("includes",), f"roles in a circle: {' → '.join(way)}", on_key=True
            )
            self._note("role", start, problem)
        reports = self._reports()
        dashboards = self._compiled("dashboard", lambda i, at: compile_dashboard(i, at, reports))
        imports = self._compiled("import", lambda i, at: compile_import(i, at, forms))
        scenarios = self._compiled("scenario", compile_scenario)
        connections = self._compiled("connection", compile_connection)
        calendars = self._compiled("calendar", compile_calendar)
        flows_raw, tenant = self._of("flow"), self._tenant()
        words = words_of(forms, options, aggregates, flows_raw, tenant)
        policies = self._compiled("policy", lambda i, at: compile_policy(i, at, forms, words))
        portals = self._compiled(
            "portal", lambda i, at: compile_portal(i, at, forms, roles, flows_raw)
        )
        notifications = self._compiled(
            "notification", lambda i, at: compile_notification(i, at, flows_raw)
        )
        ends = {name: ends_of(data) for name, data in flows_raw.items()}
        flows = self._compiled(
            "flow", lambda i, at: compile_flow(i, at, forms, policies, ends, words)
        )
        around = Around(
            forms,
            roles,
            self.capabilities,
            connections,
            imports,
            {kind: self._of(kind) for kind in ("portal", "trigger")},
        )
        for name, problem in list(check_flows(flows, around, ends)):
            if not {("flow", name), ("form", name)} & self.troubled:
                self._note("flow", name, problem)
        for kind in KINDS:
            if kind not in COMPILED:
                self._compiled(kind, check_references)
        return Catalog(
            hash=self.sources.hash,
            sources=self.sources,
            tenant=tenant,
            forms=forms,
            options=options,
            roles=roles,
            aggregates=aggregates,
            imports=imports,
            reports=reports,
            dashboards=dashboards,
            scenarios=scenarios,
            connections=connections,
            calendars=calendars,
            policies=policies,
            notifications=notifications,
            portals=portals,
            flows=flows,
            others={kind: self._of(kind) for kind in KINDS if kind not in COMPILED},
            raw={kind: self._of(kind) for kind in KINDS},
            library=self.library,
            words=words,
        )

    def _of(self, kind: str) -> dict[str, Raw]:
        return {i: data for (k, i), data in self.data.items() if k == kind}

    def _options(self) -> dict[str, Options]:
        found: dict[str, Options] = {}
        every = self._of("options")
        for name, data in every.items():
            made, problems = compile_options(name, data, every)
            self._add("options", name, problems)
            if made is not None:
                found[name] = made
            self.lost |= made is None
        self.suspects.update(name for name in self.ids["options"] if name not in found)
        return found

    def _aggregates(self) -> dict[str, Aggregate]:
        for data in self._of("aggregate").values():
            for name, measure in _maps(data.get("measures")):
                if not self.suspects.isdisjoint(_WORD.findall(str(measure.get("from")))):
                    self.suspects.add(name)
        found = self._compiled("aggregate", compile_aggregate)
        self.suspects.update(name for name in self.ids["aggregate"] if name not in found)
        return found

    def _forms(self) -> dict[str, Form]:
        found: dict[str, Form] = {}
        for name, data in self._of("form").items():
            made, problems = compile_form(name, data, self.library)
            self._add("form", name, problems)
            if made is not None:
                found[name] = made
            self.lost |= made is None
        return found

    def _reports(self) -> dict[str, Report]:
        alone = self._compiled("report", compile_report)
        return {
            **alone,
            **self._compiled(
                "report",
                lambda i, at: link_reports(alone, alone[i], at) if i in alone else None,
            ),
        }

    def _compiled(self, kind: str, one: Callable[[str, Compiling], T | None]) -> dict[str, T]:
        """Run a compiler over all definitions of a kind."""
        found: dict[str, T] = {}
        for name, data in self._of(kind).items():
            if self._unusable(kind, name):
                self.lost = True
                continue
            at = Compiling(data, self.library, self.ids, capabilities=self.capabilities)
            made = one(name, at)
            self._add(kind, name, at.problems)
            if made is not None:
                found[name] = made
            self.lost |= made is None and kind in COMPILED
        return found

    def _unusable(self, kind: str, name: str) -> bool:
        """Kinds compiled here trust the schema: with a problem at their shape they wait."""
        return bool(self.faulty[kind, name])

    def _add(self, kind: str, name: str, problems: list[Problem]) -> None:
        if self.faulty[kind, name] or any(one.severity == ERROR for one in problems):
            self.troubled.add((kind, name))
        for problem in problems:
            self._note(kind, name, problem)

    def _note(self, kind: str, name: str, problem: Problem) -> None:
        definition = self.merged.definitions[kind, name]
        for path in self.faulty[kind, name]:
            if problem.path[: len(path)] == path or path[: len(problem.path)] == problem.path:
                return
        if problem.path[:1] == ("measures",):
            self.suspects.update(step for step in problem.path[1:2] if isinstance(step, str))
        if problem.code in CONSEQUENCES and self._is_consequence(definition.root, problem):
            return
        located = locate(definition.root, problem, self._texts)
        self.problems.append(self._caused(definition.root, located))

    def _caused(self, root: Node, located: Located) -> Located:
        """A name an overlay took out is missed elsewhere: the overlay is where to mend it."""
        problem = located.problem
        if problem.code not in CONSEQUENCES:
            return located
        node, _ = root.find(problem.path)
        text = str(node.value)[problem.offset or 0 :]
        word = _WORD.match(text if problem.offset is not None else text.rpartition(".")[2])
        path, span = self.removed.get(word[0] if word else "", ((), None))
        if span is None or span.file == located.file:
            return located
        name, where = path[-1], f"{located.file}:{located.line}:{located.column}"
        told = Problem(
            problem.code, path, f"{name} is taken out here, but {where} needs it", on_key=True
        )
        return at_span(span, told)

    def _is_consequence(self, root: Node, problem: Problem) -> bool:
        if not self.suspects:
            return False
        node, _ = root.find(problem.path)
        written = str(node.value) if not isinstance(node.value, dict | list) else ""
        words = _WORD.findall(f"{problem.path[-1] if problem.path else ''} {written}")
        return not self.suspects.isdisjoint(words)

    def _tenant(self) -> Tenant:
        data = self._of("tenant").get(self.sources.tenant, {})
        return Tenant(
            id=self.sources.tenant,
            label=Text.of(data.get("label"), self.sources.tenant),
            zone=str(data.get("zone", "UTC")),
            currency=str(data.get("currency", "")),
            languages=tuple(data.get("languages", ("zh", "en"))),
        )


def _removed(merged: Merged) -> dict[str, tuple[Path, Span]]:
    """What overlays took out: name → its path and where."""
    found: dict[str, tuple[Path, Span]] = {}
    for definition in merged.definitions.values():
        for path, span in definition.removed.items():
            found[str(path[-1])] = (path, span)
    return found


def _maps(value: object) -> list[tuple[str, Raw]]:
    """The entries of a map that are maps themselves."""
    entries = value.items() if isinstance(value, dict) else ()
    return [(name, entry) for name, entry in entries if isinstance(entry, dict)]


def _values(options: Mapping[str, Options]) -> Callable[[str], tuple[str, ...] | None]:
    def values(options_id: str) -> tuple[str, ...] | None:
        found = options.get(options_id)
        return tuple(found.values) if found is not None else None

    return values


def _without(root: Node, keys: tuple[str, ...]) -> Node:
    if not any(key in root.fields for key in keys):
        return root
    return Node(
        {k: v for k, v in root.fields.items() if k not in keys},
        root.span,
        {k: v for k, v in root.keys.items() if k not in keys},
    )


def _misfits(definition: Definition, root: Node) -> list[Problem]:
    """How a definition departs from its schema; a file many tenants share is judged once."""
    document = definition.document
    if document is None:
        return validate(definition.kind, root)
    if document.misfits is None:
        document.misfits = validate(definition.kind, root)
    return document.misfits


def _new_id(definition: Definition, problem: Problem) -> Problem:
    """An incomplete entry that only the overlay knows was probably meant to be another."""
    owner = problem.path[:-1] if problem.code == "missing_key" else problem.path
    if problem.code not in ("missing_key", "step_kind", "one_key") or owner not in definition.added:
        return problem
    collection, _ = definition.root.find(owner[:-1])
    name = str(owner[-1])
    siblings = [key for key in collection.fields if (*owner[:-1], key) not in definition.added]
    return Problem(
        "incomplete_new_id",
        owner,
        f"{name} is not known below this overlay, and is incomplete as a new entry",
        problem.message,
        suggest(name, siblings),
        on_key=True,
    )


def _place(definition: Definition, root: Node, problem: Problem) -> Located:
    """Where it was caused: a key that an overlay took out is missing there."""
    if problem.code == "missing_key" and problem.path in definition.removed:
        return at_span(definition.removed[problem.path], problem)
    return locate(root, problem)


def _prune(data: dict[str, Any], problem: Problem) -> None:
    """Take out what the schema refused, so that the rest can still be compiled."""
    node: Any = data
    for step in problem.path[:-1]:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return
    last = problem.path[-1] if problem.path else None
    if isinstance(node, dict) and last in node:
        del node[last]
