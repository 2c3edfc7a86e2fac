"""Handing out what somebody else uploaded: as a download, never as a page of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO
from urllib.parse import quote

from flask import Response

from app.reports.csvfile import lines
from app.reports.words import Teller

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Types a page may show in place; SVG is not among them, it can hold scripts."""
_CHUNK = 64 * 1024


def download(
    content: IO[bytes], name: str, mime: str, size: int, *, inline: bool = False
) -> Response:
    """A response that streams a file and closes it; `inline` shows pictures in place."""
    shown = inline and mime in SHOWN
    response = Response(
        _chunks(content), mimetype=mime if mime in SHOWN else "application/octet-stream"
    )
    response.headers["Content-Length"] = str(size)
    response.headers["Content-Disposition"] = disposition(name, inline=shown)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def table(teller: Teller, name: str) -> Response:
    """A report's result as a CSV file of that name."""
    return Response(
        lines(teller.head(), teller.rows()),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={name}.csv"},
    )


def disposition(name: str, *, inline: bool = False) -> str:
    """The Content-Disposition of a file name nobody vouches for."""
    cleaned = "".join(c for c in name if c.isprintable() and c not in '/\\"') or "file"
    plain = "".join(c if c.isascii() else "_" for c in cleaned)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(cleaned, safe='')}"


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
