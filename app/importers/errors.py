"""What stops an import before or while it reads."""

from __future__ import annotations

from pathlib import Path

from forms.values import Text


class ImportStopped(Exception):
    """The file (not one of its rows) cannot be read on; says where, what and what to do."""

    def __init__(self, code: str, file: Path | str, line: int, message: Text) -> None:
        where = f"{file}:{line}" if line else str(file)
        super().__init__(f"{where}: {message.en}")
        self.code = code
        self.file = str(file)
        self.line = line
        self.message = message
