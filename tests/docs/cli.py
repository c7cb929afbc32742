"""Writes the page of the command line: `python -m tests.docs.cli > docs/reference/command-line.md`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from attrs import frozen

from videovector_http.cli import commands

HEAD = """# The command line

`videovector COMMAND`, as it is installed with the package; in a checkout, `.venv/bin/videovector COMMAND`. Every command reads the same
[settings](settings.md). The exit status is 0 when a command did what it was asked for. `keys` and `token` work beside a running server
on the same data directory. This page is written by `python -m tests.docs.cli` and tested to be complete.
"""


@frozen
class Command:
    """A command of the program with what it takes."""

    name: str
    help: str
    arguments: tuple[argparse.Action, ...]


def listed(parser: argparse.ArgumentParser | None = None, above: str = "") -> Iterator[Command]:
    """List every command, those of two words included."""
    for action in (parser or commands())._actions:  # argparse has no public way to look
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            for name, below in action.choices.items():
                inner = list(listed(below, f"{above}{name} "))
                yield from inner or [Command(f"{above}{name}", helps[name] or "", tuple(_own(below)))]


def _own(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    hidden = {argparse.SUPPRESS}
    return (one for one in parser._actions if one.help not in hidden and one.dest != "help")


def _row(one: argparse.Action) -> str:
    shown = one.option_strings[-1] if one.option_strings else one.metavar or one.dest
    plain = isinstance(one.default, str | int) and not isinstance(one.default, bool)
    known = f" (`{one.default}`)" if plain and "VIDEOVECTOR_" not in (one.help or "") else ""
    return f"| `{shown}` | {one.help}{known}{'; needed' if one.required and one.option_strings else ''} |\n"


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for one in listed():
        parts.append(f"\n## {one.name}\n\n{one.help}\n")
        if one.arguments:
            parts += ["\n| Argument | Meaning |\n|---|---|\n", *map(_row, one.arguments)]
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
