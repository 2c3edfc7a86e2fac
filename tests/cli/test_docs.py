"""The command line's page names every command and every option."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_and_option_stands_on_the_page() -> None:
    for name, command in commands(main):
        row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{name}")), "")
        assert row, f"{name} is not on docs/cli.md"
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[0]}`" in row, f"{name} {option.opts[0]}"


def test_every_command_says_what_it_does() -> None:
    for name, command in commands(main):
        assert command.help, name
