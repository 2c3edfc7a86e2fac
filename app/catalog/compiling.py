"""What all compilers of this package share: scopes, expressions, references, collected problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.capabilities import STANDARD, Capability
from forms.compile_library import StaticLibrary
from forms.expr import BOOLEAN, USER, Expr, ExprError, Scope, Type, compile_expr, link
from forms.problems import Noting, Path, Problem, listed, suggest
from forms.templates import TemplateError, TextTemplate, compile_text
from forms.values import Text


@dataclass(slots=True)
class Compiling(Noting):
    """One definition being compiled: its plain values, the library, the problems found so far.

    `ids` are all ids of each kind, also of definitions that could not be read: a reference to one
    of those dangles only because of another problem and is not reported.
    """

    data: Mapping[str, Any]
    library: StaticLibrary
    ids: Mapping[str, set[str]]
    problems: list[Problem] = field(default_factory=list)
    me: Type = USER
    """What `me` is in expressions: a user, or in a portal's role a link to the person's record."""
    capabilities: Mapping[str, Capability] = field(default_factory=lambda: STANDARD)
    """What connections can serve and actions can use."""

    def text(self, key: str = "label", fallback: str = "") -> Text:
        """A *text* at the top of the definition."""
        return Text.of(self.data.get(key), fallback)

    def scope(self, target: str) -> Scope | None:
        """The names of a row of a form ("order") or of lines ("order.lines"), its record's too."""
        names = self.library.fields_of(target)
        if names is None:
            return None
        form, _, lines = target.partition(".")
        parent = self.library.fields_of(form) if lines else None
        own = {**names, "this": link(target), "me": self.me}
        return Scope(own, parent, None, self.library)

    def expr(
        self, value: object, path: Path, scope: Scope, expect: Type | Sequence[Type] | None = None
    ) -> Expr | None:
        """Compile an expression; constants may stand as YAML numbers and booleans."""
        source = _source(value)
        try:
            return compile_expr(source, scope, expect)
        except ExprError as error:
            self.problems.extend(_at(p, path) for p in error.problems)
            return None

    def condition(self, value: object, path: Path, scope: Scope) -> Expr | None:
        """Compile a condition; None where there is none or it always holds."""
        if value is None or value is True:
            return None
        return self.expr(value, path, scope, BOOLEAN)

    def message(self, value: Any, path: Path, scope: Scope) -> TextTemplate | None:
        """Compile a text with placeholders."""
        try:
            return compile_text(value, scope)
        except TemplateError as error:
            self.problems.extend(_at(p, path) for p in error.problems)
            return None

    def refers(self, kind: str, name: object, path: Path, *, on_key: bool = False) -> bool:
        """Whether a definition of that kind exists; a dangling reference is a problem."""
        known = self.ids.get(kind, set())
        if name in known:
            return True
        self.problem(
            f"unknown_{kind}",
            path,
            f"there is no {kind} {name}",
            listed(sorted(known)) if known else f"no {kind} is defined",
            suggest(str(name), known),
            on_key=on_key,
        )
        return False

    def target(self, name: str, path: Path) -> bool:
        """Whether a form, or the lines of a form, exists."""
        form, _, lines = name.partition(".")
        if not self.refers("form", form, path):
            return False
        if self.library.fields_of(form) is None or self.library.fields_of(name) is not None:
            return self.library.fields_of(name) is not None
        found = self.library.signature(form)
        known = [f"{form}.{inner}" for inner in found.lines] if found else []
        self.problem(
            "unknown_lines",
            path,
            f"the form {form} has no lines {lines}",
            listed(known) if known else "it has no lines",
            suggest(name, known),
        )
        return False

    def type_at(self, form: str, dotted: str) -> Type | None:
        """The type of a field `amount` or of one inside lines `lines.sku`; None without it."""
        head, _, tail = dotted.partition(".")
        if not tail:
            return (self.library.fields_of(form) or {}).get(head)
        return (self.library.fields_of(f"{form}.{head}") or {}).get(tail)

    def has_field(self, form: str, dotted: str, path: Path, *, on_key: bool = False) -> bool:
        """Whether a form has a field of that path; an unknown one is a problem."""
        found = self.library.signature(form)
        if found is None or self.type_at(form, dotted) is not None:
            return found is not None
        known = [
            *found.names,
            *(f"{lines}.{f}" for lines, rows in found.lines.items() for f in rows),
        ]
        self.unknown_field(form, dotted, path, known, on_key=on_key)
        return False

    def unknown_field(
        self, form: str, name: str, path: Path, known: Iterable[str], *, on_key: bool = False
    ) -> None:
        """Note that a form or file has no such field."""
        self.problem(
            "unknown_field",
            path,
            f"{form} has no field {name}",
            "",
            suggest(name, known),
            on_key=on_key,
        )


def _source(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _at(problem: Problem, path: Path) -> Problem:
    return replace(problem, path=(*path, *problem.path))
