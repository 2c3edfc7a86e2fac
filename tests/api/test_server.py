"""The app as a web server loads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASK = """
from app.web.wsgi import app
client = app.test_client()
print(client.get("/healthz").json, client.get("/readyz").status_code, client.get("/").status_code)
"""


def test_a_server_finds_the_app_by_its_configuration_file(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("tenants: {demo: {}}\n")
    environment = {**os.environ, "RETURNFLOW_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASK],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split("\n")[0] == "{'status': 'ok'} 503 302", done.stderr
