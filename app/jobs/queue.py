"""The queue: nothing but wake-ups. Losing it loses nothing, and whoever can write to it can at
most wake a tenant: messages are JSON, never pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huey import Huey, MemoryHuey, PriorityRedisExpireHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from app.folders import private_folder

NAME = "returnflow"


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON text. A message is a named tuple whose dates this product never sets."""

    def _serialize(self, data: Any) -> bytes:
        if isinstance(data, Message):
            data = {"message": data._asdict()}
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        value = json.loads(data)
        if isinstance(value, dict) and "message" in value:
            return Message(**value["message"])
        return value


def open_queue(url: str, data_dir: Path, *, immediate: bool = False) -> Huey:
    """The queue of this installation: `sqlite` (a file in data_dir), redis://…, or in memory.

    SQLite is opened without fsync: a wake-up lost in a power cut is made up by the sweep.
    """
    options: dict[str, Any] = {"results": False, "serializer": JsonSerializer(), "utc": True}
    if immediate:
        return MemoryHuey(NAME, immediate=True, **options)
    if url.startswith(("redis://", "rediss://", "unix://")):
        return PriorityRedisExpireHuey(NAME, url=url, **options)
    if url != "sqlite":
        raise ValueError(f"setting queue.url: {url!r} is neither `sqlite` nor redis://…")
    private_folder(data_dir)
    return SqliteHuey(NAME, filename=str(data_dir / "queue.db"), fsync=False, **options)
