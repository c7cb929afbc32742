"""Writes the table of settings: `python -m tests.docs.settings > docs/reference/settings.md`."""

from __future__ import annotations

import sys

from pydantic import SecretStr

from videovector_adapters.settings import Settings

HEAD = """# Settings

Settings are environment variables. Every one has a default that runs embedded: without any of them the server keeps all it
needs below `.videovector`. A setting that is wrong stops the start with a sentence that names it. This page is written by
`python -m tests.docs.settings` and tested to be complete.

| Variable | Default | Meaning |
|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(_row(name) for name in Settings.model_fields)


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    default = field.get_default(call_default_factory=True)
    shown = "" if default in (None, "", (), {}) or isinstance(default, SecretStr) else f"`{default}`"
    return f"| `VIDEOVECTOR_{name.upper()}` | {shown} | {field.description} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
