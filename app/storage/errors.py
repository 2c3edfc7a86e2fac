"""What can go wrong between the product and its database."""

from __future__ import annotations

from typing import Any, ClassVar


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


class Translated:
    """A block that turns a driver's errors into this package's; each driver's is its own."""

    __slots__ = ()
    driver_error: ClassVar[type[Exception]]

    def meaning(self, error: Any) -> StorageError:
        """This package's error for one of the driver's."""
        raise NotImplementedError

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, StorageError):
            return
        cause = getattr(error, "orig", error)
        if isinstance(cause, self.driver_error):
            raise self.meaning(cause) from error
