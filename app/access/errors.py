"""The one error of access: a stable code and a text for the person."""

from __future__ import annotations

from forms.values import Text


class AccessError(Exception):
    """An access function refused.

    `code` is stable and documented in docs/access.md, `message` is for the person, `field` names
    the input at fault ("" where none is), `retry_after` is in seconds.
    """

    def __init__(
        self, code: str, message: Text, *, field: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message.en}")
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
