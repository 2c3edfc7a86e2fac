"""`python -m app.cli` is the `returnflow` command."""

from app.cli import main

main()
