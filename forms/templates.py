"""Texts with placeholders: `{number} · {customer.name}`. An expression stands between braces.

There is no logic and no loop; the output is capped. `{{` and `}}` write a brace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from forms.codes import problem
from forms.expr import Env, Expr, ExprError, Scope, Type, compile_expr
from forms.problems import Problem
from forms.types.numbers import plain
from forms.values import Money, Text, minor_units

LABELS = Callable[[Type], "Mapping[str, Text] | None"]
"""Gives the labels of a choice type's options."""

SOURCE_CHARS = 2_000
OUTPUT_CHARS = 2_000
_TRUTH = {"zh": ("否", "是"), "en": ("no", "yes")}
_SHOWABLE = frozenset(
    {
        "null",
        "text",
        "integer",
        "decimal",
        "money",
        "boolean",
        "date",
        "datetime",
        "duration",
        "choice",
    }
)


class TemplateError(Exception):
    """The text is no valid template. `problems`: everything found, with offsets into the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(p.message for p in problems))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """An expression in a template, with the labels of its options where it is a choice."""

    expr: Expr
    labels: Mapping[str, Text] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A compiled template in one language (or for all)."""

    source: str
    parts: tuple[str | Part, ...]

    @property
    def exprs(self) -> tuple[Expr, ...]:
        """The expressions in it; what they read has to be known before `render`."""
        return tuple(p.expr for p in self.parts if isinstance(p, Part))

    def render(
        self, row: Mapping[str, object], env: Env, lang: str = "zh", limit: int = OUTPUT_CHARS
    ) -> str:
        """The text for a row, at most `limit` characters; times are shown as they are where the
        tenant is. Raises EvalError."""
        shown = []
        for part in self.parts:
            if isinstance(part, str):
                shown.append(part)
            else:
                value = part.expr.evaluate(row, env)
                if isinstance(value, datetime):
                    value = value.astimezone(env.zone)
                shown.append(show(value, lang, part.labels))
        text = "".join(shown)
        return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclass(frozen=True, slots=True, eq=False)
class TextTemplate:
    """A template for each language."""

    zh: Template
    en: Template

    @property
    def exprs(self) -> tuple[Expr, ...]:
        """The expressions of both languages."""
        return self.zh.exprs + (self.en.exprs if self.en is not self.zh else ())

    def render(self, row: Mapping[str, object], env: Env, limit: int = OUTPUT_CHARS) -> Text:
        """The text in both languages. Raises EvalError."""
        return Text(self.zh.render(row, env, "zh", limit), self.en.render(row, env, "en", limit))


def compile_template(source: str, scope: Scope, labels: LABELS | None = None) -> Template:
    """Compile a template. Raises TemplateError with all problems, offsets set."""
    problems: list[Problem] = []
    parts: list[str | Part] = []
    if len(source) > SOURCE_CHARS:
        raise TemplateError([problem("template_too_long", (), max=SOURCE_CHARS)])
    for start, text, is_expr in _pieces(source, problems):
        if not is_expr:
            parts.append(text)
            continue
        try:
            expr = compile_expr(text, scope)
        except ExprError as wrong:
            problems += [replace(p, offset=(p.offset or 0) + start) for p in wrong.problems]
            continue
        if expr.type.kind not in _SHOWABLE:
            hint = f"{{{text.strip()}.…}}" if expr.type.kind == "link" else "a single value"
            problems.append(
                problem(
                    "template_value",
                    (),
                    offset=start,
                    text=text.strip(),
                    type=expr.type,
                    allowed=hint,
                )
            )
            continue
        known = labels(expr.type) if labels and expr.type.kind == "choice" else None
        parts.append(Part(expr, known))
    if problems:
        raise TemplateError(problems)
    return Template(source, tuple(parts))


def compile_text(
    value: str | Mapping[str, str], scope: Scope, labels: LABELS | None = None
) -> TextTemplate:
    """Compile a definition's *text*. Raises TemplateError; paths name the language."""
    if isinstance(value, str):
        both = compile_template(value, scope, labels)
        return TextTemplate(both, both)
    problems: list[Problem] = []
    found: dict[str, Template] = {}
    for lang in ("zh", "en"):
        if lang not in value:
            continue
        try:
            found[lang] = compile_template(value[lang], scope, labels)
        except TemplateError as wrong:
            problems += [p.under(lang) for p in wrong.problems]
    if problems:
        raise TemplateError(problems)
    zh, en = found.get("zh"), found.get("en")
    only = zh or en or Template("", ())
    return TextTemplate(zh or only, en or only)


def show(value: object, lang: str, labels: Mapping[str, Text] | None = None) -> str:
    """A value as running text; nothing for null."""
    if value is None:
        return ""
    if labels is not None and isinstance(value, str) and value in labels:
        return labels[value].pick(lang)
    if isinstance(value, bool):
        return _TRUTH["zh" if lang == "zh" else "en"][value]
    if isinstance(value, Money):
        return f"{plain(value.amount, minor_units(value.currency))} {value.currency}"
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        hours, seconds = divmod(value // timedelta(seconds=1), 3600)
        return f"{hours}:{seconds // 60:02d}"
    return str(value)


def _pieces(source: str, problems: list[Problem]) -> list[tuple[int, str, bool]]:
    """(offset, text, is it an expression) for each run of text and each pair of braces."""
    pieces: list[tuple[int, str, bool]] = []
    plain_text: list[str] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char in "{}" and source[at : at + 2] == char * 2:
            plain_text.append(char)
            at += 2
        elif char == "{":
            end = _closing(source, at + 1)
            if end < 0:
                problems.append(problem("unbalanced_brace", (), offset=at, allowed="{name} or {{"))
                return pieces
            if plain_text:
                pieces.append((at, "".join(plain_text), False))
                plain_text = []
            pieces.append((at + 1, source[at + 1 : end], True))
            at = end + 1
        elif char == "}":
            problems.append(problem("unbalanced_brace", (), offset=at, allowed="{name} or }}"))
            return pieces
        else:
            plain_text.append(char)
            at += 1
    if plain_text:
        pieces.append((at, "".join(plain_text), False))
    return pieces


def _closing(source: str, at: int) -> int:
    """Where the brace opened before `at` closes; quotes may hold braces. -1 where it does not."""
    quote = ""
    while at < len(source):
        char = source[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "}":
            return at
        elif char == "{":
            return -1
        at += 1
    return -1
