"""Commands that are documented exist, and commands that exist are documented."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs import cli
from tests.docs.pages import PAGES, ROOT, blocks

CONTRACT = {"setup", "demo", "test", "check", "serve", "bench", "faults", "services", "docs", "clean", "help"}
MAKEFILE = (ROOT / "Makefile").read_text()
SUBCOMMANDS = {one.name.split()[0] for one in cli.listed()}
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):(?!=)", MAKEFILE, re.MULTILINE))


def test_the_commands_of_the_contract_exist() -> None:
    """Others rely on these names."""
    assert CONTRACT <= TARGETS


def test_every_command_has_help() -> None:
    """`make help` lists every command, with a sentence."""
    command = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == TARGETS


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_every_command_can_be_planned(target: str) -> None:
    """`make -n` finds every file and rule that a command names."""
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_is_in_the_reference() -> None:
    """The reference page explains exactly the commands that exist."""
    page = (ROOT / "docs/reference/commands.md").read_text()
    assert set(re.findall(r"^\| `make ([a-z-]+)`", page, re.MULTILINE)) == TARGETS


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_in_the_pages_exist(page: Path) -> None:
    """Every `make NAME` in a page names a command."""
    text = (ROOT / page).read_text()
    code = [block.text for block in blocks(page)] + re.findall(r"`([^`\n]+)`", text)
    named = {name for piece in code for name in re.findall(r"(?:^|\n)make ([a-z][a-z-]*)", piece)}
    assert named <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_subcommands_in_the_pages_exist(page: Path) -> None:
    """Every `videovector NAME` in the code of a page is a command of the program."""
    text = (ROOT / page).read_text()
    shell = [block.text for block in blocks(page) if block.language in {"bash", "ini"}]
    code = shell + re.findall(r"`([^`\n]+)`", text)
    named = {name for piece in code for name in re.findall(r"(?:^|[\n /])videovector ([a-z]+)", piece)}
    assert named <= SUBCOMMANDS


def test_the_page_of_the_command_line_is_current() -> None:
    """The page has every command with its arguments; `python -m tests.docs.cli` writes it anew."""
    assert (ROOT / "docs/reference/command-line.md").read_text() == cli.page()


def test_messages_name_commands_that_exist() -> None:
    """What an error, a help text or a docstring tells to run can be run."""
    known = {one.name for one in cli.listed()}
    text = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"`videovector ([a-z]+(?: [a-z]+)?)", text))
    assert named
    assert [name for name in named if name not in known and name.split()[0] not in known] == []
