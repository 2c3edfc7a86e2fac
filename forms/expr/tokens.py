"""Text to tokens. Every token knows its offset; every lexical problem is collected."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forms.expr import limits
from forms.problems import Problem

KEYWORDS = frozenset({"and", "or", "not", "in", "where", "true", "false", "null"})

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<number>[0-9]+(?:\.[0-9]+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<op>==|!=|<=|>=|[-+*/%<>().,\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)

# What people write instead, among them what a Chinese keyboard or a word processor puts there.
_INSTEAD = {
    "=": "==",
    "===": "==",
    "!": "not",
    "!==": "!=",
    "<>": "!=",
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "^": "",
    "**": "",
    "//": "/",
    "？": "if(condition, a, b)",
    "?": "if(condition, a, b)",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "×": "*",
    "÷": "/",
    "−": "-",
    "–": "-",
    "，": ",",
    "。": ".",
    "（": "(",
    "）": ")",
    "＝": "==",
    "＜": "<",
    "＞": ">",
    "＋": "+",
    "－": "-",
    "＊": "*",
    "／": "/",
    "％": "%",
    "【": "[",
    "】": "]",
    "“": "'",
    "”": "'",
    "‘": "'",
    "’": "'",
    "＇": "'",
    "＂": "'",
}
_WRONG = re.compile(r"===|!==|<>|&&|\|\||\*\*|//")
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: number, name, keyword, text, op or end. `value` of a text is already unescaped."""

    kind: str
    value: str
    offset: int


def tokenize(source: str) -> tuple[list[Token], list[Problem]]:
    """All tokens of the source, closed by an `end` token, and all lexical problems."""
    tokens: list[Token] = []
    problems: list[Problem] = []
    at = 0
    while at < len(source):
        wrong = _WRONG.match(source, at)
        match = None if wrong else _TOKEN.match(source, at)
        if match is None:
            length = wrong.end() - at if wrong else 1
            problems.append(_stray(source, at, length))
            if source[at] in "'\"":
                break
            at += length
            continue
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(_token(kind, match.group(), at, problems))
        at = match.end()
    tokens.append(Token("end", "", len(source)))
    return tokens, problems


def _token(kind: str, raw: str, at: int, problems: list[Problem]) -> Token:
    if kind == "name" and raw in KEYWORDS:
        return Token("keyword", raw, at)
    if kind == "text":
        return Token("text", _unescape(raw, at, problems), at)
    if kind == "number":
        whole, _, fraction = raw.partition(".")
        if len(whole) > 1 and whole[0] == "0":
            problems.append(
                Problem(
                    "expr_number",
                    (),
                    f"{raw} starts with 0",
                    "digits without leading zeros",
                    raw.lstrip("0") or "0",
                    at,
                )
            )
        elif len(whole) > (limits.INTEGER_DIGITS if fraction else 18) or (
            len(fraction) > limits.DECIMALS
        ):
            problems.append(
                Problem(
                    "expr_number",
                    (),
                    f"the number {raw[:40]} has too many digits",
                    "18 digits, or 22 before and 12 after the point",
                    "",
                    at,
                )
            )
    return Token(kind, raw, at)


def _unescape(raw: str, at: int, problems: list[Problem]) -> str:
    body = raw[1:-1]
    for index, char in enumerate(body):
        if (ord(char) < 32 and char not in "\n\t") or 0xD800 <= ord(char) <= 0xDFFF:
            problems.append(
                Problem(
                    "expr_character",
                    (),
                    f"a text may not hold the character U+{ord(char):04X}",
                    offset=at + 1 + index,
                )
            )
    if "\\" not in body:
        return body
    out: list[str] = []
    index = 0
    while index < len(body):
        char = body[index]
        if char == "\\":
            following = body[index + 1]
            if following not in _ESCAPES:
                problems.append(
                    Problem(
                        "expr_character",
                        (),
                        f"\\{following} means nothing in a text",
                        "\\\\ \\' \\\" \\n \\t",
                        "",
                        at + 1 + index,
                    )
                )
            out.append(_ESCAPES.get(following, following))
            index += 2
        else:
            out.append(char)
            index += 1
    return "".join(out)


def _stray(source: str, at: int, length: int) -> Problem:
    shown = source[at : at + length]
    if shown in "'\"":
        return Problem(
            "expr_quote",
            (),
            "the text that starts here is never closed",
            f"a closing {shown}",
            "",
            at,
        )
    instead = _INSTEAD.get(shown, "")
    name = shown if shown.isprintable() else f"U+{ord(shown):04X}"
    return Problem(
        "expr_character",
        (),
        f"{name} means nothing here",
        "letters, digits, _ and the operators + - * / % == != < <= > >= ( ) [ ] , .",
        instead,
        at,
    )
