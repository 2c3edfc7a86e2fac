"""What plain YAML does to expressions and texts, recognised and said in the author's words.

YAML's own messages name tokens ("did not find expected ',' or '}'"); authors need to hear which
value to quote. Both parsers (libyaml and pure Python) word their messages differently, so nothing
here reads them beyond the few phrases both share: the text at the place decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from forms.problems import Problem

_CLOSED = ("", "'", '"', "{", "[")
QUOTE = 'quote this expression: "…"'

BOOLEAN_WORDS = frozenset(
    word for base in ("on", "off", "yes", "no") for word in (base, base.capitalize(), base.upper())
)


@dataclass(frozen=True, slots=True)
class Trap:
    """A problem at a character of the file, counted from 0."""

    index: int
    problem: Problem


@dataclass(slots=True)
class Seen:
    """One value as the parser announced it: its first and last character and how it is written."""

    start: int
    end: int
    style: str
    value: str
    is_key: bool = False


def quote(index: int, message: str) -> Trap:
    """The trap every author meets: a value that has to stand in quotes."""
    return Trap(index, Problem("quote_expression", (), message, QUOTE))


def from_error(text: str, error: yaml.YAMLError, seen: list[Seen]) -> Trap:
    """Say what a parser's exception means. `seen` holds the values before it, oldest first."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _control_character(text, error)
    index = min(_index(text, mark.line, mark.column), len(text))
    opened = getattr(error, "context_mark", None)
    opened_at = _index(text, opened.line, opened.column) if opened is not None else index
    context = str(getattr(error, "context", None) or "")
    said = str(getattr(error, "problem", None) or "")
    char = text[index : index + 1]
    last = seen[-1] if seen else None

    if "block scalar" in context:
        start = max(text.rfind(">", 0, index), text.rfind("|", 0, index))
        return quote(start, f"a value cannot start with {text[start]!r} unless it is quoted")
    if "alias" in context or "anchor" in context:
        start = max(text.rfind("*", 0, index + 1), text.rfind("&", 0, index + 1))
        return quote(start, f"a value cannot start with {text[start]!r} unless it is quoted")
    if "scanning a tag" in context:
        return tag(opened_at)
    if "quoted scalar" in context:
        return syntax(opened_at, "this quotation mark is never closed", "close it")
    if "cannot start any token" in said:
        return quote(index, f"a value cannot start with {char!r} unless it is quoted")
    if "sequence entries are not allowed" in said:
        return quote(index, "a value cannot start with '- ' unless it is quoted")
    if "directive" in context:
        return syntax(opened_at, "a line cannot start with '%'", "remove it")
    if last is not None and last.style in _CLOSED and char not in ("", "\n", "\r", "#"):
        multiline = last.style == "" and "\n" in text[last.start : last.end]
        if text[last.end : index].strip(" ") == "" and not multiline:
            return _cut_short(last, seen, char)
    if "flow" in context:
        bracket = text[opened_at : opened_at + 1]
        return syntax(opened_at, f"this {bracket!r} is never closed", "close it")
    return syntax(
        index,
        "this line does not fit what stands above it",
        "indent the keys of one map alike; write `key: value`",
    )


def split_values(pairs: list[tuple[Seen, Seen | None]]) -> Trap | None:
    """Find `{formula: max(a, b)}`, `{en: red, green}`: a value cut at its comma.

    `pairs` are the entries of one `{…}` (key, value) or `[…]` (item, None).
    """
    open_entry: tuple[Seen, int] | None = None
    before: Seen | None = None
    for key, value in pairs:
        held = value if value is not None else key
        if before is not None and open_entry is None and value is not None and _is_bare(key, value):
            return quote(before.start, "the comma inside this text cuts it into pieces here")
        before = held if held.style == "" and held.value else None
        if open_entry is not None:
            fragment = value is None or not value.value
            depth = open_entry[1] + _depth(key.value)
            if fragment and depth <= 0:
                return quote(
                    open_entry[0].start, "the comma inside this expression cuts it into pieces here"
                )
            open_entry = (open_entry[0], depth) if fragment else None
        if open_entry is None and held.style == "" and _depth(held.value) > 0:
            open_entry = (held, _depth(held.value))
    return None


def _is_bare(key: Seen, value: Seen) -> bool:
    """A word without colon and value among the entries of `{…}`."""
    return key.style == "" and value.style == "" and value.start == value.end


def boolean_key(index: int, word: str) -> Trap:
    """A key many YAML readers would take for true or false."""
    return Trap(
        index,
        Problem(
            "boolean_word_key",
            (),
            f"the key {word} is a boolean to other YAML readers",
            f'quote it: "{word}"',
            on_key=True,
        ),
    )


def tag(index: int) -> Trap:
    """A `!` that YAML reads as a tag."""
    return Trap(
        index,
        Problem(
            "tag",
            (),
            "tags are not allowed: '!' starts one",
            f"remove it; in an expression write `not …`, or {QUOTE}",
        ),
    )


def syntax(index: int, message: str, allowed: str) -> Trap:
    """YAML that cannot be read at all."""
    return Trap(index, Problem("yaml_syntax", (), message, allowed))


def _cut_short(last: Seen, seen: list[Seen], char: str) -> Trap:
    """Something follows a value that YAML holds to be complete."""
    for value in reversed(seen):
        if value.style == "" and _depth(value.value) > 0 and not value.is_key:
            return quote(value.start, "the comma inside this expression cuts it into pieces here")
        if value.end < last.start - 1 and value.is_key:
            break
    if char == ":":
        return quote(last.start, "a text with ': ' in it must be quoted")
    if last.style in ("'", '"'):
        return quote(last.start, "a value that starts with a quotation mark ends with it")
    if last.style in ("{", "["):
        return quote(last.start, f"a value that starts with {last.style!r} ends with its partner")
    return quote(last.start, f"{char!r} inside braces ends the value before it")


def _control_character(text: str, error: yaml.YAMLError) -> Trap:
    position = getattr(error, "position", 0)
    character = text[position : position + 1]
    return control_character(position, character)


def control_character(index: int, character: str) -> Trap:
    """A character no editor shows."""
    shown = f"U+{ord(character):04X}" if character else "an unreadable character"
    return Trap(
        index,
        Problem(
            "control_character", (), f"the invisible character {shown} is not allowed", "remove it"
        ),
    )


def _depth(text: str) -> int:
    """How many round and square brackets stay open, quoted parts left out."""
    depth, quoted = 0, ""
    for char in text:
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"":
            quoted = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
    return depth


def _index(text: str, line: int, column: int) -> int:
    """Index of a line and column counted from 0."""
    at = 0
    for _ in range(line):
        following = text.find("\n", at)
        if following < 0:
            return len(text)
        at = following + 1
    return at + column
