"""Work that nobody waits for lets the web processes go first."""

from __future__ import annotations

import os

STEP = 10
"""How much nicer (in the sense of nice(1)) background processes are than the web's."""


def step_aside() -> None:
    """Give this process and its children a lower priority, where the system knows such a thing.

    On a machine whose processors are all busy an import or the worker then takes what the web
    processes leave: people wait for pages, nobody waits for a sweep.
    """
    if hasattr(os, "nice"):
        os.nice(STEP)
