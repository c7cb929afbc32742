"""Links lead somewhere, and examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.server import Server
from videovector_http.demo.parts import READING

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PYTHON = [block for page in PAGES for block in blocks(page) if block.language == "python"]
EXAMPLES = [block for block in PYTHON if block.remark != "server"]
CLIENTS = [block for block in PYTHON if block.remark == "server"]


def anchors(page: Path) -> set[str]:
    """List the anchors that the headings of a page get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file of the project, and its anchor to a heading."""
    for link in LINK.findall((ROOT / page).read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_reached() -> None:
    """The index of the documentation links every page of it."""
    index = (ROOT / "docs/README.md").read_text()
    linked = {(ROOT / "docs" / link).resolve() for link in LINK.findall(index)}
    missing = [page for page in PAGES if page.parts[0] == "docs" and (ROOT / page).resolve() not in linked]
    assert missing in ([], [Path("docs/README.md")])


@pytest.mark.parametrize(
    "block",
    [pytest.param(b, marks=pytest.mark.real if b.remark == "real" else (), id=str(b)) for b in EXAMPLES],
)
def test_examples_run(block: Block, tmp_path: Path) -> None:
    """Every Python example runs by itself, or its fence says why it cannot."""
    if block.remark.startswith("no-run:"):
        compile(block.text, str(block), "exec")
        return
    run(block, tmp_path)


@pytest.mark.real
@pytest.mark.parametrize("block", [pytest.param(block, id=str(block)) for block in CLIENTS])
def test_examples_of_clients_run(block: Block, tmp_path: Path, server: Server) -> None:
    """Every example that needs a server runs against one, with its address, a key and a recording in the environment."""
    run(block, tmp_path, KEY=server.key, BASE_URL=f"{server.url}/api/v2", FILE=str(READING.find()))


def run(block: Block, place: Path, **environment: str) -> None:
    """Run an example by itself, warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
