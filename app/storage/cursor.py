"""Where a page of a list ended, as a text that programs hand back unread."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.storage.errors import StorageError
from app.storage.ordering import Key

_LONGEST = 100_000


class CursorError(StorageError):
    """The cursor is not one of this list with this sort."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two records: the sort values and id of one of them, and which way to go."""

    values: tuple[Any, ...]
    id: int
    back: bool


def write_cursor(cursor: Cursor, form: str, keys: Sequence[Key]) -> str:
    """The cursor as text."""
    told = [_list_name(form, keys), int(cursor.back), cursor.id, *cursor.values]
    raw = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_cursor(text: str, form: str, keys: Sequence[Key]) -> Cursor:
    """The reverse. Raises CursorError; whoever makes one up only chooses where to begin."""
    try:
        if len(text) > _LONGEST:
            raise ValueError(text[:20])
        told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        name, back, record_id, *values = told
        fits = len(values) == len(keys) and all(
            _fits(value, key) for value, key in zip(values, keys, strict=True)
        )
        if name != _list_name(form, keys) or not fits or type(record_id) is not int:
            raise ValueError(name)
        if not 0 <= record_id < 1 << 63:
            raise ValueError(record_id)
    except (ValueError, TypeError, RecursionError) as error:
        raise CursorError("this cursor belongs to another list; start from the first page") from (
            error
        )
    return Cursor(tuple(values), record_id, bool(back))


def _fits(value: object, key: Key) -> bool:
    if value is None:
        return key.nullable
    if key.text:
        return isinstance(value, str) and "\0" not in value
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _list_name(form: str, keys: Sequence[Key]) -> str:
    told = "|".join([form, *(f"{key.name}{'-' if key.descending else '+'}" for key in keys)])
    return hashlib.sha256(told.encode()).hexdigest()[:10]
