"""What a web server loads: `app`, configured by the file that RETURNFLOW_CONFIG names."""

from __future__ import annotations

import os
from pathlib import Path

from app.config import load_config
from app.jobs.queue import open_queue
from app.jobs.wake import Waker
from app.process import tune_process
from app.records.tenant import Tenants
from app.storage.control import Control
from app.storage.databases import storage_settings
from app.web.factory import create_app

tune_process()
config = load_config(Path(os.environ["RETURNFLOW_CONFIG"]))
control = Control(storage_settings(config))
waker = Waker(open_queue(config.text("queue.url"), config.data_dir), control.hint_now)
app = create_app(config, Tenants.of(config, waker))
