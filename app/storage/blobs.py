"""Attached files: by content hash on disk, read through a record's attachment row only."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Protocol

from app.folders import private_folder
from app.storage.errors import AttachmentError
from app.storage.ports import Reader, TenantDatabase

_PIECE = 1 << 16
_COLUMNS = (
    "id, form, record_id, field, sha256, name, mime, size, created_at, created_by, deleted_at"
)


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment's row. `record_id` is None until its record is saved; times are microseconds
    UTC; `form` is the form's key."""

    id: int
    form: str
    record_id: int | None
    field: str
    sha256: str
    name: str
    mime: str
    size: int
    created_at: int
    created_by: int | None
    deleted_at: int | None = None


class BlobStore:
    """The files of one tenant. Equal contents are one file; nothing hands out a file by its hash
    alone except to code that holds the attachment's row."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, stream: Readable, limit: int) -> tuple[str, int]:
        """Store a stream of at most `limit` bytes: (sha256 in hex, size).

        On disk and safe against a power cut when this returns. Raises AttachmentError(too_large)
        as soon as the limit is passed; nothing is left behind.
        """
        incoming = private_folder(self._folder / "incoming")
        path = incoming / secrets.token_hex(16)
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("xb") as file:
                while piece := stream.read(_PIECE):
                    size += len(piece)
                    if size > limit:
                        raise AttachmentError("too_large", f"larger than {limit} bytes")
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            return self._keep(path, digest.hexdigest()), size
        finally:
            with suppress(FileNotFoundError):
                path.unlink()

    def open(self, attachment: Attachment) -> BufferedReader:
        """The content, from its beginning. Raises AttachmentError (missing, damaged)."""
        path = self._path(attachment.sha256)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise AttachmentError("missing", f"the file of {attachment.name} is gone") from None
        if os.fstat(file.fileno()).st_size != attachment.size:
            file.close()
            raise AttachmentError("damaged", f"the file of {attachment.name} was changed")
        return file

    def verify(self, attachment: Attachment) -> bool:
        """Is the content still what its hash says?"""
        with self.open(attachment) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == attachment.sha256

    def sweep(self, db: TenantDatabase, before: float) -> int:
        """Remove the files no attachment row needs any more, and broken-off uploads, as far as
        they are older than `before` (seconds since 1970); how many."""
        removed = 0
        for path in list(self._files()):
            if path.stat().st_mtime >= before:
                continue
            if path.parent.name != "incoming" and self._needed(db, path.name):
                continue
            path.unlink(missing_ok=True)
            removed += 1
        return removed

    def _keep(self, path: Path, sha256: str) -> str:
        target = self._path(sha256)
        private_folder(target.parent)
        if target.exists():
            os.utime(target)  # young again, so that a sweep under way leaves it alone
            return sha256
        path.chmod(0o440)
        path.replace(target)
        for folder in (target.parent, target.parent.parent):
            _sync_folder(folder)
        return sha256

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise AttachmentError("missing", "not a content hash")
        return self._folder / sha256[:2] / sha256

    def _files(self) -> Iterator[Path]:
        if self._folder.exists():
            for folder in self._folder.iterdir():
                if folder.is_dir():
                    yield from folder.iterdir()

    def _needed(self, db: TenantDatabase, sha256: str) -> bool:
        sql = "SELECT 1 FROM rf_attachment WHERE sha256 = ? AND deleted_at IS NULL LIMIT 1"
        return bool(db.query(sql, (sha256,)))


def find_attachment(
    reader: Reader, attachment_id: int, form: str, record_id: int | None
) -> Attachment | None:
    """The attachment, if it belongs to this record (None: to no record yet) and is not deleted.
    Whoever asks has already shown that they may see the record."""
    owner = "record_id IS NULL" if record_id is None else "record_id = ?"
    params = (attachment_id, form) if record_id is None else (attachment_id, form, record_id)
    rows = reader.query(
        f"SELECT {_COLUMNS} FROM rf_attachment"
        f" WHERE id = ? AND form = ? AND {owner} AND deleted_at IS NULL",
        params,
    )
    return Attachment(*rows[0]) if rows else None


def insert_attachment(attachment: Attachment) -> tuple[str, tuple[object, ...]]:
    """The statement that writes an attachment's row."""
    values = (
        attachment.id,
        attachment.form,
        attachment.record_id,
        attachment.field,
        attachment.sha256,
        attachment.name,
        attachment.mime,
        attachment.size,
        attachment.created_at,
        attachment.created_by,
        attachment.deleted_at,
    )
    return f"INSERT INTO rf_attachment ({_COLUMNS}) VALUES ({', '.join('?' * 11)})", values


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
