"""What can go wrong between the product and its database."""

from __future__ import annotations


class StorageError(Exception):
    """Base of every error this package raises on its own account."""


class Busy(StorageError):
    """The database had no room in time: nothing was written, try again after a moment."""


class Conflict(StorageError):
    """The database chose another transaction over this one: nothing was written, run it again."""


class NotUnique(StorageError):
    """A unique index refused a row.

    `table` and `columns` name what must be unique (columns may be empty where the database does
    not tell), `constraint` is the index's name (empty on SQLite for plain columns).
    """

    def __init__(self, table: str, columns: tuple[str, ...], constraint: str = "") -> None:
        super().__init__(f"already taken: {table} ({', '.join(columns) or constraint})")
        self.table = table
        self.columns = columns
        self.constraint = constraint


class UnknownTenant(StorageError):
    """No database exists for the tenant."""


class PublishError(StorageError):
    """A release cannot be published or activated as asked; the message says why."""


class AttachmentError(StorageError):
    """A file cannot be stored or read; `code` is too_large, missing or damaged."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
