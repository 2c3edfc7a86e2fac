"""Where scenarios are played: a tenant in a file of its own, prepared once for each catalog.

Publishing takes longer than a story, so what is published is kept as a template and copied. It is
published without the stories: they are being judged, nothing is judged by them here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.records import publish
from app.records.tenant import Tenant, Tenants
from app.scenarios.script import untold
from app.storage.databases import Installation, StorageSettings

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one
BEFORE = datetime(2000, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Theatre:
    """Templates by content, and tenants made from them. Close it when done."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="returnflow-", dir=MEMORY if MEMORY.is_dir() else None
        )
        self._root = Path(self._folder.name)
        self._templates: dict[str, Path] = {}
        self._played = 0

    def __enter__(self) -> Theatre:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    @property
    def letters(self) -> Path:
        """Where mail of played tenants goes."""
        return self._root / "letters"

    def prepare(self, sources: Sources) -> Path:
        """The folder of a tenant with these definitions published. Raises Unpublishable."""
        found = self._templates.get(sources.hash)
        if found is None:
            found = self._root / f"template-{len(self._templates)}"
            installation = Installation(StorageSettings(found, connections=1))
            installation.create(sources.tenant)
            tenants = Tenants(installation, clock=Clock(BEFORE))
            try:
                publish(tenants.get(sources.tenant), SYSTEM, untold(sources))
            finally:
                tenants.close()
            self._templates[sources.hash] = found
        return found

    @contextmanager
    def tenant(self, sources: Sources, clock: Clock) -> Iterator[Tenant]:
        """A fresh tenant with these definitions; gone afterwards."""
        template = self.prepare(sources)
        self._played += 1
        folder = self._root / f"played-{self._played}"
        shutil.copytree(template, folder)
        tenants = Tenants(Installation(StorageSettings(folder, connections=2)), clock=clock)
        try:
            yield tenants.get(sources.tenant)
        finally:
            tenants.close()
            shutil.rmtree(folder, ignore_errors=True)
