"""A plugin that writes down what it hears; one that fails as often as it is told to."""

from __future__ import annotations

import json
import os
from pathlib import Path

from app.hooks import hookimpl

HEARD = "RETURNFLOW_TEST_HEARD"


@hookimpl
def record_event(tenant: str, event: dict) -> None:
    with Path(os.environ[HEARD]).open("a") as file:
        file.write(json.dumps([tenant, event["act"], event["record"], event["key"]]) + "\n")


def heard(path: Path) -> list[list[str]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
