"""`python -m tests.jobs.crash [FAULT …]` prints the crash matrix, or the lines named."""

from __future__ import annotations

import sys

from tests.jobs.crash.matrix import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
