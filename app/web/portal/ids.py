"""Ids in addresses."""

from __future__ import annotations

from flask import abort

from forms.values import decode_id


def existing(rid: str) -> int:
    """An id from an address; a plain 404 for what is none."""
    try:
        return decode_id(rid)
    except ValueError:
        abort(404)
