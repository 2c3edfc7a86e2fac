"""What the parts of the form compiler share: the problems found, the scopes of expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from forms.codes import problem
from forms.compile_library import FormLibrary
from forms.expr import Expr, ExprError, Scope, Type, compile_expr
from forms.problems import Path, Problem, suggest
from forms.signature import FormSignature
from forms.templates import Template, TemplateError, TextTemplate, compile_template, compile_text
from forms.types import Invalid
from forms.values import LANGUAGES, Text

ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
ME = Type("user")


class Context:
    """One form being compiled. Problems are collected, never raised."""

    def __init__(self, form_id: str, signature: FormSignature, library: FormLibrary) -> None:
        self.form_id = form_id
        self.signature = signature
        self.library = library
        self.problems: list[Problem] = []

    # -- problems
    def problem(self, code: str, path: Path, **params: object) -> None:
        """Note a problem; keywords as in `forms.codes.problem`."""
        self.problems.append(problem(code, path, **params))  # type: ignore[arg-type]

    def report(self, path: Path, prefix: str = "") -> Callable[..., None]:
        """A type's `Report`: its problems are put under `path`."""

        def report(code: str, *under: str | int, **params: object) -> None:
            why = params.get("why")
            if isinstance(why, Invalid):
                from forms.messages import message

                params["allowed"] = message(why.code, why.params).en
            if params.get("on_key") and under:
                params.setdefault("key", under[-1])
            self.problem(code, (*path, *under), **params)

        return report

    def unknown_keys(
        self, definition: Mapping[str, object], known: Sequence[str], path: Path
    ) -> None:
        """Note every key that is not known, with the nearest one that is."""
        for key in definition:
            if key not in known:
                self.problem(
                    "unknown_key",
                    (*path, key),
                    key=key,
                    on_key=True,
                    allowed=", ".join(known),
                    suggestion=suggest(str(key), known),
                )

    # -- scopes
    def scope(self, lines: str = "") -> Scope:
        """The names of the record, or of a row of one of its lines."""
        header = self._header()
        if not lines:
            return Scope(names=header, library=self.library)
        target = f"{self.form_id}.{lines}"
        names = {
            **self.signature.lines.get(lines, {}),
            "this": Type("link", target=target),
            "me": ME,
        }
        return Scope(names=names, parent=header, library=self.library)

    def candidates(self, target: str, lines: str = "") -> Scope | None:
        """The names of a link's `where`: bare ones are the candidate's, `this.x` the row's."""
        names = self.library.fields_of(target)
        if names is None:
            return None
        own = self.signature.lines.get(lines, {}) if lines else self.signature.names
        return Scope(
            names={**names, "me": ME},
            parent=self._header() if lines else None,
            row=own,
            library=self.library,
        )

    def _header(self) -> Mapping[str, Type]:
        return {
            **self.signature.names,
            "this": Type("link", target=self.form_id),
            "me": ME,
        }

    # -- expressions and texts
    def expr(
        self,
        source: object,
        path: Path,
        scope: Scope,
        expect: Type | Sequence[Type] | None = None,
    ) -> Expr | None:
        """Compile an expression; its problems are noted at `path`."""
        if not isinstance(source, str):
            source = _literal(source)
        try:
            return compile_expr(source, scope, expect)
        except ExprError as wrong:
            self.problems += [p.under(*path) for p in wrong.problems]
            return None

    def template(self, source: str, path: Path, scope: Scope) -> Template | None:
        """Compile a template; its problems are noted at `path`."""
        try:
            return compile_template(source, scope, self.labels)
        except TemplateError as wrong:
            self.problems += [p.under(*path) for p in wrong.problems]
            return None

    def text_template(self, value: object, path: Path, scope: Scope) -> TextTemplate | None:
        """Compile a *text* with placeholders; its problems are noted at `path`."""
        if not self.is_text(value, path):
            return None
        try:
            return compile_text(value, scope, self.labels)  # type: ignore[arg-type]
        except TemplateError as wrong:
            self.problems += [p.under(*path) for p in wrong.problems]
            return None

    def labels(self, kind: Type) -> Mapping[str, Text] | None:
        """The labels of a choice type's options, where they have a definition."""
        found = self.library.options(kind.options_id) if kind.options_id else None
        return {v.id: v.label for v in found.values.values()} if found else None

    # -- texts and ids
    def text(
        self, definition: Mapping[str, object], key: str, path: Path, fallback: str = ""
    ) -> Text:
        """Read a *text*; what is no text is a problem."""
        value = definition.get(key)
        if value is None or not self.is_text(value, (*path, key)):
            return Text.of(None, fallback)
        return Text.of(value, fallback)  # type: ignore[arg-type]

    def is_text(self, value: object, path: Path) -> bool:
        """Whether this is a *text*; what is not is noted."""
        if isinstance(value, str):
            return True
        if not isinstance(value, Mapping) or not value:
            self.problem("bad_text", path, allowed="a string, or {zh: …, en: …}")
            return False
        good = True
        for key, one in value.items():
            if key not in LANGUAGES:
                good = False
                self.problem(
                    "unknown_language",
                    (*path, key),
                    key=key,
                    on_key=True,
                    allowed=", ".join(LANGUAGES),
                )
            elif not isinstance(one, str):
                good = False
                self.problem("bad_text", (*path, key), allowed="a string")
        return good

    def good_id(self, key: object, path: Path) -> bool:
        """Whether this is an id; what is not is noted at the key."""
        if isinstance(key, str) and ID.fullmatch(key):
            return True
        allowed = "up to 40 of a-z, 0-9 and _"
        self.problem("bad_id", path, key=key, on_key=True, allowed=allowed)
        return False

    def mapping(self, value: object, path: Path, allowed: str = "") -> Mapping[str, object] | None:
        """The value where it is a map; anything but a map or nothing is noted."""
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self.problem("not_a_mapping", path, allowed=allowed)
        return None


def _literal(value: object) -> str:
    """A YAML scalar written where an expression may stand."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)
