"""`python -m app.jobs` is the worker process; RETURNFLOW_CONFIG names the configuration."""

from __future__ import annotations

import os
from pathlib import Path

from app.config import load_config
from app.jobs.worker import run_worker

if __name__ == "__main__":
    run_worker(load_config(Path(os.environ.get("RETURNFLOW_CONFIG", "config.yaml"))))
