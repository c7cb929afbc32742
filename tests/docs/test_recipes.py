"""The recipes in other languages run."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.docs.pages import blocks
from tests.needs import needs_program


def test_the_recipe_for_node_runs() -> None:
    """The JavaScript of the page on webhooks accepts what is signed and refuses what is not."""
    node = needs_program("node", hint="install Node.js")
    (recipe,) = [one for one in blocks(Path("docs/how-to/verify-webhooks.md")) if one.language == "javascript"]
    done = subprocess.run([node, "-e", recipe.text], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
